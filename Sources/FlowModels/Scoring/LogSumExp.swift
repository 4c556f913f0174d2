import Glibc

/// Returns `ln Σ exp xᵢ`, computed without overflow: −∞ for no values, NaN where a value is NaN.
public func logSumExp(_ values: [Double]) -> Double {
    guard let largest = values.max() else { return -.infinity }
    if values.contains(where: \.isNaN) { return .nan }
    if largest.isInfinite { return largest }
    return largest + log(values.reduce(0) { $0 + exp($1 - largest) })
}

/// Returns `ln (1/n) Σ exp xᵢ`, the logarithm of the mean of `n` numbers given by their logarithms, computed without overflow.
/// - Precondition: there is at least one value.
public func logMeanExp(_ values: [Double]) -> Double {
    precondition(!values.isEmpty)
    return logSumExp(values) - log(Double(values.count))
}
