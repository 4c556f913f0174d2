internal import Imaging

extension ImageDataSet {
    /// Reads `split` of the data at `path`, gzipped or not:
    ///
    /// - a folder of IDX files: `train-images-idx3-ubyte` with `train-labels-idx1-ubyte`, and the same beginning
    ///   with `validation` (`valid`, `val`) and `test` (`t10k`); the labels are optional;
    /// - a folder of NPY arrays `[N, H, W]` or `[N, H, W, C]`: `train.npy` with `train-labels.npy`, and so on;
    /// - a folder of PNG and JPEG files, or of folders of them, which are then the classes, in the order of their names;
    ///   or folders `train`, `validation`, `test` of either;
    /// - one IDX or NPY file (of IDX images, with the labels beside it), or one image.
    ///
    /// `classes.txt` beside IDX and NPY files names the classes, one a line.
    ///
    /// Where a split has no file or folder of its own it is cut out of `train`, or out of the whole if nothing is
    /// divided: by the content of each image, a tenth for validation and a tenth for test. Equal images and mirror
    /// images are always on the same side. ``Split/all`` takes everything.
    ///
    /// - Throws: ``DataError``, naming the file, what was expected and what was found.
    public static func load(path: String, split: Split, levels: Int = 256) throws(DataError) -> ImageDataSet {
        precondition((2...256).contains(levels))
        guard let names = try DataFile.names(in: path) else {
            return try loadFile(path, levels: levels).nonEmpty(path, split, present: [])
        }
        let source: Source
        if let arrays = try Arrays(folder: path, names: names) {
            source = .arrays(arrays)
        } else {
            source = .folders(try Folders(folder: path))
        }
        let present = source.present
        if present.isEmpty { return try source.load(nil, levels: levels).nonEmpty(path, split, present: []) }
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
        return try source.load(.train, levels: levels).nonEmpty(path, split, present: present)
    }

    private static func loadFile(_ path: String, levels: Int) throws(DataError) -> ImageDataSet {
        let bytes = try DataFile.read(path)
        if NPYArray.isNPY(bytes) { return try ArrayFiles.images(path, bytes: bytes, levels: levels) }
        if imageFormat(of: bytes) != nil {
            return try ImageFolder.load([ImageFolder.Entry(path: path, label: nil)], classes: [], levels: levels)
        }
        guard ArrayFiles.isIDX(bytes) else { throw .unknownFormat(file: path) }
        let images = try ArrayFiles.images(path, bytes: bytes, levels: levels)
        let (folder, name) = path.splitAtLastSlash()
        guard let names = try DataFile.names(in: folder.isEmpty ? "." : folder),
            let labels = Arrays.labelsName(of: name, in: names)
        else { return images }
        let classes = try Arrays.classes(folder: folder, names: names)
        return try images.labelled(folder + labels, classes: classes, others: [])
    }

    private func nonEmpty(_ path: String, _ split: Split, present: Set<Split>) throws(DataError) -> ImageDataSet {
        let part = divided(split, present: present)
        if part.count == 0 {
            throw .empty(file: path, expected: "enough images to cut out \(split.rawValue); there are \(count)")
        }
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

    /// With the labels of the file at `path`. Without `classes`, the numbers up to the largest of these and `others`.
    func labelled(_ path: String, classes: [String]?, others: [Int]) throws(DataError) -> ImageDataSet {
        let labels = try ArrayFiles.labels(path)
        guard labels.count == count else { throw .labelCount(file: path, images: count, labels: labels.count) }
        let classes = classes ?? (0...max(labels.max() ?? 0, others.max() ?? 0)).map(String.init)
        if let index = labels.firstIndex(where: { $0 >= classes.count }) {
            throw .labelOutOfRange(file: path, index: index, label: "\(labels[index])", classes: classes.count)
        }
        return ImageDataSet(shape: shape, levels: levels, pixels: pixels, labels: labels, classes: classes)
    }
}

/// A folder, as one of the two kinds of data in it.
private enum Source {
    case arrays(Arrays)
    case folders(Folders)

    /// The splits that have files or folders of their own; none when the data is not divided.
    var present: Set<Split> {
        switch self {
        case .arrays(let arrays): Set(arrays.images.keys)
        case .folders(let folders): Set(folders.parts.keys)
        }
    }

    func load(_ split: Split?, levels: Int) throws(DataError) -> ImageDataSet {
        switch self {
        case .arrays(let arrays): try arrays.load(split, levels: levels)
        case .folders(let folders): try folders.load(split, levels: levels)
        }
    }
}

extension String {
    /// `"a/b"` as `("a/", "b")`.
    fileprivate func splitAtLastSlash() -> (folder: String, name: String) {
        guard let slash = lastIndex(of: "/") else { return ("", self) }
        return (String(self[...slash]), String(self[index(after: slash)...]))
    }
}
