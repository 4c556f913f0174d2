import FlowCore
public import FlowModels
import Glibc
import System

/// How a model does on a set of images.
public struct Evaluation: Sendable, Codable, Equatable {
    public var model: String
    public var split: String
    /// Images.
    public var count: Int
    /// Dequantization draws an image: `log p` is that of their mean density, a lower bound that tightens with them
    /// (Burda et al., *Importance Weighted Autoencoders* (2016), theorem 1, arXiv:1509.00519).
    public var draws: Int
    /// Mean over images of `log p(y)`, nats, and the mean's standard error.
    public var logProb: Double
    public var logProbStandardError: Double
    public var bitsPerDim: Double
    public var bitsPerDimStandardError: Double
    /// Share of the images whose own class is the most probable one by Bayes' rule; nil unless the model is
    /// class-conditional and the images have its classes.
    public var accuracy: Double?
    /// Samples of the model beside the images, where that was asked for.
    public var comparison: SampleComparison?

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
    }

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
        // of one image nothing is known about the spread
        logProbStandardError = count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
        let dims = model.eventShape.dims
        self.bitsPerDim = FlowModels.bitsPerDim(logProb: mean, dims: dims, levels: model.levels)
        bitsPerDimStandardError = logProbStandardError / (Double(dims) * M_LN2)
    }
}

extension Evaluation {
    /// As ``init(model:split:draws:logProbs:)``, with the accuracy where the images have the model's classes: the same
    /// names, or as many numbers in their place.
    public init(model: ModelRecord, split: String, draws: Int, densities: [RowDensity], of data: ImageDataSet) {
        self.init(model: model, split: split, draws: draws, logProbs: densities.map(\.logProb))
        guard let prior = model.classPrior, let labels = data.labels, data.hasClasses(model.classes) else { return }
        let right = zip(densities, labels).count { density, label in
            let joint = zip(prior, density.classLogProbs).map { log($0) + $1 }
            return joint.firstIndex(of: joint.max()!) == label  // there is a class
        }
        accuracy = Double(right) / Double(labels.count)
    }
}

/// `log p(y)` of each image, nats: of draw 0, or with `draws` > 1 of the mean density of the first draws.
///
/// - Parameter threads: never changes the result.
/// - Throws: ``TrainingError/mismatch(property:expected:actual:)`` when the images are not what the model knows;
///   ``TrainingError/outOfRange(option:value:allowed:)`` for `draws` below 1; ``FlowError``.
public func logDensities(
    of data: ImageDataSet, under model: any ImageDensity, draws: Int = 1, threads: Int,
    isCancelled: @escaping @Sendable () -> Bool = { false }
) throws -> [Double] {
    try densities(of: data, under: model, draws: draws, threads: threads, isCancelled: isCancelled).map(\.logProb)
}

/// The same, with the density of each class where the model is class-conditional.
/// - Throws: as ``logDensities(of:under:draws:threads:isCancelled:)``.
public func densities(
    of data: ImageDataSet, under model: any ImageDensity, draws: Int = 1, threads: Int,
    isCancelled: @escaping @Sendable () -> Bool = { false }
) throws -> [RowDensity] {
    let record = model.record
    guard (1...maxDraws).contains(draws) else {
        throw TrainingError.outOfRange(option: "draws", value: "\(draws)", allowed: "1 to \(maxDraws)")
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
    let images = max(1, evaluationRows / draws)
    let blocks = data.count.blocks(of: images)
    let parts = try mapInParallel(blocks.count, threads: threads) { b in
        let rows = blocks[b].flatMap { image in
            let pixels = Array(data[image])
            return (0..<draws).map { DensityRow(pixels: pixels, draw: UInt32($0)) }
        }
        let values = try model.densities(of: rows, isCancelled: isCancelled)
        return blocks[b].indices.map {
            mean(values[($0 - blocks[b].lowerBound) * draws..<($0 - blocks[b].lowerBound + 1) * draws])
        }
    }
    return parts.flatMap { $0 }
}

/// The logarithms of the mean densities of some draws of one image.
private func mean(_ draws: ArraySlice<RowDensity>) -> RowDensity {
    let count = log(Double(draws.count))
    return RowDensity(
        logProb: logSumExp(draws.map(\.logProb)) - count,
        classLogProbs: draws.first!.classLogProbs.indices.map { c in  // at least one draw
            logSumExp(draws.map { $0.classLogProbs[c] }) - count
        })
}

/// Draws an image at most.
private let maxDraws = 100_000
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
