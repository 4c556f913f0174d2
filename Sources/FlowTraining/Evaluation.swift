import FlowCore
public import FlowModels
import Glibc

/// How a model does on a set of images.
public struct Evaluation: Sendable, Codable, Equatable {
    public var model: String
    public var split: String
    /// Images.
    public var count: Int
    /// Dequantization draws an image: `log p` is that of their mean density, a lower bound that tightens with them
    /// (Burda et al., *Importance Weighted Autoencoders* (2016), theorem 1, arXiv:1509.00519).
    public var samples: Int
    /// Mean over images of `log p(y)`, nats, and the mean's standard error.
    public var logProb: Double
    public var logProbStandardError: Double
    public var bitsPerDim: Double
    public var bitsPerDimStandardError: Double

    enum CodingKeys: String, CodingKey {
        case model
        case split
        case count
        case samples
        case logProb = "log_prob"
        case logProbStandardError = "log_prob_standard_error"
        case bitsPerDim = "bits_per_dim"
        case bitsPerDimStandardError = "bits_per_dim_standard_error"
    }

    /// - Parameter logProbs: one value an image, nats; at least one.
    public init(model: ModelRecord, split: String, samples: Int, logProbs: [Double]) {
        precondition(!logProbs.isEmpty)
        let count = Double(logProbs.count)
        let mean = logProbs.reduce(0, +) / count
        let squares = logProbs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.model = model.name
        self.split = split
        self.count = logProbs.count
        self.samples = samples
        logProb = mean
        // of one image nothing is known about the spread
        logProbStandardError = count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
        let dims = model.eventShape.dims
        self.bitsPerDim = FlowModels.bitsPerDim(logProb: mean, dims: dims, levels: model.levels)
        bitsPerDimStandardError = logProbStandardError / (Double(dims) * M_LN2)
    }
}

/// `log p(y)` of each image, nats: of draw 0, or with `samples` > 1 of the mean density of the first draws.
///
/// - Parameter threads: never changes the result.
/// - Throws: ``TrainingError/mismatch(property:expected:actual:)`` when the images are not what the model knows;
///   ``TrainingError/outOfRange(option:value:allowed:)`` for `samples` below 1; ``FlowError``.
public func logDensities(
    of data: ImageDataSet, under model: any ImageDensity, samples: Int = 1, threads: Int,
    isCancelled: @Sendable () -> Bool = { false }
) throws -> [Double] {
    let record = model.record
    guard (1...maxSamples).contains(samples) else {
        throw TrainingError.outOfRange(option: "samples", value: "\(samples)", allowed: "1 to \(maxSamples)")
    }
    guard data.shape == record.eventShape else {
        throw TrainingError.mismatch(
            property: "shape of the images", expected: "\(record.eventShape)", actual: "\(data.shape)")
    }
    guard data.levels == record.levels else {
        throw TrainingError.mismatch(
            property: "levels of the images", expected: "\(record.levels)", actual: "\(data.levels)")
    }
    // whole images a task, so that few rows wait for a batch
    let images = max(1, evaluationRows / samples)
    let blocks = stride(from: 0, to: data.count, by: images).map { $0..<min($0 + images, data.count) }
    let parts = try mapInParallel(blocks.count, threads: threads) { b in
        let rows = blocks[b].flatMap { image in
            let pixels = Array(data[image])
            return (0..<samples).map { DensityRow(pixels: pixels, draw: UInt32($0)) }
        }
        let draws = try model.densities(of: rows, isCancelled: isCancelled).map(\.logProb)
        return blocks[b].indices.map { $0 - blocks[b].lowerBound }.map { i in
            logSumExp(Array(draws[i * samples..<(i + 1) * samples])) - log(Double(samples))
        }
    }
    return parts.flatMap { $0 }
}

/// Draws an image at most.
private let maxSamples = 100_000
/// Rows a task.
private let evaluationRows = 64

extension Calibration {
    /// Quantiles of the held-out log-densities at every per cent, by linear interpolation.
    /// - Parameter logProbs: `log p(y)` of draw 0 of each image, nats; at least one.
    public init(split: String, logProbs: [Double]) {
        let sorted = logProbs.sorted()
        let quantiles = (0...100).map { percent in
            let place = Double(sorted.count - 1) * Double(percent) / 100
            let below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            let value = sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
            return min(value, sorted[above])  // rounding must not make the quantiles fall
        }
        self.init(split: split, count: sorted.count, logProbQuantiles: quantiles)
    }
}
