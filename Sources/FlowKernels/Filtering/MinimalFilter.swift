/// A minimal filter of one dimension, `F(outputs, taps)`: `outputs` neighbouring sums of `taps` products each, for one product at
/// each of `outputs + taps − 1` points.
///
/// With `M(x) = ∏ (x − q)` over the finite points `q`, an input `d` and a kernel `g`,
///
///     y[i] = Σₚ pⁱ · u[p] · v[p]      v[p] = Σⱼ d[j] · [xʲ] M(x)/(x − p)      u[p] = Σₖ g[k] · pᵏ / M′(p)
///
/// and for the point at infinity `v = Σⱼ d[j] · [xʲ] M(x)` and `u = g[taps − 1]`, which the last output alone reads.
///
/// Source: Winograd, *Arithmetic Complexity of Computations* (1980), §IV; as in Lavin & Gray, *Fast Algorithms for Convolutional
/// Neural Networks* (2016), §4.1, arXiv:1509.09308, with other points for 6 of them.
package struct MinimalFilter: Sendable, Equatable {
    /// Number of points, the one at infinity included: 4, 6 or 8.
    package let points: Int
    /// Length of the kernel.
    package let taps: Int
    /// Number of outputs.
    package var outputs: Int { points - taps + 1 }

    /// Numbers of points that there are transforms for.
    package static let pointCounts = [4, 6, 8]

    /// - Precondition: `points` is one of ``pointCounts``, and two outputs or more are left.
    package init(points: Int, taps: Int) {
        precondition(Self.pointCounts.contains(points) && taps > 0 && points > taps)
        self.points = points
        self.taps = taps
    }

    /// Finite points, in their order. Those of 6 and 8 keep the error of single precision small: with ±2 in the place of ±3/4 and
    /// ±3/2 it is a half more.
    package var finitePoints: [Double] {
        switch points {
        case 4: [0, 1, -1]
        case 6: [0, 0.75, -0.75, 1.5, -1.5]
        default: [0, 1, -1, 0.5, -0.5, 2, -2]
        }
    }

    /// Returns the factor of tap `tap` in the kernel's value at each point.
    package func weightFactors(tap: Int) -> [Double] {
        finitePoints.map { p in
            power(p, tap) / finitePoints.filter { $0 != p }.reduce(1) { $0 * (p - $1) }
        } + [tap == taps - 1 ? 1 : 0]
    }

    /// Factors of the input's numbers in its value at each point, `[points][points]`.
    package var inputFactors: [[Double]] {
        func coefficients(_ roots: [Double]) -> [Double] {
            roots.reduce([1]) { polynomial, q in
                zip([0] + polynomial, polynomial + [0]).map { $0 - q * $1 }
            }
        }
        return finitePoints.map { p in coefficients(finitePoints.filter { $0 != p }) + [0] } + [
            coefficients(finitePoints)
        ]
    }

    /// Factors of the products in each output, `[outputs][points]`.
    package var outputFactors: [[Double]] {
        (0..<outputs).map { i in finitePoints.map { power($0, i) } + [i == outputs - 1 ? 1 : 0] }
    }

    /// Additions, multiplications and multiply-adds that the transform of the inputs takes.
    package var inputOperations: Int { [4: 4, 6: 14, 8: 26][points]! }  // one of pointCounts
    /// Additions and multiply-adds that the transform to the outputs takes.
    package var outputOperations: Int { points - 2 + outputs * (points / 2 - 1) + 1 }

    private func power(_ x: Double, _ exponent: Int) -> Double { (0..<exponent).reduce(1) { value, _ in value * x } }
}
