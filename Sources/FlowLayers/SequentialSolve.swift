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
    private static let block = 5
    /// Up to this many rows the products of a panel run over its units, not over padded rows.
    private static let fewRows = 64
    /// Positions between two looks at `isCancelled`.
    private static let cancellationBlock = 32

    private var output: Int { layers.count - 1 }

    /// Scratch of a solve. Known values: the inputs of every map, then the residual stream.
    var solveSizes: ScratchSizes {
        var sizes = ScratchSizes()
        sizes.known = bases[layers.count] + (shape.isResidual ? shape.hidden[0] : 0)
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
            let linear = layers[output]
            let slot = linear.slots[2 * position]
            let lane = slot % PackedLinear.lanes
            let step = bringIn(output, panel: slot / PackedLinear.lanes, lane: lane, rows, lanes, &scratch)
            Kernels.best.solveDimension(
                step, lanes: lanes, weights: linear.weights, partial: scratch.partial, z: scratch.latent,
                position * lanes, bound: bound, known: &scratch.known, x: (shape.contextDims + position) * lanes,
                logDet: &scratch.logDet)
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
                let step = bringIn(
                    i, panel: first / PackedLinear.lanes, lane: first % PackedLinear.lanes, rows, lanes, &scratch)
                finish(i, first, next - first, step, lanes, &scratch)
                first = next
            }
            scratch.counters[4 * i + Counters.computed] = first
            scratch.counters[4 * (i + 1) + Counters.known] = first
        }
    }

    /// Computes `count` units of map `i` and what the next map reads of them.
    private func finish(
        _ i: Int, _ unit: Int, _ count: Int, _ step: SolveStep, _ lanes: Int, _ scratch: inout Scratch
    ) {
        let to = (bases[i + 1] + unit) * lanes
        let isBranch = !shape.isResidual || i % 2 == 1
        Kernels.best.solveUnits(
            isBranch ? shape.activation : nil, step, count: count, lanes: lanes, weights: layers[i].weights,
            partial: scratch.partial, known: &scratch.known, y: to)
        if isBranch { return }
        // the stream: what the first map gives, and what each block adds
        let stream = (bases[layers.count] + unit) * lanes
        for n in 0..<count * lanes {
            if i > 0 { scratch.known[to + n] += scratch.known[stream + n] }
            scratch.known[stream + n] = scratch.known[to + n]
        }
        if i + 1 < output {
            Kernels.best.activate(
                shape.activation, x: &scratch.known, offset: to, rows: 1, columns: count * lanes, stride: count * lanes)
        }
    }

    /// What the unit in `lane` of a panel still lacks, and those after it of the same reach, once blocks of inputs that
    /// have become known are brought into all units to come; on the output map, `lane` holds a shift.
    private func bringIn(
        _ i: Int, panel: Int, lane: Int, _ rows: Int, _ lanes: Int, _ scratch: inout Scratch
    ) -> SolveStep {
        let linear = layers[i]
        // What stands beyond a unit's reach in its panel is zero.
        let due = min(scratch.counters[4 * i + Counters.known], linear.panels[panel].reads)
        if scratch.counters[4 * i + Counters.panel] != panel {
            scratch.counters[4 * i + Counters.panel] = panel
            scratch.counters[4 * i + Counters.brought] = due
            open(i, panel, depth: due, rows, lanes, &scratch)
        }
        var brought = scratch.counters[4 * i + Counters.brought]
        if due - brought >= Self.block {
            if i == output {
                // lanes rise with the positions, or fall when reversed
                let first = reversed ? 0 : lane
                let units = reversed ? lane + 1 : Self.panelDims - lane
                add(i, panel, lane: first, count: units, brought..<due, lanes, &scratch)
                add(i, panel, lane: first + Self.panelDims, count: units, brought..<due, lanes, &scratch)
            } else {
                add(i, panel, lane: lane, count: PackedLinear.lanes - lane, brought..<due, lanes, &scratch)
            }
            brought = due
            scratch.counters[4 * i + Counters.brought] = due
        }
        return SolveStep(
            known: (bases[i] + brought) * lanes,
            weights: linear.panels[panel].offset + brought * PackedLinear.lanes + lane,
            partial: (i * PackedLinear.lanes + lane) * lanes, depth: due - brought)
    }

    /// Adds the products of known inputs `range` to `count` units of the panel under way.
    private func add(
        _ i: Int, _ panel: Int, lane: Int, count: Int, _ range: Range<Int>, _ lanes: Int, _ scratch: inout Scratch
    ) {
        if range.isEmpty { return }
        Kernels.best.product(
            scratch.known, Operand(offset: (bases[i] + range.lowerBound) * lanes, step: lanes),
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
                scratch.known, Operand(offset: bases[i] * lanes, step: lanes), lanes: PackedLinear.lanes,
                count: rows, depth: depth, bias: linear.biases, biasOffset: biases, c: &scratch.panel,
                Operand(step: PackedLinear.lanes))
            Kernels.best.transpose(
                scratch.panel, Operand(step: PackedLinear.lanes), to: &scratch.partial,
                Operand(offset: row, step: lanes),
                rows: rows, columns: PackedLinear.lanes)
            return
        }
        // biases times one
        Kernels.best.product(
            scratch.ones, Operand(step: lanes), linear.biases, Operand(offset: biases, step: PackedLinear.lanes),
            lanes: lanes, count: PackedLinear.lanes, depth: 1, c: &scratch.partial, Operand(offset: row, step: lanes))
        if depth > 0 { add(i, panel, lane: 0, count: PackedLinear.lanes, 0..<depth, lanes, &scratch) }
    }

    private func readLatents(_ tile: RowTile, _ lanes: Int, _ scratch: inout Scratch) {
        Kernels.best.transpose(
            tile.elements, Operand(step: tile.stride), to: &scratch.latent, positions(lanes), rows: tile.rows,
            columns: transformed)
        if shape.contextDims > 0 {
            Kernels.best.transpose(
                tile.context, Operand(step: shape.contextDims), to: &scratch.known, Operand(step: lanes),
                rows: tile.rows, columns: shape.contextDims)
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
        Kernels.best.transpose(
            scratch.known, positions(lanes, from: shape.contextDims), to: &tile.elements, Operand(step: tile.stride),
            rows: transformed, columns: tile.rows)
        for r in 0..<tile.rows { tile.logDet[r] += scratch.logDet[r] }
    }

    private func clear(_ x: inout [Float], _ range: Range<Int>) {
        for i in range { x[i] = 0 }
    }

    /// Where the dimensions of an event stand in an array of positions.
    private func positions(_ lanes: Int, from first: Int = 0) -> Operand {
        reversed
            ? Operand(offset: (first + transformed - 1) * lanes, step: -lanes)
            : Operand(offset: first * lanes, step: lanes)
    }
}
