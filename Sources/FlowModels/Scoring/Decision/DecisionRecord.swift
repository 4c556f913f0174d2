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
    /// What verdicts on the density given each class need, in the order of the model's classes, nil of one with too few images; nil of a
    /// model without classes. Each is calibrated by images of its class alone.
    public var classes: [DecisionRecord?]?

    /// Held-out images that a decision takes, at least.
    public static let leastImages = 20
    /// Calibration images, at most: their values stand in the model's file.
    public static let mostImages = 2_000
    /// Rates of false alarms where nobody asked for another, of which the first is taken that there are images enough for.
    public static let standardAlarms = ["0.01", "0.05", "0.1"].map { AlarmRate($0)! }

    /// Evidence of a held-out image.
    public struct HeldOut: Sendable {
        /// Values of ``Evidence/all``; those that the model has none of are NaN.
        public var values: [Double]
        /// Class of the image, and the values given it; nil of a model without classes, or an image without one.
        public var own: (classIndex: Int, values: [Double])?

        public init(values: [Double], own: (classIndex: Int, values: [Double])? = nil) {
            self.values = values
            self.own = own
        }

        /// Whether there is evidence to judge by.
        public var isFinite: Bool {
            !values.contains(where: \.isInfinite) && values[0].isFinite
                && own.map { !$0.values.contains(where: \.isInfinite) && $0.values[0].isFinite } ?? true
        }
    }

    /// Fits and calibrates by the evidence of held-out images, every other one of which calibrates, every other one of each class
    /// where they have one.
    /// - Parameters:
    ///   - alarm: rate of false alarms, one that half of the images allow; nil for the first such of ``standardAlarms``.
    ///   - images: at least ``leastImages``, whose evidence is finite.
    ///   - classes: classes of a model that has a density for each, else 0.
    public init(split: String, alarm: AlarmRate? = nil, images: [HeldOut], classes: Int = 0) {
        precondition(images.count >= Self.leastImages && images.allSatisfy(\.isFinite))
        // By classes, so that half of each calibrates.
        let order = images.indices.sorted { a, b in
            let (first, second) = (images[a].own?.classIndex ?? -1, images[b].own?.classIndex ?? -1)
            return first == second ? a < b : first < second
        }
        let fitting = stride(from: 0, to: order.count, by: 2).map { images[order[$0]] }
        let calibrating = stride(from: 1, to: order.count, by: 2).map { images[order[$0]] }
        self.init(split: split, alarm: alarm, fitting: fitting.map(\.values), calibrating: calibrating.map(\.values))
        guard classes > 0 else { return }
        let (ownFitting, ownCalibrating) = (fitting.compactMap(\.own), calibrating.compactMap(\.own))
        guard ownFitting.count >= Self.leastImages / 2 else { return }
        self.classes = (0..<classes).map { c in
            let own = ownCalibrating.filter { $0.classIndex == c }.map(\.values)
            guard own.count >= Self.leastImages / 2 else { return nil }
            return DecisionRecord(split: split, fitting: ownFitting.map(\.values), calibrating: own)
        }
    }

    /// - Parameters:
    ///   - fitting: evidence of the images that the density is fitted to, finite or NaN; at least ten.
    ///   - calibrating: that of those that calibrate; at least ten.
    private init(split: String, alarm: AlarmRate? = nil, fitting: [[Double]], calibrating: [[Double]]) {
        self.split = split
        fitted = fitting.count
        // Ten images, which half of the least are, allow the last.
        self.alarm = alarm ?? Self.standardAlarms.first { $0.leastImages <= calibrating.count }!
        let kinds = Evidence.all.indices.filter { e in
            fitting.allSatisfy { $0[e].isFinite } && calibrating.allSatisfy { $0[e].isFinite }
        }
        evidence = kinds.map { Evidence.all[$0].name }
        let density = DensityOfStates(
            fitting: fitting.map { image in kinds.map { image[$0] } },
            surprises: kinds.indices.filter { Evidence.all[kinds[$0]].isSurprise })
        self.density = density
        scores = calibrating.map { image in density.score(of: kinds.map { image[$0] }) }.sorted()
        values = kinds.map { e in calibrating.map { $0[e] }.sorted() }
    }

    /// Number of images that calibrate.
    public var count: Int { scores.count }

    /// Whether every kind of ``evidence`` of an image is a number.
    /// - Parameter values: those of ``Evidence/all``.
    func isAnswered(by values: [Double]) -> Bool { !kinds.contains { values[$0].isNaN } }

    /// Rank of an image by all its evidence; nil where one is not a number.
    /// - Parameter values: those of ``Evidence/all``.
    func rank(of values: [Double]) -> ConformalRank? {
        guard isAnswered(by: values) else { return nil }
        return ConformalRank(of: density.score(of: kinds.map { values[$0] }), among: scores)
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
    /// - Parameter classCount: classes of the model that have a density each.
    func fault(classes classCount: Int) -> (field: String, reason: String)? {
        if let classes, classes.count != classCount {
            return ("classes", "are \(classes.count), not \(classCount)")
        }
        for (c, decision) in (classes ?? []).enumerated() {
            if let (field, reason) = decision?.fault(classes: 0) { return ("classes.\(c).\(field)", reason) }
        }
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
