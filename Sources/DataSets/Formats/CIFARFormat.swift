internal import Archives
internal import FlowCore
internal import System

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

    static func source(in folder: Folder, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        try CIFARSource(folder)
    }

    static func source(of file: DataInput, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        guard let role = CIFARRole(file.name), let folder = try file.folder(),
            role.kind == .ten || folder.names.contains(role.kind.namesFile)
        else { return nil }
        return CIFARSource(folder: folder, kind: role.kind, files: [nil: [file.name]], isFolder: false)
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

/// Files of one of the data sets.
private struct CIFARSource: DataSource {
    let folder: Folder
    let kind: CIFARKind
    /// Names of the files of each split, in the order of their numbers; under nil of data that is not divided.
    let files: [Split?: [String]]
    /// Whether the folder is the data, and what else is in it is not used.
    let isFolder: Bool

    init(folder: Folder, kind: CIFARKind, files: [Split?: [String]], isFolder: Bool) {
        (self.folder, self.kind, self.files, self.isFolder) = (folder, kind, files, isFolder)
    }

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
        var files: [Split?: [String]] = [:]
        for split in Split.parts {
            let parts = roles.filter { $0.role.kind == kind && $0.role.split == split }
                .sorted { $0.role.number < $1.role.number }
            for number in Set(parts.map(\.role.number)) {
                _ = try folder.onlyOne(
                    of: parts.filter { $0.role.number == number }.map(\.name), for: "\(split.rawValue) \(number)")
            }
            if !parts.isEmpty { files[split] = parts.map(\.name) }
        }
        self.init(folder: folder, kind: kind, files: files, isFolder: true)
    }

    var present: Set<Split>? { Set(files.keys.compactMap(\.self)) }

    var example: String { files.values.joined().sorted().first ?? "" }

    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError) {
        let names = try folder.classNames(kind.namesFile)
        let classes = names ?? (0..<kind.classes).map(String.init)
        sink.setClasses(classes)
        for split in Split.parts + [nil] where split.map(wanted.contains) ?? true {
            for name in files[split] ?? [] { try read(DataInput(folder.path(name)), split, classes.count, to: sink) }
        }
        guard isFolder else { return }
        let used = Set(files.values.joined()).union(names == nil ? [] : [kind.namesFile])
        sink.leaveOut(folder.unused(besides: used))
    }

    /// Reads a file, image by image.
    /// - Throws: ``DataError`` when the file is cut off, or a label is no class.
    private func read(_ file: DataInput, _ split: Split?, _ classes: Int, to sink: DataSink) throws(DataError) {
        let path = file.path.text
        if let size = file.size, size % kind.size != 0 || size == 0 {
            throw .truncated(file: path, expected: (size / kind.size + 1) * kind.size, found: size)
        }
        let bytes = file.bytes()
        var count = 0
        while true {
            let record: [UInt8]
            do throws(ArchiveError) { record = try bytes.read(kind.size) } catch { throw file.error(error) }
            if record.isEmpty, count > 0 { return }
            guard record.count == kind.size else {
                throw .truncated(
                    file: path, expected: (count + 1) * kind.size, found: count * kind.size + record.count)
            }
            let label = Int(record[kind.labelBytes - 1])
            guard label < classes else {
                throw .labelOutOfRange(file: path, index: count, label: "\(label)", classes: classes)
            }
            // planes of colours to pixels
            let values = record[kind.labelBytes...]
            var pixels: [UInt8] = []
            pixels.reserveCapacity(values.count)
            for pixel in 0..<side * side {
                for channel in 0..<3 { pixels.append(values[values.startIndex + channel * side * side + pixel]) }
            }
            if let value = pixels.first(where: { Int($0) >= sink.options.levels }) {
                sink.refuse(
                    .valueOutOfRange(file: path, image: count, value: "\(value)", levels: sink.options.levels))
            } else {
                try sink.put(
                    DataItem(
                        name: "\(path): image \(count)",
                        content: .levels(pixels, EventShape(height: side, width: side, channels: 3)),
                        origin: .said(label: .number(label), split: split)))
            }
            count += 1
        }
    }
}
