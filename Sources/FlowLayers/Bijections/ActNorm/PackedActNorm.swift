import FlowCore

/// Packed form of ``ActNorm``.
final class PackedActNorm: PackedBijection {
    let shift: [Float]
    let scale: [Float]
    let inverseScale: [Float]
    let logDet: Float

    init(shift: [Float], scale: [Float], inverseScale: [Float], logDet: Float) {
        self.shift = shift
        self.scale = scale
        self.inverseScale = inverseScale
        self.logDet = logDet
    }

    var dims: Int { shift.count }
    var isElementwise: Bool { true }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        let (shiftArray, scaleArray) = (self.shift, self.scale)
        let shift = shiftArray.span
        let scale = scaleArray.span
        let (rows, stride) = (tile.rows, tile.stride)
        var x = tile.elements.mutableSpan
        for r in 0..<rows {
            for j in 0..<shift.count { x[r * stride + j] = (x[r * stride + j] + shift[j]) * scale[j] }
        }
        for r in 0..<rows { tile.logDet[r] += logDet }
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        let (shiftArray, scaleArray) = (self.shift, self.inverseScale)
        let shift = shiftArray.span
        let scale = scaleArray.span
        let (rows, stride) = (tile.rows, tile.stride)
        var x = tile.elements.mutableSpan
        for r in 0..<rows {
            for j in 0..<shift.count { x[r * stride + j] = x[r * stride + j] * scale[j] - shift[j] }
        }
        for r in 0..<rows { tile.logDet[r] -= logDet }
    }
}
