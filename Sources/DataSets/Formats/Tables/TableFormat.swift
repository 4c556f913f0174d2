internal import Archives
internal import System

/// A table of paths and labels, in text, beside the pictures: `path,label`. The paths are relative to the table's folder, or to the folder
/// in it that has the table's name.
enum TableFormat: DataFormat {
    static let names = ["CSV"]
    static let layout = "a CSV table, labels.csv, with columns path and label, beside the pictures"
    static let listsPictures = true

    private static let endings = [".csv", ".tsv"]

    static func source(in folder: Folder, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        var tables: [FilePath] = []
        for name in folder.names where endings.contains(where: name.lowercased().hasSuffix) {
            let input = try DataInput(folder.path(name))
            // a table that says nothing but captions is a file like others
            if let table = try? table(input.bytes(), options), table.saysMore { tables.append(input.path) }
        }
        if tables.isEmpty { return nil }
        return TableSource(list: try ShardList(tables), folder: folder, input: nil)
    }

    static func source(of file: DataInput, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        let isNamed = endings.contains { String(file.name.withoutGzip).lowercased().hasSuffix($0) }
        guard isNamed, let folder = try file.folder() else { return nil }
        return TableSource(list: try ShardList([file.path]), folder: folder, input: file)
    }

    static func table(_ bytes: ByteReader, _ options: DataOptions) throws(ArchiveError) -> PictureTable? {
        try PictureTable(bytes, limits: options.table) {
            PictureFormat.isPicture($0.description)
        }
    }
}

/// Tables of one set.
private struct TableSource: DataSource {
    let list: ShardList
    /// Folder that the paths begin in.
    let folder: Folder
    /// The only table, where it is open already.
    let input: DataInput?

    var present: Set<Split>? { list.present.isEmpty ? nil : list.present }

    var example: String { list.example }

    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError) {
        var listed: Set<[UInt8]> = []
        for shard in list.shards {
            let input = if let input { input } else { try DataInput(shard.path) }
            var table = try Self.table(input, sink.options)
            var base: [[UInt8]]?
            let isWanted = shard.split.map(wanted.contains) ?? true
            if isWanted { for name in table.unused { sink.leaveOut(reason: "column \(name)") } }
            while let row = try Self.row(&table, input) {
                let place = "\(input.path.text): line \(row.line)"
                guard let path = row.path else {
                    sink.refuse(.unsupported(file: place, expected: "the path of a picture", found: "none"))
                    continue
                }
                let own = path.parts.map(\.bytes)
                let start = base ?? self.base(of: own, input.name)
                base = start
                let parts = start + own
                listed.insert(Array(parts.joined(separator: [UInt8(ascii: "/")])))
                guard isWanted else { continue }
                let name = "\(place): \(path)"
                guard isInside(path) else {
                    sink.refuse(
                        .unsupported(
                            file: name, expected: "a path inside the table's folder", found: "one that leaves it"))
                    continue
                }
                let split = split(of: row, table.hasSplits ? .train : shard.split)
                guard split.isKnown else {
                    sink.refuse(
                        .unsupported(
                            file: name, expected: "a split, \(Split.words)", found: String(bytesOfName: row.split ?? [])
                        ))
                    continue
                }
                let label = row.label.flatMap { SampleLabel(text: $0).value }
                let file = parts.reduce(folder.path) { $0.appending($1) }
                try sink.put(
                    DataItem(name: name, content: .file(file), origin: .said(label: label, split: split.part)))
            }
        }
        try leaveOutOthers(besides: listed, sink)
    }

    private static func table(_ input: DataInput, _ options: DataOptions) throws(DataError) -> PictureTable {
        do throws(ArchiveError) {
            if let table = try TableFormat.table(input.bytes(), options) { return table }
        } catch {
            throw input.error(error)
        }
        throw .unsupported(
            file: input.path.text,
            expected: "a first line that names the column of paths: \(alternatives(PictureTable.pathNames))",
            found: holdsPixels(input.start)
                ? "pixels: numpy.savez of them as an array images [N, H, W], with one called labels, makes a file that is read"
                : "none of these")
    }

    /// Whether the first line is one of an image in numbers, with a label at one end, or names its pixels, such as `label,pixel0,pixel1`.
    private static func holdsPixels(_ start: [UInt8]) -> Bool {
        guard var text = try? DelimitedText(ByteReader(start)), let line = try? text.record(), line.count >= 16 else {
            return false
        }
        return line.dropFirst().dropLast().allSatisfy { field in field.contains { (0x30...0x39).contains($0) } }
    }

    private static func row(_ table: inout PictureTable, _ input: DataInput) throws(DataError) -> PictureTable.Row? {
        do throws(ArchiveError) { return try table.next() } catch { throw input.error(error) }
    }

    /// Folders between the table's and its paths, by the first of them: none, or the folder called as the table is, if only that has it.
    private func base(of path: [[UInt8]], _ table: String) -> [[UInt8]] {
        let stem = Array(table.withoutGzip.prefix { $0 != "." }.utf8)
        func isThere(_ parts: [[UInt8]]) -> Bool { parts.reduce(folder.path) { $0.appending($1) }.isThere }
        guard !path.contains(where: { $0.contains(0) }), !isThere(path), isThere([stem] + path) else { return [] }
        return [stem]
    }

    /// Whether a path has a name, begins in the folder and never leaves it.
    private func isInside(_ path: FileName) -> Bool {
        let parts = path.parts
        return !parts.isEmpty && path.bytes.first != UInt8(ascii: "/") && !path.bytes.contains(0)
            && !parts.contains(FileName(".."))
    }

    /// Split of a row, by its own column or else `shard`, and whether the column says one that is known.
    private func split(of row: PictureTable.Row, _ shard: Split?) -> (part: Split?, isKnown: Bool) {
        guard let text = row.split else { return (shard, true) }
        let part = Split(spelled: String(decoding: text, as: UTF8.self))
        return (part, part != nil)
    }

    /// Counts the pictures that no table lists, and other files.
    private func leaveOutOthers(besides listed: Set<[UInt8]>, _ sink: DataSink) throws(DataError) {
        let walk = try folder.pictures(sink.options)
        var unused = walk.unused
        for shard in list.shards { unused.remove(name: String(bytesOfName: shard.path.name)) }
        let others = walk.pictures.count { !listed.contains($0) }
        if others > 0 { unused.add(reason: "not in the table", count: others) }
        sink.leaveOut(unused)
    }
}
