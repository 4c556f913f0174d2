import DataSets
import FlowCore
import FlowModels
import FlowTraining

/// Scores of held-out images as a report needs them, by one pass over the images.
struct ReportScores {
    /// Log-density and most probable class of each image.
    let scores: [(logProb: Double, mostProbableClass: Int?)]
    /// What is drawn, the oddest images among it, with their pixel maps.
    let summary: ScoreSummary

    /// Most images that are shown as the oddest.
    private static let mostOddest = 15

    /// - Throws: what ``mapScores(of:under:draws:detail:wantsClasses:threads:isCancelled:_:)`` throws.
    init(of set: ImageDataSet, under density: any ImageDensity, draws: Int, threads: Int) throws {
        let record = density.record
        let all = try mapScores(
            of: set, under: density, draws: draws, detail: record.decision == nil ? .none : .verdict,
            wantsClasses: record.labels(of: set) != nil, threads: threads
        ) { $0 }
        scores = all.map { ($0.logProb, $0.mostProbableClass) }
        var summary = ScoreSummary(keepsImages: true, mostOddest: Self.mostOddest)
        for (index, score) in all.enumerated() {
            summary.add(ImageScorer.Scored(score: score, pixels: try set[index]), source: "", index: index)
        }
        let maps = try pixelMaps(of: summary.oddest, density)
        summary.addPixelMaps(maps)
        self.summary = summary
    }
}

/// What each pixel of the images has to do with their densities: of a mixture with that of the most probable class.
/// - Throws: ``FlowError``.
private func pixelMaps(of images: [ScoreSummary.Odd], _ density: any ImageDensity) throws -> [PixelMap] {
    try density.pixelMaps(
        of: images.map { $0.score.pixelMapRow(of: $0.pixels) }, isCancelled: { false })
}
