import FlowCore
import FlowKernels

/// Sequential direction of a masked autoregressive map, for training: the inverse with the tape of the forward pass at
/// what it finds, and the backward pass solved for the cotangent that it is given elsewhere. Either costs the
/// multiply-adds of one pass; see ``TriangularPlan``.
///
/// Weights change with every step of a training, and to pack them as ``SequentialSolve`` wants them costs more than the
/// solve. So this one works on them as they stand.
struct TriangularSolve: Sendable {
    let conditioner: Conditioner
    let transform: UnivariateTransform
    let plan: TriangularPlan

    init(_ conditioner: Conditioner, transform: UnivariateTransform, positions: Int) {
        self.conditioner = conditioner
        self.transform = transform
        plan = TriangularPlan(conditioner, positions: positions, parameters: transform.parameterCount)
    }

    private var layers: [TriangularLinear] { conditioner.layers }
    private var description: NetworkDescription { conditioner.description }

    /// Solves for the positions whose transforms give `z`, `[positions, rows]`.
    /// - Returns: the positions, the log-determinant of the inverse, nats, and the tape that
    ///   ``transformForward(x:key:context:transform:network:)`` leaves of them.
    func inverse(_ z: UnitMajor, context: Matrix?) -> (x: UnitMajor, logDet: [Float], tape: TransformTape) {
        let rows = z.stride
        let start = context.map { UnitMajor($0).followed(by: UnitMajor(units: z.units, rows: z.rows)) }
        var key = start ?? UnitMajor(units: z.units, rows: z.rows)
        // The outputs of every map, and of all but the last their activations.
        var sums = layers.map { $0.biased(rows: z.rows) }
        var active = layers.dropLast().map { UnitMajor(units: $0.outputs, rows: z.rows) }
        var logDet = [Float](repeating: 0, count: rows)
        var solved = [Float](repeating: 0, count: rows)
        let contextDims = conditioner.shape.contextDims

        for step in plan.steps {
            switch step {
            case .block(let map, let units, let inputs):
                layers[map].add(inputs, of: map == 0 ? key : active[map - 1], to: units, of: &sums[map])
            case .level(let level):
                if level > 0 {
                    let position = level - 1
                    let parameters = plan.units(layers.count, level: level)
                    let outputs = sums[layers.count - 1]
                    var span = solved.mutableSpan
                    var logDetSpan = logDet.mutableSpan
                    Kernels.best.columns(
                        transform, inverse: true,
                        x: z.elements.span.extracting(position * rows..<(position + 1) * rows),
                        parameters: outputs.elements.span.extracting(
                            parameters.lowerBound * rows..<parameters.upperBound * rows),
                        rows: rows, z: &span, logDet: &logDetSpan)
                    key.set(contextDims + position, solved)
                }
                for map in 0..<layers.count - 1 {
                    let units = plan.units(map + 1, level: level)
                    if units.isEmpty { continue }
                    layers[map].add(
                        plan.units(map, level: level), of: map == 0 ? key : active[map - 1], to: units, of: &sums[map])
                    if let skip = description.layers[map].skip { sums[map].add(units, of: sums[skip - 1]) }
                    let (first, count) = (units.lowerBound * rows, units.count * rows)
                    if description.layers[map + 1].isActivated {
                        Kernels.best.activate(
                            description.activation, from: sums[map].elements, first, to: &active[map].elements,
                            first, count: count)
                    } else {
                        active[map].copy(units, of: sums[map])
                    }
                }
            }
        }
        let x = key.dropping(contextDims)
        let tape = TransformTape(
            x: x, parameters: sums[layers.count - 1], network: Conditioner.Tape(inputs: [key] + sums.dropLast()))
        return (x, Array(logDet[..<z.rows]), tape)
    }

    /// Solves for the cotangent of the transforms' results, `[positions, rows]`, that is pulled back, with `dLogDet`, to `dx`; leaves
    /// in the tape what the parameters' gradients are then made of.
    ///
    /// A transform's gradients are linear in the cotangents of its value and of its log-derivative: with those of
    /// `(1, 0)` and `(0, dLogDet)`, which take no solving, a position's cotangent is `w = (dx − pulled back − tilt)/slope`.
    func backward(_ dx: UnitMajor, dLogDet: [Float], through tape: inout TransformTape) -> UnitMajor {
        let rows = dx.stride
        let count = transform.parameterCount
        let contextDims = conditioner.shape.contextDims
        let (slope, byValue) = transformGradients(tape, transform, value: 1, dLogDet: [])
        let (tilt, byLogDet) = transformGradients(tape, transform, value: 0, dLogDet: dLogDet)
        var w = UnitMajor(units: dx.units, rows: dx.rows)
        // The cotangents of every map's input, and then of the outputs.
        var cotangents = layers.map { UnitMajor(units: $0.inputs, rows: dx.rows) }
        cotangents.append(byLogDet)
        let adding = layers.indices.map { description.layers(adding: $0) }

        for step in plan.steps.reversed() {
            switch step {
            case .block(let map, let units, let inputs):
                pullBack(map, units: units, inputs: inputs, &cotangents)
            case .level(let level):
                for map in (0..<layers.count - 1).reversed() {
                    let units = plan.units(map + 1, level: level)
                    if units.isEmpty { continue }
                    let (first, length) = (units.lowerBound * rows, units.count * rows)
                    if description.layers[map + 1].isActivated {
                        Kernels.best.activationBackward(
                            description.activation, x: tape.network.inputs[map + 1].elements, first,
                            dx: &cotangents[map + 1].elements, first, count: length)
                    }
                    for layer in adding[map + 1] {
                        let around = cotangents[layer + 1]
                        cotangents[map + 1].add(units, of: around)
                    }
                    pullBack(map, units: units, inputs: plan.units(map, level: level), &cotangents)
                }
                guard level > 0 else { continue }
                let (first, key) = ((level - 1) * rows, (contextDims + level - 1) * rows)
                let outputs = plan.units(layers.count, level: level).lowerBound * rows
                let byKey = cotangents[0]
                let given = dx.elements.span
                let pulled = byKey.elements.span
                let tilts = tilt.elements.span
                let slopes = slope.elements.span
                let perValue = byValue.elements.span
                var own = w.elements.mutableSpan
                for r in 0..<rows {
                    own[first + r] = (given[first + r] - pulled[key + r] - tilts[first + r]) / slopes[first + r]
                }
                var d = cotangents[layers.count].elements.mutableSpan
                for parameter in stride(from: outputs, to: outputs + count * rows, by: rows) {
                    for r in 0..<rows { d[parameter + r] += own[first + r] * perValue[parameter + r] }
                }
            }
        }
        tape.network = conditioner.traced(tape.network, cotangents: Array(cotangents.dropFirst()))
        return w
    }

    /// Pulls the cotangents of some units of a map back to some of its inputs, the context aside, whose cotangents nobody asks for.
    private func pullBack(_ map: Int, units: Range<Int>, inputs: Range<Int>, _ cotangents: inout [UnitMajor]) {
        let first = map == 0 ? max(inputs.lowerBound, conditioner.shape.contextDims) : inputs.lowerBound
        guard first < inputs.upperBound else { return }
        let given = cotangents[map + 1]
        layers[map].pullBack(units, of: given, to: first..<inputs.upperBound, of: &cotangents[map])
    }
}

extension TriangularLinear {
    /// Number of output units of one product forward, as in a whole pass.
    private static let panel = 24
    /// Number of output units of one product backward, as in a whole pass.
    private static let depth = 64
    /// Number of inputs of one product backward, as in a whole pass.
    private static let width = 48

    /// Returns the biases in every row, `[outputs, rows]`.
    func biased(rows: Int) -> UnitMajor {
        var y = UnitMajor(units: outputs, rows: rows)
        let stride = y.stride
        var span = y.elements.mutableSpan
        for u in 0..<outputs {
            for r in u * stride..<(u + 1) * stride { span[r] = biases[u] }
        }
        return y
    }

    /// Adds the products of some inputs to some units.
    /// - Complexity: `rows · inputs · units` multiply-adds.
    func add(_ inputs: Range<Int>, of x: UnitMajor, to units: Range<Int>, of y: inout UnitMajor) {
        guard !inputs.isEmpty else { return }
        let rows = x.stride
        var span = y.elements.mutableSpan
        for first in stride(from: units.lowerBound, to: units.upperBound, by: Self.panel) {
            Kernels.best.product(
                x.elements.span, Operand(offset: inputs.lowerBound * rows, step: rows), weights.span,
                Operand(offset: first * self.inputs + inputs.lowerBound, step: 1, stride: self.inputs), lanes: rows,
                count: min(Self.panel, units.upperBound - first), depth: inputs.count, start: .accumulate, c: &span,
                Operand(offset: first * rows, step: rows))
        }
    }

    /// Pulls the cotangents of some units back, and adds them to those of some inputs.
    /// - Complexity: `rows · inputs · units` multiply-adds.
    func pullBack(_ units: Range<Int>, of dy: UnitMajor, to inputs: Range<Int>, of dx: inout UnitMajor) {
        let rows = dy.stride
        var span = dx.elements.mutableSpan
        for first in stride(from: units.lowerBound, to: units.upperBound, by: Self.depth) {
            for input in stride(from: inputs.lowerBound, to: inputs.upperBound, by: Self.width) {
                Kernels.best.product(
                    dy.elements.span, Operand(offset: first * rows, step: rows), weights.span,
                    Operand(offset: first * self.inputs + input, step: self.inputs), lanes: rows,
                    count: min(Self.width, inputs.upperBound - input),
                    depth: min(Self.depth, units.upperBound - first), start: .accumulate, c: &span,
                    Operand(offset: input * rows, step: rows))
            }
        }
    }
}

extension UnitMajor {
    /// Sets one unit's values, padding included.
    mutating func set(_ unit: Int, _ values: [Float]) {
        let count = stride
        precondition(values.count == count)
        var span = elements.mutableSpan
        for r in 0..<count { span[unit * count + r] = values[r] }
    }

    /// Adds some units of `other`.
    mutating func add(_ units: Range<Int>, of other: UnitMajor) {
        let range = units.lowerBound * stride..<units.upperBound * stride
        let more = other.elements.span
        var span = elements.mutableSpan
        for i in range { span[i] += more[i] }
    }

    /// Copies some units of `other` to their places.
    mutating func copy(_ units: Range<Int>, of other: UnitMajor) {
        let range = units.lowerBound * stride..<units.upperBound * stride
        let values = other.elements.span
        var span = elements.mutableSpan
        for i in range { span[i] = values[i] }
    }
}
