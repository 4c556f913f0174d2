import FlowCore
import FlowKernels

/// The sequential direction of a masked autoregressive map in one pass: a non-linear triangular solve.
///
/// Units are sorted by degree, and a unit of degree `d` depends on positions up to `d` alone, so each is computed once,
/// when it can be. Left-looking: when the solve reaches a panel of units, one product brings in everything that is known
/// by then; what becomes known while the panel is under way is brought in `block` inputs at a time for the units still
/// to come, and at the end for the one unit that is due. Arrays are unit-major, `[units][lanes]`, one lane a row.
extension PackedAffineNetwork {
    /// Inputs that become known before they are brought into all units of a panel that are still to come.
    private static let block = 8
    /// Up to this many rows the products of a panel run over its units, not over padded rows.
    private static let fewRows = 8
    /// Positions between two looks at `isCancelled`.
    private static let cancellationBlock = 32

    private var output: Int { layers.count - 1 }

    /// Scratch of a solve. Known values: the inputs of every map, then the residual stream.
    var solveSizes: ScratchSizes {
        var sizes = ScratchSizes()
        sizes.known =
            shape.contextDims + transformed + shape.hidden.reduce(0, +) + (shape.isResidual ? shape.hidden[0] : 0)
        sizes.partial = layers.count * PackedLinear.lanes
        sizes.latent = transformed
        sizes.counters = 4 * layers.count
        return sizes
    }

    /// One map's state, in the scratch's counters.
    private struct Counters {
        /// Inputs that are known, outputs that are computed, inputs in the partial sums, and the panel under way.
        static let (known, computed, brought, panel) = (0, 1, 2, 3)
    }

    /// First known value of each map's inputs.
    private func base(_ layer: Int) -> Int {
        layer == 0 ? 0 : shape.contextDims + transformed + shape.hidden[..<(layer - 1)].reduce(0, +)
    }

    func solve(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        let rows = tile.rows
        let lanes = (rows + 15) / 16 * 16
        readLatents(tile, lanes, &scratch)
        for i in layers.indices {
            scratch.counters[4 * i + Counters.known] = i == 0 ? shape.contextDims : 0
            scratch.counters[4 * i + Counters.computed] = 0
            scratch.counters[4 * i + Counters.panel] = -1
        }
        hiddenUnits(rows, lanes, &scratch)
        for position in 0..<transformed {
            if position % Self.cancellationBlock == 0, isCancelled() { throw FlowError.cancelled }
            let slot = layers[output].slots[2 * position]
            let lane = slot % PackedLinear.lanes
            bringIn(output, panel: slot / PackedLinear.lanes, lane: lane, count: 1, rows, lanes, &scratch)
            let row = (output * PackedLinear.lanes + lane) * lanes
            Kernels.best.affineInverse(
                z: scratch.latent, position * lanes, parameters: scratch.partial, shift: row,
                logScale: row + Self.panelDims * lanes, bound: bound, lanes: lanes, x: &scratch.known,
                (shape.contextDims + position) * lanes, logDet: &scratch.logDet)
            scratch.counters[Counters.known] += 1
            hiddenUnits(rows, lanes, &scratch)
        }
        writeData(&tile, lanes, scratch)
    }

    /// Computes every hidden unit whose inputs are known.
    private func hiddenUnits(_ rows: Int, _ lanes: Int, _ scratch: inout Scratch) {
        for i in 0..<output {
            let known = scratch.counters[4 * i + Counters.known]
            var first = scratch.counters[4 * i + Counters.computed]
            while first < layers[i].outputs, layers[i].reach[first] <= known {
                let reach = layers[i].reach[first]
                let panelEnd = min((first / PackedLinear.lanes + 1) * PackedLinear.lanes, layers[i].outputs)
                var next = first + 1
                while next < panelEnd, layers[i].reach[next] == reach { next += 1 }
                let lane = first % PackedLinear.lanes
                bringIn(
                    i, panel: first / PackedLinear.lanes, lane: lane, count: next - first, rows, lanes, &scratch)
                let from = (i * PackedLinear.lanes + lane) * lanes
                finish(i, first, from: from, count: (next - first) * lanes, lanes, &scratch)
                first = next
            }
            scratch.counters[4 * i + Counters.computed] = first
            scratch.counters[4 * (i + 1) + Counters.known] = first
        }
    }

    /// From the finished sums of some units to the inputs of the next map.
    private func finish(
        _ i: Int, _ unit: Int, from: Int, count: Int, _ lanes: Int, _ scratch: inout Scratch
    ) {
        let to = (base(i + 1) + unit) * lanes
        guard shape.isResidual else {
            return Kernels.best.activate(
                shape.activation, from: scratch.partial, from, to: &scratch.known, to, count: count)
        }
        if i % 2 == 1 {
            return Kernels.best.activate(
                shape.activation, from: scratch.partial, from, to: &scratch.known, to, count: count)
        }
        // the stream: what the first map gives, and what each block adds
        let stream = (base(output) + shape.hidden[0] + unit) * lanes
        for n in 0..<count {
            scratch.known[stream + n] =
                i == 0 ? scratch.partial[from + n] : scratch.known[stream + n] + scratch.partial[from + n]
            scratch.known[to + n] = scratch.known[stream + n]
        }
        if i + 1 < output {
            Kernels.best.activate(
                shape.activation, x: &scratch.known, offset: to, rows: 1, columns: count, stride: count)
        }
    }

    /// Completes the sums of `count` units of map `i`, all of one reach, from `lane` on in `panel`; on the output map,
    /// of the shift in `lane` and its log-scale.
    private func bringIn(
        _ i: Int, panel: Int, lane: Int, count: Int, _ rows: Int, _ lanes: Int, _ scratch: inout Scratch
    ) {
        let known = scratch.counters[4 * i + Counters.known]
        if scratch.counters[4 * i + Counters.panel] != panel {
            scratch.counters[4 * i + Counters.panel] = panel
            let depth = min(known, layers[i].panels[panel].reads)
            scratch.counters[4 * i + Counters.brought] = depth
            open(i, panel, depth: depth, rows, lanes, &scratch)
        }
        let brought = scratch.counters[4 * i + Counters.brought]
        let due = min(known, layers[i].panels[panel].reads)
        let all = due - brought >= Self.block
        if i == output {
            // lanes rise with the positions, or fall when reversed
            let first = all && reversed ? 0 : lane
            let units = !all ? 1 : reversed ? lane + 1 : Self.panelDims - lane
            add(i, panel, lane: first, count: units, brought..<due, lanes, &scratch)
            add(i, panel, lane: first + Self.panelDims, count: units, brought..<due, lanes, &scratch)
        } else {
            let units = all ? PackedLinear.lanes - lane : count
            // a unit reads no further than it reaches: beyond stand zeros, or units of the panel that reach further
            let end = all ? due : layers[i].reach[panel * PackedLinear.lanes + lane]
            add(i, panel, lane: lane, count: units, brought..<end, lanes, &scratch)
        }
        if all { scratch.counters[4 * i + Counters.brought] = due }
    }

    /// Adds the products of known inputs `range` to `count` units of the panel under way.
    private func add(
        _ i: Int, _ panel: Int, lane: Int, count: Int, _ range: Range<Int>, _ lanes: Int, _ scratch: inout Scratch
    ) {
        if range.isEmpty { return }
        Kernels.best.product(
            scratch.known, Operand(offset: (base(i) + range.lowerBound) * lanes, step: lanes),
            layers[i].weights,
            Operand(
                offset: layers[i].panels[panel].offset + range.lowerBound * PackedLinear.lanes + lane,
                step: PackedLinear.lanes),
            lanes: lanes, count: count, depth: range.count, start: .accumulate, c: &scratch.partial,
            Operand(offset: (i * PackedLinear.lanes + lane) * lanes, step: lanes))
    }

    /// Starts a panel: biases and all that is known.
    private func open(
        _ i: Int, _ panel: Int, depth: Int, _ rows: Int, _ lanes: Int, _ scratch: inout Scratch
    ) {
        let linear = layers[i]
        let row = i * PackedLinear.lanes * lanes
        let biases = panel * PackedLinear.lanes
        if rows <= Self.fewRows {
            Kernels.best.product(
                linear.weights, Operand(offset: linear.panels[panel].offset, step: PackedLinear.lanes),
                scratch.known, Operand(offset: base(i) * lanes, step: lanes), lanes: PackedLinear.lanes,
                count: rows, depth: depth, bias: linear.biases, biasOffset: biases, c: &scratch.panel,
                Operand(step: PackedLinear.lanes))
            for unit in 0..<PackedLinear.lanes {
                for r in 0..<rows {
                    scratch.partial[row + unit * lanes + r] = scratch.panel[r * PackedLinear.lanes + unit]
                }
            }
            return
        }
        // biases times one
        Kernels.best.product(
            scratch.ones, Operand(step: lanes), linear.biases, Operand(offset: biases, step: PackedLinear.lanes),
            lanes: lanes, count: PackedLinear.lanes, depth: 1, c: &scratch.partial, Operand(offset: row, step: lanes))
        if depth > 0 { add(i, panel, lane: 0, count: PackedLinear.lanes, 0..<depth, lanes, &scratch) }
    }

    private func readLatents(_ tile: RowTile, _ lanes: Int, _ scratch: inout Scratch) {
        transpose(
            tile.elements,
            Operand(offset: reversed ? transformed - 1 : 0, step: tile.stride, stride: reversed ? -1 : 1),
            steps: tile.rows, count: transformed, to: &scratch.latent, Operand(step: 1, stride: lanes))
        if shape.contextDims > 0 {
            transpose(
                tile.context, Operand(step: shape.contextDims), steps: tile.rows, count: shape.contextDims,
                to: &scratch.known, Operand(step: 1, stride: lanes))
        }
        for r in 0..<lanes { scratch.logDet[r] = 0 }
        // lanes without a row: anything finite will do, and zeros stay zeros
        if tile.rows < lanes {
            for k in 0..<shape.contextDims { clear(&scratch.known, k * lanes + tile.rows..<(k + 1) * lanes) }
            for p in 0..<transformed { clear(&scratch.latent, p * lanes + tile.rows..<(p + 1) * lanes) }
            clear(&scratch.partial, 0..<layers.count * PackedLinear.lanes * lanes)
        }
    }

    private func writeData(_ tile: inout RowTile, _ lanes: Int, _ scratch: Scratch) {
        let target = Operand(
            offset: reversed ? transformed - 1 : 0, step: tile.stride, stride: reversed ? -1 : 1)
        transpose(
            scratch.known, Operand(offset: shape.contextDims * lanes, step: 1, stride: lanes), steps: tile.rows,
            count: transformed, to: &tile.elements, target)
        for r in 0..<tile.rows { tile.logDet[r] += scratch.logDet[r] }
    }

    private func clear(_ x: inout [Float], _ range: Range<Int>) {
        for i in range { x[i] = 0 }
    }

    /// Copies `steps × count` elements from where one operand has them to where the other has them, by squares of 16.
    private func transpose(
        _ x: [Float], _ px: Operand, steps: Int, count: Int, to y: inout [Float], _ py: Operand
    ) {
        let x = x.span
        var y = y.mutableSpan
        for first in stride(from: 0, to: count, by: 16) {
            for step in 0..<steps {
                for j in first..<min(first + 16, count) {
                    y[py.offset + step * py.stepStride + j * py.stride] =
                        x[px.offset + step * px.stepStride + j * px.stride]
                }
            }
        }
    }
}
