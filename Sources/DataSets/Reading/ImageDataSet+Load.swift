internal import FlowCore
internal import Imaging
internal import System

extension LoadedData {
    /// Reads some splits of the data at `path`, a folder or one file in any of ``dataFormats``, gzipped or not; `-` is standard input, and
    /// `set-{000..123}.tar` several archives.
    ///
    /// The files and folders of a split are known by a word in their names, whatever its case: train, training or trn; validation,
    /// valid, val or dev; test, testing or t10k; also beside words that say nothing, as in `train_images` or `val2017`.
    ///
    /// Where a split has no file or folder of its own it is cut out of `train`, or out of the whole if nothing is divided: by the
    /// content of each image, a tenth for validation and a tenth for test. Equal images and mirror images are always on the same
    /// side. ``Split/all`` takes everything.
    ///
    /// - Throws: ``DataError``, naming the file, what was expected and what was found.
    public init(path: String, splits: Set<Split>, options: DataOptions = DataOptions()) throws(DataError) {
        precondition((2...256).contains(options.levels) && !splits.isEmpty)
        try self.init(Self.source(path, options), path: path, splits: splits, options: options)
    }

    /// Reads some splits of the data in one file.
    /// - Throws: as for a path.
    package init(_ file: DataInput, splits: Set<Split>, options: DataOptions) throws(DataError) {
        try self.init(Self.source(file, options), path: file.path.text, splits: splits, options: options)
    }

    private init(
        _ found: (source: any DataSource, expected: String), path: String, splits: Set<Split>, options: DataOptions
    ) throws(DataError) {
        let (source, expected) = found
        let present = source.present
        for split in splits { try Self.check(split, present: present, path) }
        let sink = DataSink(wanted: splits, present: present, options: options)
        try source.read(Self.needed(splits, present), to: sink)
        try self.init(sink, path: path, present: present, expected: expected)
    }

    /// Splits of a source to read, so that all that are asked for are there or can be cut out.
    private static func needed(_ splits: Set<Split>, _ present: Set<Split>?) -> Set<Split> {
        guard let present, !present.isEmpty, !splits.contains(.all) else { return Set(Split.parts) }
        return Set(splits.map { present.contains($0) ? $0 : .train }).intersection(present)
    }

    private static func source(
        _ path: String, _ options: DataOptions
    ) throws(DataError) -> (source: any DataSource, expected: String) {
        if ShardNames.isPattern(path), !FilePath(path).isThere {
            return (try ArchiveFormat.source(ofPattern: path, options), ArchiveFormat.layout)
        }
        if path != "-", let folder = try Folder(path) {
            if let levels = PreparedSet.levels(in: path), levels != options.levels {
                throw .unsupported(
                    file: path, expected: "images of \(options.levels) levels", found: "a set prepared with \(levels)")
            }
            return try source(folder, options)
        }
        return try source(DataInput(path), options)
    }

    private static func source(
        _ file: DataInput, _ options: DataOptions
    ) throws(DataError) -> (source: any DataSource, expected: String) {
        for format in dataFormats {
            if let source = try format.source(of: file, options) { return (source, format.layout) }
        }
        guard let kind = fileKind(of: file.start) else {
            throw .wrongFormat(file: file.path.text, expected: dataFormats.names)
        }
        throw .unsupported(
            file: file.path.text, expected: "a file of the format \(alternatives(dataFormats.names))",
            found: kind.phraseWithAdvice)
    }

    /// Most pictures beside data in another form that are taken for previews of it, and not for data.
    private static let mostPreviews = 3

    /// Finds the data of a folder. A few pictures beside arrays are previews, more of them or folders of them are data too; files of
    /// another form that hold no images are not used where there are pictures.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when there are data in two forms, of which one would be left out.
    private static func source(
        _ folder: Folder, _ options: DataOptions
    ) throws(DataError) -> (source: any DataSource, expected: String) {
        var found: [(format: any DataFormat.Type, source: any DataSource)] = []
        var names: [String] = []
        var failure: DataError?
        for format in dataFormats {
            if format == PictureFormat.self, found.contains(where: { $0.format.listsPictures }) { continue }
            if format == PictureFormat.self, !found.isEmpty || failure != nil {
                let pictures = try folder.pictures(options).pictures
                let nested = pictures.first { $0.contains(UInt8(ascii: "/")) }
                let isData = nested != nil || pictures.count > mostPreviews
                if isData, found.isEmpty { failure = nil }
                if isData, !found.isEmpty {
                    names.append(String(bytesOfName: nested ?? pictures[0]))
                    continue
                }
                if !isData { continue }
            }
            do throws(DataError) {
                guard let source = try format.source(in: folder, options) else { continue }
                found.append((format, source))
                names.append(source.example)
            } catch {
                if format == PictureFormat.self { throw error }
                // whatever else is there, it would be left out
                if case .notFetched = error { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        guard let first = found.first else {
            let unused = try folder.pictures(options).unused
            throw .empty(
                file: folder.path.text,
                expected: dataFormats.layouts + (unused.count == 0 ? "" : "; found \(unused)"))
        }
        if names.count > 1 {
            throw .unsupported(
                file: folder.path.text,
                expected: "images in one form; give the file or the folder that is meant, or move the other away",
                found: names.joined(separator: " and "))
        }
        return (first.source, first.format.layout)
    }
}

extension ImageDataSet {
    /// Reads `split` of the data at `path`, as ``LoadedData`` does.
    /// - Throws: ``DataError``.
    public static func load(path: String, split: Split, options: DataOptions) throws(DataError) -> ImageDataSet {
        try LoadedData(path: path, splits: [split], options: options).images(split)
    }

    /// The same of images as they are.
    /// - Throws: ``DataError``.
    public static func load(path: String, split: Split, levels: Int = 256) throws(DataError) -> ImageDataSet {
        try load(path: path, split: split, options: DataOptions(levels: levels))
    }
}
