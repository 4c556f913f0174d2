import CFlowKernels

/// The steps of a sequential solve, in an order that depends on the network alone and is found once, when it is packed.
///
/// Every index of a step is checked when it is added, so that running them checks only the arrays' sizes.
package struct SolvePlan: Sendable {
    /// One linear map of the network.
    package struct Map: Sendable {
        /// Panels of 32 units, `[inputs][32]` each, and their biases, `[panels, 32]`.
        let weights: [Float]
        let biases: [Float]
        /// Among the known values, in units: the first of its inputs and the first of its outputs.
        let inputs: Range<Int>
        let outputs: Range<Int>
        let activation: Activation?
        /// Where the residual stream stands that its units' sums go to before the activation, and whether they are added.
        let stream: Int?
        let adds: Bool

        package init(
            weights: [Float], biases: [Float], inputs: Range<Int>, outputs: Range<Int>, activation: Activation?,
            stream: Int?, adds: Bool
        ) {
            self.weights = weights
            self.biases = biases
            self.inputs = inputs
            self.outputs = outputs
            self.activation = activation
            self.stream = stream
            self.adds = adds
        }
    }

    let maps: [Map]
    /// Positions that are solved for, and where the first stands among the known values.
    let positions: Range<Int>
    let bound: Float
    /// Known values of a row.
    let known: Int
    private(set) var steps: [flow_solve_step] = []

    package init(maps: [Map], positions: Range<Int>, bound: Float, known: Int) {
        for map in maps {
            precondition(map.biases.count % 32 == 0 && map.inputs.upperBound <= known)
            precondition(map.outputs.upperBound <= known)
            if let stream = map.stream { precondition(stream >= 0 && stream + map.outputs.count <= known) }
        }
        precondition(positions.lowerBound >= 0 && positions.upperBound <= known)
        self.maps = maps
        self.positions = positions
        self.bound = bound
        self.known = known
    }

    package var count: Int { steps.count }

    /// Starts panel `panel` of a map, whose weights begin at `offset`: its biases, and the first `depth` inputs.
    package mutating func open(_ map: Int, panel: Int, offset: Int, depth: Int) {
        precondition(panel >= 0 && 32 * (panel + 1) <= maps[map].biases.count)
        append(FLOW_OPEN, map, lane: panel, lanes: 0, 0..<depth, offset, weights: offset)
    }

    /// Brings inputs in to `lanes` of the panel under way, whose weights begin at `weights`.
    package mutating func add(_ map: Int, lanes: Range<Int>, _ inputs: Range<Int>, weights: Int) {
        append(FLOW_ADD, map, lane: lanes.lowerBound, lanes: lanes.count, inputs, 0, weights: weights)
    }

    /// Brings inputs in to `lanes` and has their units done, `unit` and following.
    package mutating func finish(_ map: Int, lanes: Range<Int>, _ inputs: Range<Int>, unit: Int, weights: Int) {
        precondition(unit >= 0 && unit + lanes.count <= maps[map].outputs.count)
        append(FLOW_UNITS, map, lane: lanes.lowerBound, lanes: lanes.count, inputs, unit, weights: weights)
    }

    /// Brings inputs in to the shift in `lane` and the log-scale 16 lanes further, and solves for `position`.
    package mutating func solve(_ map: Int, lane: Int, _ inputs: Range<Int>, position: Int, weights: Int) {
        precondition((0..<16).contains(lane) && position >= 0 && position < positions.count)
        append(FLOW_DIMENSION, map, lane: lane, lanes: 1, inputs, position, weights: weights)
    }

    private mutating func append(
        _ kind: flow_solve_kind, _ map: Int, lane: Int, lanes: Int, _ inputs: Range<Int>, _ offset: Int, weights: Int
    ) {
        precondition(weights >= 0 && inputs.lowerBound >= 0 && inputs.upperBound <= maps[map].inputs.count)
        precondition(inputs.isEmpty || weights + 32 * inputs.upperBound <= maps[map].weights.count)
        precondition(lane >= 0 && (kind == FLOW_OPEN || lane + lanes <= 32))
        steps.append(
            flow_solve_step(
                kind: Int32(kind.rawValue), map: Int32(map), lane: Int32(lane), count: Int32(lanes),
                first: Int32(inputs.lowerBound), depth: Int32(inputs.count), offset: offset))
    }
}
