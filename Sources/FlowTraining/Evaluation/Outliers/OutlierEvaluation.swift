public import DataSets
import FlowCore
public import FlowModels
import Glibc

/// How well a model tells outliers from images like the learned ones, for each of its scores.
public struct OutlierEvaluation: Sendable, Codable, Equatable {
    /// One score against one set of outliers.
    public struct Detection: Sendable, Codable, Equatable {
        /// Area under the receiver operating characteristic; 0.5 tells nothing, 1 everything.
        public var areaUnderROC: Double
        /// Fraction of the outliers that are told at a rate of false alarms of 1 %, by the calibration images; nil where there are too
        /// few of those.
        public var at1Percent: Double?
        /// The same at 5 %.
        public var at5Percent: Double?

        enum CodingKeys: String, CodingKey {
            case areaUnderROC = "auroc"
            case at1Percent = "detected_at_0.01"
            case at5Percent = "detected_at_0.05"
        }
    }

    /// A set of outliers.
    public struct Outliers: Sendable, Codable, Equatable {
        /// Name of the set.
        public var name: String
        /// Number of images.
        public var count: Int
        /// All evidence together: what `verdict` and `p_value` are of.
        public var decision: Detection
        /// Each kind of evidence, by name, two-sided.
        public var evidence: [String: Detection]
        /// Log-density, of which only little is odd.
        public var logProb: Detection
        /// Area under the ROC of the probability of the class by Bayes' rule, of images that are of other classes; nil of other
        /// outliers.
        public var posterior: Double?
        /// Fraction of the outliers that are told at the model's own rate of false alarms; nil where there are too few calibration
        /// images.
        public var caught: Double?

        enum CodingKeys: String, CodingKey {
            case name
            case count
            case decision
            case evidence
            case logProb = "log_prob"
            case posterior = "posterior_auroc"
            case caught = "detected_at_alarm"
        }
    }

    /// Number of images like the learned ones, none of which calibrates.
    public var count: Int
    /// Whether their p-values are uniform, as they should be.
    public var uniformity: UniformityTest
    /// Fraction of them that is called an outlier at a rate of 1 %; nil where there are too few calibration images.
    public var falseAlarmsAt1Percent: Double?
    /// Fraction of them that is called an outlier at a rate of 5 %.
    public var falseAlarmsAt5Percent: Double?
    /// False alarms at the rates of ``rates`` that there are calibration images enough for.
    public var falseAlarms: [EvaluationRecord.Flagged]
    /// Figures of each set.
    public var outliers: [Outliers]
    /// Figures of each class, given that class, against images of the others: held-out images of both; nil unless the model is
    /// class-conditional with a decision for every class, and the images have its classes.
    public var classes: [Outliers]?

    /// Figures of all sets, ``classes`` behind ``outliers`` by what they are, such as `not bear, as bear`.
    public var rows: [Outliers] {
        outliers
            + (classes ?? []).map { set in
                var row = set
                row.name = "not \(set.name), as \(set.name)"
                return row
            }
    }

    enum CodingKeys: String, CodingKey {
        case count
        case uniformity
        case falseAlarmsAt1Percent = "false_alarms_at_0.01"
        case falseAlarmsAt5Percent = "false_alarms_at_0.05"
        case falseAlarms = "false_alarms"
        case outliers
        case classes
    }

    /// Scores images like the learned ones, which neither the training nor the calibration saw, and sets of outliers.
    ///
    /// - Parameters:
    ///   - outliers: their names and images.
    ///   - progress: told the name of each set that begins.
    /// - Throws: what ``mapScores(of:under:draws:detail:wantsClasses:threads:isCancelled:_:)`` throws;
    ///   ``TrainingError/mismatch(property:expected:actual:)`` for a model without a decision.
    public init(
        of data: ImageDataSet, outliers sets: [(name: String, data: ImageDataSet)], under model: any ImageDensity,
        threads: Int, isCancelled: @escaping @Sendable () -> Bool = { false }, progress: (String) -> Void = { _ in }
    ) throws {
        guard let decision = model.record.decision else {
            throw TrainingError.mismatch(
                property: "calibration of the model's evidence", expected: "one, which tusk calibrate adds",
                actual: "none")
        }
        let record = model.record
        let decisions = (decision.classes ?? []).compactMap(\.self)
        let labels = decisions.count == record.classes.count ? record.labels(of: data) : nil
        func densities(_ data: ImageDataSet, wantsClasses: Bool = false) throws -> [RowDensity] {
            try mapScores(
                of: data, under: model, detail: .evidence, wantsClasses: wantsClasses, threads: threads,
                isCancelled: isCancelled
            ) { $0.draws[0] }
        }
        progress("the held-out images")
        let held = try densities(data, wantsClasses: labels != nil)
        let inliers = held.map { decision.oddness(of: $0.evidence ?? []) }
        count = inliers.count
        uniformity = UniformityTest(of: inliers.map(\.rank.pValue), calibrating: decision.count)
        falseAlarmsAt1Percent = Self.detected(inliers.map(\.rank), Self.onePercent)
        falseAlarmsAt5Percent = Self.detected(inliers.map(\.rank), Self.fivePercent)
        falseAlarms = Self.rates.compactMap { rate in
            Self.detected(inliers.map(\.rank), rate).map { .init(alarm: rate.value, fraction: $0) }
        }
        outliers = try sets.map { name, data in
            progress(name)
            let odd = try densities(data).map { decision.oddness(of: $0.evidence ?? []) }
            return Outliers(name: name, odd, among: inliers, by: decision, alarm: decision.alarm)
        }
        guard let labels else { return }
        classes = decisions.indices.compactMap { c in
            let sightings = held.map { decisions[c].oddness(of: $0.classEvidence[c]) }
            let own = labels.indices.filter { labels[$0] == c }.map { sightings[$0] }
            let other = labels.indices.filter { labels[$0] != c }.map { sightings[$0] }
            guard !own.isEmpty, !other.isEmpty else { return nil }
            var found = Outliers(
                name: record.classes[c], other, among: own, by: decisions[c], alarm: decision.alarm)
            // Logarithms, since most probabilities round to 0 or 1.
            let odds = held.map { -logOdds(ofClass: c, $0, record) }
            found.posterior = areaUnderROC(
                positives: labels.indices.filter { labels[$0] != c }.map { odds[$0] },
                negatives: labels.indices.filter { labels[$0] == c }.map { odds[$0] })
            return found
        }
    }

    /// Rates at which false alarms are counted.
    public static let rates = [
        "0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1", "0.15", "0.2", "0.3", "0.4", "0.5",
    ]
    .map { AlarmRate($0)! }

    fileprivate static let onePercent = AlarmRate("0.01")!
    fileprivate static let fivePercent = AlarmRate("0.05")!

    /// Fraction that a verdict at `rate` calls outliers; nil where it cannot tell.
    fileprivate static func detected(_ ranks: [ConformalRank], _ rate: AlarmRate) -> Double? {
        let verdicts = ranks.compactMap { Verdict($0, at: rate) }
        guard verdicts.count == ranks.count, !ranks.isEmpty else { return nil }
        return Double(verdicts.count { $0 == .outlier }) / Double(verdicts.count)
    }
}

extension OutlierEvaluation.Outliers {
    /// - Parameters:
    ///   - odd: at least one.
    ///   - inliers: at least one, of the same decision.
    ///   - alarm: the model's own rate of false alarms.
    fileprivate init(
        name: String, _ odd: [DecisionRecord.Sighting], among inliers: [DecisionRecord.Sighting],
        by decision: DecisionRecord, alarm: AlarmRate
    ) {
        func detection(
            _ score: (DecisionRecord.Sighting) -> Double, _ rank: (DecisionRecord.Sighting) -> ConformalRank
        ) -> OutlierEvaluation.Detection {
            OutlierEvaluation.Detection(
                areaUnderROC: areaUnderROC(positives: odd.map(score), negatives: inliers.map(score)),
                at1Percent: OutlierEvaluation.detected(odd.map(rank), OutlierEvaluation.onePercent),
                at5Percent: OutlierEvaluation.detected(odd.map(rank), OutlierEvaluation.fivePercent))
        }
        var evidence: [String: OutlierEvaluation.Detection] = [:]
        for (e, kind) in decision.evidence.enumerated() {
            evidence[kind] = detection({ -$0.ranks[e].pValue }, { $0.ranks[e] })
        }
        self.init(
            name: name, count: odd.count, decision: detection(\.score, \.rank), evidence: evidence,
            logProb: detection({ -$0.logProb }, \.logProbRank),
            caught: OutlierEvaluation.detected(odd.map(\.rank), alarm))
    }
}

extension DecisionRecord {
    /// How odd an image is; one without a density counts as the oddest.
    fileprivate func oddness(of values: [Double]) -> Sighting {
        sighting(of: values.map { $0.isNaN ? -.infinity : $0 })
    }
}

/// Logarithm of the odds of a class given an image, by Bayes' rule, nats; −∞ where a density is not a number.
private func logOdds(ofClass c: Int, _ density: RowDensity, _ record: ModelRecord) -> Double {
    let joint = zip(record.classPrior ?? [], density.classLogProbs).map { log($0) + $1 }
    let others = joint.indices.filter { $0 != c }.map { joint[$0] }
    let odds = joint[c] - logSumExp(others)
    return odds.isNaN ? -.infinity : odds
}
