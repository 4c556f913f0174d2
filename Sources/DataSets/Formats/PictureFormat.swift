internal import FlowModels
internal import Imaging

/// Images as PNG and JPEG files in folders.
enum ImageFolder {
    static let suffixes = [".png", ".jpg", ".jpeg"]

    static func isImage(_ name: String) -> Bool {
        let lower = name.lowercased()
        return suffixes.contains { lower.hasSuffix($0) }
    }

    /// A file to read and its class.
    struct Entry {
        let path: String
        let label: Int?
    }

    /// Names of the sub-folders.
    static func folders(in folder: String) throws(DataError) -> [String] {
        (try DataFile.names(in: folder) ?? []).filter { DataFile.isFolder(DataFile.join(folder, $0)) == true }
    }

    /// The image files of `folder`, or of its sub-folders, which are then `classes`.
    static func entries(in folder: String, classes: [String]) throws(DataError) -> [Entry] {
        let names = try DataFile.names(in: folder) ?? []
        let images = names.filter { isImage($0) && DataFile.isFolder(DataFile.join(folder, $0)) != true }
        if classes.isEmpty {
            if images.isEmpty { throw .empty(file: folder, expected: "PNG or JPEG files, or folders of them") }
            return images.map { Entry(path: DataFile.join(folder, $0), label: nil) }
        }
        if let stray = images.first {
            throw .unsupported(
                file: DataFile.join(folder, stray), expected: "images only inside the class folders",
                found: "one beside them")
        }
        var entries: [Entry] = []
        for name in try folders(in: folder) {
            let path = DataFile.join(folder, name)
            let files = (try DataFile.names(in: path) ?? []).filter(isImage)
            if files.isEmpty { throw .empty(file: path, expected: "PNG or JPEG files") }
            entries += files.map { Entry(path: DataFile.join(path, $0), label: classes.firstIndex(of: name)) }
        }
        if entries.isEmpty { throw .empty(file: folder, expected: "folders of PNG or JPEG files") }
        return entries
    }

    /// Decodes all; every image must have the size and mode of the first.
    static func load(_ entries: [Entry], classes: [String], levels: Int) throws(DataError) -> ImageDataSet {
        var (shape, mode): (EventShape?, ColorMode?)
        var pixels: [UInt8] = []
        for (index, entry) in entries.enumerated() {
            let image = try decode(entry.path)
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
        guard let shape else { preconditionFailure("entries(in:) returns at least one") }
        return ImageDataSet(
            shape: shape, levels: levels, pixels: pixels, labels: classes.isEmpty ? nil : entries.compactMap(\.label),
            classes: classes)
    }

    private static func decode(_ path: String) throws(DataError) -> Image {
        let bytes = try DataFile.read(path)
        let image: Image
        do {
            image = try decodeImage(bytes)
        } catch {
            switch error {
            case .unknownFormat: throw .unknownFormat(file: path)
            case .tooLarge(let quantity, let value, let limit):
                throw .tooLarge(file: path, quantity: quantity, value: value, limit: limit)
            case .damaged(_, let reason): throw .damaged(file: path, reason: reason)
            case .unsupported(let format, let feature):
                throw .unsupported(file: path, expected: "another kind of \(format.rawValue)", found: feature)
            case .notEncodable(_, let reason), .invalidNPY(let reason, _, _):
                throw .damaged(file: path, reason: reason)
            }
        }
        if image.isReducedFrom16Bit {
            throw .unsupported(file: path, expected: "8 bits a channel", found: "16 bits a channel")
        }
        return image
    }
}
