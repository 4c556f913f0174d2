import FlowCore
import FlowKernels

/// A ``ConvolutionalNetwork`` as the kernels read it, for one image at a time: so no bit of an image depends on the others.
final class PackedConvolutionalNetwork: Sendable {
    struct Block: Sendable {
        let first: PackedConvolution
        /// `[contextDims, channels]`.
        let context: [Float]
        let value: PackedConvolution
        let gate: PackedConvolution?
    }

    let grid: ImageGrid
    let shape: ConvolutionalShape
    let input: PackedConvolution
    let positions: [Float]
    let context: [Float]
    let blocks: [Block]
    let output: PackedConvolution

    init(_ network: ConvolutionalNetwork) {
        let shape = network.shape
        func byContext(_ values: [Float]) -> [Float] {
            (0..<shape.contextDims).flatMap { k in
                (0..<shape.channels).map { values[$0 * shape.contextDims + k] }
            }
        }
        grid = network.grid
        self.shape = shape
        input = network.input.packed
        positions = network.positions
        context = byContext(network.context)
        blocks = network.blocks.map {
            Block(
                first: $0.first.packed, context: byContext($0.context), value: $0.value.packed,
                gate: $0.gate?.packed)
        }
        output = network.output.packed
    }

    var channels: Int { shape.channels }

    /// Multiply-adds of an image.
    var multiplyAdds: Int {
        let all = [input, output] + blocks.flatMap { [$0.first, $0.value] + ($0.gate.map { [$0] } ?? []) }
        return grid.height * grid.width * all.reduce(0) { $0 + $1.multiplyAdds }
    }

    /// Of one image.
    var bufferSizes: ImageBufferSizes {
        var sizes = ImageBufferSizes()
        sizes.key = grid.pixels * input.inputs + Convolution.slack
        sizes.hidden = grid.pixels * channels + Convolution.slack
        sizes.output = grid.pixels * output.stride
        sizes.widest = max(channels, output.stride)
        sizes.bias = sizes.widest
        return sizes
    }

    /// Biases and what a context adds to them, to `bias`.
    static func fill(
        _ bias: inout [Float], at offset: Int = 0, _ convolution: PackedConvolution, _ weights: [Float],
        _ context: [Float],
        _ contextOffset: Int, _ contextDims: Int
    ) {
        let stride = convolution.stride
        let biases = convolution.biases.span
        let added = weights.span
        var span = bias.mutableSpan
        for c in 0..<stride { span[offset + c] = biases[c] }
        for k in 0..<contextDims where context[contextOffset + k] != 0 {
            let factor = context[contextOffset + k]
            for c in 0..<stride { span[offset + c] += factor * added[k * stride + c] }
        }
    }

    /// From the image in `buffers.key` to the parameters in `buffers.output`.
    func run(_ context: [Float], _ contextOffset: Int, _ buffers: inout ImageBuffers) {
        let dims = shape.contextDims
        Self.fill(&buffers.bias, input, self.context, context, contextOffset, dims)
        input.apply(grid, buffers.key, 0, bias: buffers.bias, to: &buffers.stream, 0)
        addPositions(to: &buffers.stream, 0)
        clear(&buffers.activated, grid.pixels * channels)
        for b in blocks.indices {
            let block = blocks[b]
            activate(buffers.stream, 0, to: &buffers.activated, 0)
            Self.fill(&buffers.bias, block.first, block.context, context, contextOffset, dims)
            block.first.apply(grid, buffers.activated, 0, bias: buffers.bias, to: &buffers.hidden, 0)
            activateInPlace(&buffers.hidden, 0)
            block.value.apply(grid, buffers.hidden, 0, bias: block.value.biases, to: &buffers.value, 0)
            if let gate = block.gate {
                gate.apply(grid, buffers.hidden, 0, bias: gate.biases, to: &buffers.gate, 0)
                sigmoid(&buffers.gate, 0)
                addProduct(buffers.value, buffers.gate, 0, to: &buffers.stream, 0)
            } else {
                add(buffers.value, 0, to: &buffers.stream, 0)
            }
        }
        activate(buffers.stream, 0, to: &buffers.activated, 0)
        output.apply(grid, buffers.activated, 0, bias: output.biases, to: &buffers.output, 0)
    }
}

/// Element by element over the pixels of an image from an offset on; the border is left as it is.
extension PackedConvolutionalNetwork {
    func forEachRow(_ body: (_ first: Int, _ count: Int) -> Void) {
        for row in 0..<grid.height {
            body((grid.origin + row * grid.pitch) * channels, grid.width * channels)
        }
    }

    func clear(_ x: inout [Float], _ count: Int, from offset: Int = 0) {
        var span = x.mutableSpan
        for i in offset..<offset + count { span[i] = 0 }
    }

    func addPositions(to x: inout [Float], _ offset: Int) {
        let added = positions
        let positions = added.span
        var span = x.mutableSpan
        var from = 0
        for row in 0..<grid.height {
            let first = offset + (grid.origin + row * grid.pitch) * channels
            for i in 0..<grid.width * channels { span[first + i] += positions[from + i] }
            from += grid.width * channels
        }
    }

    func activate(_ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        for row in 0..<grid.height {
            let first = (grid.origin + row * grid.pitch) * channels
            Kernels.best.activate(
                shape.activation, from: x, xOffset + first, to: &y, yOffset + first, count: grid.width * channels)
        }
    }

    func activateInPlace(_ x: inout [Float], _ offset: Int) {
        Kernels.best.activate(
            shape.activation, x: &x, offset: offset + grid.origin * channels, rows: grid.height,
            columns: grid.width * channels, stride: grid.pitch * channels)
    }

    func sigmoid(_ x: inout [Float], _ offset: Int) {
        for row in 0..<grid.height {
            Kernels.best.sigmoid(
                &x, offset: offset + (grid.origin + row * grid.pitch) * channels, count: grid.width * channels)
        }
    }

    func add(_ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        let values = x.span
        var span = y.mutableSpan
        forEachRow { first, count in
            for i in first..<first + count { span[yOffset + i] += values[xOffset + i] }
        }
    }

    /// `y = y + v · s`.
    func addProduct(_ v: [Float], _ s: [Float], _ offset: Int, to y: inout [Float], _ yOffset: Int) {
        let (values, shares) = (v.span, s.span)
        var span = y.mutableSpan
        forEachRow { first, count in
            for i in first..<first + count { span[yOffset + i] += values[offset + i] * shares[offset + i] }
        }
    }
}
