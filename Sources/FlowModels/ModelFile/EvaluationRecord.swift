/// Figures of a model on images that neither its training nor its calibration saw, as its record has them.
public struct EvaluationRecord: Sendable, Codable, Equatable {
    /// How many images like the learned ones are called outliers at one rate of false alarms.
    public struct Flagged: Sendable, Codable, Equatable {
        /// Rate of false alarms, a fraction.
        public var alarm: Double
        /// Fraction of the images that is called an outlier at this rate.
        public var fraction: Double

        public init(alarm: Double, fraction: Double) {
            self.alarm = alarm
            self.fraction = fraction
        }
    }

    /// How well one set of outliers is told from the images.
    public struct Outliers: Sendable, Codable, Equatable {
        /// Name of the set.
        public var name: String
        /// Number of images.
        public var count: Int
        /// Area under the receiver operating characteristic of all evidence together; 0.5 tells nothing, 1 everything.
        public var areaUnderROC: Double
        /// Fraction that is called an outlier at the model's own rate of false alarms; nil where its calibration images are too few.
        public var caught: Double?

        enum CodingKeys: String, CodingKey {
            case name
            case count
            case areaUnderROC = "auroc"
            case caught
        }

        public init(name: String, count: Int, areaUnderROC: Double, caught: Double?) {
            self.name = name
            self.count = count
            self.areaUnderROC = areaUnderROC
            self.caught = caught
        }
    }

    /// Split that the images are from, such as `test`.
    public var split: String
    /// Number of images.
    public var count: Int
    /// Mean bits per dimension over the images.
    public var bitsPerDim: Double
    /// Standard error of ``bitsPerDim``, bits per dimension; nil of one value.
    public var bitsPerDimStandardError: Double?
    /// False alarms at rising rates; empty where no verdicts were evaluated.
    public var flagged: [Flagged]
    /// Sets of outliers that the images were held against.
    public var outliers: [Outliers]

    /// Most rates, and most sets, of a record.
    public static let mostRows = 256

    enum CodingKeys: String, CodingKey {
        case split
        case count
        case bitsPerDim = "bits_per_dim"
        case bitsPerDimStandardError = "bits_per_dim_standard_error"
        case flagged
        case outliers
    }

    public init(
        split: String, count: Int, bitsPerDim: Double, bitsPerDimStandardError: Double?, flagged: [Flagged],
        outliers: [Outliers]
    ) {
        self.split = split
        self.count = count
        self.bitsPerDim = bitsPerDim
        self.bitsPerDimStandardError = bitsPerDimStandardError
        self.flagged = flagged
        self.outliers = outliers
    }

    /// What no evaluation can have come to: the field, and why.
    var fault: (field: String, reason: String)? {
        func isFraction(_ value: Double) -> Bool { (0...1).contains(value) }
        if count < 1 { return ("count", "is \(count), not 1 or more") }
        if flagged.count > Self.mostRows || !flagged.allSatisfy({ isFraction($0.alarm) && isFraction($0.fraction) }) {
            return ("flagged", "are not at most \(Self.mostRows) rates and fractions from 0 to 1")
        }
        let areFractions = outliers.allSatisfy { isFraction($0.areaUnderROC) && ($0.caught.map(isFraction) ?? true) }
        if outliers.count > Self.mostRows || !areFractions {
            return ("outliers", "are not at most \(Self.mostRows) sets with fractions from 0 to 1")
        }
        return nil
    }
}
