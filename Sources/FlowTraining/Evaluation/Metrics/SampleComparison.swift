import FlowCore

/// Comparison of a model's samples with held-out images, by several metrics of which each sees what others miss:
/// docs/guide/evaluation.md.
public struct SampleComparison: Sendable, Codable, Equatable {
    /// Number of images of each kind that were compared.
    public var count: Int
    /// Seed of the metrics' random choices.
    public var seed: UInt64
    /// Maximum mean discrepancy, with its test.
    public var maximumMeanDiscrepancy: MaximumMeanDiscrepancy
    /// Sliced Wasserstein distance, with its yardstick.
    public var slicedWasserstein: SlicedWassersteinComparison
    /// Classifier two-sample test.
    public var classifier: ClassifierTwoSampleTest
    /// Coverage and density, by nearest neighbours.
    public var neighbours: NeighbourCoverage
    /// Test for copies of training images; nil without at least two of these.
    public var memorization: Memorization?

    enum CodingKeys: String, CodingKey {
        case count
        case seed
        case maximumMeanDiscrepancy = "maximum_mean_discrepancy"
        case slicedWasserstein = "sliced_wasserstein"
        case classifier
        case neighbours
        case memorization
    }

    /// Fewest images of each kind: below, the tests say nothing.
    public static let minCount = 20
    /// Most images of each kind: above, the kernel matrix of all pairs is large.
    public static let maxCount = 2048

    /// Compares as many images of each kind as there are of both, the first ones of the larger set.
    ///
    /// - Parameters:
    ///   - samples: images drawn from the model.
    ///   - real: held-out images.
    ///   - train: images that the model was trained on, if they are there.
    ///   - threads: never changes the result.
    ///   - progress: called with the name of what begins.
    /// - Throws: ``TrainingError/outOfRange(option:value:allowed:)`` for too few or too many images.
    public init(
        samples: ImageSample, real: ImageSample, train: ImageSample? = nil, seed: UInt64, threads: Int,
        progress: (String) -> Void = { _ in }
    ) throws {
        count = min(samples.count, real.count)
        guard (Self.minCount...Self.maxCount).contains(count) else {
            throw TrainingError.outOfRange(
                option: "number of samples and of held-out images", value: "\(count)",
                allowed: "\(Self.minCount) to \(Self.maxCount)")
        }
        self.seed = seed
        let (x, y) = (samples.subset(0..<count), real.subset(0..<count))
        progress("maximum mean discrepancy")
        maximumMeanDiscrepancy = try MaximumMeanDiscrepancy(x, y, seed: seed, threads: threads)
        progress("sliced Wasserstein distance")
        slicedWasserstein = try SlicedWassersteinComparison(x, y, seed: seed, threads: threads)
        progress("classifier two-sample test")
        classifier = try ClassifierTwoSampleTest(x, y, seed: seed, threads: threads)
        progress("nearest neighbours")
        neighbours = try NeighbourCoverage(samples: x, real: y, threads: threads)
        if let train, train.count > 1 {
            memorization = try Memorization(samples: x, heldOut: y, train: train, threads: threads)
        }
    }
}
