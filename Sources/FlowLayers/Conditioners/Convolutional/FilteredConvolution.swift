import FlowKernels

/// A convolution of whole images by a minimal filter: the weights' values at its points, computed once.
///
/// Both transforms and the products treat a tile by itself, so no bit of an output depends on how many tiles are computed together.
/// In the last bits it does depend on all inputs of its tile, also on those that its kernel does not reach.
final class FilteredConvolution: Sendable {
    let filter: TileFilter
    private let inputs: Int
    /// Number of channels of an output buffer.
    private let stride: Int
    /// First row and column that the kernel reads, from the output's pixel.
    private let (top, left): (Int, Int)
    /// Weights at the points, `[points][panels][inputs][32]`, the last panel as narrow as that of the ``ConvolutionPanels``.
    private let weights: [Float]
    /// Tiles of the image.
    private let runs: TileRuns

    /// Most tiles that are computed together: their values have to stay near the core, and the weights, which are read once for all
    /// of them, should be read seldom.
    static let tilesAtATime = 64

    /// Returns nil where a filter costs no less than the kernel itself on this grid.
    convenience init?(_ panels: ConvolutionPanels, taps: [Convolution.Taps], on grid: ImageGrid) {
        let (rows, columns) = Convolution.extent(taps)
        guard
            let filter = TileFilter.best(
                rows: rows.count, columns: columns.count, height: grid.height, width: grid.width, inputs: panels.inputs,
                outputs: panels.stride, direct: grid.height * grid.width * panels.depth * panels.stride)
        else { return nil }
        self.init(panels, taps: taps, on: grid, filter: filter)
    }

    /// - Parameter atATime: most tiles that are computed together.
    init(
        _ panels: ConvolutionPanels, taps: [Convolution.Taps], on grid: ImageGrid,
        atATime: Int = FilteredConvolution.tilesAtATime, filter: TileFilter
    ) {
        let (rows, columns) = Convolution.extent(taps)
        precondition(filter.rows.taps == rows.count && filter.columns.taps == columns.count)
        self.filter = filter
        runs = TileRuns(filter, on: grid, atATime: atATime)
        (inputs, stride) = (panels.inputs, panels.stride)
        (top, left) = (rows.lowerBound, columns.lowerBound)
        let factors = Convolution.weightFactors(taps, filter)
        var weights = [Float](repeating: 0, count: filter.points * inputs * stride)
        for panel in panels.all {
            // a panel has, tap after tap, one number for each input and output: those of all taps make those of all points
            Kernels.best.product(
                panels.weights, Operand(offset: panel.offset, step: inputs * panel.lanes), factors,
                Operand(step: filter.points), lanes: inputs * panel.lanes, count: filter.points,
                depth: panels.depth / inputs, c: &weights,
                Operand(offset: panel.first * inputs, step: inputs * stride))
        }
        self.weights = weights
    }

    /// Count of the weights' values at the points, which is several times that of the weights.
    var weightCount: Int { weights.count }

    /// Number of multiply-adds that the products of an image take.
    var multiplyAdds: Int {
        filter.multiplyAdds(height: runs.grid.height, width: runs.grid.width, inputs: inputs, outputs: stride)
    }

    /// Reserves room for an image.
    func reserve(_ room: inout FilterRoom) {
        room.input.reserveZeros(filter.points * FilterRoom.pointStride(runs.mostTiles, inputs))
        room.output.reserveZeros(filter.points * FilterRoom.pointStride(runs.mostTiles, stride))
    }

    /// Convolves the whole image `x` from `xOffset` on to `y` from `yOffset` on, whose border is left as it is.
    func apply(
        _ x: [Float], _ xOffset: Int, bias: [Float], to y: inout [Float], _ yOffset: Int, _ room: inout FilterRoom
    ) {
        reserve(&room)
        // by index: an iterator allocates where generic code is not specialised, as in debug builds
        for g in 0..<runs.groups.count {
            let group = runs.groups[g]
            let (read, made) = (
                FilterRoom.pointStride(group.tiles, inputs), FilterRoom.pointStride(group.tiles, stride)
            )
            for r in group.runs.lowerBound..<group.runs.upperBound {
                let run = runs.all[r]
                Kernels.best.inputTiles(
                    filter, x, runs.inputs(run, offset: xOffset, channels: inputs, dy: top, dx: left, overlap: true),
                    channels: inputs, to: &room.input,
                    TileValues(offset: run.place * inputs, pointStride: read))
            }
            Kernels.best.filterProduct(
                weights: weights, room.input, inputStride: read, to: &room.output, outputStride: made,
                points: filter.points, tiles: group.tiles, inputs: inputs, outputs: stride)
            for r in group.runs.lowerBound..<group.runs.upperBound {
                let run = runs.all[r]
                Kernels.best.outputTiles(
                    filter, room.output, TileValues(offset: run.place * stride, pointStride: made), channels: stride,
                    bias: bias, to: &y, runs.outputs(run, offset: yOffset, channels: stride, overlap: true))
            }
        }
    }
}
