import FlowCore
import FlowKernels

/// Packed form of ``ImageMap``.
final class PackedImageMap: PackedBijection {
    let dims: Int
    let transforms: ImageTransforms
    /// Prediction of what the transforms are given the rest of; nil for none.
    let prediction: LinearPrediction?
    let network: PackedConvolutionalNetwork
    /// Beliefs that take the place of a context that is all zeros; nil where there is none to believe.
    let belief: PackedContextBelief?

    init(
        dims: Int, transforms: ImageTransforms, prediction: LinearPrediction?, network: PackedConvolutionalNetwork,
        belief: PackedContextBelief?
    ) {
        self.dims = dims
        self.prediction = prediction
        self.transforms = transforms
        self.network = network
        self.belief = belief
    }

    var contextDims: Int { network.shape.contextDims }
    var infersContext: Bool { contextDims == 0 || belief != nil }
    var multiplyAdds: Int { network.multiplyAdds }
    var multiplyAddsDone: (forward: Int, inverse: Int) {
        (network.multiplyAddsDone, transforms.isCausal ? network.multiplyAdds : network.multiplyAddsDone)
    }
    var formBytes: Int { network.formBytes + (belief?.network.formBytes ?? 0) }
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
        if prediction != nil {
            workspace.buffers.scales.reserve(lanes: transforms.lanes)
            workspace.buffers.means.reserveZeros(transformed)
        }
        if transforms.isCausal { workspace.buffers.rowLogDets.reserveZeros(solveRows) }
        belief?.reserve(&workspace.belief, rows: solveRows)
    }

    /// Reserves the histories of `rows` rows of a sequential direction. They are most of such a map's memory, which a thread that
    /// only computes densities never writes on; so the first call that solves reserves them, and one of more rows more.
    func reserveHistory(rows: Int, _ workspace: ImageWorkspace) {
        workspace.buffers.history.reserveZeros(rows * network.historyStride)
        belief?.reserveHistory(rows: rows, &workspace.belief)
    }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        apply(inverse: false, &tile, scratch.workspace(ImageWorkspace.self))
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        try inverse(&tile, &scratch, positions: transforms.layout.pixels, isCancelled: isCancelled)
    }

    func inverse(
        _ tile: inout RowTile, _ scratch: inout Scratch, positions: Int, isCancelled: () -> Bool
    ) throws {
        let workspace = scratch.workspace(ImageWorkspace.self)
        guard transforms.isCausal else {
            if isCancelled() { throw FlowError.cancelled }
            return apply(inverse: true, &tile, workspace)
        }
        let solveRows = network.solveRows
        reserveHistory(rows: min(solveRows, tile.rows), workspace)
        for first in stride(from: 0, to: tile.rows, by: solveRows) {
            try solve(
                first, min(solveRows, tile.rows - first), pixels: min(positions, transforms.layout.pixels), &tile,
                workspace, isCancelled)
        }
    }

    /// Applies the transforms or their inverses to all rows of the tile, given the whole key.
    private func apply(inverse: Bool, _ tile: inout RowTile, _ workspace: ImageWorkspace) {
        for r in 0..<tile.rows {
            setKey(r, tile, &workspace.buffers)
            if let belief, belief.isInferred(r, tile.context) {
                belief.believe(workspace.buffers.key, &workspace.belief)
                network.run(.image(row: nil), workspace.belief.beliefs, &workspace.buffers)
            } else {
                network.run(.image(row: r), tile.context, &workspace.buffers)
            }
            transform(inverse: inverse, r, &tile, &workspace.buffers)
        }
    }

    /// Puts the key of row `r` into the buffers.
    private func setKey(_ r: Int, _ tile: borrowing RowTile, _ buffers: inout ImageBuffers) {
        clear(&buffers.key, 0..<network.grid.pixels * network.inputs)
        transforms.setKey(network.grid, tile.elements, r * tile.stride, &buffers.key, 0)
    }

    /// Applies the transforms or their inverses to row `r`, whose parameters the network has given.
    private func transform(inverse: Bool, _ r: Int, _ tile: inout RowTile, _ buffers: inout ImageBuffers) {
        transforms.gather(tile.elements, r * tile.stride, to: &buffers.x)
        transforms.gatherParameters(network.grid, buffers.output, 0, network.outputStride, to: &buffers.parameters)
        clear(&buffers.logDets, 0..<transforms.lanes)
        if let prediction {
            // of a causal map, whose inverse goes pixel after pixel
            precondition(!inverse)
            prediction.forward(
                buffers.x, 0, buffers.parameters, transforms.transformOutputs * transforms.lanes,
                lanes: transforms.lanes, to: &buffers.z, room: &buffers.scales, logDet: &buffers.logDets)
            swap(&buffers.x, &buffers.z)
        }
        move(inverse: inverse, channels: transforms.channels.count, lanes: transforms.lanes, &buffers)
        transforms.scatter(buffers.z, to: &tile.elements, r * tile.stride)
        tile.logDet[r] += sum(buffers.logDets, transforms.layout.pixels)
        if !inverse, !tile.logDerivatives.isEmpty { addLogDerivatives(r, &tile, buffers) }
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

    /// Transforms `x` of the buffers into `z`, and adds the log-derivatives.
    private func move(inverse: Bool, channels: Int, lanes: Int, _ buffers: inout ImageBuffers) {
        Kernels.best.columns(
            transforms.transform, inverse: inverse, x: buffers.x, parameters: buffers.parameters, dims: channels,
            rows: lanes, z: &buffers.z, logDet: &buffers.logDets)
    }

    // MARK: Sequential direction

    /// Transforms `x` of the buffers, pixel `index` of `rows`, a lane each, into `z`, and sets the log-derivatives.
    /// - Parameter data: rows whose pixels before that one are known.
    func move(
        pixel index: Int, inverse: Bool, _ rows: Range<Int>, _ data: borrowing RowTile, lanes: Int,
        _ buffers: inout ImageBuffers
    ) {
        let channels = transforms.layout.channels
        clear(&buffers.logDets, 0..<lanes)
        guard let prediction else { return move(inverse: inverse, channels: channels, lanes: lanes, &buffers) }
        prediction.setMeans(index, rows, data, lanes: lanes, &buffers.means)
        let given = transforms.transformOutputs * lanes
        if inverse {
            move(inverse: true, channels: channels, lanes: lanes, &buffers)
            prediction.move(
                inverse: true, &buffers.z, means: &buffers.means, buffers.parameters, given, lanes: lanes,
                room: &buffers.scales, logDet: &buffers.logDets)
        } else {
            prediction.move(
                inverse: false, &buffers.x, means: &buffers.means, buffers.parameters, given, lanes: lanes,
                room: &buffers.scales, logDet: &buffers.logDets)
            move(inverse: false, channels: channels, lanes: lanes, &buffers)
        }
    }

    /// Solves for the first `pixels` pixels of the images of `rows` rows from row `first` on, pixel after pixel.
    /// - Throws: ``FlowError/cancelled``, asked for before each row of pixels.
    private func solve(
        _ first: Int, _ rows: Int, pixels: Int, _ tile: inout RowTile, _ workspace: ImageWorkspace,
        _ isCancelled: () -> Bool
    ) throws {
        let infers = belief?.isInferred(in: first..<first + rows, tile.context) ?? false
        begin(first..<first + rows, tile.context, infers: infers, workspace)
        for r in 0..<rows { workspace.buffers.rowLogDets[r] = 0 }
        for index in 0..<pixels {
            if index % transforms.layout.width == 0, isCancelled() { throw FlowError.cancelled }
            setParameters(index, first..<first + rows, tile.context, infers: infers, workspace)
            solve(index, first, rows, &tile, &workspace.buffers)
            if infers { remember(index, first, rows, tile, &workspace.belief.history, belief!.network.historyStride) }
        }
        for r in 0..<rows { tile.logDet[first + r] += Float(workspace.buffers.rowLogDets[r]) }
    }

    /// Begins with images of which no pixel is known.
    /// - Parameter infers: whether a context is to be believed.
    func begin(_ rows: Range<Int>, _ context: [Float], infers: Bool, _ workspace: ImageWorkspace) {
        clear(&workspace.buffers.history, 0..<rows.count * network.historyStride)
        if infers {
            belief?.begin(rows.count, &workspace.belief)
        } else {
            network.setBiases(&workspace.buffers.bias, rows: rows, context)
        }
    }

    /// Inverts the transforms of pixel `index` of `rows` rows from row `first` on, whose parameters are there.
    private func solve(_ index: Int, _ first: Int, _ rows: Int, _ tile: inout RowTile, _ buffers: inout ImageBuffers) {
        let layout = transforms.layout
        let lanes = (rows + 15) / 16 * 16
        let from = transforms.pixel(at: index) * layout.channels
        for c in 0..<layout.channels {
            for r in 0..<lanes {
                buffers.x[c * lanes + r] = r < rows ? tile.elements[(first + r) * tile.stride + from + c] : 0
            }
        }
        move(pixel: index, inverse: true, first..<first + rows, tile, lanes: lanes, &buffers)
        for r in 0..<rows {
            for c in 0..<layout.channels {
                tile.elements[(first + r) * tile.stride + from + c] = buffers.z[c * lanes + r]
            }
            buffers.rowLogDets[r] += Double(buffers.logDets[r])
        }
        remember(index, first, rows, tile, &buffers.history, network.historyStride)
    }

    /// Copies pixel `index` of some rows, which is known by now, into their histories, `stride` floats each.
    func remember(
        _ index: Int, _ first: Int, _ rows: Int, _ tile: borrowing RowTile, _ history: inout [Float], _ stride: Int
    ) {
        let channels = transforms.layout.channels
        let from = transforms.pixel(at: index) * channels
        let to = network.window.place(of: index % transforms.layout.width) * channels
        for r in 0..<rows {
            for c in 0..<channels {
                history[r * stride + to + c] = tile.elements[(first + r) * tile.stride + from + c]
            }
        }
    }

    /// Computes the parameters of pixel `index` of some rows, whose pixels before it are in the histories, which are moved on where a
    /// row of pixels begins.
    /// - Parameter infers: whether a context is to be believed.
    func setParameters(
        _ index: Int, _ rows: Range<Int>, _ context: [Float], infers: Bool, _ workspace: ImageWorkspace
    ) {
        let isNewRow = index > 0 && index % transforms.layout.width == 0
        if isNewRow { network.scroll(rows.count, &workspace.buffers.history) }
        guard infers, let belief else { return setParameters(index, rows, context, &workspace.buffers) }
        if isNewRow { belief.network.scroll(rows.count, &workspace.belief.history) }
        belief.believe(index, rows: rows.count, given: context, from: rows.lowerBound, &workspace.belief)
        network.setBiases(&workspace.buffers.bias, rows: 0..<rows.count, workspace.belief.beliefs)
        setParameters(index, 0..<rows.count, workspace.belief.beliefs, &workspace.buffers)
    }

    /// Computes the parameters of pixel `index` of some rows, whose pixels before it are in the histories.
    private func setParameters(
        _ index: Int, _ rows: Range<Int>, _ context: [Float], _ buffers: inout ImageBuffers
    ) {
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
