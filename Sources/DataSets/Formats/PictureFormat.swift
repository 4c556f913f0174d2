internal import Archives
internal import Imaging
internal import System

/// Picture files, one an image: in one folder, or in a folder for each class; or either of them in a folder for each split. Folders
/// in the folder of a class are of that class.
enum PictureFormat: DataFormat {
    static let names = ImageFormat.allCases.map(\.rawValue)
    static let layout = "\(alternatives(names)) files, or a folder of them for each class"

    static func source(in folder: Folder, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        let walk = try folder.pictures(options)
        return walk.pictures.isEmpty ? nil : try PictureSource(walk, root: folder.path)
    }

    static func source(of file: DataInput, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        imageFormat(of: file.start) == nil ? nil : OnePicture(file: file)
    }

    /// Whether `name` ends as that of a picture does, whatever its case.
    package static func isPicture(_ name: String) -> Bool {
        let lower = name.lowercased()
        return ImageFormat.allCases.contains { $0.fileSuffixes.contains { lower.hasSuffix($0) } }
    }
}

/// Pictures in a folder and all folders in it, by their names.
struct PictureWalk {
    /// Paths from the folder on, in the order of their bytes.
    private(set) var pictures: [[UInt8]] = []
    private(set) var unused = UnusedEntries()
    /// Folders that are being walked, by device and number, so that links do not lead in circles.
    private var open: [SIMD2<UInt64>] = []
    private var entries = 0
    private let limit: Int
    private let root: FilePath

    /// Most folders in one another.
    static let mostNested = 32

    /// - Parameter limit: most files.
    /// - Throws: ``DataError`` when a folder cannot be listed, or there are too many files or folders in one another.
    init(_ root: FilePath, limit: Int) throws(DataError) {
        (self.root, self.limit) = (root, limit)
        try walk(root, below: [])
    }

    private mutating func walk(_ path: FilePath, below prefix: [UInt8]) throws(DataError) {
        let listing: FolderListing?
        do throws(SystemError) { listing = try FolderListing(path) } catch {
            throw .unreadable(file: path.text, reason: "\(error)")
        }
        guard let listing else { throw .unreadable(file: path.text, reason: "it is no folder any more") }
        if open.contains(listing.identity) {
            unused.add(reason: "link to a folder that it is in")
            return
        }
        if open.count >= Self.mostNested {
            throw .tooLarge(
                file: path.text, quantity: "folders in one another", value: open.count + 1, limit: Self.mostNested)
        }
        open.append(listing.identity)
        defer { open.removeLast() }
        if listing.items.isEmpty { unused.add(reason: "empty folder") }
        let own = UnusedEntries.trainingFiles(in: listing.items.lazy.map { String(bytesOfName: $0.name) })
        for item in listing.items {
            let name = String(bytesOfName: item.name)
            let place = prefix.isEmpty ? item.name : prefix + [UInt8(ascii: "/")] + item.name
            entries += 1
            if entries > limit {
                throw .tooLarge(file: root.text, quantity: "files", value: entries, limit: limit)
            }
            switch item.kind {
            case .file where own.contains(name): break
            case .folder where UnusedEntries.isHidden(name): unused.add(reason: "hidden")
            case .folder: try walk(path.appending(item.name), below: place)
            case .file where !UnusedEntries.isHidden(name) && PictureFormat.isPicture(name): pictures.append(place)
            case .file: unused.add(name: name)
            case .other: unused.add(reason: "link to nothing, pipe or device")
            }
        }
    }
}

/// Pictures of a folder.
private struct PictureSource: DataSource {
    private let root: FilePath
    private let walk: PictureWalk
    private let tree: ImageTree

    /// - Throws: ``DataError`` when the folders mean two things.
    init(_ walk: PictureWalk, root: FilePath) throws(DataError) {
        (self.walk, self.root) = (walk, root)
        tree = try ImageTree(walk.pictures, root: root.text)
    }

    var present: Set<Split>? { tree.present }

    var example: String { walk.pictures.first.map { String(bytesOfName: $0) } ?? "" }

    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError) {
        if !tree.classes.isEmpty { sink.setClasses(tree.classes) }
        sink.leaveOut(walk.unused)
        sink.leaveOut(tree.unused)
        for (picture, place) in zip(walk.pictures, tree.places) {
            guard let place, place.split.map(wanted.contains) ?? true else { continue }
            let path = root.appending(picture)
            try sink.put(
                DataItem(
                    name: path.text, content: .file(path),
                    origin: .said(label: place.label.map { .name($0) }, split: place.split)))
        }
    }
}

/// A single picture.
private struct OnePicture: DataSource {
    let file: DataInput

    var present: Set<Split>? { [] }

    var example: String { file.name }

    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError) {
        let bytes: [UInt8]
        do throws(ArchiveError) { bytes = try file.bytes().rest(limit: PictureReader.mostFileBytes) } catch {
            throw file.error(error)
        }
        try sink.put(DataItem(name: file.path.text, content: .picture(bytes)))
    }
}
