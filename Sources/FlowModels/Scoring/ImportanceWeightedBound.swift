import Glibc

/// Importance-weighted bound on a log-probability, with its standard error: the logarithm of the mean of `K` weights.
///
///     value         = log (1/K) Σₖ exp lₖ                      nats
///     standardError = √(Σₖ (wₖ − w̄)² / (K (K − 1))) / w̄       nats, with wₖ = exp lₖ and their mean w̄
///
/// The `lₖ` of an image are the log-densities of its dequantization draws. The bound's expectation is at most that of one
/// with more draws, and tends to the log-probability. The standard error is the delta method's; where few of many weights
/// carry the sum it is itself uncertain.
///
/// Source: Burda, Grosse and Salakhutdinov, *Importance Weighted Autoencoders* (2016), eq. 8 and theorem 1,
/// arXiv:1509.00519.
public struct ImportanceWeightedBound: Sendable, Equatable {
    /// Bound, nats; −∞ where every weight is 0, NaN where one is not a number.
    public let value: Double
    /// Standard error of ``value``, nats; nil where the spread says nothing: for one weight, and where the bound is not finite.
    public let standardError: Double?

    /// Computes the bound of weights that are given by their logarithms.
    /// - Parameter logWeights: logarithms `lₖ` of the weights, nats; at least one.
    public init(logWeights: [Double]) {
        let mean = logMeanExp(logWeights)
        guard mean.isFinite else {
            (value, standardError) = (mean, nil)
            return
        }
        let largest = logWeights.reduce(-.infinity, max)
        let weights = logWeights.map { exp($0 - largest) }  // in [0, 1], the largest 1
        let count = Double(weights.count)
        let meanWeight = weights.reduce(0, +) / count
        value = largest + log(meanWeight)
        guard weights.count > 1 else {
            standardError = nil
            return
        }
        let squares = weights.reduce(0) { $0 + ($1 - meanWeight) * ($1 - meanWeight) }
        standardError = (squares / (count - 1) / count).squareRoot() / meanWeight
    }
}

extension ImageScore {
    /// Log-density of the image, nats: the ``bound`` of its draws, which for a single draw is its `log p(y)`; given a class,
    /// `log p(y | class)`.
    public var logProb: Double { bound.value }

    /// Standard error of ``logProb``, nats; nil for one draw.
    public var standardError: Double? { bound.standardError }
}
