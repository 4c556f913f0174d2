package import FlowCore
import FlowKernels

/// A network of linear maps with a rectifier after each but the last: what turns a key into shifts and log-scales.
///
/// Activations are unit-major, `[units, rows]`. The last map's output rows `2i` and `2i + 1` are the shift and the
/// unbounded log-scale of dimension `i`.
package struct Conditioner: Sendable {
    package var layers: [TriangularLinear]

    /// Every unit reads the whole layer below. The last map starts at zero, so that the flow starts at the identity.
    package init(inputs: Int, hidden: [Int], transformed: Int, random stream: inout RandomStream?) {
        let reaches = hidden.enumerated().map { i, units in
            Array(repeating: i == 0 ? inputs : hidden[i - 1], count: units)
        }
        self.init(
            inputs: inputs, reaches: reaches + [Array(repeating: hidden.last ?? inputs, count: 2 * transformed)],
            random: &stream)
    }

    /// The masked network of `D` positions: position `p` has degree `p + 1`, hidden unit `j` of `H` has degree
    /// `1 + ⌊j(D − 1)/H⌋`, a hidden unit reads degrees up to its own, and the outputs of a position read degrees below
    /// the position's.
    ///
    /// Source: Germain et al., *MADE* (2015), §4, arXiv:1502.03509; degrees evenly spread and sorted, not random.
    package init(maskedDims dims: Int, hidden: [Int], random stream: inout RandomStream?) {
        /// Units of a sorted layer whose degree is at most each of `1...dims - 1`; inputs have one unit a degree.
        func degrees(_ units: Int) -> [Int] { (0..<units).map { 1 + $0 * (dims - 1) / units } }
        var below = Array(1...dims)
        var reaches: [[Int]] = []
        for units in hidden {
            let own = degrees(units)
            // With one dimension there is nothing that a hidden unit may read.
            reaches.append(own.map { degree in dims == 1 ? 0 : below.count { $0 <= degree } })
            below = own
        }
        reaches.append((0..<2 * dims).map { row in dims == 1 ? 0 : below.count { $0 <= row / 2 } })
        self.init(inputs: dims, reaches: reaches, random: &stream)
    }

    private init(inputs: Int, reaches: [[Int]], random stream: inout RandomStream?) {
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
    package static func parameterCount(inputs: Int, hidden: [Int], transformed: Int) -> Int? {
        var count = 0
        var below = inputs
        for units in hidden + [2 * transformed] {
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
