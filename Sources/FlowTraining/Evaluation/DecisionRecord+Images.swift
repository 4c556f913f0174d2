public import DataSets
public import FlowModels
import System

extension DecisionRecord {
    /// Held-out images that a decision uses, at most: half of them calibrate.
    public static let mostHeldOut = 2 * mostImages

    /// Decides by the evidence of images that the training never saw, of more than ``mostHeldOut`` by evenly spaced ones.
    ///
    /// - Parameters:
    ///   - data: at least ``leastImages`` images.
    ///   - alarm: rate of false alarms; nil for the first of ``standardAlarms`` that there are images enough for.
    ///   - progress: told how many images are scored, and of how many.
    /// - Throws: what ``mapScores(of:under:draws:detail:threads:isCancelled:_:)`` throws;
    ///   ``TrainingError/tooFewImages(split:count:least:)``, also when too few have a finite density;
    ///   ``TrainingError/outOfRange(option:value:allowed:)`` for a rate that so few images do not allow.
    public init(
        of data: ImageDataSet, split: String, under model: any ImageDensity, alarm: AlarmRate? = nil, threads: Int,
        isCancelled: @escaping @Sendable () -> Bool = { false }, progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        let chosen = Self.chosen(of: data.count)
        var values: [[Double]] = []
        for slice in chosen.count.blocks(of: 64 * threads) {
            let part = data.subset(slice.map { chosen[$0] })
            values += try mapScores(
                of: part, under: model, detail: .evidence, threads: threads, isCancelled: isCancelled
            ) { $0.draws[0].evidence ?? [] }
            progress(slice.upperBound, chosen.count)
        }
        let finite = values.filter { $0.allSatisfy(\.isFinite) }
        guard finite.count >= Self.leastImages else {
            throw TrainingError.tooFewImages(split: split, count: finite.count, least: Self.leastImages)
        }
        if let alarm, alarm.leastImages > finite.count / 2 {
            throw TrainingError.outOfRange(
                option: "alarm", value: "\(alarm)",
                allowed: "at least 1/\(finite.count / 2 + 1), by the \(finite.count / 2) images that calibrate")
        }
        self.init(split: split, alarm: alarm, values: finite)
    }

    /// Decides by the evidence of held-out images; nil where too few of them have finite evidence.
    init?(split: String, evidence: [[Double]]) {
        let finite = Self.chosen(of: evidence.count).map { evidence[$0] }.filter { $0.allSatisfy(\.isFinite) }
        guard finite.count >= Self.leastImages else { return nil }
        self.init(split: split, values: finite)
    }

    /// Places of the images that are used of so many: all, or as many as can be, evenly spaced.
    private static func chosen(of count: Int) -> [Int] {
        let used = min(count, mostHeldOut)
        return (0..<used).map { $0 * count / used }
    }
}
