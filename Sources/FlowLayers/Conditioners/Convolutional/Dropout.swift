import FlowCore

/// Dropout: a fraction of a network's activations is left out in training, others for every image and time, and the rest is scaled
/// so that the mean stays. A network that learns few images then leans on no single one of its activations.
///
/// The stream of these draws is keyed by what the network is given of an image, its noise and all. So a backward pass finds them
/// again, and neither threads nor where a batch is cut change them.
///
/// Source: Srivastava et al., *Dropout* (2014), §4, scaled in training as in §10.
package struct Dropout: Sendable {
    /// Fraction of the activations that is left out, from 0 to below 1.
    let fraction: Float
    /// Draw for each place of an image's activations, in (0, 1).
    private var uniforms: [Float]

    /// - Parameter count: activations of an image in a block.
    package init(fraction: Float, count: Int) {
        self.fraction = fraction
        uniforms = Array(repeating: 0, count: fraction > 0 ? count : 0)
    }

    /// Computes the key of the image whose `count` numbers stand in `x` from `offset` on: FNV-1a over their bits.
    package static func key(_ x: [Float], _ offset: Int, count: Int) -> UInt64 {
        let span = x.span.extracting(offset..<offset + count)
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for i in 0..<span.count { hash = (hash ^ UInt64(span[i].bitPattern)) &* 0x100_0000_01b3 }
        return hash
    }

    /// Draws what is left out of block `block` of the image with that key.
    package mutating func draw(key: UInt64, block: Int) {
        guard fraction > 0 else { return }
        let count = uniforms.count
        var span = uniforms.mutableSpan
        RandomStream.uniforms(seed: key, stream: UInt64(block), to: &span, count: count)
    }

    /// Applies the last draw to activations, or to their gradient: each becomes 0 or `1/(1 − fraction)` times what it was.
    package func apply(to x: inout [Float], _ offset: Int) {
        guard fraction > 0 else { return }
        let kept = 1 / (1 - fraction)
        let uniforms = uniforms.span
        var span = x.mutableSpan
        for i in 0..<uniforms.count { span[offset + i] *= uniforms[i] < fraction ? 0 : kept }
    }
}
