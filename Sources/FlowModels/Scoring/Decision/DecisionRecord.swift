/// What a model needs for verdicts: a density over the evidence, and how odd held-out images are under it.
///
/// Half of the held-out images fits the density, the other half calibrates: only images that nothing was fitted to are
/// exchangeable with those that come.
public struct DecisionRecord: Sendable, Codable, Equatable {
    /// Split that the images are from, such as `validation`.
    public var split: String
    /// Images that the density was fitted to.
    public var fitted: Int
    /// Rate of false alarms unless a request has its own.
    public var alarm: AlarmRate
    /// Names of the evidence, in the order of all that follows.
    public var evidence: [String]
    /// Density over the evidence.
    public var density: DensityOfStates
    /// Scores of the calibration images, rising.
    public var scores: [Double]
    /// Evidence of the calibration images: of each kind the values, rising.
    public var values: [[Double]]

    /// Held-out images that a decision takes, at least.
    public static let leastImages = 20
    /// Calibration images, at most: their values stand in the model's file.
    public static let mostImages = 2_000
    /// Rates of false alarms where nobody asked for another, of which the first is taken that there are images enough for.
    public static let standardAlarms = ["0.01", "0.05", "0.1"].map { AlarmRate($0)! }

    /// Fits and calibrates by the evidence of held-out images, every other one of which calibrates.
    /// - Parameters:
    ///   - alarm: rate of false alarms, one that half of the images allow; nil for the first such of ``standardAlarms``.
    ///   - values: `[n][k]`, one line an image, in the order of ``Evidence/all``; finite, at least ``leastImages``.
    public init(split: String, alarm: AlarmRate? = nil, values: [[Double]]) {
        precondition(values.count >= Self.leastImages && values.allSatisfy { $0.allSatisfy(\.isFinite) })
        let fitting = values.indices.filter { $0 % 2 == 0 }.map { values[$0] }
        let calibrating = values.indices.filter { $0 % 2 == 1 }.map { values[$0] }
        self.split = split
        fitted = fitting.count
        // Ten images, which half of the least are, allow the last.
        self.alarm = alarm ?? Self.standardAlarms.first { $0.leastImages <= calibrating.count }!
        evidence = Evidence.all.map(\.name)
        let density = DensityOfStates(fitting: fitting)
        self.density = density
        scores = calibrating.map { density.score(of: $0) }.sorted()
        self.values = evidence.indices.map { e in calibrating.map { $0[e] }.sorted() }
    }

    /// Number of images that calibrate.
    public var count: Int { scores.count }

    /// Rank of an image by all its evidence; nil where one is not a number.
    /// - Parameter values: those of ``Evidence/all``.
    func rank(of values: [Double]) -> ConformalRank? {
        let own = kinds.map { values[$0] }
        guard !own.contains(where: \.isNaN) else { return nil }
        return ConformalRank(of: density.score(of: own), among: scores)
    }

    /// Kinds of evidence that the decision has, with their values for an image and their ranks on whichever side is odder.
    /// - Parameter values: those of ``Evidence/all``, numbers.
    func testimony(of values: [Double]) -> [Testimony] {
        zip(kinds, self.values).enumerated().map { e, kind in
            let (kind, calibration) = kind
            return Testimony(
                evidence: Evidence.all[kind], value: values[kind],
                rank: .twoSided(values[kind], among: calibration), isHigh: values[kind] > density.medians[e])
        }
    }

    /// What one kind of evidence says of an image.
    struct Testimony {
        var evidence: Evidence
        var value: Double
        var rank: ConformalRank
        var isHigh: Bool

        var reason: String { isHigh ? evidence.high : evidence.low }
    }

    /// Places of ``evidence`` in ``Evidence/all``, each with the values of the calibration images, rising.
    var calibrationValues: [(place: Int, values: [Double])] { zip(kinds, values).map { ($0, $1) } }

    /// Places of ``evidence`` in ``Evidence/all``.
    private var kinds: [Int] { evidence.compactMap { name in Evidence.all.firstIndex { $0.name == name } } }

    /// Why the record makes no sense, as the end of a sentence about a field of it; nil where it does.
    var fault: (field: String, reason: String)? {
        let rises = { (values: [Double]) in
            values.allSatisfy(\.isFinite) && zip(values, values.dropFirst()).allSatisfy(<=)
        }
        if evidence.isEmpty || kinds.count != evidence.count || Set(evidence).count != evidence.count {
            return ("evidence", "is not a list of what this program knows")
        }
        if !density.isSound(count: evidence.count) {
            return ("density", "has wrong sizes or numbers that are not finite")
        }
        if scores.isEmpty || scores.count > Self.mostImages || !rises(scores) {
            return ("scores", "are not 1 to \(Self.mostImages) rising numbers")
        }
        if alarm.leastImages > scores.count {
            return ("alarm", "is \(alarm), which needs \(alarm.leastImages) images; \(scores.count) calibrate")
        }
        if values.count != evidence.count || !values.allSatisfy({ $0.count == scores.count && rises($0) }) {
            return ("values", "are not \(scores.count) rising numbers of each kind of evidence")
        }
        return nil
    }
}

extension DecisionRecord {
    /// How odd an image is: higher scores and lower ranks are odder.
    package struct Sighting: Sendable {
        /// `log p(y)` of draw 0, nats.
        package var logProb: Double
        /// Score by all evidence together.
        package var score: Double
        /// Rank by all evidence together.
        package var rank: ConformalRank
        /// Ranks by each kind of ``evidence``, two-sided.
        package var ranks: [ConformalRank]
        /// Rank by the log-density, of which only little is odd.
        package var logProbRank: ConformalRank
    }

    /// - Parameter values: those of ``Evidence/all``, numbers or infinities.
    package func sighting(of values: [Double]) -> Sighting {
        let score = density.score(of: kinds.map { values[$0] })
        let logProbs = evidence.firstIndex(of: Evidence.all[0].name).map { self.values[$0] } ?? []
        return Sighting(
            logProb: values[0], score: score, rank: ConformalRank(of: score, among: scores),
            ranks: testimony(of: values).map(\.rank),
            logProbRank: ConformalRank(ofLow: values[0], among: logProbs))
    }
}
