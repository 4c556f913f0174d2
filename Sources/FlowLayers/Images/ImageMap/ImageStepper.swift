import FlowCore
import FlowKernels

/// A causal map goes pixel after pixel where some pixels are given; a position is a whole pixel.
extension PackedImageMap: SequentialMap {
    var positions: [Range<Int>]? {
        guard transforms.isCausal else { return nil }
        let channels = transforms.layout.channels
        return (0..<transforms.layout.pixels).map { index in
            let first = transforms.pixel(at: index) * channels
            return first..<first + channels
        }
    }

    /// Rows whose histories take 64 MiB together, or one.
    var mostStepRows: Int { max(1, (1 << 24) / network.historyStride) }

    func stepper(rows: Int) -> any SequentialStepper { ImageStepper(self, rows: rows) }
}

/// Solve of a causal map, one pixel of all rows at a time.
private final class ImageStepper: SequentialStepper {
    private let map: PackedImageMap
    /// Rows that are computed together, in turn.
    private let groups: [Range<Int>]
    /// Workspace of each group: the histories of its rows stay in it.
    private let workspaces: [ImageWorkspace]
    /// Whether a context is to be believed; nil before the first position.
    private var infers: Bool?

    init(_ map: PackedImageMap, rows: Int) {
        self.map = map
        let size = map.network.solveRows
        groups = stride(from: 0, to: rows, by: size).map { $0..<min($0 + size, rows) }
        workspaces = groups.map { rows in
            var scratch = Scratch()
            map.reserve(&scratch)
            let workspace = scratch.workspace(ImageWorkspace.self)
            map.reserveHistory(rows: rows.count, workspace)
            return workspace
        }
    }

    func step(
        _ position: Int, isGiven: Bool, data: inout RowTile, latents: inout RowTile, logDerivatives: inout [Double]
    ) {
        let infers = infers ?? begin(data)
        for (g, rows) in groups.enumerated() {
            map.setParameters(position, rows, data.context, infers: infers, workspaces[g])
            step(position, rows, isGiven, &data, &latents, &logDerivatives, &workspaces[g].buffers)
            if infers, let belief = map.belief {
                map.remember(
                    position, rows.lowerBound, rows.count, data, &workspaces[g].belief.history,
                    belief.network.historyStride)
            }
        }
    }

    /// Begins all groups; rows may change places between them, so what holds of one holds of all.
    /// - Returns: whether a context is to be believed.
    private func begin(_ data: RowTile) -> Bool {
        let infers = map.belief?.isInferred(in: 0..<(groups.last?.upperBound ?? 0), data.context) ?? false
        for (rows, workspace) in zip(groups, workspaces) {
            map.begin(rows, data.context, infers: infers, workspace)
        }
        self.infers = infers
        return infers
    }

    private func step(
        _ index: Int, _ rows: Range<Int>, _ isGiven: Bool, _ data: inout RowTile, _ latents: inout RowTile,
        _ logDerivatives: inout [Double], _ buffers: inout ImageBuffers
    ) {
        let layout = map.transforms.layout
        let from = map.transforms.pixel(at: index) * layout.channels
        let lanes = (rows.count + 15) / 16 * 16
        let known = isGiven ? data : latents
        for c in 0..<layout.channels {
            for l in 0..<lanes {
                buffers.x[c * lanes + l] =
                    l < rows.count ? known.elements[(rows.lowerBound + l) * known.stride + from + c] : 0
            }
        }
        map.move(pixel: index, inverse: !isGiven, rows, data, lanes: lanes, &buffers)
        for (l, r) in rows.enumerated() {
            for c in 0..<layout.channels {
                let at = r * data.stride + from + c
                let found = buffers.z[c * lanes + l]
                if isGiven { latents.elements[at] = found } else { data.elements[at] = found }
            }
            logDerivatives[r] = isGiven ? Double(buffers.logDets[l]) : -Double(buffers.logDets[l])
        }
        map.remember(index, rows.lowerBound, rows.count, data, &buffers.history, map.network.historyStride)
    }

    func copyRow(_ from: Int, to: Int, data: RowTile) {
        copy(from, to, \.buffers.history, stride: map.network.historyStride)
        let group = to / map.network.solveRows
        if infers == true, let belief = map.belief {
            copy(from, to, \.belief.history, stride: belief.network.historyStride)
            copy(from, to, \.belief.scores, stride: map.contextDims)
        } else {
            // contexts, and with them biases, may differ from row to row
            map.network.setBiases(&workspaces[group].buffers.bias, rows: groups[group], data.context)
        }
    }

    /// Copies what an array has of row `from`, `stride` floats, to row `to`.
    private func copy(
        _ from: Int, _ to: Int, _ array: ReferenceWritableKeyPath<ImageWorkspace, [Float]>, stride: Int
    ) {
        let size = map.network.solveRows
        let (source, target) = (from % size * stride, to % size * stride)
        if from / size == to / size {
            shift(&workspaces[to / size][keyPath: array], from: source, to: target, count: stride)
        } else {
            let values = workspaces[from / size][keyPath: array]
            for i in 0..<stride { workspaces[to / size][keyPath: array][target + i] = values[source + i] }
        }
    }
}
