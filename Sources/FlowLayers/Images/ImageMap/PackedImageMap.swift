import FlowCore
import FlowKernels

/// Packed form of ``ImageMap``.
final class PackedImageMap: PackedBijection {
    let dims: Int
    let transforms: ImageTransforms
    let network: PackedConvolutionalNetwork

    init(dims: Int, transforms: ImageTransforms, network: PackedConvolutionalNetwork) {
        self.dims = dims
        self.transforms = transforms
        self.network = network
    }

    var contextDims: Int { network.shape.contextDims }
    var multiplyAdds: Int { network.multiplyAdds }
    var triangularOrder: TriangularOrder? {
        switch transforms.mask {
        case .causal(let reversed): transforms.layout.dims == dims ? (reversed ? .falling : .rising) : nil
        case .channels: nil
        }
    }

    func reserve(_ scratch: inout Scratch) {
        let workspace = scratch.workspace(ImageWorkspace.self)
        let solveRows = network.solveRows
        network.reserve(&workspace.buffers, rows: transforms.isCausal ? solveRows : 1)
        let transformed = transforms.channels.count * transforms.lanes
        workspace.buffers.x.reserveZeros(transformed)
        workspace.buffers.z.reserveZeros(transformed)
        workspace.buffers.parameters.reserveZeros(transforms.outputs * transforms.lanes)
        workspace.buffers.logDets.reserveZeros(transforms.lanes)
        if transforms.isCausal { workspace.buffers.rowLogDets.reserveZeros(solveRows) }
    }

    /// Reserves the histories of `rows` rows of a sequential direction. They are most of such a map's memory, which a thread that
    /// only computes densities never writes on; so the first call that solves reserves them, and one of more rows more.
    func reserveHistory(rows: Int, _ buffers: inout ImageBuffers) {
        buffers.history.reserveZeros(rows * network.historyStride)
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
        let solveRows = network.solveRows
        reserveHistory(rows: min(solveRows, tile.rows), &workspace.buffers)
        for first in stride(from: 0, to: tile.rows, by: solveRows) {
            try solve(first, min(solveRows, tile.rows - first), &tile, &workspace.buffers, isCancelled)
        }
    }

    /// Applies the transforms or their inverses to all rows of the tile, given the whole key.
    private func apply(inverse: Bool, _ tile: inout RowTile, _ buffers: inout ImageBuffers) {
        let grid = network.grid
        for r in 0..<tile.rows {
            clear(&buffers.key, 0..<grid.pixels * network.inputs)
            transforms.setKey(grid, tile.elements, r * tile.stride, &buffers.key, 0)
            network.run(.image(row: r), tile.context, &buffers)
            transforms.gather(tile.elements, r * tile.stride, to: &buffers.x)
            transforms.gatherParameters(grid, buffers.output, 0, network.outputStride, to: &buffers.parameters)
            move(inverse: inverse, channels: transforms.channels.count, lanes: transforms.lanes, &buffers)
            transforms.scatter(buffers.z, to: &tile.elements, r * tile.stride)
            tile.logDet[r] += sum(buffers.logDets, transforms.layout.pixels)
            if !inverse, !tile.logDerivatives.isEmpty { addLogDerivatives(r, &tile, buffers) }
        }
    }

    /// Adds the log-derivatives of each pixel's channels, which are told together, to those of row `r`, an equal part to each channel.
    private func addLogDerivatives(_ r: Int, _ tile: inout RowTile, _ buffers: borrowing ImageBuffers) {
        let channels = transforms.channels
        let part = 1 / Float(channels.count)
        for l in 0..<transforms.layout.pixels {
            let first = r * tile.stride + transforms.pixel(at: l) * transforms.layout.channels
            for c in channels { tile.logDerivatives[first + c] += buffers.logDets[l] * part }
        }
    }

    /// Transforms `x` of the buffers into `z`, and sets the log-derivatives.
    func move(inverse: Bool, channels: Int, lanes: Int, _ buffers: inout ImageBuffers) {
        for l in 0..<lanes { buffers.logDets[l] = 0 }
        Kernels.best.columns(
            transforms.transform, inverse: inverse, x: buffers.x, parameters: buffers.parameters, dims: channels,
            rows: lanes, z: &buffers.z, logDet: &buffers.logDets)
    }

    // MARK: Sequential direction

    /// Moves the window of all rows down by a row of the image, which is empty yet.
    func scroll(_ rows: Int, _ history: inout [Float]) {
        let window = network.window
        for k in 0..<network.layers.count {
            let layer = network.layers[k]
            guard let first = layer.history else { continue }
            let channels = layer.map.inputs
            let (pitch, kept) = (window.pitch * channels, window.pad * window.pitch * channels)
            for r in 0..<rows {
                let start = r * network.historyStride + first
                shift(&history, from: start + pitch, to: start, count: kept)
                clear(&history, start + kept..<start + kept + pitch)
            }
        }
    }

    /// Solves for the images of `rows` rows from row `first` on, pixel after pixel.
    /// - Throws: ``FlowError/cancelled``, asked for before each row of pixels.
    private func solve(
        _ first: Int, _ rows: Int, _ tile: inout RowTile, _ buffers: inout ImageBuffers, _ isCancelled: () -> Bool
    ) throws {
        let layout = transforms.layout
        let inputs = network.inputs
        let history = network.historyStride
        let lanes = (rows + 15) / 16 * 16
        for r in 0..<rows { buffers.rowLogDets[r] = 0 }
        clear(&buffers.history, 0..<rows * history)
        network.setBiases(&buffers.bias, rows: first..<first + rows, tile.context)
        for index in 0..<layout.pixels {
            if index % layout.width == 0 {
                if isCancelled() { throw FlowError.cancelled }
                if index > 0 { scroll(rows, &buffers.history) }
            }
            let pixel = network.window.place(of: index % layout.width)
            setParameters(index, first..<first + rows, tile.context, &buffers)
            let from = transforms.pixel(at: index) * layout.channels
            for c in 0..<layout.channels {
                for r in 0..<lanes {
                    buffers.x[c * lanes + r] =
                        r < rows ? tile.elements[(first + r) * tile.stride + from + c] : 0
                }
            }
            move(inverse: true, channels: layout.channels, lanes: lanes, &buffers)
            for r in 0..<rows {
                for c in 0..<layout.channels {
                    let x = buffers.z[c * lanes + r]
                    tile.elements[(first + r) * tile.stride + from + c] = x
                    buffers.history[r * history + pixel * inputs + c] = x
                }
                buffers.rowLogDets[r] += Double(buffers.logDets[r])
            }
        }
        for r in 0..<rows { tile.logDet[first + r] += Float(buffers.rowLogDets[r]) }
    }

    /// Computes the parameters of pixel `index` of some rows, whose pixels before it are in the histories.
    func setParameters(_ index: Int, _ rows: Range<Int>, _ context: [Float], _ buffers: inout ImageBuffers) {
        let place = network.window.place(of: index % transforms.layout.width)
        network.run(.pixel(place: place, index: index, rows: rows), context, &buffers)
        let (stride, outputs) = (network.outputStride, transforms.outputs)
        let lanes = (rows.count + 15) / 16 * 16
        for r in 0..<lanes {
            for u in 0..<outputs {
                buffers.parameters[u * lanes + r] = r < rows.count ? buffers.output[r * stride + u] : 0
            }
        }
    }
}
