/// Order in which a masked network is solved dimension by dimension, whole batches at a time: for training.
///
/// Level `l` is position `l - 1`, its outputs, and the hidden units that need no position after it. Level 0 is the
/// context and what needs nothing else. A unit reads levels up to its own, an output lower ones alone; so the maps are
/// block triangular in the levels. The plan cuts the levels in half, again and again: the first half, then one product a
/// map for all that it brings to the second half, then the second half. Every weight is in one block, or within one level,
/// and is used once. Backwards and with every product transposed, the plan solves the transposed system.
struct TriangularPlan: Sendable {
    /// One step of the solve.
    enum Step: Sendable, Equatable {
        /// Everything within one level.
        case level(Int)
        /// Products of some inputs of a map for some of its units, all of higher levels than the inputs.
        case block(map: Int, units: Range<Int>, inputs: Range<Int>)
    }

    private(set) var steps: [Step] = []
    /// Places at which each level begins, and the end, among the inputs of every map and then among the outputs.
    private let starts: [[Int]]
    let positions: Int

    /// - Parameters:
    ///   - parameters: outputs of a position.
    init(_ conditioner: Conditioner, positions: Int, parameters: Int) {
        self.positions = positions
        let context = conditioner.shape.contextDims
        precondition(conditioner.layers[0].inputs == context + positions)
        var levels = Array(repeating: 0, count: context) + Array(1...positions)
        var starts: [[Int]] = []
        for layer in conditioner.layers {
            starts.append(Self.starts(of: levels, positions: positions))
            levels = layer.reach.map { $0 == 0 ? 0 : levels[$0 - 1] }
        }
        let outputs = (1...positions).flatMap { Array(repeating: $0, count: parameters) }
        self.starts = starts + [Self.starts(of: outputs, positions: positions)]
        precondition(zip(levels, outputs).allSatisfy(<), "outputs read lower levels")
        cut(0..<positions + 1)
    }

    /// Finds where each level begins among units with these levels, and the end.
    private static func starts(of levels: [Int], positions: Int) -> [Int] {
        var starts = [0]
        for level in 0...positions {
            var end = starts[level]
            while end < levels.count, levels[end] == level { end += 1 }
            starts.append(end)
        }
        precondition(starts.last == levels.count, "levels never fall")
        return starts
    }

    /// Returns the inputs of map `i` at some levels, or the outputs where `i` is the number of maps.
    func units(_ i: Int, _ levels: Range<Int>) -> Range<Int> {
        starts[i][levels.lowerBound]..<starts[i][levels.upperBound]
    }

    /// Returns the inputs of map `i` at one level, or the outputs where `i` is the number of maps.
    func units(_ i: Int, level: Int) -> Range<Int> { units(i, level..<level + 1) }

    /// Appends the steps of some levels: of the first half, the products between the halves, the second half.
    private mutating func cut(_ levels: Range<Int>) {
        guard levels.count > 1 else { return steps.append(.level(levels.lowerBound)) }
        let middle = levels.lowerBound + levels.count / 2
        cut(levels.lowerBound..<middle)
        for map in 0..<starts.count - 1 {
            let units = units(map + 1, middle..<levels.upperBound)
            let inputs = units.isEmpty ? 0..<0 : self.units(map, levels.lowerBound..<middle)
            if !inputs.isEmpty { steps.append(.block(map: map, units: units, inputs: inputs)) }
        }
        cut(middle..<levels.upperBound)
    }
}
