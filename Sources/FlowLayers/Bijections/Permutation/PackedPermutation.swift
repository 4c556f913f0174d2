import FlowCore
import FlowKernels

/// Packed form of ``Permutation``.
final class PackedPermutation: PackedBijection {
    let order: [Int]

    init(_ order: [Int]) { self.order = order }

    var dims: Int { order.count }
    func reserve(_ scratch: inout Scratch) { scratch.workspace(EventWorkspace.self).event.reserveZeros(dims) }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        apply(inverse: false, &tile, &scratch.workspace(EventWorkspace.self).event)
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        apply(inverse: true, &tile, &scratch.workspace(EventWorkspace.self).event)
    }

    private func apply(inverse: Bool, _ tile: inout RowTile, _ event: inout [Float]) {
        let (rows, stride) = (tile.rows, tile.stride)
        let places = order
        let order = places.span
        var row = event.mutableSpan
        var x = tile.elements.mutableSpan
        for r in 0..<rows {
            for j in 0..<order.count { row[j] = x[r * stride + j] }
            if inverse {
                for j in 0..<order.count { x[r * stride + order[j]] = row[j] }
            } else {
                for j in 0..<order.count { x[r * stride + j] = row[order[j]] }
            }
        }
    }
}

/// Workspace of one event, on its way to another order.
private final class EventWorkspace: MapWorkspace {
    var event: [Float] = []
}
