internal import Archives
internal import System

/// Pictures in tar and ZIP archives, which are read as they come: trees of folders as in a folder, or, in tar archives, samples of
/// WebDataset, whose files have the name up to the first dot in common, such as `000.jpg` with `000.cls`. Several archives are one set.
///
/// Source: webdataset 1.0.2, README and `tariterators`.
enum ArchiveFormat: DataFormat {
    static let names = ["tar", "ZIP"]
    static let layout =
        "tar or ZIP archives of pictures, in folders for splits or classes or, in tar, as samples of WebDataset (000.jpg with 000.cls)"

    /// Endings of names of archives that a folder is searched for.
    static let endings = [".tar", ".tar.gz", ".tgz", ".zip"]

    static func source(in folder: Folder, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        guard let list = try ShardList(in: folder, endings: endings) else { return nil }
        return ArchiveSource(list: list, input: nil, options: options)
    }

    static func source(of file: DataInput, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        let start = file.start[...]
        guard ZipReader.recognizes(start) || TarReader.recognizes(start) else { return nil }
        return ArchiveSource(list: try ShardList([file.path]), input: file, options: options)
    }

    /// Finds the archives that a text with braces stands for, `set-{000..123}.tar`.
    /// - Throws: ``DataError``.
    static func source(ofPattern pattern: String, _ options: DataOptions) throws(DataError) -> any DataSource {
        let paths: [String]
        do throws(ShardNames.TooMany) { paths = try ShardNames.expanded(pattern, limit: options.archive.entries) } catch
        {
            throw .tooLarge(file: pattern, quantity: "names", value: error.limit + 1, limit: error.limit)
        }
        return ArchiveSource(list: try ShardList(paths.map(FilePath.init)), input: nil, options: options)
    }
}

/// Archives of one set.
private struct ArchiveSource: DataSource {
    let list: ShardList
    /// The only archive, where it is open already.
    let input: DataInput?
    let options: DataOptions

    var present: Set<Split>? { list.present.isEmpty ? nil : list.present }

    var example: String { list.example }

    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError) {
        var reader = SampleReader(sink: sink)
        for shard in list.shards where shard.split.map(wanted.contains) ?? true {
            let input = if let input { input } else { try DataInput(shard.path) }
            let archive: any ArchiveReader
            do throws(ArchiveError) { archive = try Self.archive(input, options.archive) } catch {
                throw input.error(error)
            }
            try reader.read(archive, of: input, split: shard.split)
        }
        sink.leaveOut(list.unused)
    }

    private static func archive(_ input: DataInput, _ limits: ArchiveLimits) throws(ArchiveError) -> any ArchiveReader {
        if ZipReader.recognizes(input.start[...]) {
            if let file = input.file, !input.isGzip { return try ZipReader(file, limits: limits) }
            return ZipStreamReader(input.bytes(), limits: limits)
        }
        guard TarReader.recognizes(input.start[...]) else {
            throw .damaged(reason: "it is neither a tar nor a ZIP archive")
        }
        return TarReader(input.bytes(), limits: limits)
    }
}
