public import DataSets
import FlowCore
public import FlowModels
import System

/// Scores each image of `data`, and returns what `body` makes of the scores, in the order of the images. The draws of an image, of
/// numbers `0 ..< draws`, are let go when `body` returns.
///
/// - Parameters:
///   - draws: dequantization draws of each image, 1 to 100,000.
///   - detail: how much the scores say of whether an image is like the learned ones.
///   - wantsClasses: whether the densities given each class are wanted where they cost more passes.
///   - threads: never changes the result.
///   - body: runs on these threads.
/// - Throws: ``TrainingError/mismatch(property:expected:actual:)`` when the images are not what the model knows;
///   ``TrainingError/outOfRange(option:value:allowed:)`` for `draws`; ``FlowError``; what `body` throws.
public func mapScores<Output>(
    of data: ImageDataSet, under model: any ImageDensity, draws: Int = 1, detail: ScoreDetail = .none,
    wantsClasses: Bool = false, threads: Int, isCancelled: @escaping @Sendable () -> Bool = { false },
    _ body: @Sendable (ImageScore) throws -> Output
) throws -> [Output] {
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
    return try mapInParallel(blocks.count, threads: threads) { b in
        let rows = try blocks[b].flatMap { image in
            let pixels = try data[image]
            return (0..<draws).map {
                DensityRow(
                    pixels: pixels, draw: UInt32($0), wantsEvidence: detail != .none && $0 == 0,
                    wantsClasses: wantsClasses)
            }
        }
        let values = try model.densities(of: rows, isCancelled: isCancelled)
        return try stride(from: 0, to: values.count, by: draws).map { first in
            try body(ImageScore(draws: Array(values[first..<first + draws]), record: record, detail: detail))
        }
    }.flatMap { $0 }
}

/// Computes `log p(y)` of each image, nats: that of draw 0, or with `draws` > 1 the bound of the first draws.
/// - Throws: what ``mapScores(of:under:draws:detail:wantsClasses:threads:isCancelled:_:)`` throws.
public func logDensities(
    of data: ImageDataSet, under model: any ImageDensity, draws: Int = 1, threads: Int,
    isCancelled: @escaping @Sendable () -> Bool = { false }
) throws -> [Double] {
    try mapScores(of: data, under: model, draws: draws, threads: threads, isCancelled: isCancelled) { $0.logProb }
}

/// Most draws of an image.
private let maxDraws = 100_000
/// Rows of a task, unless one image has more draws.
private let evaluationRows = 64
