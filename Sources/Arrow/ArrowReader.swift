package import Archives

/// Reader of the batches of rows of an Arrow IPC file or stream, of which one is in memory, and of a file less.
///
/// A file is a stream between two marks, with schema and list of its batches at the end, by which it is read where any part of it can be.
///
/// Source: Apache Arrow, *Columnar Format*, "Serialization and Interprocess Communication", and Message.fbs.
package final class ArrowReader {
    package let schema: ArrowSchema
    private let source: ArrowSource
    private let limits: ArrowLimits
    /// Whether it is a file, which ends with its mark.
    private let isFile: Bool
    /// Places of the messages of a file that are still to be read, dictionaries first; nil of a stream, which has them one behind the other.
    private var places: ArraySlice<Int>?
    /// Values of the dictionaries that came so far, by their numbers.
    private var dictionaries: [Int: [ArrowValue?]] = [:]

    private static let mark = Array("ARROW1".utf8)

    /// Whether bytes begin as a file or a stream does; of a stream that the versions before 0.15 wrote it is not known.
    package static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool {
        if bytes.starts(with: mark + [0, 0]) { return true }
        let start = Array(bytes.prefix(8))
        // the mark of a message, and the length of its description, a multiple of 8
        return start.count == 8 && start[..<4].allSatisfy { $0 == 0xff } && start[4] & 7 == 0 && start[7] == 0
            && start[4..<7].contains { $0 != 0 }
    }

    /// Reads the schema.
    /// - Parameters:
    ///   - bytes: the file or stream from its first byte on.
    ///   - file: the file itself, where any part of it can be read.
    /// - Throws: ``ArchiveError``.
    package init(
        _ bytes: ByteReader, file: RandomAccessFile?, limits: ArrowLimits = ArrowLimits()
    ) throws(ArchiveError) {
        source = file.map { ArrowSource($0) } ?? ArrowSource(bytes)
        self.limits = limits
        isFile = try source.peek(8).starts(with: Self.mark)
        if isFile, let footer = try source.footer(Self.mark) {
            guard let table = try footer.table(1) else { throw .damaged(reason: "it has no schema") }
            schema = try ArrowSchema(table)
            // of each its place, the length of its description and that of its body
            let blocks = try footer.numbers(2, perMember: 3) + footer.numbers(3, perMember: 3)
            places = stride(from: 0, to: blocks.count, by: 3).map { blocks[$0] }[...]
            return
        }
        if isFile { _ = try source.read(8) }
        let message: ArrowMessage?
        do throws(ArchiveError) { message = try ArrowMessage(source) } catch {
            message = nil
            guard isFile else { throw error }
        }
        guard let message, message.kind == .schema else {
            // as files of polars do not
            let reason = "it does not begin with its schema"
            throw isFile ? .needsFile(reason: reason) : .damaged(reason: reason)
        }
        schema = try ArrowSchema(message.header)
        try source.skip(message.bodyBytes)
    }

    /// The next batch of rows; nil behind the last.
    /// - Throws: ``ArchiveError``.
    package func next() throws(ArchiveError) -> ArrowBatch? {
        while let message = try message() {
            switch message.kind {
            case .batch:
                return try batch(message.header, message, schema.fields)
            case .dictionary: try addDictionary(message)
            case .schema: throw .damaged(reason: "it has a second schema")
            case .other: try source.skip(message.bodyBytes)
            }
        }
        if isFile { try source.checkEnd(Self.mark) }
        return nil
    }

    /// The next message as far as its body; nil at the end.
    private func message() throws(ArchiveError) -> ArrowMessage? {
        if places != nil {
            guard let place = places?.popFirst() else { return nil }
            try source.seek(place)
            guard let message = try ArrowMessage(source) else {
                throw .damaged(reason: "a batch is not where it should be")
            }
            return message
        }
        return try ArrowMessage(source)
    }

    private func batch(
        _ table: FlatTable, _ message: ArrowMessage, _ fields: [ArrowField]
    ) throws(ArchiveError) -> ArrowBatch {
        let body = try source.body(message.bodyBytes, limits: limits)
        return try ArrowBatch(
            table, version: message.version, fields: fields, body: body, limits: limits, dictionaries: dictionaries)
    }

    private func addDictionary(_ message: ArrowMessage) throws(ArchiveError) {
        let id = try message.header.number(0, 8)
        guard let data = try message.header.table(1), let field = Self.field(id, in: schema.fields) else {
            throw .damaged(reason: "it has a dictionary of no column")
        }
        let plain = field.withoutDictionary
        // of values that nobody asks for nothing is kept
        guard plain.isValue else { return try source.skip(message.bodyBytes) }
        let batch = try batch(data, message, [plain])
        if batch.count > limits.dictionaryValues {
            throw .tooLarge(quantity: "values in a dictionary", limit: limits.dictionaryValues)
        }
        var values = try message.header.number(2, 1) != 0 ? dictionaries[id] ?? [] : []
        let column = batch.columns[0]
        for row in 0..<batch.count { values.append(try column.value(row)) }
        if values.count > limits.dictionaryValues {
            throw .tooLarge(quantity: "values in a dictionary", limit: limits.dictionaryValues)
        }
        dictionaries[id] = values
    }

    private static func field(_ id: Int, in fields: [ArrowField]) -> ArrowField? {
        for field in fields {
            if field.dictionary == id { return field }
            if let found = Self.field(id, in: field.children) { return found }
        }
        return nil
    }
}

/// Bounds of an Arrow file or stream, which may be a stranger's.
package struct ArrowLimits: Sendable, Equatable {
    /// Most bytes of a batch that comes from a stream, and of one whose buffers are compressed when they are unfolded: they are in memory.
    package var batchBytes: Int
    /// Most unfolded bytes for each compressed one of a batch; of less than ``ArchiveLimits/ratioFloorBytes`` it is not asked.
    package var ratio: Int
    /// Most values of a dictionary.
    package var dictionaryValues: Int

    /// - Parameters:
    ///   - batchBytes: by default 1 GiB.
    ///   - dictionaryValues: by default 65,536.
    ///   - ratio: by default that of an archive.
    package init(
        batchBytes: Int = 1 << 30, dictionaryValues: Int = 1 << 16, ratio: Int = ArchiveLimits().ratio
    ) {
        self.batchBytes = batchBytes
        self.ratio = ratio
        self.dictionaryValues = dictionaryValues
    }
}

/// Message: a description and a body, which is what stands behind it.
struct ArrowMessage {
    enum Kind {
        case schema, dictionary, batch, other
    }

    let kind: Kind
    /// Version of the format, 3 for the fourth.
    let version: Int
    let header: FlatTable
    let bodyBytes: Int

    /// Most bytes of a description.
    static let maxBytes = 64 << 20

    /// Reads the next message as far as its body; nil at the end.
    init?(_ source: ArrowSource) throws(ArchiveError) {
        func length() throws(ArchiveError) -> Int? {
            let bytes = try source.read(4)
            if bytes.isEmpty { return nil }
            guard bytes.count == 4 else { throw .truncated }
            return bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        guard var count = try length() else { return nil }
        // versions before 0.15 left the mark out
        if count == 0xffff_ffff {
            guard let next = try length() else { throw .truncated }
            count = next
        }
        if count == 0 { return nil }
        guard count <= Self.maxBytes else { throw .tooLarge(quantity: "bytes in a description", limit: Self.maxBytes) }
        let bytes = try source.read(count)
        guard bytes.count == count else { throw .truncated }
        let table = try FlatTable(root: bytes)
        version = try table.number(0, 2)
        guard (3...4).contains(version) else { throw .unsupported(feature: "version \(version + 1) of the format") }
        kind =
            switch try table.number(1, 1) {
            case 1: .schema
            case 2: .dictionary
            case 3: .batch
            default: .other
            }
        guard let header = try table.table(2) else { throw .damaged(reason: "a message says nothing") }
        self.header = header
        bodyBytes = try table.number(3, 8)
        guard (0..<1 << 62).contains(bodyBytes) else { throw .damaged(reason: "a message has no length") }
    }
}
