import DensityAPI
import FlowCore
import FlowModels
import Serving
import System

/// What is asked of every image, and the model that it is asked of: the same steps as those of `POST /logprob`.
struct ImageScorer: Sendable {
    /// Image with what the model says of it.
    struct Scored: Sendable {
        var score: ImageScore
        /// Levels, as the model saw them.
        var pixels: [UInt8]
    }

    let density: any ImageDensity
    let contents: ScoreContents
    /// Index of the class that the densities are given; nil for none.
    let classIndex: Int?
    /// Whether the classes' posterior and set are wanted where they cost more passes.
    let wantsClasses: Bool
    /// Dequantization draws of each image; 1 or more.
    let samples: Int
    let detail: ScoreDetail
    /// Rate of false alarms; nil for the model's own.
    let alarm: AlarmRate?
    /// Never changes a result.
    let threads: Int

    /// Rows of a task, unless an image has more draws: so many that the weights are read once for all of them.
    private static let taskRows = 32

    /// Images that all threads have enough of.
    var imagesAtOnce: Int { threads * 2 * max(1, Self.taskRows / samples) }

    /// Scores items, each by itself: what is wrong with one touches no other.
    /// - Throws: ``FlowError/cancelled`` when `isCancelled` turned true.
    func results(
        of items: [ScoreItem], isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<Scored, ScoreFailure>] {
        let even = (items.count + threads - 1) / threads
        let blocks = items.count.blocks(of: max(1, min(even, Self.taskRows / samples)))
        return try mapInParallel(blocks.count, threads: threads) { b in
            try results(of: items[blocks[b]], isCancelled)
        }.flatMap { $0 }
    }

    private func results(
        of items: ArraySlice<ScoreItem>, _ isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<Scored, ScoreFailure>] {
        let pixels = items.map { item -> Result<[UInt8], ScoreFailure> in
            switch item.content {
            case .encoded(let bytes): contents.row(ofEncoded: bytes)
            case .pixels(let pixels): .success(pixels)
            case .failed(let failure): .failure(failure)
            }
        }
        let rows = pixels.compactMap { try? $0.get() }.flatMap(rows)
        var values = try run(DensityWork.self, rows, isCancelled)[...]
        let scored = pixels.map { pixels in
            pixels.flatMap { pixels in
                defer { values = values.dropFirst(samples) }
                return score(values.prefix(samples)).map { Scored(score: $0, pixels: pixels) }
            }
        }
        return detail == .pixels ? try addingPixelMaps(to: scored, isCancelled) : scored
    }

    /// What each pixel of the images has to do with their densities: of a mixture with that of the most probable class.
    private func addingPixelMaps(
        to scored: [Result<Scored, ScoreFailure>], _ isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<Scored, ScoreFailure>] {
        let rows = scored.compactMap { try? $0.get() }.map { $0.score.pixelMapRow(of: $0.pixels) }
        var maps = try run(PixelMapWork.self, rows, isCancelled)[...]
        return scored.map { image in
            image.flatMap { image in
                maps.removeFirst().mapError(failure).map { map in
                    var image = image
                    image.score.pixelMap = map
                    return image
                }
            }
        }
    }

    /// Rows of an image, one a draw.
    private func rows(of pixels: [UInt8]) -> [DensityRow] {
        density.record.rows(
            of: pixels, draws: samples, classIndex: classIndex, detail: detail, wantsClasses: wantsClasses)
    }

    /// Results of all rows together, and when that fails of each alone, so that a bad row spoils only itself.
    private func run<Work: LaneWork>(
        _ work: Work.Type, _ rows: [Work.Row], _ isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<Work.Output, RowFailure>] {
        func run(_ rows: [Work.Row]) throws -> [Result<Work.Output, RowFailure>] {
            try work.run(rows, on: density, threads: nil, isCancelled: isCancelled)
        }
        do {
            return try run(rows)
        } catch FlowError.cancelled {
            throw FlowError.cancelled
        } catch {
            return try rows.map { row in
                do {
                    return try run([row])[0]
                } catch FlowError.cancelled {
                    throw FlowError.cancelled
                } catch {
                    return .failure(.refused(reason: String(describing: error)))
                }
            }
        }
    }

    /// What is said of a row that has no result; standard error is told more.
    private func failure(_ failure: RowFailure) -> ScoreFailure {
        if case .refused(let reason) = failure { Terminal.warn("the model refused an image: \(reason)") }
        return ScoreFailure(Problem(failure))
    }

    /// Score of an image by its draws.
    private func score(_ draws: ArraySlice<Result<RowDensity, RowFailure>>) -> Result<ImageScore, ScoreFailure> {
        Result { () throws(ScoreFailure) in
            let draws = try draws.map { draw throws(ScoreFailure) in try draw.mapError(failure).get() }
            return ImageScore(
                draws: draws, classIndex: classIndex, record: density.record, detail: detail, alarm: alarm)
        }
    }

    /// Score of the image that the model's file carries, which has every figure that others have.
    /// - Throws: ``FlowError``; ``ScoreFailure``.
    func example() throws -> ImageScore {
        let item = ScoreItem(source: "", index: nil, content: .pixels(density.record.check.pixels))
        return try results(of: [item][...]) { false }[0].get().score
    }
}
