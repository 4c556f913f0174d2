/// Score of an image under a model: all that follows from the densities of its draws and the model's record.
///
/// Every figure is a property of this type, in a file of this folder that has its formula, unit and source, and a line of
/// ``figures``, by which answers over HTTP and commands name it: another figure is one file and one line.
public struct ImageScore: Sendable, Equatable {
    /// Densities of the image's dequantization draws `0 ..< K`; at least one.
    public let draws: [RowDensity]
    /// Index of the class that the densities are given; nil where none was asked for: of a class-conditional model the mixture.
    public let classIndex: Int?
    /// Record of the model that the densities are of.
    public let record: ModelRecord
    /// Importance-weighted bound of the draws; a single draw's own log-density.
    public let bound: ImportanceWeightedBound

    /// - Parameters:
    ///   - draws: at least one; all of `classIndex`, or all of no class.
    ///   - classIndex: an index into the record's classes.
    public init(draws: [RowDensity], classIndex: Int? = nil, record: ModelRecord) {
        precondition(!draws.isEmpty && classIndex.map { record.classes.indices.contains($0) } ?? true)
        self.draws = draws
        self.classIndex = classIndex
        self.record = record
        bound = ImportanceWeightedBound(logWeights: draws.map(\.logProb))
    }
}

extension ImageScore {
    /// The figures in the order in which answers have them. Nil leaves one out: where the model or the question has none.
    private static let figures: [(name: String, value: @Sendable (ImageScore) -> Value?)] = [
        ("log_prob", { .number($0.logProb) }),
        ("bits_per_dim", { .number($0.bitsPerDim) }),
        ("percentile", { $0.percentile.map(Value.number) }),
        ("samples", { .count($0.draws.count) }),
        ("standard_error", { $0.standardError.map(Value.number) }),
        ("class", { score in score.classIndex.map { .text(score.record.classes[$0]) } }),
        ("class_posterior", { $0.members($0.classPosterior) }),
    ]

    /// Names of all figures, in the order of ``members``.
    public static var figureNames: [String] { figures.map(\.name) }

    /// The figures that this score has, in the order in which answers have them.
    public var members: [Member] {
        Self.figures.compactMap { figure in
            figure.value(self).map { Member(name: figure.name, value: $0) }
        }
    }

    /// A figure and its name, as an answer has them.
    public struct Member: Sendable, Equatable {
        /// Name in snake_case, or of a class.
        public var name: String
        public var value: Value

        public init(name: String, value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// Value of a figure, for an encoder to write in its own way.
    public enum Value: Sendable, Equatable {
        /// A real number; one that is not finite is for the encoder to say.
        case number(Double)
        case count(Int)
        case text(String)
        /// Named values, in their order.
        case members([Member])
    }

    /// One number for each class, by the classes' names.
    private func members(_ numbers: [Double]?) -> Value? {
        numbers.map { numbers in
            .members(zip(record.classes, numbers).map { Member(name: $0, value: .number($1)) })
        }
    }
}
