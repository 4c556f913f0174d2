/// Reader of tape archives: POSIX ustar and pax, and what GNU tar adds for long names and large numbers.
///
/// Source: IEEE Std 1003.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".
package final class TarReader: ArchiveReader {
    private let bytes: ByteReader
    /// Contents of the file that was returned last.
    private var contents: ByteReader?
    /// Zeros that fill the last block of that file.
    private var padding = 0

    private static let blockBytes = 512
    /// Most bytes of a header that says more of the next file.
    package static let maxExtensionBytes = 1 << 20

    package init(_ bytes: ByteReader, limits: ArchiveLimits = ArchiveLimits()) {
        self.bytes = bytes.limited(to: limits.unpackedBytes, "unpacked bytes")
    }

    /// Whether bytes begin as an archive does: with a header whose checksum is right.
    package static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.count >= blockBytes && Header(Array(bytes.prefix(blockBytes))) != nil
    }

    package func next() throws(ArchiveError) -> ArchiveEntry? {
        try passContents()
        var (name, size): (String?, Int?)
        while true {
            let block = try bytes.read(Self.blockBytes)
            // Two blocks of zeros end an archive, but some writers leave them out.
            if block.isEmpty { return nil }
            guard block.count == Self.blockBytes else { throw .truncated }
            if block.allSatisfy({ $0 == 0 }) { return nil }
            guard let header = Header(block) else { throw .damaged(reason: "a header's checksum is wrong") }
            switch header.type {
            case UInt8(ascii: "x"):
                let records = try paxRecords(try extensionBytes(header))
                name = records["path"] ?? name
                if let text = records["size"] {
                    guard let number = Int(text), number >= 0 else { throw .damaged(reason: "a size is no number") }
                    size = number
                }
                if records.keys.contains(where: { $0.hasPrefix("GNU.sparse") }) {
                    throw .unsupported(feature: "sparse files")
                }
            case UInt8(ascii: "L"):
                name = String(decoding: try extensionBytes(header).prefix { $0 != 0 }, as: UTF8.self)
            // long targets of links, and what all files of the archive have in common
            case UInt8(ascii: "K"), UInt8(ascii: "g"): _ = try extensionBytes(header)
            case UInt8(ascii: "S"): throw .unsupported(feature: "sparse files")
            case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
                let bytes = self.bytes.part(size ?? header.size)
                open(bytes, size ?? header.size)
                let found = name ?? header.name
                // old archives have folders as files with a slash behind their names
                if header.type == 0, found.hasSuffix("/") { break }
                return ArchiveEntry(name: found, contents: .success(bytes))
            default: open(bytes.part(size ?? header.size), size ?? header.size)
            }
            if contents != nil {
                try passContents()
                (name, size) = (nil, nil)
            }
        }
    }

    private func open(_ contents: ByteReader, _ size: Int) {
        self.contents = contents
        padding = (Self.blockBytes - size % Self.blockBytes) % Self.blockBytes
    }

    /// Passes over what is left of a file and its last block.
    private func passContents() throws(ArchiveError) {
        guard let contents else { return }
        try contents.skip(.max)
        guard try bytes.skip(padding) == padding else { throw .truncated }
        self.contents = nil
    }

    /// Contents of a header that says more of the next file.
    private func extensionBytes(_ header: Header) throws(ArchiveError) -> [UInt8] {
        guard header.size <= Self.maxExtensionBytes else {
            throw .tooLarge(quantity: "bytes in a header", limit: Self.maxExtensionBytes)
        }
        let extra = try bytes.part(header.size).read(header.size)
        let padding = (Self.blockBytes - header.size % Self.blockBytes) % Self.blockBytes
        guard try bytes.skip(padding) == padding else { throw .truncated }
        return extra
    }

    /// Records `LENGTH KEY=VALUE\n`, of which LENGTH counts all bytes.
    private func paxRecords(_ bytes: [UInt8]) throws(ArchiveError) -> [String: String] {
        var records: [String: String] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != UInt8(ascii: " ") }
            guard let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 1,
                length <= rest.count
            else { throw .damaged(reason: "a pax header is not made of records") }
            let record = rest.prefix(length).dropFirst(digits.count + 1).dropLast()
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw .damaged(reason: "a pax header is not made of records")
            }
            records[String(decoding: record[..<equals], as: UTF8.self)] =
                String(decoding: record[(equals + 1)...], as: UTF8.self)
            rest = rest.dropFirst(length)
        }
        return records
    }
}

/// Header block of a file.
private struct Header {
    let name: String
    let size: Int
    let type: UInt8

    /// Nil unless the checksum is right, and the size a number.
    init?(_ block: [UInt8]) {
        func text(_ range: Range<Int>) -> String {
            String(decoding: block[range].prefix { $0 != 0 }, as: UTF8.self)
        }
        let sum = block.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(block[$1])) }
        guard Self.number(block[148..<156]) == sum, let size = Self.number(block[124..<136]) else { return nil }
        self.size = size
        type = block[156]
        let prefix = block[257..<263].elementsEqual("ustar\0".utf8) ? text(345..<500) : ""
        name = prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
    }

    /// A number in octal digits, or, as GNU tar writes large ones, in bytes behind one of 0x80; nil where there is none below 2⁶².
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if field.first == 0x80 {
            guard field.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else { return nil }
            let value = field.suffix(min(8, field.count - 1)).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return value < 1 << 62 ? Int(value) : nil
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        if digits.isEmpty { return 0 }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8).flatMap { $0 >= 0 ? $0 : nil }
    }
}
