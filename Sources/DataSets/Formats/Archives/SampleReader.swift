internal import Archives
internal import System

/// Reader of the pictures of archives: as samples of WebDataset where the first picture has a class beside it, else as a tree of folders.
struct SampleReader {
    private enum Form {
        case tree
        case samples
    }

    /// Files with one key, one behind the other.
    private struct Sample {
        let key: FileName
        var pictures: [(name: FileName, bytes: Result<[UInt8], DataError>)] = []
        var label: DataItem.Label?
        var hasLabel = false
    }

    private let sink: DataSink
    private var form: Form?
    private var sample: Sample?
    /// Keys of the samples of this archive that are complete.
    private var keys: Set<Int> = []
    private var archive = ""
    private var split: Split?

    /// Most pictures of a sample that wait for its class, in an archive whose form is not known yet.
    private static let mostWaiting = 16
    /// Most bytes of a class, and of a JSON text about a sample.
    private static let mostLabelBytes = 1 << 20

    init(sink: DataSink) { self.sink = sink }

    /// Reads an archive.
    /// - Parameters:
    ///   - input: the file of the archive, in errors.
    ///   - split: split that all of its pictures are of; nil where none was said.
    /// - Throws: ``DataError`` when the archive cannot be read on. What is wrong with a file is the sink's to count.
    mutating func read(_ reader: any ArchiveReader, of input: DataInput, split: Split?) throws(DataError) {
        (archive, self.split, keys) = (input.path.text, split, [])
        while true {
            let entry: ArchiveEntry?
            do throws(ArchiveError) { entry = try reader.next() } catch { throw input.error(error) }
            guard let entry else { break }
            try take(entry)
        }
        try flush()
    }

    private mutating func take(_ entry: ArchiveEntry) throws(DataError) {
        let parts = entry.name.parts
        let last = parts.last.map(\.description) ?? ""
        if parts.contains(where: { UnusedEntries.isHidden($0.description) }) { return sink.leaveOut(reason: "hidden") }
        if case .other(let kind) = entry.contents { return sink.leaveOut(reason: kind) }
        let name = SampleName(entry.name)
        if name?.key != sample?.key {
            try flush()
            sample = name.map { Sample(key: $0.key) }
        }
        if PictureFormat.isPicture(last) { return try addPicture(entry) }
        guard let name, name.isLabel || name.isJSON else {
            let isArchive = (ArchiveFormat.endings + [".npz", ".gz"]).contains { last.lowercased().hasSuffix($0) }
            return isArchive ? sink.leaveOut(reason: "archive in an archive") : sink.leaveOut(name: last)
        }
        try addLabel(entry, isJSON: name.isJSON, last)
    }

    private func text(_ name: FileName) -> String { "\(archive):\(name)" }

    private mutating func addPicture(_ entry: ArchiveEntry) throws(DataError) {
        let bytes = Result { () throws(DataError) in
            do throws(ArchiveError) { return try entry.bytes().rest(limit: PictureReader.mostFileBytes) } catch {
                throw DataError(error, file: text(entry.name))
            }
        }
        guard sample != nil else {
            if form == .samples { return sink.leaveOut(name: entry.name.parts.last?.description ?? "") }
            form = .tree
            return try putInTree(entry.name, bytes)
        }
        if form == .tree { return try putInTree(entry.name, bytes) }
        // of a sample with several pictures one is enough to know that
        if form == .samples, sample?.pictures.isEmpty == false {
            sample?.pictures.append((entry.name, .success([])))
        } else {
            sample?.pictures.append((entry.name, bytes))
        }
        if form == nil, let sample, sample.pictures.count > Self.mostWaiting, !sample.hasLabel { try flush() }
    }

    private mutating func addLabel(_ entry: ArchiveEntry, isJSON: Bool, _ last: String) throws(DataError) {
        let bytes: [UInt8]
        do throws(ArchiveError) { bytes = try entry.bytes().rest(limit: Self.mostLabelBytes) } catch {
            return sink.refuse(DataError(error, file: text(entry.name)))
        }
        let label: SampleLabel
        do throws(DataError) { label = try SampleLabel(bytes, isJSON: isJSON, file: text(entry.name)) } catch {
            return sink.refuse(error)
        }
        guard label.isSaid else { return sink.leaveOut(name: last) }
        if form == .tree {
            throw .unsupported(
                file: text(entry.name),
                expected:
                    "a class for each sample or for none, and the files of a sample one behind the other, as tar --sort=name puts them",
                found: "one whose picture does not stand before it, or pictures without one before it")
        }
        // a class stands in its own file, or else in the text about the sample
        if sample?.hasLabel == true, isJSON { return sink.leaveOut(name: last) }
        sample?.label = label.value
        sample?.hasLabel = true
    }

    /// Ends the sample, if there is one.
    private mutating func flush() throws(DataError) {
        guard let sample else { return }
        self.sample = nil
        if form == nil, sample.hasLabel || !sample.pictures.isEmpty { form = sample.hasLabel ? .samples : .tree }
        guard form == .samples else {
            for (name, bytes) in sample.pictures { try putInTree(name, bytes) }
            return
        }
        guard !sample.pictures.isEmpty || sample.hasLabel else { return }
        let name = text(sample.pictures.first?.name ?? sample.key)
        guard keys.insert(sample.key.hashValue).inserted else {
            return sink.refuse(
                .unsupported(
                    file: name, expected: "the files of a sample one behind the other", found: "its key a second time"))
        }
        guard let picture = sample.pictures.first else { return sink.leaveOut(reason: "class without a picture") }
        guard sample.pictures.count == 1 else {
            return sink.refuse(
                .unsupported(
                    file: name, expected: "one picture in a sample",
                    found: sample.pictures.map { "\($0.name)" }.joined(separator: ", ")))
        }
        switch picture.bytes {
        case .success(let bytes):
            try sink.put(
                DataItem(
                    name: name, content: .picture(bytes),
                    origin: .said(label: sample.label, split: split ?? Self.split(of: sample.key))))
        case .failure(let error): sink.refuse(error)
        }
    }

    /// Split that a folder of the sample's key says; nil where none does.
    private static func split(of key: FileName) -> Split? {
        key.parts.dropLast().lazy.compactMap { Split(inNameOf: $0.bytes) }.first
    }

    private func putInTree(_ name: FileName, _ bytes: Result<[UInt8], DataError>) throws(DataError) {
        var parts = name.parts.map(\.bytes)
        if let split, parts.count < 2 || Split(inNameOf: parts[0]) != split {
            parts.insert(Array(split.rawValue.utf8), at: 0)
        }
        switch bytes {
        case .success(let bytes):
            let path = Array(parts.joined(separator: [UInt8(ascii: "/")]))
            try sink.put(DataItem(name: text(name), content: .picture(bytes), origin: .tree(path)))
        case .failure(let error): sink.refuse(error)
        }
    }
}
