import Archives
import DataSets
import Glibc
import Imaging
import System

/// Where images to score are, in the order in which they are read.
struct ScoreSources: Sendable {
    /// Data set, with the path that it is from; nil for none.
    var data: (path: String, images: ImageDataSet)?
    /// Files, folders and archives; `-` for standard input.
    var paths: [String]
    var contents: ScoreContents

    /// Endings of the names of files that are looked at in folders and archives, in lower case.
    static let suffixes = ImageFormat.allCases.flatMap(\.fileSuffixes) + [".npy"]

    /// Units that are handed over; nil for all. See ``ShardCut``.
    var range: Range<Int>?

    /// Hands over every image, in order, until `put` returns false.
    /// - Returns: files in folders and archives that were left out.
    func forEach(_ put: @escaping (ScoreItem) -> Bool) -> UnusedEntries {
        walk(range.map { ShardCut($0) }, put)
    }

    /// Units of the input, which is read for that but for pictures in files of their own.
    func count() -> Int {
        let cut = ShardCut(nil)
        _ = walk(cut) { _ in true }
        return cut.units
    }

    private func walk(_ cut: ShardCut?, _ put: @escaping (ScoreItem) -> Bool) -> UnusedEntries {
        var walk = Walk(contents: contents, cut: cut, put: put)
        do {
            if let (path, images) = data { try walk.add(images, from: path) }
            for path in paths { try walk.add(path) }
        } catch {
            // nobody wants any more
        }
        return walk.leftOut
    }

    /// Whether a file is a picture, by its name.
    static func isPicture(_ name: String) -> Bool {
        let lower = name.lowercased()
        return ImageFormat.allCases.flatMap(\.fileSuffixes).contains(where: lower.hasSuffix)
    }

    /// Whether a file of a folder or an archive is looked at, by its name.
    static func isImage(_ name: String) -> Bool {
        let lower = name.lowercased()
        return suffixes.contains(where: lower.hasSuffix)
    }
}

/// Sign that nobody wants any more images.
struct NobodyWantsMore: Error {}

private struct Walk {
    let contents: ScoreContents
    /// Counter of units; nil where all are wanted.
    let cut: ShardCut?
    /// Hands over an image, if it is wanted.
    let put: (ScoreItem) -> Bool
    /// Hands over an image of a unit that is wanted.
    private let putWanted: (ScoreItem) -> Bool
    var leftOut = UnusedEntries()
    /// Folders that are being walked, by device and number, so that links do not lead in circles.
    private var open: [SIMD2<UInt64>] = []

    init(contents: ScoreContents, cut: ShardCut?, put: @escaping (ScoreItem) -> Bool) {
        (self.contents, self.cut, putWanted) = (contents, cut, put)
        guard let cut else {
            self.put = put
            return
        }
        self.put = { item in cut.take() ? put(item) : !cut.isDone }
    }

    private func hand(_ item: ScoreItem) throws(NobodyWantsMore) {
        if !put(item) { throw NobodyWantsMore() }
    }

    private func fail(_ source: String, _ failure: ScoreFailure) throws(NobodyWantsMore) {
        try hand(ScoreItem(source: source, index: nil, content: .failed(failure)))
    }

    mutating func add(_ images: ImageDataSet, from path: String) throws(NobodyWantsMore) {
        for index in 0..<images.count {
            if let cut {
                if cut.isDone { throw NobodyWantsMore() }
                guard cut.take() else { continue }
            }
            let content: ScoreItem.Content
            do { content = contents.row(try images[index], shape: images.shape) } catch {
                content = .failed(ScoreFailure(file: "\(error)"))
            }
            if !putWanted(ScoreItem(source: path, index: index, content: content)) { throw NobodyWantsMore() }
        }
    }

    /// Adds what was named on the command line.
    mutating func add(_ path: String) throws(NobodyWantsMore) {
        if path == "-" {
            let file = RandomAccessFile(standardInput: STDIN_FILENO)
            return try read(file?.reader() ?? ByteReader(descriptor: STDIN_FILENO), from: path, file: file)
        }
        if Self.isFolder(FilePath(path)) { return try addFolder(FilePath(path)) }
        try addFile(FilePath(path))
    }

    private mutating func addFile(_ path: FilePath) throws(NobodyWantsMore) {
        if let cut, ScoreSources.isPicture(path.text) {
            if cut.isDone { throw NobodyWantsMore() }
            guard cut.take() else { return }
            var whole = Walk(contents: contents, cut: nil, put: putWanted)
            return try whole.addFile(path)
        }
        let file: RandomAccessFile
        do throws(ArchiveError) {
            file = try RandomAccessFile(path)
        } catch {
            // a pipe or a device that somebody named: /dev/stdin, or bash's <(…)
            if error == .system(SystemError(ESPIPE)) { return try addStream(path.text) }
            return try fail(path.text, error)
        }
        try read(file.reader(), from: path.text, file: file)
    }

    private mutating func addStream(_ path: String) throws(NobodyWantsMore) {
        let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard number >= 0 else { return try fail(path, ScoreFailure(file: "cannot be read: \(SystemError())")) }
        let descriptor = Descriptor(number)
        try read(ByteReader(descriptor: descriptor.number), from: path, file: nil)
        _ = consume descriptor
    }

    /// Adds the images of a folder and those in it, by their names' order.
    private mutating func addFolder(_ path: FilePath) throws(NobodyWantsMore) {
        let listing: FolderListing?
        do throws(SystemError) { listing = try FolderListing(path) } catch {
            var failure = ScoreFailure(file: "is a folder that cannot be listed: \(error)")
            failure.isTemporary = error.isTemporary
            return try fail(path.text, failure)
        }
        guard let listing, !open.contains(listing.identity) else { return }
        open.append(listing.identity)
        defer { open.removeLast() }
        for item in listing.items {
            let name = String(bytesOfName: item.name)
            let inside = path.appending(item.name)
            switch item.kind {
            case _ where UnusedEntries.isHidden(name): leftOut.add(name: name)
            case .folder: try addFolder(inside)
            case .file where ScoreSources.isImage(name): try addFile(inside)
            case .file: leftOut.add(name: name)
            case .other: leftOut.add(reason: "link to nothing, pipe or device")
            }
        }
    }

    private static func isFolder(_ path: FilePath) -> Bool {
        var status = stat()
        return unsafe path.withCString { unsafe stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Adds what the bytes of a file are, an archive's files or the images in it.
    /// - Parameter file: the file itself, where any part of it can be read.
    private mutating func read(
        _ bytes: ByteReader, from source: String, file: RandomAccessFile?
    ) throws(NobodyWantsMore) {
        do {
            // bytes that say nothing of themselves
            if source.hasSuffix(".raw") { return try contents.readRows(bytes, from: source, put) }
            switch try OpenedFile(bytes, file: file, limits: contents.archiveLimits) {
            case .archive(let archive): try addFiles(of: archive, from: source)
            case .other(let bytes): try contents.read(bytes, from: source, put)
            }
        } catch {
            try fail(source, error)
        }
    }

    /// Hands over what is wrong with a file; where nobody wants more, that goes on.
    private func fail(_ source: String, _ error: any Error) throws(NobodyWantsMore) {
        switch error {
        case let error as NobodyWantsMore: throw error
        case let error as NotImages: try fail(source, ScoreFailure(file: error.reason))
        case let error as ArchiveError:
            var failure = ScoreFailure(file: "\(error)")
            if case .system(let error) = error { failure.isTemporary = error.isTemporary }
            try fail(source, failure)
        default: preconditionFailure("nothing else is thrown")
        }
    }

    private mutating func addFiles(of archive: any ArchiveReader, from source: String) throws {
        var count = 0
        while let entry = try archive.next() {
            count += 1
            let last = entry.name.parts.last?.description ?? ""
            if entry.name.parts.contains(where: { UnusedEntries.isHidden($0.description) }) {
                leftOut.add(reason: "hidden")
                continue
            }
            if case .other(let kind) = entry.contents {
                leftOut.add(reason: kind)
                continue
            }
            guard ScoreSources.isImage(last) else {
                leftOut.add(name: last)
                continue
            }
            let name = "\(source):\(entry.name)"
            do {
                try contents.read(entry.bytes(), from: name, put)
            } catch {
                try fail(name, error)
            }
        }
        if count == 0 { throw NotImages(reason: "is an archive without files") }
    }
}
