public import FlowCore
internal import FoundationEssentials
internal import Imaging
internal import System

/// Writer of a data set as arrays of levels: `train.npy`, `validation.npy` and `test.npy`, with their labels, and `classes.txt`.
///
/// An image is written as it is read, so that a set may be larger than memory.
public struct PreparedSet {
    /// What was written.
    public struct Summary: Sendable, Equatable {
        /// Number of images of each split.
        public var counts: [Split: Int] = [:]
        /// Number of images of each class, by split; empty without classes.
        public var classCounts: [Split: [Int]] = [:]
        public var classes: [String] = []
        /// Height, width and channels of every image.
        public var shape: EventShape
        /// Number of values of a dimension.
        public var levels: Int
        /// Images of validation and of test that are nearly a training image; nil where that was not asked for.
        public var nearDuplicates: [Split: Int]?

        init(shape: EventShape, levels: Int) { (self.shape, self.levels) = (shape, levels) }
    }

    /// Names of all files that a set may have.
    public static let fileNames =
        Split.parts.flatMap { ["\($0.rawValue).npy", "\($0.rawValue)-labels.npy"] } + ["classes.txt"] + reports

    /// Names of the files that say what the set is, for people: they are no part of it.
    public static let reports = [reportName, sheetName]
    public static let reportName = "prepared.json"
    public static let sheetName = "prepared.png"

    /// Number of levels of the set that was prepared in `folder`, as its report says; nil where none was.
    public static func levels(in folder: String) -> Int? {
        struct Report: Decodable { var levels: Int }
        guard let bytes = try? WholeFile("\(folder)/\(reportName)").contents(limit: mostReportBytes),
            let report = try? JSONDecoder().decode(Report.self, from: Data(bytes)), (2...256).contains(report.levels)
        else { return nil }
        return report.levels
    }

    /// Most bytes of a report that is read.
    private static let mostReportBytes = 1 << 20

    /// Writes splits to `folder`, which is there.
    ///
    /// - Parameters:
    ///   - sets: images of each split, one at least, all of one shape and one number of levels.
    ///   - levels: number of values that a dimension is reduced to, at most those of the data (``SpreadLevels/reduced(_:of:)``).
    ///   - nearDistance: counts images whose ``DifferenceHash`` differs from a training image's in so many bits at most; nil does not.
    ///   - progress: told how many images were written.
    /// - Throws: ``DataError``; what the system says.
    public static func write(
        _ sets: [(split: Split, images: ImageDataSet)], to folder: String, levels: Int, nearDistance: Int? = nil,
        progress: (Int) -> Void = { _ in }
    ) throws -> Summary {
        precondition(!sets.isEmpty)
        var summary = Summary(shape: sets[0].images.shape, levels: levels)
        let spread = SpreadLevels(levels)
        var hashes: [Split: [DifferenceHash]] = [:]
        var done = 0
        summary.classes = sets.first { $0.images.labels != nil }?.images.classes ?? []
        for (split, images) in sets {
            let shape = images.shape
            let sides = [images.count, shape.height, shape.width] + (shape.channels > 1 ? [shape.channels] : [])
            try ReplacingFile.write(to: "\(folder)/\(split.rawValue).npy") { write in
                try write(NPYArray.header(shape: sides, elementType: .uint8))
                for index in 0..<images.count {
                    let image = try images[index]
                    if nearDistance != nil {
                        hashes[split, default: []].append(DifferenceHash(of: image, shape: shape))
                    }
                    try write(spread.reduced(image, of: images.levels))
                    done += 1
                    if done % 1000 == 0 { progress(done) }
                }
            }
            summary.counts[split] = images.count
            guard let labels = images.labels else { continue }
            try ReplacingFile.write(to: "\(folder)/\(split.rawValue)-labels.npy") { write in
                try write(NPYArray.header(shape: [labels.count], elementType: .uint16))
                for block in labels.count.blocks(of: 1 << 16) {
                    try write(labels[block].flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] })
                }
            }
            var counts = [Int](repeating: 0, count: images.classes.count)
            for label in labels { counts[label] += 1 }
            summary.classCounts[split] = counts
        }
        if !summary.classes.isEmpty {
            let names = summary.classes.map { $0 + "\n" }.joined()
            try ReplacingFile.write(Array(names.utf8), to: "\(folder)/classes.txt")
        }
        if let nearDistance {
            let near = NearHashes(hashes[.train] ?? [], distance: nearDistance)
            summary.nearDuplicates = [:]
            for split in [Split.validation, .test] {
                summary.nearDuplicates?[split] = (hashes[split] ?? []).count(where: near.hasNear)
            }
        }
        return summary
    }
}
