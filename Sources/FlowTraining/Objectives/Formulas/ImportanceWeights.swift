import FlowCore
public import FlowModels
import Glibc
import System

/// Quality of a flow's density `q` as a stand-in for another, `p`, by the importance weights `p(x)/q(x)` of samples of `q`.
public struct ImportanceWeights: Sendable, Codable, Equatable {
    /// Number of samples.
    public var count: Int
    /// Mean of `log p − log q`, nats: a lower bound of `ln Z`, `Z = ∫ p`. The gap is the reverse divergence.
    public var bound: Double
    /// Standard error of ``bound``, nats.
    public var boundStandardError: Double
    /// Logarithm of the mean weight, nats, an estimate of `ln Z`: the ``ImportanceWeightedBound``. What `q` leaves out altogether is
    /// neither here nor in ``bound``.
    public var logNormalizer: Double
    /// Standard error of ``logNormalizer``, nats; NaN where the estimate is not finite.
    public var logNormalizerStandardError: Double
    /// Effective sample size as a fraction of ``count``, `(Σ w)²/(n Σ w²)`, in `0...1`: 1 where the two densities are the same.
    /// Kong (1992).
    public var effectiveFraction: Double

    enum CodingKeys: String, CodingKey {
        case count
        case bound
        case boundStandardError = "bound_standard_error"
        case logNormalizer = "log_normalizer"
        case logNormalizerStandardError = "log_normalizer_standard_error"
        case effectiveFraction = "effective_fraction"
    }

    /// Computes the figures of weights that are given by their logarithms.
    /// - Parameter logWeights: `log p − log q` of each sample, nats; at least two.
    public init(logWeights: [Double]) {
        precondition(logWeights.count > 1)
        let count = Double(logWeights.count)
        let bound = logWeights.reduce(0, +) / count
        let squares = logWeights.reduce(0) { $0 + ($1 - bound) * ($1 - bound) }
        let estimate = ImportanceWeightedBound(logWeights: logWeights)
        // in units of their mean
        let weights = logWeights.map { exp($0 - estimate.value) }
        self.count = logWeights.count
        self.bound = bound
        boundStandardError = (squares / (count - 1) / count).squareRoot()
        logNormalizer = estimate.value
        logNormalizerStandardError = estimate.standardError ?? .nan
        effectiveFraction = count / weights.reduce(0) { $0 + $1 * $1 }
    }

    /// Draws `count` samples of a flow, 2 or more, and computes the figures of their weights.
    /// - Throws: ``TrainingError/diverged(quantity:epoch:step:)`` when one is not finite.
    public init(
        of flow: some FlowArchitecture, for density: any DifferentiableDensity, count: Int, seed: UInt64
    ) throws {
        let engine = FlowEngine(flow)
        var logWeights: [Double] = []
        for block in count.blocks(of: Self.block) {
            let z = standardNormals(
                rows: block.count, dims: flow.dims, seed: seed,
                stream: TrainingStream.validationNoise.stream(entry: block.lowerBound))
            let (x, logDet) = try engine.inverse(z)
            let (logP, _) = try density.logDensity(x, context: nil)
            let base = standardNormalLogDensity(z)
            logWeights += logP.indices.map { logP[$0] - base[$0] + Double(logDet[$0]) }
        }
        guard logWeights.allSatisfy(\.isFinite) else {
            throw TrainingError.diverged(quantity: "density of a sample is not finite", epoch: 1, step: 0)
        }
        self.init(logWeights: logWeights)
    }

    /// Samples that are drawn at a time.
    private static let block = 4096
}
