import FlowCore

/// Score of an image under a model: all that follows from the densities of its draws and the model's record.
///
/// Every figure is a property of this type, in a file of this folder that has its formula, unit and source. A line of ``figures``
/// gives the name that it has in answers over HTTP and in commands: another figure is one file and one line.
public struct ImageScore: Sendable, Equatable {
    /// Densities of the image's dequantization draws `0 ..< K`; at least one.
    public let draws: [RowDensity]
    /// Index of the class that the densities are given; nil without one, which in a class-conditional model means the mixture.
    public let classIndex: Int?
    /// Record of the model that the densities are of.
    public let record: ModelRecord
    /// Importance-weighted bound of the draws; a single draw's own log-density.
    public let bound: ImportanceWeightedBound
    /// How much is said of whether the image is like the learned ones.
    public let detail: ScoreDetail
    /// Rate of false alarms that was asked for; nil for the model's own.
    public let requestedAlarm: AlarmRate?
    /// What each pixel has to do with the density; nil unless somebody computed it.
    public var pixelMap: PixelMap?
    /// What decides: of the class that the densities are given, or of none; nil where the model has no such.
    let decision: DecisionRecord?
    /// Rank of the image among calibration images by all its evidence; nil for a model without ``decision``, and for an image of
    /// which no evidence was asked for.
    public let rank: ConformalRank?

    /// Scores an image by the densities of its draws.
    ///
    /// - Parameters:
    ///   - draws: at least one; all of `classIndex`, or all of no class.
    ///   - classIndex: an index into the record's classes.
    ///   - alarm: rate of false alarms; nil for the model's own.
    public init(
        draws: [RowDensity], classIndex: Int? = nil, record: ModelRecord, detail: ScoreDetail = .verdict,
        alarm: AlarmRate? = nil
    ) {
        precondition(!draws.isEmpty && classIndex.map { record.classes.indices.contains($0) } ?? true)
        self.draws = draws
        self.classIndex = classIndex
        self.record = record
        bound = ImportanceWeightedBound(logWeights: draws.map(\.logProb))
        self.detail = detail
        requestedAlarm = alarm
        let decision = record.decision(givenClass: classIndex)
        self.decision = decision
        rank = if detail != .none, let evidence = draws[0].evidence { decision?.rank(of: evidence) } else { nil }
    }
}

extension ImageScore {
    /// Names and values of all figures, in the order in which answers have them; nil where the model or the question has none.
    private static let figures: [(name: String, value: @Sendable (ImageScore) -> Value?)] = [
        ("log_prob", { .number($0.logProb) }),
        ("bits_per_dim", { .number($0.bitsPerDim) }),
        ("percentile", { $0.percentile.map(Value.number) }),
        ("verdict", { $0.verdict.map { .text($0.rawValue) } }),
        ("alarm", { score in score.verdict.flatMap { _ in score.alarm.map { .number($0.value) } } }),
        ("p_value", { $0.rank.map { .number($0.pValue) } }),
        ("as_odd", { $0.rank.map { .count($0.count) } }),
        ("as_odd_of", { $0.rank.map { .count($0.total) } }),
        ("reasons", { $0.reasons.map(Value.texts) }),
        ("class_set", { $0.classSet.map(Value.texts) }),
        ("class_alarm", { score in score.classSet.flatMap { _ in score.classAlarm.map { .number($0.value) } } }),
        ("evidence", { $0.evidence.map(Value.members) }),
        (
            "pixels",
            { score in
                score.pixelMap.map { map in
                    .members([
                        Figure(name: "kind", value: .text(map.kind.rawValue)),
                        Figure(name: "values", value: .rows(map.values, width: score.record.eventShape.width)),
                    ])
                }
            }
        ),
        ("samples", { .count($0.draws.count) }),
        ("standard_error", { $0.standardError.map(Value.number) }),
        ("class", { score in score.classIndex.map { .text(score.record.classes[$0]) } }),
        ("class_posterior", { $0.members($0.classPosterior) }),
    ]

    /// Names of all figures, in the order of ``members``.
    public static var figureNames: [String] { figures.map(\.name) }

    /// Figures that this score has, in the order in which answers have them.
    public var members: [Figure] {
        Self.figures.compactMap { figure in
            figure.value(self).map { Figure(name: figure.name, value: $0) }
        }
    }

    /// A figure as an answer has it, or one class's part of a figure.
    public struct Figure: Sendable, Equatable {
        /// Name in snake_case, or a class's name.
        public var name: String
        /// Value in the unit of the figure's property.
        public var value: Value

        public init(name: String, value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// Value of a figure, for an encoder to write in its own way.
    public enum Value: Sendable, Equatable {
        /// A real number; how one that is not finite is written is the encoder's choice.
        case number(Double)
        /// A number of things.
        case count(Int)
        /// A word, such as a class's name.
        case text(String)
        /// Words, in their order.
        case texts([String])
        /// Real numbers in rows of `width`, a multiple of which they are.
        case rows([Double], width: Int)
        /// Named values, in their order.
        case members([Figure])
    }

    /// Names each of `numbers`, one a class, by its class.
    private func members(_ numbers: [Double]?) -> Value? {
        numbers.map { numbers in
            .members(zip(record.classes, numbers).map { Figure(name: $0, value: .number($1)) })
        }
    }
}
