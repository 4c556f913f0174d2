import FlowCore
import FlowKernels

/// Packed form of ``InvertibleConvolution``.
final class PackedInvertibleConvolution: PackedBijection {
    let dims: Int
    let layout: ImageLayout
    let shift: [Float]
    let weights: [Float]
    let inverseWeights: [Float]
    let logDet: Float

    init(dims: Int, layout: ImageLayout, shift: [Float], weights: [Float], inverseWeights: [Float], logDet: Float) {
        self.dims = dims
        self.layout = layout
        self.shift = shift
        self.weights = weights
        self.inverseWeights = inverseWeights
        self.logDet = logDet
    }

    var multiplyAdds: Int { layout.pixels * layout.channels * layout.channels }

    func reserve(_ scratch: inout Scratch) {
        scratch.workspace(PixelWorkspace.self).pixel.reserveZeros(layout.channels)
    }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        multiply(weights, before: shift, after: nil, &tile, &scratch.workspace(PixelWorkspace.self).pixel)
        for r in 0..<tile.rows { tile.logDet[r] += logDet }
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        multiply(inverseWeights, before: nil, after: shift, &tile, &scratch.workspace(PixelWorkspace.self).pixel)
        for r in 0..<tile.rows { tile.logDet[r] -= logDet }
    }

    /// Computes `W (x + before) − after` of every pixel in place.
    private func multiply(
        _ matrix: [Float], before: [Float]?, after: [Float]?, _ tile: inout RowTile, _ pixel: inout [Float]
    ) {
        let (n, rows, stride) = (layout.channels, tile.rows, tile.stride)
        let weights = matrix.span
        var values = pixel.mutableSpan
        var x = tile.elements.mutableSpan
        for r in 0..<rows {
            for p in 0..<layout.pixels {
                let first = r * stride + p * n
                for c in 0..<n { values[c] = x[first + c] + (before?[c] ?? 0) }
                for i in 0..<n {
                    var sum: Float = 0
                    for j in 0..<n { sum += weights[i * n + j] * values[j] }
                    x[first + i] = sum - (after?[i] ?? 0)
                }
            }
        }
    }
}

/// Workspace of the channels of one pixel, before they are mapped.
private final class PixelWorkspace: MapWorkspace {
    var pixel: [Float] = []
}
