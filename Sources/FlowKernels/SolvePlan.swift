import CFlowKernels

/// Plan of a sequential solve: its steps, in an order that depends on the network alone and is found once, when it is packed.
///
/// Every index of a step is checked when it is added, so that running them checks only the arrays' sizes.
package struct SolvePlan: Sendable {
    /// One linear map of the network.
    package struct Map: Sendable {
        let weights: PanelWeights
        /// Biases of the units, `[panels, 32]`.
        let biases: [Float]
        /// Places of the map's inputs among the known values, in units.
        let inputs: Range<Int>
        /// Places of the map's outputs among the known values, in units; empty in the last map.
        let outputs: Range<Int>
        /// Activation of the outputs as the next map reads them; nil for none.
        let activation: Activation?
        /// Place of the units' sums before the activation, among the known values, in units; nil where they are not kept.
        let sum: Int?
        /// Place of what is added to the sums first, among the known values, in units; nil for nothing.
        let skip: Int?

        package init(
            weights: PanelWeights, biases: [Float], inputs: Range<Int>, outputs: Range<Int>, activation: Activation?,
            sum: Int? = nil, skip: Int? = nil
        ) {
            self.weights = weights
            self.biases = biases
            self.inputs = inputs
            self.outputs = outputs
            self.activation = activation
            self.sum = sum
            self.skip = skip
        }
    }

    let maps: [Map]
    /// Places of the positions that are solved for among the known values.
    let positions: Range<Int>
    let transform: UnivariateTransform
    /// Number of known values of a row.
    let known: Int
    /// Whether maps are in bfloat16: all or none.
    let isHalf: Bool
    /// Pairs of known inputs of all maps; 0 in single precision.
    let pairs: Int
    /// Elements of scratch for the panels under way of all maps, widened to single precision; 0 where all are in it.
    let room: Int
    /// Number of panels of outputs under way at once: two parameters of each dimension a panel.
    let places: Int
    private(set) var steps: [flow_solve_step] = []
    /// Number of inputs of each map's panel under way.
    private var reads: [Int]

    package init(maps: [Map], positions: Range<Int>, transform: UnivariateTransform, known: Int) {
        for (i, map) in maps.enumerated() {
            precondition(map.biases.count % 32 == 0 && map.inputs.upperBound <= known)
            precondition(map.outputs.isEmpty || map.outputs == maps[i + 1].inputs)
            for place in [map.sum, map.skip].compactMap(\.self) {
                precondition(place >= 0 && place + map.outputs.count <= known)
            }
        }
        precondition(positions.lowerBound >= maps[0].inputs.lowerBound && transform.parameterCount > 0)
        precondition(positions.upperBound == maps[0].inputs.upperBound)
        self.maps = maps
        self.positions = positions
        self.transform = transform
        self.known = known
        places = (transform.parameterCount + 1) / 2
        isHalf = maps[0].weights.isBF16
        precondition(maps.allSatisfy { [isHalf] in $0.weights.isBF16 == isHalf })
        pairs = isHalf ? maps.reduce(0) { $0 + ($1.inputs.count + 1) / 2 } : 0
        let wide = maps.dropLast().reduce(places * maps[maps.count - 1].inputs.count) { $0 + $1.inputs.count }
        room = maps.allSatisfy { $0.weights.isSingle } ? 0 : 32 * wide
        reads = Array(repeating: 0, count: maps.count)
        let context = positions.lowerBound - maps[0].inputs.lowerBound
        if context > 0 { append(FLOW_GIVEN, 0, lane: 0, lanes: 0, 0..<context, 0) }
    }

    /// Number of steps.
    package var count: Int { steps.count }

    /// Number of partial sums of a row, those of all maps.
    package var partial: Int { 32 * (maps.count - 1 + places) }

    /// Starts panel `panel` of a map, whose weights, those of `reads` inputs, begin at `offset`: its biases, and the first
    /// `depth` inputs. Several panels of outputs are under way at once, one behind the other in the weights and with the same
    /// number of inputs: `place` says which this one is.
    package mutating func open(_ map: Int, panel: Int, place: Int = 0, offset: Int, reads: Int, depth: Int) {
        precondition(panel >= 0 && 32 * (panel + 1) <= maps[map].biases.count && fits(place, map))
        precondition(
            place == 0 || (reads == self.reads[map] && offset >= place * maps[map].weights.panelCount(reads: reads)))
        precondition(reads <= maps[map].inputs.count && maps[map].weights.holds(panelAt: offset, reads: reads))
        self.reads[map] = reads
        append(FLOW_OPEN, map, place: place, lane: panel, lanes: reads, 0..<depth, offset)
    }

    /// Brings inputs in to `lanes` of the panel under way at `place`.
    package mutating func add(_ map: Int, place: Int = 0, lanes: Range<Int>, _ inputs: Range<Int>) {
        precondition(lanes.upperBound <= 32 && fits(place, map))
        append(FLOW_ADD, map, place: place, lane: lanes.lowerBound, lanes: lanes.count, inputs, 0)
    }

    private func fits(_ place: Int, _ map: Int) -> Bool {
        place >= 0 && place < (map == maps.count - 1 ? places : 1)
    }

    /// Brings inputs in to `lanes` and finishes their units, `unit` and following.
    /// - Parameter ahead: elements of the map's weights to prefetch.
    package mutating func finish(
        _ map: Int, lanes: Range<Int>, _ inputs: Range<Int>, unit: Int, ahead: Range<Int> = 0..<0
    ) {
        precondition(lanes.upperBound <= 32 && unit >= 0 && unit + lanes.count <= maps[map].outputs.count)
        append(FLOW_UNITS, map, lane: lanes.lowerBound, lanes: lanes.count, inputs, unit, ahead)
    }

    /// Brings inputs in to the parameters in `lane` and each 16 lanes further, and solves for `position`.
    /// - Parameter ahead: elements of the map's weights to prefetch.
    package mutating func solve(
        _ map: Int, lane: Int, _ inputs: Range<Int>, position: Int, ahead: Range<Int> = 0..<0
    ) {
        precondition((0..<16).contains(lane) && position >= 0 && position < positions.count)
        precondition(map == maps.count - 1)
        append(FLOW_DIMENSION, map, lane: lane, lanes: transform.parameterCount, inputs, position, ahead)
    }

    private mutating func append(
        _ kind: flow_solve_kind, _ map: Int, place: Int = 0, lane: Int, lanes: Int, _ inputs: Range<Int>, _ offset: Int,
        _ ahead: Range<Int> = 0..<0
    ) {
        precondition(ahead.lowerBound >= 0 && ahead.upperBound <= maps[map].weights.count)
        precondition(lane >= 0 && inputs.lowerBound >= 0)
        precondition(kind == FLOW_GIVEN || inputs.isEmpty || inputs.upperBound <= reads[map])
        steps.append(
            flow_solve_step(
                kind: Int32(kind.rawValue), map: Int32(map), place: Int32(place), lane: Int32(lane),
                count: Int32(lanes), first: Int32(inputs.lowerBound), depth: Int32(inputs.count), offset: offset,
                ahead: ahead.lowerBound, ahead_count: ahead.count))
    }
}

/// Memory that a solve writes on, kept from call to call. Empty until it is reserved.
package struct SolveScratch: Sendable {
    /// Latents, which become data, `[positions][lanes]`.
    package var z: [Float] = []
    /// Known values, `[units][lanes]`: what the units read and give; the plan says where.
    package var known: [Float] = []
    /// Known inputs of each map in bfloat16, `[pairs][lanes]`, two side by side in an element.
    var halfKnown: [UInt32] = []
    /// Sums of the panels under way, `[panels][32][lanes]`: one panel of each hidden map, then those of the outputs.
    package var partial: [Float] = []
    /// Weights of panels under way that are not in single precision, widened to it.
    var room: [Float] = []
    /// Offset of the weights of each map's first panel under way.
    var panels: [Int] = []
    /// Elements from one panel under way to the next in the weights of each map.
    var panelSteps: [Int] = []
    /// Log-determinant of each row, `[lanes]`, nats.
    package var logDet: [Float] = []
    /// Products of one panel with all that is known, `[rows][32]`.
    var scratch: [Float] = []

    /// Empty memory.
    package init() {}

    /// Makes room for up to `rows` rows of a plan; memory that is there already is kept.
    package mutating func reserve(for plan: SolvePlan, rows: Int) {
        let lanes = (rows + 15) / 16 * 16
        z.reserveZeros(lanes * plan.positions.count)
        known.reserveZeros(lanes * plan.known)
        halfKnown.reserveZeros(lanes * plan.pairs)
        partial.reserveZeros(lanes * plan.partial)
        room.reserveZeros(plan.room)
        panels.reserveZeros(plan.maps.count)
        panelSteps.reserveZeros(plan.maps.count)
        logDet.reserveZeros(lanes)
        scratch.reserveZeros(32 * lanes)
    }

    /// Makes row `to` of a solve of `rows` rows that is under way the same as row `from`.
    package mutating func copyRow(_ from: Int, to: Int, of rows: Int, _ plan: SolvePlan) {
        let lanes = (rows + 15) / 16 * 16
        precondition((0..<rows).contains(from) && (0..<rows).contains(to))
        for unit in 0..<plan.known { known[unit * lanes + to] = known[unit * lanes + from] }
        for pair in 0..<plan.pairs { halfKnown[pair * lanes + to] = halfKnown[pair * lanes + from] }
        for sum in 0..<plan.partial { partial[sum * lanes + to] = partial[sum * lanes + from] }
    }
}
