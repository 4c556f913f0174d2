internal import FlowCore

/// CIFAR-10 and CIFAR-100 in their binary version: `data_batch_1.bin` … with `test_batch.bin`, or `train.bin` with
/// `test.bin`.
///
/// An image is its label, a byte (of CIFAR-100 two, of which the second is the fine one), then 32 × 32 values of red, as many of
/// green and as many of blue. The classes' names stand in `batches.meta.txt` or `fine_label_names.txt`.
///
/// Source: Krizhevsky, *Learning Multiple Layers of Features from Tiny Images* (2009), and "Binary version" on the page of
/// the two data sets.
enum CIFARFormat: DataFormat {
    static let names = ["CIFAR"]
    static let layout =
        "the binary version of CIFAR-10 or CIFAR-100 (data_batch_1.bin … with test_batch.bin, or train.bin with test.bin)"

    static func source(in folder: Folder) throws(DataError) -> (any DataSource)? { try CIFARFolder(folder) }

    static func images(of file: DataFile, levels: Int) throws(DataError) -> ImageDataSet? {
        guard let role = CIFARRole(file.name), let folder = try file.folder(),
            role.kind == .ten || folder.names.contains(role.kind.namesFile)
        else { return nil }
        return try images(of: [file.path], role.kind, in: folder, levels: levels) { _ in file }
    }

    /// Reads the images of all files of a split, one file after the other.
    /// - Parameter read: reads the file at a path, or returns it where it was read before.
    /// - Throws: ``DataError`` when a file is cut off, a label is no class or a value no level.
    fileprivate static func images(
        of paths: [String], _ kind: CIFARKind, in folder: Folder, levels: Int,
        read: (_ path: String) throws(DataError) -> DataFile
    ) throws(DataError) -> ImageDataSet {
        let classes = try folder.classNames(kind.namesFile) ?? (0..<kind.classes).map(String.init)
        var (pixels, labels): ([UInt8], [Int]) = ([], [])
        for path in paths {
            let bytes = try read(path).bytes
            let count = bytes.count / kind.size
            if bytes.count != count * kind.size || count == 0 {
                throw .truncated(file: path, expected: (count + 1) * kind.size, found: bytes.count)
            }
            for image in 0..<count {
                let start = image * kind.size
                let label = Int(bytes[start + kind.labelBytes - 1])
                guard label < classes.count else {
                    throw .labelOutOfRange(file: path, index: image, label: "\(label)", classes: classes.count)
                }
                labels.append(label)
                // planes of colours to pixels
                let values = bytes[(start + kind.labelBytes)..<(start + kind.size)]
                for pixel in 0..<side * side {
                    for channel in 0..<3 { pixels.append(values[values.startIndex + channel * side * side + pixel]) }
                }
                if levels < 256, let value = values.first(where: { $0 >= levels }) {
                    throw .valueOutOfRange(file: path, image: image, value: "\(value)", levels: levels)
                }
            }
        }
        return ImageDataSet(
            shape: EventShape(height: side, width: side, channels: 3), levels: levels, pixels: pixels, labels: labels,
            classes: classes)
    }
}

/// Height and width of every image, pixels.
private let side = 32

/// Data set: CIFAR-10 or CIFAR-100.
private enum CIFARKind {
    case ten
    case hundred

    /// Number of classes.
    var classes: Int { self == .ten ? 10 : 100 }
    /// Name of the file with the classes' names.
    var namesFile: String { self == .ten ? "batches.meta.txt" : "fine_label_names.txt" }
    /// Number of bytes before an image's values; the last of them is its label.
    var labelBytes: Int { self == .ten ? 1 : 2 }
    /// Size of an image with its label, bytes.
    var size: Int { labelBytes + 3 * side * side }
}

/// Role of a file, by its name: its data set, its split and its place there.
private struct CIFARRole {
    var kind: CIFARKind
    var split: Split
    /// Place among the files of the split.
    var number: Int

    /// Reads the role off `name`, gzipped or not; nil for another name.
    init?(_ name: String) {
        switch name.withoutGzip {
        case "test_batch.bin": (kind, split, number) = (.ten, .test, 1)
        case "train.bin": (kind, split, number) = (.hundred, .train, 1)
        case "test.bin": (kind, split, number) = (.hundred, .test, 1)
        case let stem where stem.hasPrefix("data_batch_") && stem.hasSuffix(".bin"):
            guard let number = Int(stem.dropFirst(11).dropLast(4)) else { return nil }
            (kind, split, self.number) = (.ten, .train, number)
        default: return nil
        }
    }
}

/// Folder of the files of one of the data sets.
private struct CIFARFolder: DataSource {
    let folder: Folder
    let kind: CIFARKind
    /// Paths of the files of each split, in the order of their numbers.
    let files: [Split: [String]]

    /// Finds the files of each split in `folder`; nil when nothing in it is called as a file of the data sets is.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when a file is there twice, gzipped and not.
    init?(_ folder: Folder) throws(DataError) {
        let roles = folder.names.compactMap { name in CIFARRole(name).map { (name: name, role: $0) } }
        // other data can be called train.bin
        let isHundred = folder.names.contains(CIFARKind.hundred.namesFile)
        guard
            let kind = [CIFARKind.ten, .hundred].first(where: { kind in
                roles.contains { $0.role.kind == kind } && (kind == .ten || isHundred)
            })
        else { return nil }
        var files: [Split: [String]] = [:]
        for split in Split.parts {
            let parts = roles.filter { $0.role.kind == kind && $0.role.split == split }
                .sorted { $0.role.number < $1.role.number }
            for number in Set(parts.map(\.role.number)) {
                _ = try folder.onlyOne(
                    of: parts.filter { $0.role.number == number }.map(\.name), for: "\(split.rawValue) \(number)")
            }
            if !parts.isEmpty { files[split] = parts.map { folder.path($0.name) } }
        }
        (self.folder, self.kind, self.files) = (folder, kind, files)
    }

    var present: Set<Split> { Set(files.keys) }

    func load(_ split: Split?, levels: Int) throws(DataError) -> ImageDataSet {
        guard let split, let paths = files[split] else { preconditionFailure("asked only for what is present") }
        return try CIFARFormat.images(of: paths, kind, in: folder, levels: levels) { path throws(DataError) in
            try DataFile(path)
        }
    }
}
