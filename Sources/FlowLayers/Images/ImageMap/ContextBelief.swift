import FlowCore
import FlowKernels

/// Beliefs about the context of an image, such as its class, from the pixels before each one: what a causal map reads where nobody
/// gives the context.
///
///     s = network(key)                        a score for each number of the context at every pixel, of the pixels before it
///     belief[i] = softmax(Σ_{j ≤ i} s[j])
///
/// What the map does at a pixel depends on the pixels before it alone, so it stays one-to-one with a triangular Jacobian, and the
/// density without a context is normalised, whatever the beliefs are. Scores add up as the log-likelihood ratios of a sequential
/// test do (Wald 1945), so that a network that sees the pixels around tells by the whole image. The softmax mixes what the contexts
/// add to the map's network, as a gate of experts does (Jacobs et al., *Adaptive Mixtures of Local Experts*, 1991).
struct ContextBelief: Sendable {
    /// Network of the scores, `[pixels, contextDims]`.
    var network: ConvolutionalNetwork

    /// Channels of its residual blocks, and the rest of its map's sizes.
    static func shape(_ channels: Int, blocks: Int, of map: ConvolutionalShape) -> ConvolutionalShape {
        var shape = map
        (shape.channels, shape.blocks, shape.contextDims) = (channels, blocks, 0)
        return shape
    }

    /// A belief by which every context is as probable, until it is trained.
    init(_ shape: ConvolutionalShape, of map: ConvolutionalNetwork, random: inout RandomStream?) {
        network = ConvolutionalNetwork(
            height: map.height, width: map.width, inputs: map.inputs, outputs: map.shape.contextDims, isCausal: true,
            shape: shape, random: &random)
    }

    /// What a training step keeps of the beliefs about some images whose context is known.
    struct Tape: Sendable {
        var network: ConvolutionalNetwork.Tape
        /// Gradient of ``objective(of:)`` by the scores, `[images, pixels, outputStride]`, with zero borders.
        var gradient: [Float]
    }

    /// Computes the gradient of the mean over the pixels of `Σ_k context[k] · log belief[k]`, nats, for each image.
    ///
    /// It is no part of the density: the scores learn from it, and nothing else does.
    func forwardTaped(_ key: [Float], context: Matrix) -> Tape {
        let (scores, tape) = network.forwardTaped(key, images: context.rows, context: nil)
        let (grid, stride, dims) = (network.grid, network.outputStride, context.columns)
        let pixels = grid.height * grid.width
        var gradient = [Float](repeating: 0, count: scores.count)
        var beliefs = [Float](repeating: 0, count: pixels * dims)
        for image in 0..<context.rows {
            let at = image * grid.pixels * stride
            Self.setBeliefs(&beliefs, dims: dims, scores, at, grid, stride: stride)
            // A score counts for its own pixel and for those behind it.
            var sums = [Float](repeating: 0, count: dims)
            for index in (0..<pixels).reversed() {
                let place = at + grid.place(of: index) * stride
                for k in 0..<dims {
                    sums[k] += (context[image, k] - beliefs[index * dims + k]) / Float(pixels)
                    gradient[place + k] = sums[k]
                }
            }
        }
        return Tape(network: tape, gradient: gradient)
    }

    /// Leaves in the tape what the gradients of the parameters are made of.
    /// - Parameter factors: what each image's gradient is multiplied by.
    func backward(_ factors: [Float], through tape: inout Tape) {
        let size = network.grid.pixels * network.outputStride
        for image in factors.indices {
            for i in image * size..<(image + 1) * size { tape.gradient[i] *= factors[image] }
        }
        _ = network.backward(tape.gradient, through: &tape.network)
        tape.gradient = []
    }

    /// Number of floats that a tape holds beside its network's, for one image.
    var gradientSize: Int { network.grid.pixels * network.outputStride }

    /// Sets the beliefs of all pixels, `[pixels, dims]`, by the scores of an image at `offset`, `[pixels, stride]` on its grid.
    static func setBeliefs(
        _ beliefs: inout [Float], dims: Int, _ scores: [Float], _ offset: Int, _ grid: ImageGrid, stride: Int
    ) {
        let pixels = grid.height * grid.width
        let given = scores.span
        var span = beliefs.mutableSpan
        for index in 0..<pixels {
            let from = offset + grid.place(of: index) * stride
            let before = (index - 1) * dims
            for k in 0..<dims {
                span[index * dims + k] = given[from + k] + (index > 0 ? span[before + k] : 0)
            }
        }
        Kernels.best.softmax(&span, rows: pixels, columns: dims)
    }
}

/// Packed form of ``ContextBelief``.
final class PackedContextBelief: Sendable {
    let network: PackedConvolutionalNetwork
    private let dims: Int

    init(_ belief: ContextBelief, dims: Int) {
        network = PackedConvolutionalNetwork(belief.network, pixels: true)
        self.dims = dims
    }

    /// Reserves what beliefs about one whole image need, and about single pixels of up to `rows` images.
    func reserve(_ buffers: inout ImageBuffers, rows: Int) {
        network.reserve(&buffers, rows: rows)
        buffers.beliefs.reserveZeros(max(network.grid.height * network.grid.width, rows) * dims)
        buffers.scores.reserveZeros(rows * dims)
    }

    /// Reserves the histories of `rows` images whose pixels become known one after another.
    func reserveHistory(rows: Int, _ buffers: inout ImageBuffers) {
        buffers.history.reserveZeros(rows * network.historyStride)
    }

    /// Sets `buffers.beliefs`, `[pixels, dims]`, of the image whose key is in `key`.
    func believe(_ key: [Float], _ buffers: inout ImageBuffers) {
        let values = key.span
        var span = buffers.key.mutableSpan
        for i in 0..<network.grid.pixels * network.inputs { span[i] = values[i] }
        network.run(.image(row: 0), [], &buffers)
        ContextBelief.setBeliefs(
            &buffers.beliefs, dims: dims, buffers.output, 0, network.grid, stride: network.outputStride)
    }

    /// Begins with `rows` images of which no pixel is known.
    func begin(_ rows: Int, _ buffers: inout ImageBuffers) {
        clear(&buffers.history, 0..<rows * network.historyStride)
        clear(&buffers.scores, 0..<rows * dims)
    }

    /// Sets `buffers.beliefs`, `[rows, dims]`, about pixel `index` of some images whose pixels before it are in `buffers.history`:
    /// where no context is given, else that of `context` from row `first` on.
    func believe(_ index: Int, rows: Int, given context: [Float], from first: Int, _ buffers: inout ImageBuffers) {
        let place = network.window.place(of: index % network.grid.width)
        network.run(.pixel(place: place, index: index, rows: 0..<rows), [], &buffers)
        let stride = network.outputStride
        for r in 0..<rows {
            for k in 0..<dims {
                buffers.scores[r * dims + k] += buffers.output[r * stride + k]
                buffers.beliefs[r * dims + k] = buffers.scores[r * dims + k]
            }
        }
        var span = buffers.beliefs.mutableSpan
        Kernels.best.softmax(&span, rows: rows, columns: dims)
        for r in 0..<rows where !isInferred(first + r, context) {
            for k in 0..<dims { span[r * dims + k] = context[(first + r) * dims + k] }
        }
    }

    /// Whether row `row` of `context` is all zeros: none is given, and what is believed takes its place.
    func isInferred(_ row: Int, _ context: [Float]) -> Bool {
        for k in row * dims..<(row + 1) * dims where context[k] != 0 { return false }
        return true
    }

    /// Whether that holds of any of `rows`.
    func isInferred(in rows: Range<Int>, _ context: [Float]) -> Bool {
        for row in rows where isInferred(row, context) { return true }
        return false
    }
}
