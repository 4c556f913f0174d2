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
    /// Standard error of ``logProb``, nats; 0 for one image.
    public var logProbStandardError: Double
    /// Mean bits per dimension over the images.
    public var bitsPerDim: Double
    /// Standard error of ``bitsPerDim``, bits per dimension; 0 for one image.
    public var bitsPerDimStandardError: Double
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
        // one image says nothing about the spread
        logProbStandardError = count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
        self.bitsPerDim = model.bitsPerDim(logProb: mean)
        bitsPerDimStandardError = model.bitsPerDim(difference: logProbStandardError)
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
