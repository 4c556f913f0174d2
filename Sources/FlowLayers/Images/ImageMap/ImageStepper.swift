import FlowCore
import FlowKernels

/// A causal map goes pixel after pixel where some pixels are given; the channels of a pixel do not depend on one another.
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
    /// Buffers of each group: the histories of its rows stay in them.
    private var buffers: [ImageBuffers]
    private var hasBiases = false

    init(_ map: PackedImageMap, rows: Int) {
        self.map = map
        let size = map.network.solveRows
        groups = stride(from: 0, to: rows, by: size).map { $0..<min($0 + size, rows) }
        buffers = groups.map { rows in
            var scratch = Scratch()
            map.reserve(&scratch)
            var buffers = scratch.workspace(ImageWorkspace.self).buffers
            map.reserveHistory(rows: rows.count, &buffers)
            return buffers
        }
    }

    func step(
        _ position: Int, isGiven: Bool, data: inout RowTile, latents: inout RowTile, logDerivatives: inout [Double]
    ) {
        if !hasBiases {
            for (g, rows) in groups.enumerated() {
                map.network.setBiases(&buffers[g].bias, rows: rows, data.context)
            }
            hasBiases = true
        }
        for (g, rows) in groups.enumerated() {
            step(position, rows, isGiven, &data, &latents, &logDerivatives, &buffers[g])
        }
    }

    private func step(
        _ index: Int, _ rows: Range<Int>, _ isGiven: Bool, _ data: inout RowTile, _ latents: inout RowTile,
        _ logDerivatives: inout [Double], _ buffers: inout ImageBuffers
    ) {
        let (layout, network) = (map.transforms.layout, map.network)
        if index > 0, index % layout.width == 0 { map.scroll(rows.count, &buffers.history) }
        map.setParameters(index, rows, data.context, &buffers)
        let from = map.transforms.pixel(at: index) * layout.channels
        let lanes = (rows.count + 15) / 16 * 16
        let known = isGiven ? data : latents
        for c in 0..<layout.channels {
            for l in 0..<lanes {
                buffers.x[c * lanes + l] =
                    l < rows.count ? known.elements[(rows.lowerBound + l) * known.stride + from + c] : 0
            }
        }
        map.move(inverse: !isGiven, channels: layout.channels, lanes: lanes, &buffers)
        let pixel = network.window.place(of: index % layout.width) * network.inputs
        for (l, r) in rows.enumerated() {
            for c in 0..<layout.channels {
                let at = r * data.stride + from + c
                let found = buffers.z[c * lanes + l]
                if isGiven { latents.elements[at] = found } else { data.elements[at] = found }
                buffers.history[l * network.historyStride + pixel + c] = data.elements[at]
            }
            logDerivatives[r] = isGiven ? Double(buffers.logDets[l]) : -Double(buffers.logDets[l])
        }
    }

    func copyRow(_ from: Int, to: Int, data: RowTile) {
        let (size, stride) = (map.network.solveRows, map.network.historyStride)
        let (source, target) = (from % size * stride, to % size * stride)
        if from / size == to / size {
            shift(&buffers[to / size].history, from: source, to: target, count: stride)
        } else {
            let history = buffers[from / size].history
            for i in 0..<stride { buffers[to / size].history[target + i] = history[source + i] }
        }
        // contexts, and with them biases, may differ from row to row
        let group = groups[to / size]
        map.network.setBiases(&buffers[to / size].bias, rows: group, data.context)
    }
}
