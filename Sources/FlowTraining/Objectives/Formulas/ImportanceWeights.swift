import FlowCore
public import FlowModels
import Glibc
import System

/// How good a flow's density `q` is as a stand-in for another, `p`, by the weights `p(x)/q(x)` of samples of `q`.
public struct ImportanceWeights: Sendable, Codable, Equatable {
    /// Samples.
    public var count: Int
    /// Mean of `log p − log q`, nats, with its standard error: a lower bound of `ln Z`, `Z = ∫ p`. The gap is the reverse
    /// divergence.
    public var bound: Double
    public var boundStandardError: Double
    /// `ln` of the mean weight, an estimate of `ln Z` with its standard error (delta method), nats. What `q` leaves out
    /// altogether is in neither.
    public var logNormalizer: Double
    public var logNormalizerStandardError: Double
    /// `(Σ w)²/(n Σ w²)`, in `0...1`: the share of the samples that as many samples of `p` would be worth. Kong (1992); 1 where the
    /// two densities are the same.
    public var effectiveShare: Double

    enum CodingKeys: String, CodingKey {
        case count
        case bound
        case boundStandardError = "bound_standard_error"
        case logNormalizer = "log_normalizer"
        case logNormalizerStandardError = "log_normalizer_standard_error"
        case effectiveShare = "effective_share"
    }

    /// - Parameter logWeights: `log p − log q` of each sample, nats; at least two.
    public init(logWeights: [Double]) {
        precondition(logWeights.count > 1)
        let count = Double(logWeights.count)
        func standardError(_ values: [Double], mean: Double) -> Double {
            (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1) / count).squareRoot()
        }
        let logSum = logSumExp(logWeights)
        // in units of their mean
        let weights = logWeights.map { exp($0 - logSum) * count }
        self.count = logWeights.count
        bound = logWeights.reduce(0, +) / count
        boundStandardError = standardError(logWeights, mean: bound)
        logNormalizer = logSum - log(count)
        logNormalizerStandardError = standardError(weights, mean: 1)
        effectiveShare = count / weights.reduce(0) { $0 + $1 * $1 }
    }

    /// The weights of `count` samples, 2 or more.
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

    private static let block = 4096
}
