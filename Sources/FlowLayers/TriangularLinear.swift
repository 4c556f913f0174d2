package import FlowCore
import FlowKernels

/// A linear map whose output unit `u` reads only its first `reach[u]` inputs, `reach` never falling: with units sorted
/// by degree, every mask of a masked autoregressive network has this shape (Germain et al., *MADE* 2015, §3, where the
/// mask is dense). A plain linear map is the case where every unit reads all inputs.
///
/// Activations are unit-major, `[units, rows]`. Products run over panels of output units, each as wide as its last
/// unit's reach, so that about half of a triangular matrix is never multiplied.
package struct TriangularLinear: Sendable {
    /// `[outputs, inputs]`, row-major; zero at and beyond a unit's reach.
    package var weights: [Float]
    /// `[outputs]`.
    package var biases: [Float]
    package let inputs: Int
    package let outputs: Int
    /// `[outputs]`, each in `0...inputs`, never falling.
    package let reach: [Int]

    /// Output units that one product covers. Smaller follows the diagonal more closely, larger feeds BLAS better.
    private static let panelHeight = 64

    /// Weights and biases uniform on `±1/√fan-in` (PyTorch's default, after He et al. 2015), or zero without `random`.
    package init(inputs: Int, reach: [Int], random stream: inout RandomStream?) {
        precondition(inputs > 0 && !reach.isEmpty)
        precondition(zip(reach, reach.dropFirst()).allSatisfy(<=) && reach[0] >= 0 && reach.last! <= inputs)
        self.inputs = inputs
        self.outputs = reach.count
        self.reach = reach
        weights = Array(repeating: 0, count: inputs * reach.count)
        biases = Array(repeating: 0, count: reach.count)
        guard stream != nil else { return }
        for u in 0..<outputs {
            let bound = 1 / Float(max(1, reach[u])).squareRoot()
            for k in 0..<reach[u] {
                weights[u * inputs + k] = (2 * stream!.uniform() - 1) * bound
            }
            biases[u] = (2 * stream!.uniform() - 1) * bound
        }
    }

    /// No weight stands at or beyond its unit's reach.
    package var isTriangular: Bool {
        (0..<outputs).allSatisfy { u in
            (u * inputs + reach[u]..<(u + 1) * inputs).allSatisfy { weights[$0] == 0 }
        }
    }

    /// Zeros every weight at and beyond its unit's reach.
    package mutating func restoreTriangle() {
        for u in 0..<outputs {
            for k in reach[u]..<inputs {
                weights[u * inputs + k] = 0
            }
        }
    }

    /// Rising runs of output units and how many inputs each run reads.
    private var panels: [(units: Range<Int>, reads: Int)] {
        stride(from: 0, to: outputs, by: Self.panelHeight).map { first in
            let units = first..<min(first + Self.panelHeight, outputs)
            return (units, reach[units.upperBound - 1])
        }
    }

    /// `W · x + b`: `[inputs, rows]` → `[outputs, rows]`.
    /// - Complexity: `rows · Σ reach` multiply-adds, rounded up to whole panels.
    package func forward(_ x: [Float], rows: Int) -> [Float] {
        precondition(x.count == inputs * rows)
        var y = [Float](repeating: 0, count: outputs * rows)
        var out = y.mutableSpan
        broadcastBias(biases.span, rows: rows, to: &out)
        for (units, reads) in panels where reads > 0 {
            matmul(
                weights.span, Panel(offset: units.lowerBound * inputs, stride: inputs), x.span, Panel(stride: rows),
                m: units.count, n: rows, k: reads, accumulate: true,
                c: &out, Panel(offset: units.lowerBound * rows, stride: rows))
        }
        return y
    }

    /// `dx = Wᵀ · dy`; adds `dy · xᵀ` within reach and `Σ dy` to the gradient's weights and biases.
    package func backward(_ dy: [Float], x: [Float], rows: Int, into gradient: inout TriangularLinear) -> [Float] {
        precondition(dy.count == outputs * rows && x.count == inputs * rows)
        var biases = gradient.biases.mutableSpan
        biasBackward(dy.span, rows: rows, dBias: &biases)
        var dx = [Float](repeating: 0, count: inputs * rows)
        var dxSpan = dx.mutableSpan
        var dWeights = gradient.weights.mutableSpan
        for (units, reads) in panels where reads > 0 {
            let w = Panel(offset: units.lowerBound * inputs, stride: inputs)
            let d = Panel(offset: units.lowerBound * rows, stride: rows)
            matmul(
                weights.span, Panel(offset: w.offset, stride: inputs, transposed: true), dy.span, d,
                m: reads, n: rows, k: units.count, accumulate: true, c: &dxSpan, Panel(stride: rows))
            matmul(
                dy.span, d, x.span, Panel(stride: rows, transposed: true),
                m: units.count, n: reads, k: rows, accumulate: true, c: &dWeights, w)
            for u in units {
                // the panel is as wide as its last unit reaches: what lies beyond this one's reach stays zero
                for k in reach[u]..<reads {
                    dWeights[u * inputs + k] = 0
                }
            }
        }
        return dx
    }
}
