internal import Archives
internal import FlowCore
internal import Imaging
internal import System

/// Format whose files are arrays: the images of a split are one file, their labels another.
protocol ArrayFormat: DataFormat {
    /// Returns what the file `name`, written without `.gz`, holds; nil when its name says nothing.
    static func role(of name: Substring) -> ArrayRole?
    /// Whether `bytes` begin as a file of this format does.
    static func recognizes(_ bytes: [UInt8]) -> Bool
    /// Reads the head of a file of images, of any shape and value.
    /// - Throws: ``DataError`` when the file cannot be decoded.
    static func images(_ file: DataInput) throws(DataError) -> ArrayReader
    /// Reads the head of a file of labels, of any shape and value.
    /// - Throws: ``DataError`` when the file cannot be decoded.
    static func labels(_ file: DataInput) throws(DataError) -> ArrayReader
}

/// Role of a file of arrays, by its name: images or labels, and of which set.
struct ArrayRole {
    /// Name that images and their labels have in common, such as `train` or `emnist-digits-train`.
    var set: String
    /// Split that the set is; nil for another name.
    var split: Split?
    /// Whether the file holds labels; else it holds images.
    var holdsLabels: Bool
}

extension ArrayFormat {
    package static func source(in folder: Folder, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        try ArraySource<Self>(folder)
    }

    package static func source(of file: DataInput, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        recognizes(file.start) ? try ArraySource<Self>(file) : nil
    }

    /// Returns the name of the file with the labels of the images of `set`; nil when there is none.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when there are several.
    static func labelsFile(of set: String, in folder: Folder) throws(DataError) -> String? {
        let found = folder.names.filter { name in
            role(of: name.withoutGzip).map { $0.holdsLabels && $0.set == set } ?? false
        }
        return try folder.onlyOne(of: found, for: "the labels of \(set)")
    }
}

/// Arrays of a folder, or one array with the labels beside it.
private struct ArraySource<Format: ArrayFormat>: DataSource {
    /// Images of a split, or of all data.
    private struct Images {
        var path: FilePath
        /// The file, where it is open already.
        var input: DataInput?
        /// File of the labels; nil for none.
        var labels: FilePath?
    }

    private let folder: Folder?
    /// Images of each split; under nil those of data that is not divided.
    private var images: [Split?: Images] = [:]
    /// Names of the files that are read.
    private var used: Set<String> = []

    /// Finds the images of each split in `folder`, or images of data that is not divided; nil when no file is called so.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when a split has several files.
    init?(_ folder: Folder) throws(DataError) {
        self.folder = folder
        let roles = folder.names.compactMap { name in Format.role(of: name.withoutGzip).map { (name: name, role: $0) } }
        for split in Split.parts {
            try add(
                roles.filter { !$0.role.holdsLabels && $0.role.split == split }.map(\.name), as: split, split.rawValue)
        }
        if images.isEmpty, folder.folders.isEmpty {
            try add(roles.filter { !$0.role.holdsLabels && $0.role.set.isEmpty }.map(\.name), as: nil, "the images")
        }
        if images.isEmpty { return nil }
    }

    private mutating func add(_ found: [String], as split: Split?, _ purpose: String) throws(DataError) {
        guard let folder, let name = try folder.onlyOne(of: found, for: purpose),
            let role = Format.role(of: name.withoutGzip)
        else { return }
        let labels = try Format.labelsFile(of: role.set, in: folder)
        images[split] = Images(path: folder.path(name), labels: labels.map(folder.path))
        used.formUnion([name] + (labels.map { [$0] } ?? []))
    }

    /// One file, with its labels where they lie beside it.
    init(_ file: DataInput) throws(DataError) {
        folder = nil
        var labels: FilePath?
        if let set = Format.role(of: file.name.withoutGzip)?.set, let folder = try file.folder() {
            labels = try Format.labelsFile(of: set, in: folder).map(folder.path)
        }
        images[nil] = Images(path: file.path, input: file, labels: labels)
    }

    var present: Set<Split>? { Set(images.keys.compactMap(\.self)) }

    var example: String { used.sorted().first ?? "" }

    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError) {
        var used = used
        // All splits must agree about the number of classes, so that a label means the same in each.
        var labels: [Split?: [Int]] = [:]
        var hasLabels = false
        for (split, own) in images {
            guard let path = own.labels else { continue }
            hasLabels = true
            let all = try Self.labels(of: path)
            for label in Set(all) { sink.note(classNumber: label) }
            if split.map(wanted.contains) ?? true { labels[split] = all }
        }
        let directory = if let folder { folder } else { try Folder(images[nil]!.path.folder) }
        if hasLabels, let names = try directory?.classNames("classes.txt") {
            used.insert("classes.txt")
            for (split, own) in labels {
                guard let index = own.firstIndex(where: { $0 >= names.count }), let path = images[split]?.labels else {
                    continue
                }
                throw .labelOutOfRange(file: path.text, index: index, label: "\(own[index])", classes: names.count)
            }
            sink.setClasses(names)
        }
        for split in Split.parts + [nil] {
            guard let own = images[split], split.map(wanted.contains) ?? true else { continue }
            try Self.read(own, split, labels[split], to: sink)
        }
        if let folder { sink.leaveOut(folder.unused(besides: used.union(PreparedSet.reports))) }
    }

    private static func read(
        _ images: Images, _ split: Split?, _ labels: [Int]?, to sink: DataSink
    ) throws(DataError) {
        let file = if let input = images.input { input } else { try DataInput(images.path) }
        let pictures = try Format.images(file).images(sink.options)
        if let labels, labels.count != pictures.count, let path = images.labels {
            throw .labelCount(file: path.text, images: pictures.count, labels: labels.count)
        }
        try pictures.put(labels: labels, split: split, to: sink)
    }

    /// Reads labels of shape `[N]` or `[N, 1]`, whole numbers from 0.
    /// - Throws: ``DataError`` for any other array.
    private static func labels(of path: FilePath) throws(DataError) -> [Int] {
        let array = try Format.labels(DataInput(path))
        guard array.shape.count == 1 || (array.shape.count == 2 && array.shape[1] == 1) else {
            throw .unsupported(
                file: path.text, expected: "labels of shape [N] or [N, 1]", found: "shape \(array.shape)")
        }
        return try array.labels(classes: ImageDataSet.maxClasses)
    }
}
