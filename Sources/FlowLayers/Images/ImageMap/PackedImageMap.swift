import FlowCore
import FlowKernels

/// ``ImageMap``, packed.
final class PackedImageMap: PackedBijection {
    let dims: Int
    let transforms: ImageTransforms
    let network: PackedConvolutionalNetwork

    /// Images that go through a sequential direction together, fewer where they are so wide that their history would take
    /// more than 64 MiB: it has to stay near the core.
    private var solveRows: Int { max(1, min(16, (1 << 24) / historyStride)) }

    init(dims: Int, transforms: ImageTransforms, network: PackedConvolutionalNetwork) {
        self.dims = dims
        self.transforms = transforms
        self.network = network
    }

    var contextDims: Int { network.shape.contextDims }
    var multiplyAdds: Int { network.multiplyAdds }

    func reserve(_ scratch: inout Scratch) {
        let workspace = scratch.workspace(ImageWorkspace.self)
        network.reserve(&workspace.buffers, rows: transforms.isCausal ? solveRows : 1)
        let transformed = transforms.channels.count * transforms.lanes
        workspace.buffers.x.reserveZeros(transformed)
        workspace.buffers.z.reserveZeros(transformed)
        workspace.buffers.parameters.reserveZeros(transforms.outputs * transforms.lanes)
        workspace.buffers.logDets.reserveZeros(transforms.lanes)
        if transforms.isCausal {
            workspace.buffers.sums.reserveZeros(solveRows)
            workspace.buffers.history.reserveZeros(solveRows * historyStride)
            workspace.buffers.bias.reserveZeros(solveRows * network.channels * network.blocks.count)
        }
    }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        apply(inverse: false, &tile, &scratch.workspace(ImageWorkspace.self).buffers)
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        let workspace = scratch.workspace(ImageWorkspace.self)
        guard transforms.isCausal else {
            if isCancelled() { throw FlowError.cancelled }
            return apply(inverse: true, &tile, &workspace.buffers)
        }
        for first in stride(from: 0, to: tile.rows, by: solveRows) {
            try solve(first, min(solveRows, tile.rows - first), &tile, &workspace.buffers, isCancelled)
        }
    }

    /// Given the whole key.
    private func apply(inverse: Bool, _ tile: inout RowTile, _ buffers: inout ImageBuffers) {
        let grid = network.grid
        for r in 0..<tile.rows {
            clear(&buffers.key, 0..<grid.pixels * network.input.inputs)
            transforms.setKey(grid, tile.elements, r * tile.stride, &buffers.key, 0)
            network.run(tile.context, r * contextDims, &buffers)
            transforms.gather(tile.elements, r * tile.stride, to: &buffers.x)
            transforms.gatherParameters(grid, buffers.output, 0, network.output.stride, to: &buffers.parameters)
            move(inverse: inverse, channels: transforms.channels.count, lanes: transforms.lanes, &buffers)
            transforms.scatter(buffers.z, to: &tile.elements, r * tile.stride)
            tile.logDet[r] += sum(buffers.logDets, transforms.layout.pixels)
        }
    }

    /// `z` and log-derivatives of `x` in the buffers.
    private func move(inverse: Bool, channels: Int, lanes: Int, _ buffers: inout ImageBuffers) {
        for l in 0..<lanes { buffers.logDets[l] = 0 }
        Kernels.best.columns(
            transforms.transform, inverse: inverse, x: buffers.x, parameters: buffers.parameters, dims: channels,
            rows: lanes, z: &buffers.z, logDet: &buffers.logDets)
    }

    // MARK: The sequential direction

    /// A row of the image, and in its border above the rows that a causal convolution reads.
    private var window: ImageGrid { ImageGrid(height: 1, width: network.grid.width, pad: network.grid.pad) }

    /// Floats of one image's key and of what enters the first convolution of each block, in the window.
    private var historyStride: Int {
        window.pixels * (network.input.inputs + network.blocks.count * network.channels) + Convolution.slack
    }

    /// The window of all rows goes down by a row of the image, which is empty yet.
    private func scroll(_ rows: Int, _ history: inout [Float]) {
        let window = window
        let stride = historyStride
        for r in 0..<rows {
            var layer = r * stride
            for b in 0...network.blocks.count {
                let channels = b == 0 ? network.input.inputs : network.channels
                let (pitch, kept) = (window.pitch * channels, window.pad * window.pitch * channels)
                shift(&history, from: layer + pitch, to: layer, count: kept)
                clear(&history, layer + kept..<layer + kept + pitch)
                layer += window.pixels * channels
            }
        }
    }

    /// Pixel after pixel of some rows.
    private func solve(
        _ first: Int, _ rows: Int, _ tile: inout RowTile, _ buffers: inout ImageBuffers, _ isCancelled: () -> Bool
    ) throws {
        let layout = transforms.layout
        let inputs = network.input.inputs
        let history = historyStride
        let lanes = (rows + 15) / 16 * 16
        for r in 0..<rows { buffers.sums[r] = 0 }
        clear(&buffers.history, 0..<rows * history)
        setBiases(first, rows, tile.context, &buffers.bias)
        for index in 0..<layout.pixels {
            if index % layout.width == 0 {
                if isCancelled() { throw FlowError.cancelled }
                if index > 0 { scroll(rows, &buffers.history) }
            }
            let pixel = window.place(of: index % layout.width)
            parameters(at: pixel, index, first, rows, tile.context, history, &buffers)
            let from = transforms.pixel(at: index) * layout.channels
            for c in 0..<layout.channels {
                for r in 0..<lanes {
                    buffers.x[c * lanes + r] =
                        r < rows ? tile.elements[(first + r) * tile.stride + from + c] : 0
                }
            }
            let (stride, outputs) = (network.output.stride, transforms.outputs)
            for r in 0..<lanes {
                for u in 0..<outputs {
                    buffers.parameters[u * lanes + r] = r < rows ? buffers.output[r * stride + u] : 0
                }
            }
            move(inverse: true, channels: layout.channels, lanes: lanes, &buffers)
            for r in 0..<rows {
                for c in 0..<layout.channels {
                    let x = buffers.z[c * lanes + r]
                    tile.elements[(first + r) * tile.stride + from + c] = x
                    buffers.history[r * history + pixel * inputs + c] = x
                }
                buffers.sums[r] += Double(buffers.logDets[r])
            }
        }
        for r in 0..<rows { tile.logDet[first + r] += Float(buffers.sums[r]) }
    }

    /// Biases with what each row's context adds, `[blocks, rows, channels]`.
    private func setBiases(_ first: Int, _ rows: Int, _ context: [Float], _ bias: inout [Float]) {
        for b in network.blocks.indices {
            let block = network.blocks[b]
            for r in 0..<rows {
                PackedConvolutionalNetwork.fill(
                    &bias, at: (b * solveRows + r) * network.channels, block.first, block.context, context,
                    (first + r) * contextDims, contextDims)
            }
        }
    }

    /// The network's outputs at one pixel of all rows, `[rows, stride]`, from the histories, which it goes on writing.
    private func parameters(
        at pixel: Int, _ index: Int, _ first: Int, _ rows: Int, _ context: [Float], _ history: Int,
        _ buffers: inout ImageBuffers
    ) {
        let (grid, channels) = (window, network.channels)
        let point = ImageGrid(height: 1, width: 1, pad: 0)
        let compact = Operand(step: channels)
        let read = Operand(step: 1, stride: channels)
        network.input.apply(
            grid, at: pixel, count: rows, buffers.history, Operand(step: 1, stride: history),
            bias: network.input.biases, to: &buffers.stream, compact)
        for r in 0..<rows {
            network.addPositions(
                index, count: 1, context, (first + r) * contextDims, to: &buffers.stream, r * channels)
        }
        for b in network.blocks.indices {
            let block = network.blocks[b]
            let layer = grid.pixels * (network.input.inputs + b * channels)
            activate(buffers.stream, to: &buffers.activated, rows * channels)
            for r in 0..<rows {
                for c in 0..<channels {
                    buffers.history[r * history + layer + pixel * channels + c] = buffers.activated[r * channels + c]
                }
            }
            copy(buffers.bias, b * solveRows * channels, to: &buffers.hidden, rows * channels)
            block.first.apply(
                grid, at: pixel, count: rows, buffers.history, Operand(offset: layer, step: 1, stride: history),
                bias: nil, to: &buffers.hidden, compact)
            activate(buffers.hidden, to: &buffers.activated, rows * channels)
            block.value.apply(
                point, at: 0, count: rows, buffers.activated, read, bias: block.value.biases, to: &buffers.value,
                compact)
            if let gate = block.gate {
                gate.apply(
                    point, at: 0, count: rows, buffers.activated, read, bias: gate.biases, to: &buffers.gate, compact)
                Kernels.best.gate(buffers.value, &buffers.gate, 0, to: &buffers.stream, 0, count: rows * channels)
            } else {
                Kernels.best.add(buffers.value, 0, to: &buffers.stream, 0, count: rows * channels)
            }
        }
        activate(buffers.stream, to: &buffers.activated, rows * channels)
        network.output.apply(
            point, at: 0, count: rows, buffers.activated, read, bias: network.output.biases, to: &buffers.output,
            Operand(step: network.output.stride))
    }

    private func activate(_ x: [Float], to y: inout [Float], _ count: Int) {
        Kernels.best.activate(network.shape.activation, from: x, 0, to: &y, 0, count: count)
    }

    private func copy(_ x: [Float], _ offset: Int, to y: inout [Float], _ count: Int) {
        let values = x.span
        var span = y.mutableSpan
        for i in 0..<count { span[i] = values[offset + i] }
    }
}
