extension ImageDataSet {
    /// Reads `split` of the data at `path`, a folder or one file in any of ``dataFormats``, gzipped or not.
    ///
    /// The files and folders of a split are known by a word in their names, whatever its case: train, training or trn;
    /// validation, valid, val or dev; test, testing or t10k. `classes.txt` beside arrays names the classes, one a line.
    ///
    /// Where a split has no file or folder of its own it is cut out of `train`, or out of the whole if nothing is
    /// divided: by the content of each image, a tenth for validation and a tenth for test. Equal images and mirror
    /// images are always on the same side. ``Split/all`` takes everything.
    ///
    /// - Throws: ``DataError``, naming the file, what was expected and what was found.
    public static func load(path: String, split: Split, levels: Int = 256) throws(DataError) -> ImageDataSet {
        precondition((2...256).contains(levels))
        guard let folder = try Folder(path) else {
            return try file(DataFile(path), levels: levels).part(split, of: path, present: [])
        }
        for format in dataFormats {
            if let source = try format.source(in: folder) { return try load(split, of: source, path, levels: levels) }
        }
        throw .empty(file: path, expected: dataFormats.layouts)
    }

    private static func file(_ file: DataFile, levels: Int) throws(DataError) -> ImageDataSet {
        for format in dataFormats {
            if let images = try format.images(of: file, levels: levels) { return images }
        }
        throw .wrongFormat(file: file.path, expected: dataFormats.names)
    }

    private static func load(
        _ split: Split, of source: any DataSource, _ path: String, levels: Int
    ) throws(DataError) -> ImageDataSet {
        let present = source.present
        if present.isEmpty { return try source.load(nil, levels: levels).part(split, of: path, present: []) }
        if split == .all {
            var parts: [ImageDataSet] = []
            for part in Split.parts where present.contains(part) { parts.append(try source.load(part, levels: levels)) }
            return try joined(parts, path: path)
        }
        if present.contains(split) && split != .train { return try source.load(split, levels: levels) }
        guard present.contains(.train) else {
            let found = Split.parts.filter(present.contains).map(\.rawValue)
            throw .noSuchSplit(file: path, split: split.rawValue, found: found)
        }
        return try source.load(.train, levels: levels).part(split, of: path, present: present)
    }

    /// Returns what `split` takes of this set, at least one image.
    /// - Throws: ``DataError/emptySplit(file:split:images:)``.
    private func part(_ split: Split, of path: String, present: Set<Split>) throws(DataError) -> ImageDataSet {
        let part = divided(split, present: present)
        if part.count == 0 { throw .emptySplit(file: path, split: split.rawValue, images: count) }
        return part
    }

    private static func joined(_ parts: [ImageDataSet], path: String) throws(DataError) -> ImageDataSet {
        for part in parts where part.shape != parts[0].shape {
            throw .mixedSizes(file: path, expected: parts[0].shape, found: part.shape)
        }
        let labels = parts.compactMap(\.labels)
        let isLabelled = labels.count == parts.count
        return ImageDataSet(
            shape: parts[0].shape, levels: parts[0].levels, pixels: parts.flatMap(\.pixels),
            labels: isLabelled ? labels.flatMap { $0 } : nil, classes: isLabelled ? parts[0].classes : [])
    }
}

extension ImageDataSet {
    /// Most classes; a label of this number or more is an error.
    static let maxClasses = 65_536

    /// Returns the images with `labels`, which were read at `path`.
    ///
    /// Without names of classes, the names are the numbers up to the largest of these labels and of `others`, those of the
    /// other splits.
    /// - Throws: ``DataError/labelCount(file:images:labels:)`` or ``DataError/labelOutOfRange(file:index:label:classes:)``.
    func labelled(
        _ path: String, _ labels: [Int], classes names: [String]?, others: [Int]
    ) throws(DataError) -> ImageDataSet {
        guard labels.count == count else { throw .labelCount(file: path, images: count, labels: labels.count) }
        let classes = names ?? (0...max(labels.max() ?? 0, others.max() ?? 0)).map(String.init)
        if let index = labels.firstIndex(where: { $0 >= classes.count }) {
            throw .labelOutOfRange(file: path, index: index, label: "\(labels[index])", classes: classes.count)
        }
        return ImageDataSet(shape: shape, levels: levels, pixels: pixels, labels: labels, classes: classes)
    }
}
