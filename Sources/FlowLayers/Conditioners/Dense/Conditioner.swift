package import FlowCore
package import FlowKernels

/// A conditioner of dense layers, which turns a key into the parameters of transforms. Its ``description`` says how the layers are
/// wired.
///
/// Activations are unit-major, `[units, rows]`. The last map's output rows `k i` to `k i + k − 1` are the `k` parameters of
/// dimension `i`. With a context the first `contextDims` inputs of the first map are the context,
/// which every unit may read, and the key's follow.
package struct Conditioner: Sendable {
    /// Linear maps, the first one first.
    package var layers: [TriangularLinear]
    /// Sizes of the network.
    package let shape: ConditionerShape
    /// Wiring of the layers. Dense ones have nothing but activations, and skips between layers of one width.
    package var description: NetworkDescription {
        didSet { checkDescription() }
    }

    private func checkDescription() {
        precondition(description.layers.count == shape.hidden.count + 1)
        for (k, layer) in description.layers.enumerated() {
            precondition(layer.gate == nil && layer.dropout == nil && !layer.addsContext && !layer.addsPositions)
            if let skip = layer.skip { precondition(shape.hidden[skip - 1] == shape.hidden[k]) }
        }
    }

    /// A network whose units read the whole layer below. The last map starts at zero, so that the flow starts at the identity.
    package init(inputs: Int, shape: ConditionerShape, outputs: Int, random stream: inout RandomStream?) {
        let widths = [shape.contextDims + inputs] + shape.hidden
        let reaches = zip(widths, shape.hidden + [outputs]).map { below, units in
            Array(repeating: below, count: units)
        }
        self.init(inputs: widths[0], reaches: reaches, shape: shape, random: &stream)
    }

    /// A masked network of `D` positions: position `p` has degree `p + 1`, hidden unit `j` of `H` has degree
    /// `1 + ⌊j(D − 1)/H⌋`, a hidden unit reads degrees up to its own, and the outputs of a position read degrees below
    /// the position's. A context has degree 0; with one, unit `j` has degree `⌊jD/H⌋`, so that the first position's
    /// outputs too depend on it.
    ///
    /// Source: Germain et al., *MADE* (2015), §4, arXiv:1502.03509; degrees evenly spread and sorted, not random.
    package init(
        maskedDims dims: Int, shape: ConditionerShape, parametersPerDim: Int, random stream: inout RandomStream?
    ) {
        func degrees(_ units: Int) -> [Int] {
            (0..<units).map { Self.degree(of: $0, in: units, maskedDims: dims, shape) }
        }
        var below = Array(repeating: 0, count: shape.contextDims) + Array(1...dims)
        var reaches: [[Int]] = []
        let readsNothing = Self.readsNothing(maskedDims: dims, shape)
        for units in shape.hidden {
            let own = degrees(units)
            reaches.append(own.map { degree in readsNothing ? 0 : below.count { $0 <= degree } })
            below = own
        }
        reaches.append(
            (0..<dims).flatMap { position in
                Array(repeating: readsNothing ? 0 : below.count { $0 <= position }, count: parametersPerDim)
            })
        self.init(inputs: shape.contextDims + dims, reaches: reaches, shape: shape, random: &stream)
    }

    /// Returns the degree of unit `unit` of a masked network's hidden layer of `units`.
    private static func degree(of unit: Int, in units: Int, maskedDims dims: Int, _ shape: ConditionerShape) -> Int {
        shape.contextDims > 0 ? unit * dims / units : 1 + unit * (dims - 1) / units
    }

    /// Returns whether hidden units may read nothing: there is one dimension, and no context.
    private static func readsNothing(maskedDims dims: Int, _ shape: ConditionerShape) -> Bool {
        dims == 1 && shape.contextDims == 0
    }

    private init(inputs: Int, reaches: [[Int]], shape: ConditionerShape, random stream: inout RandomStream?) {
        self.shape = shape
        description = NetworkDescription(shape)
        layers = []
        for (i, reach) in reaches.enumerated() {
            // The output layer has no random start.
            if i == reaches.count - 1 { stream = nil }
            layers.append(
                TriangularLinear(
                    inputs: i == 0 ? inputs : reaches[i - 1].count, reach: reach, random: &stream))
        }
    }

    /// Computes the number of parameters of a masked network with these sizes, without entries that a mask holds at zero, before
    /// any array is allocated; nil where the arrays' sizes overflow, or a size of the transform is not allowed.
    /// - Complexity: the number of units.
    package static func parameterCount(
        maskedDims dims: Int, shape: ConditionerShape, transform: UnivariateTransform
    ) -> Int? {
        guard parameterCount(inputs: dims, shape: shape, transform: transform, transformed: dims) != nil else {
            return nil
        }
        let readsNothing = readsNothing(maskedDims: dims, shape)
        let context = shape.contextDims
        var below = (units: context + dims, degree: { (input: Int) in max(0, input + 1 - context) })
        var count = 0
        /// Counts `units` units in rising order of `degree`, `rows` rows each of a bias and the weights of what the unit may read.
        func add(_ units: Int, rows: Int = 1, _ degree: @escaping (Int) -> Int) {
            var reach = 0
            for unit in 0..<units {
                while !readsNothing, reach < below.units, below.degree(reach) <= degree(unit) { reach += 1 }
                count += rows * (reach + 1)
            }
            below = (units, degree)
        }
        for units in shape.hidden {
            add(units) { Self.degree(of: $0, in: units, maskedDims: dims, shape) }
        }
        add(dims, rows: transform.parameterCount) { $0 }
        return count
    }

    /// Computes the number of parameters of a network without masks, before any array is allocated; nil where it overflows, or a
    /// size of the transform is not allowed.
    package static func parameterCount(
        inputs: Int, shape: ConditionerShape, transform: UnivariateTransform, transformed: Int
    ) -> Int? {
        guard transform.parameterCount > 0 else { return nil }
        let (outputs, overflow) = transform.parameterCount.multipliedReportingOverflow(by: transformed)
        if overflow { return nil }
        var count = 0
        var below = shape.contextDims + inputs
        for units in shape.hidden + [outputs] {
            let (weights, overflow) = units.multipliedReportingOverflow(by: below + 1)
            let (sum, overflowOfSum) = count.addingReportingOverflow(weights)
            if overflow || overflowOfSum { return nil }
            (count, below) = (sum, units)
        }
        return count
    }

    /// Tape of one forward pass; after the backward pass, what the gradients are made of.
    package struct Tape: Sendable {
        /// Input of every map, before its activation.
        var inputs: [UnitMajor] = []
        /// Trace of every map, after ``Conditioner/backward(_:through:)``.
        var traces: [TriangularLinear.Trace] = []
    }

    /// Computes the bytes of a tape of `rows` rows, before or after ``backward(_:through:)``, whichever is more.
    func tapeBytes(rows: Int) -> Int {
        let stride = UnitMajor.stride(rows)
        let before = layers.reduce(0) { $0 + $1.inputs * stride }
        let after = layers.reduce(0) { $0 + rowStride($1.inputs) * rows + $1.outputs * stride }
        return 4 * max(before, after)
    }

    /// Computes the parameters, `[outputs, rows]`, from the key, `[inputs, rows]`.
    package func forwardTaped(_ key: UnitMajor, context: Matrix? = nil) -> (output: UnitMajor, tape: Tape) {
        precondition((context?.columns ?? 0) == shape.contextDims)
        var tape = Tape(inputs: [context.map { UnitMajor($0).followed(by: key) } ?? key])
        for i in 0..<layers.count - 1 {
            let skip = description.layers[i].skip.map { tape.inputs[$0] }
            tape.inputs.append(layers[i].forward(activated(tape.inputs[i], of: i), adding: skip))
        }
        let last = layers.count - 1
        return (layers[last].forward(activated(tape.inputs[last], of: last)), tape)
    }

    /// Pulls `∂L/∂output` back to `∂L/∂key` and leaves in the tape what the parameters' gradients are made of.
    package func backward(_ dOutput: UnitMajor, through tape: inout Tape) -> UnitMajor {
        var d = dOutput
        // what reached each value past the layer that reads it
        var around = [UnitMajor?](repeating: nil, count: layers.count)
        var traces: [TriangularLinear.Trace] = []
        for i in layers.indices.reversed() {
            let input = tape.inputs[i]
            if let skip = description.layers[i].skip {
                if around[skip] == nil { around[skip] = d } else { around[skip]!.add(d) }
            }
            traces.append(TriangularLinear.Trace(inputs: activated(input, of: i), cotangent: d))
            var dInput = layers[i].pullBack(d)
            if description.layers[i].isActivated {
                var span = dInput.elements.mutableSpan
                Kernels.best.activationBackward(description.activation, x: input.elements.span, dx: &span)
            }
            if let more = around[i] {
                dInput.add(more)
                around[i] = nil
            }
            d = dInput
        }
        tape = Tape(inputs: [], traces: traces.reversed())
        return d.dropping(shape.contextDims)
    }

    /// Makes the tape of a backward pass that left these cotangents of every map's output.
    func traced(_ tape: Tape, cotangents: [UnitMajor]) -> Tape {
        Tape(
            traces: layers.indices.map {
                TriangularLinear.Trace(inputs: activated(tape.inputs[$0], of: $0), cotangent: cotangents[$0])
            })
    }

    /// Computes what map `i` reads of its input: its activation, where the map has one.
    private func activated(_ input: UnitMajor, of i: Int) -> UnitMajor {
        guard description.layers[i].isActivated else { return input }
        var output = input
        var span = output.elements.mutableSpan
        Kernels.best.activate(
            description.activation, x: &span, offset: 0, rows: 1, columns: span.count, stride: span.count)
        return output
    }

    /// Visits weights and biases of every map, the first one first.
    package mutating func visitParameters(
        _ body: (ParameterInfo, inout [Float]) throws -> Void
    ) rethrows {
        for i in layers.indices {
            let (weights, biases) = infos(i)
            try body(weights, &layers[i].weights)
            try body(biases, &layers[i].biases)
        }
    }

    /// Visits the gradient of every parameter array, in visiting order, from tapes that went through ``backward(_:through:)``.
    func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        for i in layers.indices {
            let traces = tapes.map { $0.traces[i] }
            let layer = layers[i]
            let (weights, biases) = infos(i)
            body(
                ParameterGradient(info: weights) { units, gradient in
                    layer.weightGradient(units: units, of: traces, into: &gradient)
                })
            body(
                ParameterGradient(info: biases) { units, gradient in
                    layer.biasGradient(units: units, of: traces, into: &gradient)
                })
        }
    }

    private func infos(_ i: Int) -> (weights: ParameterInfo, biases: ParameterInfo) {
        let layer = layers[i]
        let isDense = layer.reach[0] == layer.inputs
        return (
            ParameterInfo(
                name: "weights.\(description.layers[i].name)", shape: [layer.outputs, layer.inputs],
                reach: isDense ? nil : layer.reach),
            ParameterInfo(name: "biases.\(description.layers[i].name)", shape: [layer.outputs])
        )
    }
}
