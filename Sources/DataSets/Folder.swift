/// A folder of IDX or NPY files.
struct Arrays {
    let folder: String
    let names: [String]
    /// File of the images of each split.
    let images: [Split: String]

    /// nil when there is no such file in the folder.
    /// - Throws: ``DataError/empty(file:expected:)`` when there are some, but none is called like a split.
    init?(folder: String, names: [String]) throws(DataError) {
        let idx = names.filter { $0.contains("-images-idx") }
        let npy = names.filter { $0.hasSuffix(".npy") || $0.hasSuffix(".npy.gz") }
        guard !(idx.isEmpty && npy.isEmpty) else { return nil }
        var images: [Split: String] = [:]
        for split in Split.parts {
            let found =
                idx.isEmpty
                ? npy.filter { name in split.names.contains { name == "\($0).npy" || name == "\($0).npy.gz" } }
                : idx.filter { name in split.names.contains { name.hasPrefix("\($0)-images-idx") } }
            if found.count > 1 {
                throw .unsupported(
                    file: folder, expected: "one file for \(split.rawValue)", found: found.joined(separator: ", "))
            }
            images[split] = found.first
        }
        if images.isEmpty {
            throw .empty(
                file: folder,
                expected: "files called train-images-idx3-ubyte or train.npy, or validation or test instead of train")
        }
        (self.folder, self.names, self.images) = (folder, names, images)
    }

    func load(_ split: Split?, levels: Int) throws(DataError) -> ImageDataSet {
        guard let split, let name = images[split] else { preconditionFailure("asked only for what is present") }
        let path = DataFile.join(folder, name)
        let set = try ArrayFiles.images(path, bytes: try DataFile.read(path), levels: levels)
        guard let labels = Self.labelsName(of: name, in: names) else { return set }
        // All splits must agree about the number of classes, so that a label means the same in each.
        var others: [Int] = []
        for other in images.values where other != name {
            guard let labels = Self.labelsName(of: other, in: names) else { continue }
            others += try ArrayFiles.labels(DataFile.join(folder, labels))
        }
        return try set.labelled(
            DataFile.join(folder, labels), classes: try Self.classes(folder: folder, names: names), others: others)
    }

    /// The file that holds the labels of `images`, if `names` has it.
    static func labelsName(of images: String, in names: [String]) -> String? {
        var stem = images.hasSuffix(".gz") ? String(images.dropLast(3)) : images
        if let range = stem.firstRange(of: "-images-idx3-") ?? stem.firstRange(of: "-images-idx4-") {
            stem.replaceSubrange(range, with: "-labels-idx1-")
        } else if stem.hasSuffix(".npy") {
            stem = stem.dropLast(4) + "-labels.npy"
        } else {
            return nil
        }
        return [stem, stem + ".gz"].first(where: names.contains)
    }

    /// The lines of `classes.txt`, if there is one.
    static func classes(folder: String, names: [String]) throws(DataError) -> [String]? {
        guard names.contains("classes.txt") else { return nil }
        let path = folder.isEmpty ? "classes.txt" : DataFile.join(folder, "classes.txt")
        let text = String(decoding: try DataFile.read(path), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        if lines.isEmpty || Set(lines).count != lines.count {
            throw .unsupported(file: path, expected: "names of classes, one a line, all different", found: "otherwise")
        }
        return lines
    }
}

/// A folder of images, of classes, or of splits of either.
struct Folders {
    let folder: String
    /// Folder of each split; none when the data is not divided.
    let parts: [Split: String]
    /// Names of the class folders, of all splits together.
    let classes: [String]

    init(folder: String) throws(DataError) {
        let names = try ImageFolder.folders(in: folder)
        var parts: [Split: String] = [:]
        for split in Split.parts { parts[split] = names.first(where: split.names.contains) }
        var classes: Set<String> = []
        if parts.isEmpty {
            classes = Set(names)
        } else {
            if let other = names.first(where: { !parts.values.contains($0) }) {
                throw .unsupported(
                    file: DataFile.join(folder, other), expected: "only folders of splits beside one",
                    found: "another folder")
            }
            for part in parts.values { classes.formUnion(try ImageFolder.folders(in: DataFile.join(folder, part))) }
        }
        (self.folder, self.parts) = (folder, parts)
        self.classes = classes.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    }

    func load(_ split: Split?, levels: Int) throws(DataError) -> ImageDataSet {
        let path = split.flatMap { parts[$0] }.map { DataFile.join(folder, $0) } ?? folder
        return try ImageFolder.load(
            try ImageFolder.entries(in: path, classes: classes), classes: classes, levels: levels)
    }
}
