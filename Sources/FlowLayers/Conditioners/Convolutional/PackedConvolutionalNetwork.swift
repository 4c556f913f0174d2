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

    /// Reserves what whole images need, one at a time, and single pixels of up to `rows` images.
    func reserve(_ buffers: inout ImageBuffers, rows: Int) {
        let widest = max(channels, output.stride)
        buffers.key.reserveZeros(grid.pixels * input.inputs + Convolution.slack)
        let hidden = max(grid.pixels * channels + Convolution.slack, rows * widest)
        buffers.stream.reserveZeros(hidden)
        buffers.activated.reserveZeros(hidden)
        buffers.hidden.reserveZeros(hidden)
        buffers.value.reserveZeros(hidden)
        buffers.gate.reserveZeros(hidden)
        buffers.output.reserveZeros(max(grid.pixels * output.stride, rows * widest))
        buffers.bias.reserveZeros(widest)
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
        input.apply(grid, buffers.key, 0, bias: input.biases, to: &buffers.stream, 0)
        addPositions(context, contextOffset, to: &buffers.stream, 0)
        clear(&buffers.activated, 0..<grid.pixels * channels)
        for b in blocks.indices {
            let block = blocks[b]
            activate(buffers.stream, 0, to: &buffers.activated, 0)
            Self.fill(&buffers.bias, block.first, block.context, context, contextOffset, dims)
            block.first.apply(grid, buffers.activated, 0, bias: buffers.bias, to: &buffers.hidden, 0)
            activateInPlace(&buffers.hidden, 0)
            block.value.apply(grid, buffers.hidden, 0, bias: block.value.biases, to: &buffers.value, 0)
            if let gate = block.gate {
                gate.apply(grid, buffers.hidden, 0, bias: gate.biases, to: &buffers.gate, 0)
                self.gate(buffers.value, &buffers.gate, 0, to: &buffers.stream, 0)
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
    func addPositions(_ context: [Float], _ contextOffset: Int, to x: inout [Float], _ offset: Int) {
        for row in 0..<grid.height {
            addPositions(
                row * grid.width, count: grid.width, context, contextOffset, to: &x,
                offset + (grid.origin + row * grid.pitch) * channels)
        }
    }

    /// Those of `count` pixels from pixel `first` on.
    func addPositions(
        _ first: Int, count: Int, _ context: [Float], _ contextOffset: Int, to x: inout [Float], _ offset: Int
    ) {
        Kernels.best.add(positions, first * channels, to: &x, offset, count: count * channels)
        for k in 0..<shape.contextDims where context[contextOffset + k] != 0 {
            let from = ((1 + k) * grid.height * grid.width + first) * channels
            Kernels.best.add(
                positions, from, times: context[contextOffset + k], to: &x, offset, count: count * channels)
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

    func add(_ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        for row in 0..<grid.height {
            let first = (grid.origin + row * grid.pitch) * channels
            Kernels.best.add(x, xOffset + first, to: &y, yOffset + first, count: grid.width * channels)
        }
    }

    /// `g = sigmoid(g)` and `y = y + v · g`.
    func gate(_ v: [Float], _ g: inout [Float], _ offset: Int, to y: inout [Float], _ yOffset: Int) {
        for row in 0..<grid.height {
            let first = (grid.origin + row * grid.pitch) * channels
            Kernels.best.gate(v, &g, offset + first, to: &y, yOffset + first, count: grid.width * channels)
        }
    }
}
