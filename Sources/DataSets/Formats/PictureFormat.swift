internal import FlowCore
internal import Imaging

/// PNG and JPEG files, one an image: in one folder, or in a folder for each class; or either of them in a folder for each split.
enum PictureFormat: DataFormat {
    static let names = ImageFormat.allCases.map(\.rawValue)
    static let layout = "\(names.joined(separator: " and ")) files, or a folder of them for each class"

    static func source(in folder: Folder) throws(DataError) -> (any DataSource)? { try PictureFolder(folder) }

    static func images(of file: DataFile, levels: Int) throws(DataError) -> ImageDataSet? {
        guard imageFormat(of: file.bytes) != nil else { return nil }
        return try images([Entry(path: file.path, label: nil)], classes: [], levels: levels)
    }

    /// Whether `name` ends as that of a picture does, whatever its case.
    static func isPicture(_ name: String) -> Bool {
        let lower = name.lowercased()
        return ImageFormat.allCases.contains { $0.fileSuffixes.contains { lower.hasSuffix($0) } }
    }

    /// Picture to read, with the label of its class.
    struct Entry {
        let path: String
        let label: Int?
    }

    /// Reads the images of `entries`, at least one, all of the size and colour mode of the first.
    /// - Throws: ``DataError`` when one cannot be read, or is not like the first.
    static func images(_ entries: [Entry], classes: [String], levels: Int) throws(DataError) -> ImageDataSet {
        var (shape, mode): (EventShape?, ColorMode?)
        var pixels: [UInt8] = []
        for (index, entry) in entries.enumerated() {
            let image = try decoded(entry.path)
            let found = EventShape(height: image.height, width: image.width, channels: image.mode.channels)
            if let mode, mode != image.mode {
                throw .mixedModes(file: entry.path, expected: mode.rawValue, found: image.mode.rawValue)
            }
            if let shape, shape != found { throw .mixedSizes(file: entry.path, expected: shape, found: found) }
            if levels < 256, let value = image.pixels.first(where: { $0 >= levels }) {
                throw .valueOutOfRange(file: entry.path, image: index, value: "\(value)", levels: levels)
            }
            let total = pixels.count + image.pixels.count
            if total > DataFile.maxBytes {
                throw .tooLarge(
                    file: entry.path, quantity: "bytes of all images", value: total, limit: DataFile.maxBytes)
            }
            (shape, mode) = (found, image.mode)
            pixels += image.pixels
        }
        guard let shape else { preconditionFailure("at least one entry") }
        return ImageDataSet(
            shape: shape, levels: levels, pixels: pixels, labels: classes.isEmpty ? nil : entries.compactMap(\.label),
            classes: classes)
    }

    private static func decoded(_ path: String) throws(DataError) -> Image {
        let bytes = try DataFile(path).bytes
        let image: Image
        do {
            image = try decodeImage(bytes)
        } catch {
            switch error {
            case .unknownFormat: throw .wrongFormat(file: path, expected: names)
            case .tooLarge(let quantity, let value, let limit):
                throw .tooLarge(file: path, quantity: quantity, value: value, limit: limit)
            case .damaged(_, let reason): throw .damaged(file: path, reason: reason)
            case .unsupported(let format, let feature):
                throw .unsupported(file: path, expected: "another kind of \(format.rawValue)", found: feature)
            case .notEncodable(_, let reason), .invalidNPY(let reason, _, _):
                throw .damaged(file: path, reason: reason)
            case .stopped: preconditionFailure("nobody asked to stop")
            }
        }
        if image.isReducedFrom16Bit {
            throw .unsupported(file: path, expected: "8 bits a channel", found: "16 bits a channel")
        }
        return image
    }
}

/// Folder of pictures, of classes, or of splits of either.
private struct PictureFolder: DataSource {
    private let folder: Folder
    /// Folder of each split; none when the data is not divided.
    private let parts: [Split: Folder]
    /// Names of the class folders, of all splits together.
    private let classes: [String]

    /// Finds pictures, or folders of them, in `folder`; nil when there are neither.
    /// - Throws: ``DataError`` when two folders are one split's, or other folders stand beside those of splits.
    init?(_ folder: Folder) throws(DataError) {
        let names = folder.folders
        guard !names.isEmpty || folder.names.contains(where: PictureFormat.isPicture) else { return nil }
        var parts: [Split: Folder] = [:]
        for name in names {
            guard let split = Split(spelled: name) else { continue }
            if let other = parts[split] {
                throw .unsupported(
                    file: folder.path(name), expected: "one folder for \(split.rawValue)",
                    found: "\(other.path) beside it")
            }
            parts[split] = try Folder(folder.path(name))
        }
        var classes: Set<String> = []
        if parts.isEmpty {
            classes = Set(names)
        } else {
            if let other = names.first(where: { Split(spelled: $0) == nil }) {
                let splits = names.filter { Split(spelled: $0) != nil }.joined(separator: ", ")
                throw .unsupported(
                    file: folder.path(other),
                    expected:
                        "only folders of splits beside \(splits), and a class of such a name below a split's folder",
                    found: "another folder")
            }
            for part in parts.values { classes.formUnion(part.folders) }
        }
        (self.folder, self.parts) = (folder, parts)
        self.classes = classes.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    }

    var present: Set<Split> { Set(parts.keys) }

    func load(_ split: Split?, levels: Int) throws(DataError) -> ImageDataSet {
        try PictureFormat.images(
            try entries(in: split.flatMap { parts[$0] } ?? folder), classes: classes, levels: levels)
    }

    /// Lists the pictures of `folder`, or of the class folders in it.
    /// - Throws: ``DataError`` when there are none, or some stand beside the class folders.
    private func entries(in folder: Folder) throws(DataError) -> [PictureFormat.Entry] {
        let kinds = PictureFormat.names.joined(separator: " or ")
        let here = pictures(in: folder)
        if classes.isEmpty {
            if here.isEmpty {
                throw .empty(file: folder.path, expected: "\(kinds) files, or folders of them")
            }
            return here.map { PictureFormat.Entry(path: $0, label: nil) }
        }
        if let stray = here.first {
            throw .unsupported(
                file: stray, expected: "images only inside the class folders", found: "one beside them")
        }
        var entries: [PictureFormat.Entry] = []
        for name in folder.folders {
            let path = folder.path(name)
            guard let inside = try Folder(path) else { continue }
            let found = pictures(in: inside)
            if found.isEmpty { throw .empty(file: path, expected: "\(kinds) files") }
            entries += found.map { PictureFormat.Entry(path: $0, label: classes.firstIndex(of: name)) }
        }
        if entries.isEmpty { throw .empty(file: folder.path, expected: "folders of \(kinds) files") }
        return entries
    }

    /// Lists the paths of the pictures in `folder`.
    private func pictures(in folder: Folder) -> [String] {
        let folders = Set(folder.folders)
        return folder.names.filter { PictureFormat.isPicture($0) && !folders.contains($0) }.map(folder.path)
    }
}
