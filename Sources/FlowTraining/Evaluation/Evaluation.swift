public import DataSets
public import FlowModels

/// Figures of a model on a set of images.
public struct Evaluation: Sendable, Codable, Equatable {
    /// Name of the model.
    public var model: String
    /// Split that the images are from, such as `test`.
    public var split: String
    /// Number of images.
    public var count: Int
    /// Number of dequantization draws of each image, whose ``ImportanceWeightedBound`` is its log-density.
    public var draws: Int
    /// Mean over the images of `log p(y)`, nats.
    public var logProb: Double
    /// Standard error of ``logProb``, nats; nil of one value, also where several images have it.
    public var logProbStandardError: Double?
    /// Mean bits per dimension over the images.
    public var bitsPerDim: Double
    /// Standard error of ``bitsPerDim``, bits per dimension; nil of one value.
    public var bitsPerDimStandardError: Double?
    /// Fraction of the images whose own class is the most probable one by Bayes' rule; nil unless the model is
    /// class-conditional and the images have its classes.
    public var accuracy: Double?
    /// Comparison of samples of the model with the images; nil where none was asked for.
    public var comparison: SampleComparison?
    /// How well outliers are told from the images; nil where none were asked for.
    public var outliers: OutlierEvaluation?

    enum CodingKeys: String, CodingKey {
        case model
        case split
        case count
        case draws
        case logProb = "log_prob"
        case logProbStandardError = "log_prob_standard_error"
        case bitsPerDim = "bits_per_dim"
        case bitsPerDimStandardError = "bits_per_dim_standard_error"
        case accuracy
        case comparison
        case outliers
    }

    /// Encodes every figure; a standard error that there is not as null.
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model, forKey: .model)
        try container.encode(split, forKey: .split)
        try container.encode(count, forKey: .count)
        try container.encode(draws, forKey: .draws)
        try container.encode(logProb, forKey: .logProb)
        try container.encode(logProbStandardError, forKey: .logProbStandardError)
        try container.encode(bitsPerDim, forKey: .bitsPerDim)
        try container.encode(bitsPerDimStandardError, forKey: .bitsPerDimStandardError)
        try container.encodeIfPresent(accuracy, forKey: .accuracy)
        try container.encodeIfPresent(comparison, forKey: .comparison)
        try container.encodeIfPresent(outliers, forKey: .outliers)
    }

    /// Computes means and standard errors of log-densities.
    /// - Parameter logProbs: one value an image, nats; at least one.
    public init(model: ModelRecord, split: String, draws: Int, logProbs: [Double]) {
        precondition(!logProbs.isEmpty)
        let count = Double(logProbs.count)
        let mean = logProbs.reduce(0, +) / count
        let squares = logProbs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.model = model.name
        self.split = split
        self.count = logProbs.count
        self.draws = draws
        logProb = mean
        // one value says nothing about the spread
        logProbStandardError =
            logProbs.contains { $0 != logProbs[0] } ? (squares / (count - 1) / count).squareRoot() : nil
        self.bitsPerDim = model.bitsPerDim(logProb: mean)
        bitsPerDimStandardError = logProbStandardError.map { model.bitsPerDim(difference: $0) }
    }
}

extension Evaluation {
    /// Scores every image of `data`, with the accuracy where the images have the model's classes: the same names, or as many
    /// numbers in their place.
    ///
    /// - Parameters:
    ///   - data: at least one image.
    ///   - threads: never changes the result.
    /// - Throws: what ``mapScores(of:under:draws:detail:wantsClasses:threads:isCancelled:_:)`` throws.
    public init(
        of data: ImageDataSet, split: String, under model: any ImageDensity, draws: Int = 1, threads: Int,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws {
        let scores = try mapScores(
            of: data, under: model, draws: draws, wantsClasses: model.record.labels(of: data) != nil, threads: threads,
            isCancelled: isCancelled
        ) { (logProb: $0.logProb, mostProbableClass: $0.mostProbableClass) }
        self.init(of: data, split: split, record: model.record, draws: draws, scores: scores)
    }

    /// The same by scores that are there: of each image `log p(y)`, nats, and the most probable class, of one without classes nil.
    /// - Parameter record: that of the model.
    public init(
        of data: ImageDataSet, split: String, record: ModelRecord, draws: Int,
        scores: [(logProb: Double, mostProbableClass: Int?)]
    ) {
        precondition(scores.count == data.count)
        self.init(model: record, split: split, draws: draws, logProbs: scores.map(\.logProb))
        guard let labels = record.labels(of: data) else { return }
        let right = zip(scores, labels).count { score, label in score.mostProbableClass == label }
        accuracy = Double(right) / Double(labels.count)
    }
}

extension ModelRecord {
    /// Labels of images that have the classes of a class-conditional model; else nil.
    public func labels(of data: ImageDataSet) -> [Int]? {
        isConditional && data.hasClasses(classes) ? data.labels : nil
    }
}
