package import FlowCore
import FlowKernels

/// A network of linear maps with an activation after each but the last: what turns a key into shifts and log-scales.
///
/// Activations are unit-major, `[units, rows]`. The last map's output rows `2i` and `2i + 1` are the shift and the
/// unbounded log-scale of dimension `i`. With a context the first `contextDims` inputs of the first map are the context,
/// which every unit may read, and the key's follow.
package struct Conditioner: Sendable {
    package var layers: [TriangularLinear]
    package let shape: ConditionerShape

    /// Every unit reads the whole layer below. The last map starts at zero, so that the flow starts at the identity.
    package init(inputs: Int, shape: ConditionerShape, transformed: Int, random stream: inout RandomStream?) {
        let widths = [shape.contextDims + inputs] + shape.hidden
        let reaches = zip(widths, shape.hidden + [2 * transformed]).map { below, units in
            Array(repeating: below, count: units)
        }
        self.init(inputs: widths[0], reaches: reaches, shape: shape, random: &stream)
    }

    /// The masked network of `D` positions: position `p` has degree `p + 1`, hidden unit `j` of `H` has degree
    /// `1 + ⌊j(D − 1)/H⌋`, a hidden unit reads degrees up to its own, and the outputs of a position read degrees below
    /// the position's. A context has degree 0; with one, unit `j` has degree `⌊jD/H⌋`, so that the first position's
    /// outputs too depend on it.
    ///
    /// Source: Germain et al., *MADE* (2015), §4, arXiv:1502.03509; degrees evenly spread and sorted, not random.
    package init(maskedDims dims: Int, shape: ConditionerShape, random stream: inout RandomStream?) {
        let isConditional = shape.contextDims > 0
        func degrees(_ units: Int) -> [Int] {
            (0..<units).map { isConditional ? $0 * dims / units : 1 + $0 * (dims - 1) / units }
        }
        var below = Array(repeating: 0, count: shape.contextDims) + Array(1...dims)
        var reaches: [[Int]] = []
        // Without a context and with one dimension there is nothing that a hidden unit may read.
        let readsNothing = dims == 1 && !isConditional
        for units in shape.hidden {
            let own = degrees(units)
            reaches.append(own.map { degree in readsNothing ? 0 : below.count { $0 <= degree } })
            below = own
        }
        reaches.append((0..<2 * dims).map { row in readsNothing ? 0 : below.count { $0 <= row / 2 } })
        self.init(inputs: shape.contextDims + dims, reaches: reaches, shape: shape, random: &stream)
    }

    private init(inputs: Int, reaches: [[Int]], shape: ConditionerShape, random stream: inout RandomStream?) {
        self.shape = shape
        layers = []
        for (i, reach) in reaches.enumerated() {
            // The output layer has no random start.
            if i == reaches.count - 1 { stream = nil }
            layers.append(
                TriangularLinear(
                    inputs: i == 0 ? inputs : reaches[i - 1].count, reach: reach, random: &stream))
        }
    }

    /// Numbers in the arrays of a network with these sizes, or nil where that overflows: known before any is allocated.
    package static func parameterCount(inputs: Int, shape: ConditionerShape, transformed: Int) -> Int? {
        var count = 0
        var below = shape.contextDims + inputs
        for units in shape.hidden + [2 * transformed] {
            let (weights, overflow) = units.multipliedReportingOverflow(by: below + 1)
            let (sum, overflowOfSum) = count.addingReportingOverflow(weights)
            if overflow || overflowOfSum { return nil }
            (count, below) = (sum, units)
        }
        return count
    }

    /// `[inputs, rows]` → `[2 · transformed, rows]`.
    package func forward(_ key: [Float], rows: Int) -> [Float] {
        forwardTaped(key, rows: rows).output
    }

    /// The same; the tape holds the input of every layer, rectified.
    package func forwardTaped(_ key: [Float], rows: Int) -> (output: [Float], tape: [[Float]]) {
        var tape = [key]
        for (i, layer) in layers.enumerated() {
            var y = layer.forward(tape[i], rows: rows)
            if i == layers.count - 1 { return (y, tape) }
            var span = y.mutableSpan
            reluForward(&span)
            tape.append(y)
        }
        preconditionFailure("a conditioner has at least its output layer")
    }

    /// Pulls `∂L/∂output` back to `∂L/∂key`, adding parameter gradients.
    package func backward(
        _ dOutput: [Float], tape: [[Float]], rows: Int, into gradient: inout Conditioner
    ) -> [Float] {
        var d = dOutput
        for i in layers.indices.reversed() {
            d = layers[i].backward(d, x: tape[i], rows: rows, into: &gradient.layers[i])
            if i > 0 {
                let activation = tape[i]
                var span = d.mutableSpan
                reluBackward(activation: activation.span, dx: &span)
            }
        }
        return d
    }

    package mutating func visitParameters(
        _ body: (ParameterInfo, inout [Float]) throws -> Void
    ) rethrows {
        for i in layers.indices {
            let (outputs, inputs) = (layers[i].outputs, layers[i].inputs)
            try body(ParameterInfo(name: "weights.\(i)", shape: [outputs, inputs]), &layers[i].weights)
            try body(ParameterInfo(name: "biases.\(i)", shape: [outputs]), &layers[i].biases)
        }
    }
}
