package import Archives

/// Reader of a table in text: records a line, fields between commas, semicolons or tabs, whichever the first line has most of; a field
/// may stand in quotes, with its own doubled (RFC 4180).
///
/// Fields are bytes: names of files need not be UTF-8.
package struct DelimitedText {
    /// Bounds of a table.
    package struct Limits: Sendable, Equatable {
        /// Most bytes of a field.
        package var fieldBytes: Int
        /// Most fields of a record.
        package var fields: Int
        /// Most records.
        package var records: Int

        /// - Parameters:
        ///   - fieldBytes: by default 64 KiB.
        ///   - fields: by default 4,096.
        ///   - records: by default 16,777,216.
        package init(fieldBytes: Int = 1 << 16, fields: Int = 4096, records: Int = 1 << 24) {
            self.fieldBytes = fieldBytes
            self.fields = fields
            self.records = records
        }
    }

    private let bytes: ByteReader
    private let limits: Limits
    private let separator: UInt8
    private var piece: ArraySlice<UInt8> = []
    /// Records that were read.
    package private(set) var records = 0

    private static let quote = UInt8(ascii: "\"")
    private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    /// Bytes of the first line that tell the separator.
    private static let startBytes = 4096

    /// Passes over a byte order mark, and finds the separator.
    /// - Throws: ``ArchiveError``.
    package init(_ bytes: ByteReader, limits: Limits = Limits()) throws(ArchiveError) {
        if try bytes.peek(3).elementsEqual(Self.mark) { try bytes.skip(3) }
        (self.bytes, self.limits) = (bytes, limits)
        separator = Self.separator(of: try bytes.peek(Self.startBytes))
    }

    private static func separator(of start: ArraySlice<UInt8>) -> UInt8 {
        var counts: [UInt8: Int] = [:]
        var isQuoted = false
        for byte in start {
            if byte == quote { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == 0x0a || byte == 0x0d { break }
            counts[byte, default: 0] += 1
        }
        let known = [UInt8(ascii: ","), UInt8(ascii: "\t"), UInt8(ascii: ";")]
        return known.max { counts[$0, default: 0] < counts[$1, default: 0] }!  // there are three
    }

    private mutating func next() throws(ArchiveError) -> UInt8? {
        if piece.isEmpty { piece = try bytes.some(1 << 16)[...] }
        return piece.popFirst()
    }

    /// The next byte, which stays the next.
    private mutating func peek() throws(ArchiveError) -> UInt8? {
        if piece.isEmpty { piece = try bytes.some(1 << 16)[...] }
        return piece.first
    }

    /// The next record that is no empty line; nil behind the last. Blanks at the ends of fields without quotes are left out.
    /// - Throws: ``ArchiveError``; ``ArchiveError/tooLarge(quantity:limit:)`` for one of ``Limits``, ``ArchiveError/damaged(reason:)``
    ///   for quotes that do not end.
    package mutating func record() throws(ArchiveError) -> [[UInt8]]? {
        while let record = try line() {
            if record.count == 1, record[0].isEmpty { continue }
            records += 1
            if records > limits.records { throw .tooLarge(quantity: "lines", limit: limits.records) }
            return record
        }
        return nil
    }

    private mutating func line() throws(ArchiveError) -> [[UInt8]]? {
        guard try peek() != nil else { return nil }
        var record: [[UInt8]] = []
        while true {
            if record.count == limits.fields { throw .tooLarge(quantity: "fields in a line", limit: limits.fields) }
            let (field, end) = try field()
            record.append(field)
            if end != separator { return record }
        }
    }

    /// The next field, and the byte that ended it: the separator, or else the line's end.
    private mutating func field() throws(ArchiveError) -> (field: [UInt8], end: UInt8) {
        var field: [UInt8] = []
        while let byte = try peek(), byte == 0x20 || byte == 0x09, byte != separator { _ = try next() }
        let isQuoted = try peek() == Self.quote
        if isQuoted {
            _ = try next()
            while true {
                guard let byte = try next() else { throw .damaged(reason: "a quote of line \(records + 1) has no end") }
                if byte == Self.quote {
                    guard try peek() == Self.quote else { break }
                    _ = try next()
                }
                field.append(byte)
                try checkLength(field)
            }
        }
        var rest: [UInt8] = []
        while let byte = try next() {
            if byte == separator { return (field + Self.trimmed(rest), byte) }
            if byte == 0x0a { return (field + Self.trimmed(rest), byte) }
            if byte == 0x0d {
                if try peek() == 0x0a { _ = try next() }
                return (field + Self.trimmed(rest), 0x0a)
            }
            rest.append(byte)
            try checkLength(rest)
        }
        return (field + Self.trimmed(rest), 0x0a)
    }

    private func checkLength(_ field: [UInt8]) throws(ArchiveError) {
        if field.count > limits.fieldBytes { throw .tooLarge(quantity: "bytes in a field", limit: limits.fieldBytes) }
    }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        while bytes.last == 0x20 || bytes.last == 0x09 { bytes.removeLast() }
        return bytes
    }
}
