public import DataSets
import FlowCore
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
    /// - Throws: what ``mapScores(of:under:draws:detail:wantsClasses:threads:isCancelled:_:)`` throws;
    ///   ``TrainingError/tooFewImages(split:count:least:)``, also when too few have a finite density;
    ///   ``TrainingError/outOfRange(option:value:allowed:)`` for a rate that so few images do not allow.
    public init(
        of data: ImageDataSet, split: String, under model: any ImageDensity, alarm: AlarmRate? = nil, threads: Int,
        isCancelled: @escaping @Sendable () -> Bool = { false }, progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        let chosen = Self.chosen(of: data.count)
        let record = model.record
        let labels = record.labels(of: data)
        var images: [HeldOut] = []
        for slice in chosen.count.blocks(of: 64 * threads) {
            let part = data.subset(slice.map { chosen[$0] })
            let densities = try mapScores(
                of: part, under: model, detail: .evidence, wantsClasses: labels != nil, threads: threads,
                isCancelled: isCancelled
            ) { $0.draws[0] }
            for (i, density) in zip(slice, densities) {
                images.append(HeldOut(density, label: labels?[chosen[i]]))
            }
            progress(slice.upperBound, chosen.count)
        }
        let finite = images.filter(\.isFinite)
        guard finite.count >= Self.leastImages else {
            throw TrainingError.tooFewImages(split: split, count: finite.count, least: Self.leastImages)
        }
        if let alarm, alarm.leastImages > finite.count / 2 {
            throw TrainingError.outOfRange(
                option: "alarm", value: "\(alarm)",
                allowed: "at least 1/\(finite.count / 2 + 1), by the \(finite.count / 2) images that calibrate")
        }
        self.init(split: split, alarm: alarm, images: finite, classes: labels == nil ? 0 : record.classes.count)
    }

    /// Decides by the evidence of held-out images; nil where too few of them have finite evidence.
    /// - Parameter classes: classes of a model that has a density for each, else 0.
    init?(split: String, evidence: [HeldOut], classes: Int) {
        let finite = Self.chosen(of: evidence.count).map { evidence[$0] }.filter(\.isFinite)
        guard finite.count >= Self.leastImages else { return nil }
        self.init(split: split, images: finite, classes: classes)
    }

    /// Places of the images that are used of so many: all, or as many as can be, evenly spaced.
    private static func chosen(of count: Int) -> [Int] {
        let used = min(count, mostHeldOut)
        return (0..<used).map { $0 * count / used }
    }
}

extension DecisionRecord.HeldOut {
    /// The evidence of a density that was asked for it.
    /// - Parameter label: class of the image, among the model's; nil without one.
    init(_ density: RowDensity, label: Int?) {
        let own = label.flatMap { label in
            density.classEvidence.indices.contains(label) ? (label, density.classEvidence[label]) : nil
        }
        self.init(values: density.evidence ?? [.nan], own: own)
    }
}

extension BackgroundModel {
    /// Counts the images that a model learned from; nil where they have more than ``mostChannels`` channels.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    public init?(of data: ImageDataSet) throws(DataError) {
        guard data.shape.channels <= Self.mostChannels else { return nil }
        self.init(levels: data.levels, channels: data.shape.channels)
        for i in 0..<min(data.count, Self.mostImages) { count(try data[i][...], shape: data.shape) }
    }
}
