internal import FlowCore
internal import Imaging

/// Format whose files are arrays: the images of a split are one file, their labels another.
protocol ArrayFormat: DataFormat {
    /// Returns what the file `name`, written without `.gz`, holds; nil when its name says nothing.
    static func role(of name: Substring) -> ArrayRole?
    /// Whether `bytes` begin as a file of this format does.
    static func recognizes(_ bytes: [UInt8]) -> Bool
    /// Reads images as they are in the file, of any shape and value.
    /// - Throws: ``DataError`` when the file cannot be decoded.
    static func images(_ file: DataFile) throws(DataError) -> NPYArray
    /// Reads labels as they are in the file, of any shape and value.
    /// - Throws: ``DataError`` when the file cannot be decoded.
    static func labels(_ file: DataFile) throws(DataError) -> NPYArray
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
    package static func source(in folder: Folder) throws(DataError) -> (any DataSource)? {
        try ArrayFolder<Self>(folder)
    }

    package static func images(of file: DataFile, levels: Int) throws(DataError) -> ImageDataSet? {
        guard recognizes(file.bytes) else { return nil }
        let images = try images(file, levels: levels)
        guard let set = role(of: file.name.withoutGzip)?.set, let folder = try file.folder(),
            let labels = try labelsFile(of: set, in: folder)
        else { return images }
        return try images.labelled(
            labels, try self.labels(of: labels), classes: try folder.classNames("classes.txt"), others: [])
    }

    /// Returns the path of the file with the labels of the images of `set`; nil when there is none.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when there are several.
    static func labelsFile(of set: String, in folder: Folder) throws(DataError) -> String? {
        let found = folder.names.filter { name in
            role(of: name.withoutGzip).map { $0.holdsLabels && $0.set == set } ?? false
        }
        return try folder.onlyOne(of: found, for: "the labels of \(set)").map(folder.path)
    }

    /// Reads images of shape `[N, H, W]` or `[N, H, W, C]`, with at least one pixel, 1 to 4 channels and values `0 ..< levels`.
    /// - Throws: ``DataError`` for any other array.
    static func images(_ file: DataFile, levels: Int) throws(DataError) -> ImageDataSet {
        let array = try images(file)
        let shape = array.shape
        guard shape.count == 3 || (shape.count == 4 && (1...4).contains(shape[3])) else {
            throw .unsupported(
                file: file.path, expected: "images of shape [N, H, W] or [N, H, W, C] with 1 to 4 channels",
                found: "shape \(shape)")
        }
        if shape.contains(0) { throw .empty(file: file.path, expected: "no axis of length 0, found shape \(shape)") }
        let event = EventShape(height: shape[1], width: shape[2], channels: shape.count == 4 ? shape[3] : 1)
        do {
            return ImageDataSet(shape: event, levels: levels, pixels: try array.levels(levels))
        } catch {
            switch error {
            case .notLevel(let position, let value, _), .notUnit(let position, let value):
                throw .valueOutOfRange(file: file.path, image: position[0], value: value, levels: levels)
            case .unsaid(let type, _):
                throw .unsupported(
                    file: file.path, expected: "levels, whole numbers from 0 to \(levels - 1)",
                    found: "only values from 0 to 1, of type \(type.name)")
            }
        }
    }

    /// Reads labels of shape `[N]` or `[N, 1]`, whole numbers from 0.
    /// - Throws: ``DataError`` for any other array.
    static func labels(of path: String) throws(DataError) -> [Int] {
        let file = try DataFile(path)
        let array = try labels(file)
        guard array.shape.count == 1 || (array.shape.count == 2 && array.shape[1] == 1) else {
            throw .unsupported(file: path, expected: "labels of shape [N] or [N, 1]", found: "shape \(array.shape)")
        }
        var labels: [Int] = []
        for index in 0..<array.count {
            guard let label = array.integer(index), (0..<ImageDataSet.maxClasses).contains(label) else {
                throw .labelOutOfRange(
                    file: path, index: index, label: array.text(index), classes: ImageDataSet.maxClasses)
            }
            labels.append(label)
        }
        return labels
    }
}

/// Folder of arrays, a file or two for each split.
private struct ArrayFolder<Format: ArrayFormat>: DataSource {
    private let folder: Folder
    /// File of the images of each split, and the set's name, which the file of the labels has too.
    private let images: [Split: (name: String, set: String)]

    /// Finds the images of each split in `folder`; nil when no file is called as images of a split are.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when a split has several files.
    init?(_ folder: Folder) throws(DataError) {
        var images: [Split: (name: String, set: String)] = [:]
        for split in Split.parts {
            let found = folder.names.filter { name in
                Format.role(of: name.withoutGzip).map { !$0.holdsLabels && $0.split == split } ?? false
            }
            guard let name = try folder.onlyOne(of: found, for: split.rawValue),
                let role = Format.role(of: name.withoutGzip)
            else { continue }
            images[split] = (name, role.set)
        }
        if images.isEmpty { return nil }
        (self.folder, self.images) = (folder, images)
    }

    var present: Set<Split> { Set(images.keys) }

    func load(_ split: Split?, levels: Int) throws(DataError) -> ImageDataSet {
        guard let split, let (name, set) = images[split] else { preconditionFailure("asked only for what is present") }
        let images = try Format.images(try DataFile(folder.path(name)), levels: levels)
        guard let labels = try Format.labelsFile(of: set, in: folder) else { return images }
        // All splits must agree about the number of classes, so that a label means the same in each.
        var others: [Int] = []
        for (_, other) in self.images.values where other != set {
            guard let labels = try Format.labelsFile(of: other, in: folder) else { continue }
            others += try Format.labels(of: labels)
        }
        return try images.labelled(
            labels, try Format.labels(of: labels), classes: try folder.classNames("classes.txt"), others: others)
    }
}
