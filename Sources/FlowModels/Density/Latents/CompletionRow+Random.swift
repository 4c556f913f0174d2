import FlowCore

/// Random streams of a completion, none of which a sample of the same seed and index has.
extension CompletionRow {
    private static let latents: UInt64 = 1 << 62
    private static let noise: UInt64 = 1 << 61

    /// Random numbers of classes, of resampling and of accepting moves.
    var choices: RandomStream { RandomStream(seed: seed, stream: index | Self.latents | Self.noise) }

    /// Draws latent number `m`, below 2⁸, of a particle, `[D]`.
    func latent(_ m: Int, dims: Int) -> [Float] {
        var latent = [Float](repeating: 0, count: dims)
        var span = latent.mutableSpan
        RandomStream.normals(seed: seed, stream: index | UInt64(m) << 48 | Self.latents, to: &span, count: dims)
        for j in 0..<dims { span[j] *= temperature }
        return latent
    }

    /// Returns the flow's input of the image, `[D]`, dequantized with uniform noise; of pixels that are not known it means nothing.
    func knownInput(_ preprocessing: Preprocessing) -> [Float] {
        var noise = [Float](repeating: 0, count: pixels.count)
        var span = noise.mutableSpan
        RandomStream.uniforms(seed: seed, stream: index | Self.noise, to: &span, count: pixels.count)
        var input = [Float](repeating: 0, count: pixels.count)
        var inputSpan = input.mutableSpan
        _ = preprocessing.flowInput(pixels: pixels[...], noise: noise, w: &inputSpan)
        return input
    }
}
