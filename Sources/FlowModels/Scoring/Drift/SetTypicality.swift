import FlowCore

/// Test of whether a set of images, taken together, is like the calibration images: it finds what no image of it shows alone.
///
/// Each kind of evidence, and the score by all of it, has a statistic of the set: the rank sum among set and calibration images,
/// two-sided (Wilcoxon 1945), which tells a shift; the score besides the sum of exponential scores (Savage 1956), one-sided,
/// which tells a few images that are far out. A statistic's p-value is `(1 + #{b : T_b ≥ T})/(B + 1)` over `B` choices of as many of all
/// those images, which is exact for images that are exchangeable with the calibration images; ties count as odd. The set's own p-value
/// is the least times the number of statistics (Bonferroni).
///
/// Source: Nalisnick et al., *Detecting Out-of-Distribution Inputs to Deep Generative Models Using Typicality* (2019),
/// arXiv:1906.02994, for the question; Phipson and Smyth, *Permutation P-values Should Never Be Zero* (2010) for the p-value.
public struct SetTypicality: Sendable {
    /// What one statistic says.
    public struct Finding: Sendable, Equatable {
        /// Name of the evidence; `score` for all of it together.
        public var name: String
        /// Rank of the set's statistic among those of the choices and its own.
        public var rank: ConformalRank
        /// Whether the set's values are higher than the calibration images', on the whole.
        public var isHigh: Bool
        /// What it means, as a sentence about the set.
        var meaning: String
    }

    /// Images of the set.
    public let count: Int
    /// What each statistic says.
    public let findings: [Finding]
    /// Rank by all statistics together.
    public let rank: ConformalRank
    /// Images that are outliers by themselves at the model's own rate of false alarms, and such as are unusual.
    public let outliers: Int
    public let unusual: Int

    /// Choices of images that a set's statistics are held against.
    public static let permutations = 9_999

    /// Tests a set.
    /// - Parameters:
    ///   - images: evidence of each image, the values of ``Evidence/all``; at least one image.
    /// - Returns: nil where a value is not a number.
    public init?(of images: [[Double]], by decision: DecisionRecord) {
        precondition(!images.isEmpty)
        guard images.allSatisfy(decision.isAnswered) else { return nil }
        let sightings = images.map { decision.sighting(of: $0) }
        count = images.count
        let verdicts = sightings.map { Verdict($0.rank, at: decision.alarm) }
        outliers = verdicts.count { $0 == .outlier }
        unusual = verdicts.count { $0 == .unusual }

        let scores = PooledRanks(decision.scores, sightings.map(\.score))
        var statistics = [
            Statistic(
                name: "score", weights: scores.savage, isTwoSided: false,
                high: "more images of the set are far from the learned ones than chance explains", low: ""),
            Statistic(
                name: "score", weights: scores.wilcoxon, isTwoSided: true,
                high: "the images of the set are odder than the learned ones on the whole",
                low: "the images of the set are more ordinary than the learned ones on the whole"),
        ]
        for (place, calibration) in decision.calibrationValues {
            let pooled = PooledRanks(calibration, images.map { $0[place] })
            let evidence = Evidence.all[place]
            statistics.append(
                Statistic(
                    name: evidence.name, weights: pooled.wilcoxon, isTwoSided: true,
                    high: "on the whole an image of the set \(evidence.high)",
                    low: "on the whole an image of the set \(evidence.low)"))
        }
        let total = Self.permutations + 1
        let counts = Self.exceedances(statistics, set: count)
        let findings = zip(statistics, counts).map { statistic, count in
            let isHigh = statistic.sum(ofLast: images.count) > 0
            return Finding(
                name: statistic.name, rank: ConformalRank(count: 1 + count, total: total), isHigh: isHigh,
                meaning: isHigh ? statistic.high : statistic.low)
        }
        self.findings = findings
        let least = findings.map(\.rank.count).min()!
        rank = ConformalRank(count: min(total, least * findings.count), total: total)
    }

    /// Whether there are choices enough to tell a set at a rate of false alarms.
    public static func tells(at alarm: AlarmRate, by decision: DecisionRecord) -> Bool {
        alarm.isReached(by: decision.evidence.count + 2, of: permutations + 1)
    }

    /// Verdict on the set at a rate of false alarms.
    /// - Precondition: ``tells(at:by:)``.
    public func verdict(at alarm: AlarmRate) -> Verdict {
        guard let verdict = Verdict(rank, at: alarm) else { preconditionFailure("too few choices for the rate") }
        return verdict
    }

    /// Sentences of what is odd about the set by itself, most telling first; empty for a typical set.
    public func reasons(at alarm: AlarmRate) -> [String] {
        findings.filter { finding in
            alarm.isReached(
                by: finding.rank.count * findings.count, of: rank.total, times: Verdict.unusualFactor)
        }.sorted { $0.rank.count < $1.rank.count }.map(\.meaning)
    }

    /// Weight of each image in a sum, calibration images first; they add up to zero but for rounding.
    private struct Statistic {
        var name: String
        var weights: [Double]
        var isTwoSided: Bool
        /// What a sum above zero means, as a sentence about the set.
        var high: String
        /// What a sum below zero means, as a sentence about the set.
        var low: String

        func sum(ofLast count: Int) -> Double { weights.suffix(count).reduce(0, +) }
    }

    /// For each statistic the number of choices whose value is at least the set's.
    ///
    /// The choices are the same for every set of a size, so that the same question has the same answer.
    private static func exceedances(_ statistics: [Statistic], set: Int) -> [Int] {
        let all = statistics[0].weights.count
        let own = statistics.map { statistic in
            let sum = statistic.sum(ofLast: set)
            // What differs only by the order in which it was added up is a tie.
            let slack = 1e-9 * statistic.weights.reduce(0) { $0 + abs($1) }
            return (statistic.isTwoSided ? abs(sum) : sum) - slack
        }
        // Rising, so that neither the set's order nor that of the calibration images says which images a choice has.
        let weights = statistics.map { $0.weights.sorted() }
        var random = RandomStream(seed: 0, stream: UInt64(set))
        var order = Array(0..<all)
        var counts = [Int](repeating: 0, count: statistics.count)
        for _ in 0..<permutations {
            for i in 0..<set { order.swapAt(i, i + Int(random.next() % UInt64(all - i))) }
            for s in statistics.indices {
                var sum = 0.0
                for i in 0..<set { sum += weights[s][order[i]] }
                if (statistics[s].isTwoSided ? abs(sum) : sum) >= own[s] { counts[s] += 1 }
            }
        }
        return counts
    }
}

/// Ranks of calibration images and those of a set among each other, calibration images first; equal values have the mean of their
/// ranks.
private struct PooledRanks {
    /// First and last rank, from 1, that each image shares with those of its value.
    private var ranks: [ClosedRange<Int>]

    /// - Parameters:
    ///   - calibration: values that rise.
    ///   - set: values, none of which is NaN.
    init(_ calibration: [Double], _ set: [Double]) {
        let sorted = (calibration + set).sorted()
        ranks = (calibration + set).map { value in
            (sorted.count(below: value) + 1)...sorted.count(through: value)
        }
    }

    /// Ranks less their mean.
    var wilcoxon: [Double] {
        let mean = Double(ranks.count + 1) / 2
        return ranks.map { Double($0.lowerBound + $0.upperBound) / 2 - mean }
    }

    /// Exponential scores less their mean: of rank `r` of `N` the mean of the `r`-th least of `N` exponential variables,
    /// `Σ_{i=N−r+1}^{N} 1/i − 1`; those of equal values are averaged.
    var savage: [Double] {
        let count = ranks.count
        var sums = [0.0]  // of the scores up to each rank
        var score = -1.0
        for r in 1...count {
            score += 1 / Double(count - r + 1)
            sums.append(sums[r - 1] + score)
        }
        return ranks.map { (sums[$0.upperBound] - sums[$0.lowerBound - 1]) / Double($0.count) }
    }
}
