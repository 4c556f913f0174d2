import FlowCore
import FlowKernels

/// Sequential direction of a masked autoregressive map in one pass: a non-linear triangular solve.
///
/// Units are sorted by degree, and a unit of degree `d` depends on positions up to `d` alone, so each is computed once,
/// when it can be. Left-looking: when the solve reaches a panel of units, one product brings in everything that is known
/// by then; what becomes known while the panel is under way is brought in `block` inputs at a time for the units still
/// to come, and at the end for the one unit that is due. Which step follows which depends on the network alone: the plan
/// is made once, and run for every tile. Arrays are unit-major, `[units][lanes]`, one lane a row.
struct SequentialSolve: Sendable {
    /// Number of inputs that become known before they are brought into all units of a panel that are still to come.
    private static let block = 8
    /// Number of positions between two looks at `isCancelled`.
    private static let cancellationBlock = 32

    let plan: SolvePlan
    /// Ends of the parts of the plan, before each of which `isCancelled` is asked; the last is the plan's end.
    private let stops: [Int]
    /// End of the steps that each position needs, beyond those of the positions before it: the position itself is the last step.
    let positionEnds: [Int]
    let contextDims: Int
    let transformed: Int
    let reversed: Bool

    init(_ network: PackedNetwork) {
        let (layers, transform) = (network.layers, network.transform)
        contextDims = network.shape.contextDims
        transformed = network.transformed
        reversed = network.reversed
        // Known values: the inputs of every map, then the sums.
        let widths = [contextDims + transformed] + network.shape.hidden
        let bases = widths.reduce(into: [0]) { $0.append($0.last! + $1) }
        let end = bases.last!
        let output = layers.count - 1
        // Units are done in the order of their degrees, so layers that share a place for sums need the same degrees.
        precondition(network.plan.sums == 0 || network.shape.hidden.allSatisfy { $0 == widths[1] })
        func place(_ sum: Int) -> Int { end + sum * widths[1] }
        let maps = layers.enumerated().map { i, linear in
            let step = i < output ? network.plan.steps[i] : nil
            return SolvePlan.Map(
                weights: linear.weights, biases: linear.biases, inputs: bases[i]..<bases[i] + widths[i],
                outputs: i < output ? bases[i + 1]..<bases[i + 1] + widths[i + 1] : end..<end,
                activation: step?.isActivated == true ? network.activation : nil, sum: step?.sum.map(place),
                skip: step?.skip.map(place))
        }
        var planner = Planner(
            plan: SolvePlan(
                maps: maps, positions: contextDims..<contextDims + transformed, transform: transform,
                known: place(network.plan.sums)),
            layers: layers, transform: transform, reversed: reversed, known: contextDims)
        var stops: [Int] = []
        var positionEnds: [Int] = []
        planner.hiddenUnits()
        for position in 0..<transformed {
            if position > 0, position % Self.cancellationBlock == 0 { stops.append(planner.plan.count) }
            planner.dimension(position)
            positionEnds.append(planner.plan.count)
            planner.hiddenUnits()
        }
        self.stops = stops + [planner.plan.count]
        self.positionEnds = positionEnds
        plan = planner.plan
    }

    func reserve(_ scratch: inout SolveScratch) { scratch.reserve(for: plan, rows: RowTile.capacity) }

    /// Maps the tile's latents to data in place; adds the log-determinants of the inverse, nats.
    /// - Throws: ``FlowError/cancelled``.
    func run(_ tile: inout RowTile, _ scratch: inout SolveScratch, isCancelled: () -> Bool) throws {
        let lanes = (tile.rows + 15) / 16 * 16
        readLatents(tile, lanes, &scratch)
        var first = 0
        for i in 0..<stops.count {
            if isCancelled() { throw FlowError.cancelled }
            Kernels.best.solve(plan, steps: first..<stops[i], rows: tile.rows, &scratch)
            first = stops[i]
        }
        writeData(&tile, lanes, scratch)
    }

    /// Planner of the steps, which walks the dimensions once, without numbers.
    private struct Planner {
        var plan: SolvePlan
        let layers: [PackedLinear]
        /// Number of parameters of a dimension.
        let parameters: Int
        /// Number of panels of a group.
        let groupPanels: Int
        let reversed: Bool
        /// Number of each map's inputs that are known.
        var known: [Int]
        /// Number of each map's units that are done.
        var done: [Int]
        /// Number of each map's inputs that are in the partial sums.
        var brought: [Int]
        /// First panel under way of each map; −1 before there is one.
        var panel: [Int]

        init(
            plan: SolvePlan, layers: [PackedLinear], transform: UnivariateTransform, reversed: Bool, known context: Int
        ) {
            self.plan = plan
            self.layers = layers
            parameters = transform.parameterCount
            groupPanels = (parameters + 1) / 2
            self.reversed = reversed
            known = [context] + Array(repeating: 0, count: layers.count - 1)
            done = Array(repeating: 0, count: layers.count)
            brought = done
            panel = Array(repeating: -1, count: layers.count)
        }

        /// Plans every hidden unit whose inputs are known, units of one reach in one step.
        mutating func hiddenUnits() {
            for i in 0..<layers.count - 1 {
                let linear = layers[i]
                var first = done[i]
                while first < linear.outputs, linear.reach[first] <= known[i] {
                    let lane = first % PackedLinear.lanes
                    let panelEnd = min(first - lane + PackedLinear.lanes, linear.outputs)
                    let next = (first..<panelEnd).first { linear.reach[$0] != linear.reach[first] } ?? panelEnd
                    let left = bringIn(
                        i, panels: first / PackedLinear.lanes..<first / PackedLinear.lanes + 1,
                        rest: [lane..<PackedLinear.lanes])
                    let lanes = lane..<lane + next - first
                    plan.finish(i, lanes: lanes, left, unit: first, ahead: ahead(i, lanes, of: PackedLinear.lanes))
                    first = next
                }
                done[i] = first
                known[i + 1] = first
            }
        }

        /// Plans one position, whose parameters' inputs are known.
        mutating func dimension(_ position: Int) {
            let output = layers.count - 1
            let slot = layers[output].slots[parameters * position]
            let lane = slot % PackedLinear.lanes
            let panel = slot / PackedLinear.lanes
            // Lanes rise with the positions, or fall when reversed; a panel's second parameters stand behind the first.
            let dims = PackedNetwork.groupDims
            let rest = reversed ? 0..<lane + 1 : lane..<dims
            let second = rest.lowerBound + dims..<rest.upperBound + dims
            let left = bringIn(
                output, panels: panel..<panel + groupPanels, rest: parameters == 1 ? [rest] : [rest, second])
            plan.solve(
                output, lane: lane, left, position: position, ahead: ahead(output, lane..<lane + 1, of: dims))
            known[0] += 1
        }

        /// Returns the part of the map's next panel, or group, to prefetch with `lanes` of `all`, so that it is in the cache when it
        /// is opened.
        private func ahead(_ i: Int, _ lanes: Range<Int>, of all: Int) -> Range<Int> {
            let panels = i == layers.count - 1 ? groupPanels : 1
            guard panel[i] + panels < layers[i].panels.count else { return 0..<0 }
            let next = layers[i].panels[panel[i] + panels]
            let count = panels * layers[i].weights.panelCount(reads: next.reads)
            return next.offset + count * lanes.lowerBound / all..<next.offset + count * lanes.upperBound / all
        }

        /// Opens the panels if they are new ones, and brings what has become known into the lanes still to come, once that
        /// is a block.
        /// - Returns: the inputs that the lanes which are due still lack.
        private mutating func bringIn(_ i: Int, panels: Range<Int>, rest: [Range<Int>]) -> Range<Int> {
            // What stands beyond a unit's reach in its panel is zero.
            let due = min(known[i], layers[i].panels[panels.lowerBound].reads)
            if panel[i] != panels.lowerBound {
                panel[i] = panels.lowerBound
                brought[i] = due
                for (place, p) in panels.enumerated() {
                    let panel = layers[i].panels[p]
                    plan.open(i, panel: p, place: place, offset: panel.offset, reads: panel.reads, depth: due)
                }
            }
            if due - brought[i] >= SequentialSolve.block {
                for place in 0..<panels.count {
                    for lanes in rest { plan.add(i, place: place, lanes: lanes, brought[i]..<due) }
                }
                brought[i] = due
            }
            return brought[i]..<due
        }
    }

    private func readLatents(_ tile: RowTile, _ lanes: Int, _ scratch: inout SolveScratch) {
        Kernels.best.transpose(
            tile.elements, Operand(step: tile.stride), to: &scratch.z, positions(lanes), rows: tile.rows,
            columns: transformed)
        if contextDims > 0 {
            Kernels.best.transpose(
                tile.context, Operand(step: contextDims), to: &scratch.known, Operand(step: lanes), rows: tile.rows,
                columns: contextDims)
        }
        for r in 0..<lanes { scratch.logDet[r] = 0 }
        // lanes without a row: anything finite will do, and zeros stay zeros
        if tile.rows < lanes {
            for k in 0..<contextDims { clear(&scratch.known, k * lanes + tile.rows..<(k + 1) * lanes) }
            for p in 0..<transformed { clear(&scratch.z, p * lanes + tile.rows..<(p + 1) * lanes) }
            clear(&scratch.partial, 0..<plan.partial * lanes)
        }
    }

    private func writeData(_ tile: inout RowTile, _ lanes: Int, _ scratch: SolveScratch) {
        Kernels.best.transpose(
            scratch.z, positions(lanes), to: &tile.elements, Operand(step: tile.stride), rows: transformed,
            columns: tile.rows)
        for r in 0..<tile.rows { tile.logDet[r] += scratch.logDet[r] }
    }

    /// Returns the places of an event's dimensions in an array of positions.
    private func positions(_ lanes: Int) -> Operand {
        reversed ? Operand(offset: (transformed - 1) * lanes, step: -lanes) : Operand(step: lanes)
    }
}

/// Workspace of sequential solves, one after another.
final class SolveWorkspace: MapWorkspace {
    var scratch = SolveScratch()
}
