import FlowModels
import Glibc

/// Area under the receiver operating characteristic: the probability that a positive has a higher score than a negative, ties half.
///
/// By ranks: Hanley and McNeil, *The Meaning and Use of the Area under a ROC Curve* (1982), Radiology 143(1).
/// - Parameters:
///   - positives: numbers or infinities, at least one.
///   - negatives: the same.
public func areaUnderROC(positives: [Double], negatives: [Double]) -> Double {
    precondition(!positives.isEmpty && !negatives.isEmpty)
    let sorted = negatives.sorted()
    let wins = positives.reduce(0.0) { sum, score in
        let (below, through) = (sorted.count(below: score), sorted.count(through: score))
        return sum + Double(below) + Double(through - below) / 2
    }
    return wins / Double(positives.count) / Double(negatives.count)
}

/// Kolmogorov-Smirnov test of whether values in [0, 1] are uniform.
///
/// P-values of a model's verdicts share one set of calibration images, so they are not independent: they are uniform over the drawing of
/// both, and not given that set. With `n` values and `m` calibration images their test is that of two samples, whose effective number
/// is `n m/(n + m)`.
public struct UniformityTest: Sendable, Codable, Equatable {
    /// Number of values.
    public var count: Int
    /// Largest distance of their distribution function from that of the uniform distribution.
    public var distance: Double
    /// Probability of such a distance or a larger one, by Kolmogorov's limit with Stephens's correction for few values.
    ///
    /// Source: Stephens, *EDF Statistics for Goodness of Fit and Some Comparisons* (1974), JASA 69(347), table 1A.
    public var pValue: Double

    enum CodingKeys: String, CodingKey {
        case count
        case distance
        case pValue = "p_value"
    }

    /// - Parameters:
    ///   - values: at least one.
    ///   - calibrating: images whose ranks the values are; nil of values that are independent.
    public init(of values: [Double], calibrating: Int? = nil) {
        precondition(!values.isEmpty)
        let sorted = values.sorted()
        let n = Double(sorted.count)
        count = sorted.count
        distance = sorted.indices.reduce(0) { largest, i in
            max(largest, sorted[i] - Double(i) / n, Double(i + 1) / n - sorted[i])
        }
        let effective = calibrating.map { n * Double($0) / (n + Double($0)) } ?? n
        let lambda = (effective.squareRoot() + 0.12 + 0.11 / effective.squareRoot()) * distance
        var sum = 0.0
        for k in 1...100 {
            let term = exp(-2 * Double(k * k) * lambda * lambda)
            sum += k % 2 == 1 ? 2 * term : -2 * term
        }
        pValue = lambda < 0.2 ? 1 : min(max(sum, 0), 1)
    }
}
