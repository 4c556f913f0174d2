internal import FlowCore

/// Images of some splits of a data set, read in one pass.
public struct LoadedData: Sendable {
    /// Path as it was given.
    public let path: String
    public let report: DataReport
    /// Splits that have data of their own; none when the data is not divided.
    public let present: Set<Split>

    private let shape: EventShape
    private let levels: Int
    private let store: PixelStore
    /// Split of each image that was kept; nil for those that are not used.
    private let splits: [Split?]
    /// Split that each image has in the data, before anything is cut out; train in data that is not divided.
    private let origins: [Split?]
    private let labels: [Int?]
    private let classes: [String]

    /// Gathers what was collected.
    ///
    /// - Parameter present: splits that have data of their own; nil when the paths of the images tell.
    /// - Throws: ``DataError`` when the images do not fit together, or there are none.
    init(_ sink: DataSink, path: String, present: Set<Split>?, expected: String) throws(DataError) {
        try sink.finish(path: path)
        self.path = path
        let entries = sink.entries
        let tree = try ImageTree.of(entries.map(\.path), root: path)
        var said = Set(entries.compactMap(\.split))
        // beside images of a split those of none are to learn from
        if !said.isEmpty, tree == nil, entries.contains(where: { $0.split == nil }) { said.insert(.train) }
        let present = present ?? tree?.present ?? said
        self.present = present
        guard let shape = sink.shape else {
            // skipped, every one
            if sink.bad.count > 0 { throw .nothingLeft(file: path, entries: sink.bad) }
            throw .empty(file: path, expected: expected + (sink.unused.count == 0 ? "" : "; found \(sink.unused)"))
        }
        (self.shape, levels) = (shape, sink.options.levels)
        let found = entries.indices.map { tree?.places[$0]?.label.map(DataItem.Label.name) ?? entries[$0].label }
        let table = try ClassTable(
            found, names: sink.classNames ?? tree?.classes, numbers: sink.classNumbers, file: path)
        classes = table.names
        let origins = entries.indices.map { index -> Split? in
            // an image of a tree that is not used
            if let tree, tree.places[index] == nil { return nil }
            return tree?.places[index]?.split ?? entries[index].split ?? .train
        }
        let splits = zip(origins, entries).map { own, entry in
            own == .train ? Split.cut(entry.digest, present: present) : own
        }
        var labels: [Int?] = []
        for label in found { labels.append(try label.map { label throws(DataError) in try table.index(of: label) }) }
        let leftOut = Self.withoutPartialLabels(&labels, origins)
        (self.splits, self.origins, self.labels) = (splits, origins, labels)
        var report = DataReport()
        report.images = sink.digests.count
        report.distinct = Set(sink.digests).count
        (report.constant, report.converted) = (sink.constant, sink.converted)
        (report.unused, report.bad, report.isInFile) = (sink.unused, sink.bad, sink.isInFile)
        if let tree { report.unused.add(tree.unused) }
        report.unused.add(leftOut)
        if !present.isEmpty {
            let train = Set(entries.indices.filter { splits[$0] == .train }.map { entries[$0].digest })
            for split in [Split.validation, .test] where present.contains(split) && !train.isEmpty {
                report.duplicates[split] = entries.indices.count {
                    splits[$0] == split && train.contains(entries[$0].digest)
                }
            }
        }
        var counts = [Int](repeating: 0, count: table.names.count)
        for case let label? in labels { counts[label] += 1 }
        report.singleClasses = counts.indices.filter { counts[$0] == 1 }.map { table.names[$0] }
        self.report = report
        store = try sink.finishedStore()
    }

    /// Takes the labels out of each of the data's own splits in which some images have none: they are of no use, in what is cut out of
    /// it neither.
    /// - Returns: what was taken out, for the report.
    private static func withoutPartialLabels(_ labels: inout [Int?], _ origins: [Split?]) -> UnusedEntries {
        var unused = UnusedEntries()
        for origin in Split.parts {
            let own = labels.indices.filter { origins[$0] == origin }
            let labelled = own.filter { labels[$0] != nil }
            let others = own.count - labelled.count
            guard !labelled.isEmpty, others > 0 else { continue }
            unused.add(
                reason: "labels, since \(others == 1 ? "1 image has" : "\(others) images have") none",
                count: labelled.count)
            for index in labelled { labels[index] = nil }
        }
        return unused
    }

    /// Returns the images of the splits that have any, in their order.
    /// - Throws: ``DataError`` when no split has.
    public func parts() throws(DataError) -> [(split: Split, images: ImageDataSet)] {
        var found: [(Split, ImageDataSet)] = []
        for split in Split.parts {
            do throws(DataError) {
                found.append((split, try images(split)))
            } catch {
                switch error {
                case .emptySplit where split != .train, .noSuchSplit: continue
                default: throw error
                }
            }
        }
        return found
    }

    /// Checks that data with the splits `present` has `split`, or train to cut it from.
    /// - Throws: ``DataError/noSuchSplit(file:split:found:)``.
    static func check(_ split: Split, present: Set<Split>?, _ path: String) throws(DataError) {
        guard let present, !present.isEmpty, split != .all, !present.contains(split), !present.contains(.train) else {
            return
        }
        let found = Split.parts.filter(present.contains).map(\.rawValue)
        throw .noSuchSplit(file: path, split: split.rawValue, found: found)
    }

    /// Returns the images of `split`, at least one.
    ///
    /// Where a split has no data of its own it is cut out of `train`, or out of the whole if nothing is divided.
    /// - Throws: ``DataError/noSuchSplit(file:split:found:)`` or ``DataError/emptySplit(file:split:images:distinct:)``.
    public func images(_ split: Split) throws(DataError) -> ImageDataSet {
        try Self.check(split, present: present, path)
        // all of them in the order of the data's own splits, what is cut out of train in its place
        let rows =
            split == .all
            ? Split.parts.flatMap { part in origins.indices.filter { origins[$0] == part } }
            : splits.indices.filter { splits[$0] == split }
        if rows.isEmpty {
            throw .emptySplit(file: path, split: split.rawValue, images: report.images, distinct: report.distinct)
        }
        let own = rows.compactMap { labels[$0] }
        let isLabelled = own.count == rows.count
        var images = ImageDataSet(
            shape: shape, levels: levels, store: store, rows: rows, labels: isLabelled ? own : nil,
            classes: isLabelled ? classes : [])
        images.skipped = report.bad.count
        return images
    }
}

extension ImageTree {
    /// The tree of the images that have paths in one; nil when none has.
    fileprivate static func of(_ paths: [[UInt8]?], root: String) throws(DataError) -> ImageTree? {
        let own = paths.compactMap { $0 }
        if own.isEmpty { return nil }
        precondition(own.count == paths.count, "a source has a tree, or says its labels")
        return try ImageTree(own, root: root)
    }
}

/// Classes of a set, in their order.
private struct ClassTable {
    let names: [String]
    private let file: String
    /// Number of the first class.
    private let first: Int
    private let indices: [String: Int]

    /// - Parameters:
    ///   - names: the classes where they are known beforehand.
    ///   - numbers: numbers of classes that some split has.
    /// - Throws: ``DataError`` when labels are names and numbers, or too many.
    init(
        _ labels: [DataItem.Label?], names: [String]?, numbers: ClosedRange<Int>?, file: String
    ) throws(DataError) {
        var found: Set<String> = []
        for case .name(let name)? in labels { found.insert(name) }
        self.file = file
        guard names != nil || found.isEmpty || numbers == nil else {
            throw .unsupported(
                file: file, expected: "labels that are all names or all numbers",
                found: "names such as \(found.first!), and numbers")
        }
        // before there are names for all of them
        if names == nil, let most = numbers?.upperBound, most >= ImageDataSet.maxClasses {
            throw .tooLarge(file: file, quantity: "number of a class", value: most, limit: ImageDataSet.maxClasses - 1)
        }
        // Some count from 1, as the letters of EMNIST do: then there is no class 0.
        first = names == nil && numbers?.lowerBound == 1 ? 1 : 0
        let least = first
        self.names =
            names ?? numbers.map { (least...$0.upperBound).map(String.init) }
            ?? found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard self.names.count <= ImageDataSet.maxClasses else {
            throw .tooLarge(
                file: file, quantity: "classes", value: self.names.count, limit: ImageDataSet.maxClasses)
        }
        var indices: [String: Int] = [:]
        for (index, name) in self.names.enumerated() where indices.updateValue(index, forKey: name) != nil {
            throw .unsupported(file: file, expected: "classes of different names", found: "two called \(name)")
        }
        self.indices = indices
    }

    /// Index of a class.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when it is none of the known ones.
    func index(of label: DataItem.Label) throws(DataError) -> Int {
        let index =
            switch label {
            case .name(let name): indices[name]
            case .number(let number): names.indices.contains(number - first) ? number - first : nil
            }
        guard let index else {
            let known = names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", …" : "")
            throw .unsupported(
                file: file, expected: "labels among the \(names.count) classes \(known)", found: "\(label)")
        }
        return index
    }
}

extension ImageDataSet {
    /// Most classes; a label of this number or more is an error.
    static let maxClasses = 65_536
}
