import FlowCore

/// Samples of a model beside held-out images, by several metrics of which each sees what others miss: docs/guide/evaluation.md.
public struct SampleComparison: Sendable, Codable, Equatable {
    /// Images of each kind that were compared.
    public var count: Int
    public var seed: UInt64
    public var maximumMeanDiscrepancy: MaximumMeanDiscrepancy
    public var slicedWasserstein: SlicedWassersteinComparison
    public var classifier: ClassifierTwoSampleTest
    public var neighbours: NeighbourCoverage
    /// Nil without training images.
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

    /// Fewest and most images of each kind: below, the tests say nothing; above, the kernel matrix of all pairs is large.
    public static let minCount = 20
    public static let maxCount = 2048

    /// - Parameters:
    ///   - samples: of the model; as many as there are in `real`, or the first of them.
    ///   - real: held-out images.
    ///   - train: what the model was trained on, if it is there.
    ///   - threads: never change the result.
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
