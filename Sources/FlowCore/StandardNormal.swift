import FlowKernels
import Glibc

/// Computes the log-density of the base distribution, `log N(z; 0, I) = −Σⱼ (z²ⱼ + ln 2π)/2`, one value a row, in nats.
///
/// Sums are in double precision, in an order that depends on nothing but the width of `z`.
public func standardNormalLogDensity(_ z: Matrix) -> [Double] {
    var logDensity = [Double](repeating: 0, count: z.rows)
    standardNormalLogDensity(z.elements, rows: z.rows, dims: z.columns, to: &logDensity)
    return logDensity
}

/// Computes the base distribution's log-density of the first `rows` rows of `[rows, dims]`, in nats, into an array that is there:
/// allocates nothing.
public func standardNormalLogDensity(_ z: [Float], rows: Int, dims: Int, to logDensity: inout [Double]) {
    precondition(z.count >= rows * dims && logDensity.count >= rows)
    let constant = 0.5 * Double(dims) * 1.837_877_066_409_345_5  // ln 2π
    for r in 0..<rows {
        logDensity[r] = -0.5 * Kernels.best.sumOfSquares(z.span, range: r * dims..<(r + 1) * dims) - constant
    }
}

/// Computes the log-density of one number under a normal distribution of mean 0, nats.
func normalLogDensity(_ x: Double, standardDeviation: Double) -> Double {
    let z = x / standardDeviation
    return -0.5 * (z * z + 1.837_877_066_409_345_5) - log(standardDeviation)  // ln 2π
}
