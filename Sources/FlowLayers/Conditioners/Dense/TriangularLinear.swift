package import FlowCore
import FlowKernels

/// A linear map whose output unit `u` reads only its first `reach[u]` inputs, `reach` never falling: with units sorted
/// by degree, every mask of a masked autoregressive network has this shape (Germain et al., *MADE* 2015, §3, where the
/// mask is dense). A plain linear map is the case where every unit reads all inputs.
///
/// This is the training side. All three products (``forward(_:adding:)``, ``pullBack(_:)``, ``weightGradient(units:of:into:)``)
/// leave out what lies beyond the reach of panels of units, about half of a triangular matrix.
package struct TriangularLinear: Sendable {
    /// Weights, `[outputs, inputs]`, row-major; zero at and beyond a unit's reach.
    package var weights: [Float]
    /// Biases, `[outputs]`.
    package var biases: [Float]
    /// Number of inputs.
    package let inputs: Int
    /// Number of output units.
    package let outputs: Int
    /// Number of inputs that each unit reads, `[outputs]`, each in `0...inputs`, never falling.
    package let reach: [Int]

    /// A map with weights and biases uniform on `±1/√fan-in` (PyTorch's default, after He et al. 2015), or zero without `random`.
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

    /// Whether every weight at or beyond its unit's reach is zero.
    package var isTriangular: Bool {
        (0..<outputs).allSatisfy { u in
            (u * inputs + reach[u]..<(u + 1) * inputs).allSatisfy { weights[$0] == 0 }
        }
    }

    /// Sets every weight at or beyond its unit's reach to zero.
    package mutating func restoreTriangle() {
        for u in 0..<outputs {
            for k in reach[u]..<inputs {
                weights[u * inputs + k] = 0
            }
        }
    }

    /// Number of output units of one product of ``forward(_:adding:)``, and of ``weightGradient(units:of:into:)``: a multiple of
    /// the tiles of every instruction set, and small, to follow the diagonal closely.
    private static let panel = 24

    /// Computes `W · x + b`, `[outputs, rows]`, plus `skip` if there is one.
    /// - Complexity: `rows · Σ reach` multiply-adds, rounded up to whole panels.
    package func forward(_ x: UnitMajor, adding skip: UnitMajor? = nil) -> UnitMajor {
        precondition(x.units == inputs && (skip == nil || skip!.units == outputs))
        var y = skip ?? UnitMajor(units: outputs, rows: x.rows)
        let rows = y.stride
        var span = y.elements.mutableSpan
        for u in 0..<outputs {
            for r in u * rows..<(u + 1) * rows { span[r] += biases[u] }
        }
        for first in stride(from: 0, to: outputs, by: Self.panel) {
            let count = min(Self.panel, outputs - first)
            Kernels.best.product(
                x.elements.span, Operand(step: rows), weights.span,
                Operand(offset: first * inputs, step: 1, stride: inputs), lanes: rows, count: count,
                depth: reach[first + count - 1], start: .accumulate, c: &span,
                Operand(offset: first * rows, step: rows))
        }
        return y
    }

    /// Number of output units of one product of ``pullBack(_:)``.
    private static let depth = 64
    /// Number of inputs of one product of ``pullBack(_:)``.
    private static let width = 48

    /// Pulls a cotangent back, `∂L/∂x = Wᵀ · ∂L/∂y`, `[inputs, rows]`.
    ///
    /// The product reads a few inputs of many units, which stand a whole row of weights apart. So it asks for the next few
    /// inputs of each while it is at these; copying a panel's weights side by side first took longer.
    package func pullBack(_ dy: UnitMajor) -> UnitMajor {
        precondition(dy.units == outputs)
        var dx = UnitMajor(units: inputs, rows: dy.rows)
        let rows = dx.stride
        var sum = dx.elements.mutableSpan
        for first in stride(from: 0, to: outputs, by: Self.depth) {
            let end = min(first + Self.depth, outputs)
            var unit = first
            for input in stride(from: 0, to: reach[end - 1], by: Self.width) {
                // units that do not reach so far are left out
                while reach[unit] <= input { unit += 1 }
                Kernels.best.product(
                    dy.elements.span, Operand(offset: unit * rows, step: rows), weights.span,
                    Operand(offset: unit * inputs + input, step: inputs, ahead: Self.width), lanes: rows,
                    count: min(Self.width, inputs - input), depth: end - unit, start: .accumulate, c: &sum,
                    Operand(offset: input * rows, step: rows))
            }
        }
        return dx
    }

    /// Trace of both passes over some rows of a batch, of which ``weightGradient(units:of:into:)`` is made.
    package struct Trace: Sendable {
        /// Input of the map, row by row, `[rows, width]`.
        let inputs: [Float]
        /// Number of elements from one row of inputs to the next.
        let width: Int
        /// Cotangent of the map's output, `[outputs, rows]`.
        let cotangent: UnitMajor

        /// A trace of an input, `[inputs, rows]`, and of the cotangent of its output.
        package init(inputs: UnitMajor, cotangent: UnitMajor) {
            (self.inputs, width) = inputs.byRow()
            self.cotangent = cotangent
        }
    }

    /// Sets `gradient`, `[units.count, inputs]`, to `∂L/∂W = Σᵣ ∂L/∂y · xᵀ` of some output units, zero beyond their reach.
    ///
    /// The sum over rows is one chain in the order of `traces`: its bits do not depend on where the batch was cut.
    package func weightGradient(units: Range<Int>, of traces: [Trace], into gradient: inout MutableSpan<Float>) {
        precondition(gradient.count == units.count * inputs)
        let lanes = UnitMajor.lanes
        var edge = [Float](repeating: 0, count: Self.panel * lanes)
        for first in stride(from: units.lowerBound, to: units.upperBound, by: Self.panel) {
            let count = min(Self.panel, units.upperBound - first)
            let base = (first - units.lowerBound) * inputs
            let reads = reach[first + count - 1]
            // whole vectors of inputs as far as they fit a row of weights, and the last few through a copy
            let wide = UnitMajor.stride(reads)
            let inside = min(wide, inputs / lanes * lanes)
            for (t, trace) in traces.enumerated() {
                let cotangent = Operand(
                    offset: first * trace.cotangent.stride, step: 1, stride: trace.cotangent.stride)
                let start: ProductStart = t == 0 ? .zero : .accumulate
                if inside > 0 {
                    Kernels.best.product(
                        trace.inputs.span, Operand(step: trace.width), trace.cotangent.elements.span, cotangent,
                        lanes: inside, count: count, depth: trace.cotangent.rows, start: start, c: &gradient,
                        Operand(offset: base, step: inputs))
                }
                if wide > inside {
                    var span = edge.mutableSpan
                    Kernels.best.product(
                        trace.inputs.span, Operand(offset: inside, step: trace.width),
                        trace.cotangent.elements.span, cotangent, lanes: lanes, count: count,
                        depth: trace.cotangent.rows, start: start, c: &span, Operand(step: lanes))
                }
            }
            for u in 0..<count {
                let row = base + u * inputs
                for k in inside..<max(inside, reads) { gradient[row + k] = edge[u * lanes + k - inside] }
                for k in reach[first + u]..<max(inside, reads) { gradient[row + k] = 0 }
            }
        }
    }

    /// Sets `gradient`, `[units.count]`, to `∂L/∂b = Σᵣ ∂L/∂y`.
    package func biasGradient(units: Range<Int>, of traces: [Trace], into gradient: inout MutableSpan<Float>) {
        let lanes = UnitMajor.lanes
        var sums = [Float](repeating: 0, count: units.count * lanes)
        var span = sums.mutableSpan
        for trace in traces {
            let stride = trace.cotangent.stride
            Kernels.best.laneSums(
                trace.cotangent.elements.span, Operand(offset: units.lowerBound * stride, step: stride),
                rows: units.count, columns: stride, sums: &span)
        }
        for u in 0..<units.count {
            gradient[u] = (0..<lanes).reduce(0) { $0 + sums[u * lanes + $1] }
        }
    }
}
