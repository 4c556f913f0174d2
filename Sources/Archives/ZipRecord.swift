import Compression
internal import System

/// What a ZIP archive says of a file in it: in its central directory, or in front of the file's bytes, where it may not know the sizes yet.
struct ZipRecord {
    static let localSignature = 0x0403_4b50
    static let centralSignature = 0x0201_4b50
    /// Bytes of a record in front of a file, without its name and fields.
    static let localBytes = 30

    /// Bytes of the record, with its name, fields and comment.
    let bytes: Int
    let flags: Int
    let method: Int
    let checksum: UInt32
    /// Name in UTF-8, as far as the archive says how it is written, or else in the bytes that it has.
    let name: [UInt8]
    /// Mode of the file by its system, Unix; 0 where another one made the archive, and in front of the file.
    let mode: Int
    /// Sizes unpacked and packed, and place of the file, of 32 bits.
    private let numbers: [Int]
    private let extra: [UInt8]

    /// Reads a record of the central directory.
    /// - Throws: ``ArchiveError``.
    init(central reader: ByteReader) throws(ArchiveError) {
        let fields = LittleEndian(try Self.read(reader, 46))
        guard fields.number(0, 4) == Self.centralSignature else {
            throw .damaged(reason: "the directory is no list of files")
        }
        let lengths = [fields.number(28, 2), fields.number(30, 2), fields.number(32, 2)]
        let texts = try Self.read(reader, lengths.reduce(0, +))
        bytes = 46 + texts.count
        (flags, method) = (fields.number(8, 2), fields.number(10, 2))
        checksum = UInt32(fields.number(16, 4))
        numbers = [fields.number(24, 4), fields.number(20, 4), fields.number(42, 4)]
        extra = Array(texts[lengths[0]..<lengths[0] + lengths[1]])
        let system = fields.number(5, 1)
        mode = Self.isUnix(system) ? fields.number(38, 4) >> 16 : 0
        name = Self.name(Array(texts.prefix(lengths[0])), flags: flags, system: system, extra: extra)
    }

    /// Reads a record in front of a file, which does not say what system made it.
    /// - Throws: ``ArchiveError``.
    init(local reader: ByteReader) throws(ArchiveError) {
        let fields = LittleEndian(try Self.read(reader, Self.localBytes))
        guard fields.number(0, 4) == Self.localSignature else {
            throw .damaged(reason: "it has other bytes between its files")
        }
        let lengths = [fields.number(26, 2), fields.number(28, 2)]
        let texts = try Self.read(reader, lengths[0] + lengths[1])
        bytes = Self.localBytes + texts.count
        (flags, method) = (fields.number(6, 2), fields.number(8, 2))
        checksum = UInt32(fields.number(14, 4))
        numbers = [fields.number(22, 4), fields.number(18, 4), 0]
        extra = Array(texts[lengths[0]...])
        mode = 0
        name = Self.name(Array(texts.prefix(lengths[0])), flags: flags, system: nil, extra: extra)
    }

    private static func read(_ reader: ByteReader, _ count: Int) throws(ArchiveError) -> [UInt8] {
        let bytes = try reader.read(count)
        guard bytes.count == count else { throw .truncated }
        return bytes
    }

    var isFolder: Bool { name.last == UInt8(ascii: "/") || mode & 0o170000 == 0o040000 }

    /// Kind of what is neither a file nor a folder; nil for those.
    var otherKind: String? {
        switch mode & 0o170000 {
        case 0o120000: "symbolic link"
        case 0o010000: "pipe"
        case 0o020000, 0o060000: "device"
        case 0o140000: "socket"
        default: nil
        }
    }

    var isDeflated: Bool { method == 8 }

    /// Whether checksum and sizes stand behind the file's bytes (section 4.3.9).
    var hasDescriptor: Bool { flags & 8 != 0 }

    /// Whether there is a field for sizes of 64 bits.
    var isLarge: Bool { field(1) != nil }

    /// - Throws: ``ArchiveError/unsupported(feature:)`` unless the file is stored or deflated, and everybody can read it.
    func checkMethod() throws(ArchiveError) {
        if flags & 1 != 0 || method == 99 { throw .unsupported(feature: "encryption") }
        if method == 0 || method == 8 { return }
        let names = [
            1: "shrinking", 6: "imploding", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz",
            98: "PPMd",
        ]
        let name = names[method].map { "\($0) compression (method \(method))" } ?? "compression method \(method)"
        throw .unsupported(feature: "\(name)")
    }

    /// Sizes and place of the file, in bytes.
    /// - Throws: ``ArchiveError/damaged(reason:)``.
    func sizes() throws(ArchiveError) -> (unpacked: Int, packed: Int, offset: Int) {
        var numbers = numbers
        if numbers.contains(0xffff_ffff) {
            // the field has only those that 32 bits do not hold, in their order (section 4.5.3)
            guard let field = field(1) else { throw .damaged(reason: "a size is missing") }
            let fields = LittleEndian(field)
            var from = 0
            for index in numbers.indices where numbers[index] == 0xffff_ffff {
                guard from + 8 <= field.count else { break }
                let value = fields.number(from, 8)
                guard (0..<1 << 62).contains(value) else { throw .damaged(reason: "a size is too large") }
                numbers[index] = value
                from += 8
            }
        }
        if method == 0, numbers[0] != numbers[1] { throw .damaged(reason: "a stored file has two sizes") }
        return (numbers[0], numbers[1], numbers[2])
    }

    private func field(_ id: Int) -> [UInt8]? { Self.field(id, in: extra) }

    /// Contents of the first extra field called `id`.
    private static func field(_ id: Int, in extra: [UInt8]) -> [UInt8]? {
        let fields = LittleEndian(extra)
        var place = 0
        while place + 4 <= extra.count {
            let length = fields.number(place + 2, 2)
            guard place + 4 + length <= extra.count else { return nil }
            if fields.number(place, 2) == id { return Array(extra[place + 4..<place + 4 + length]) }
            place += 4 + length
        }
        return nil
    }

    private static func isUnix(_ system: Int) -> Bool { system == 3 || system == 19 }

    /// Name in UTF-8: as it is by flag 11, by Info-ZIP's field of the name in Unicode (section 4.6.9), and where Unix or macOS made
    /// the archive, whose names are bytes; else from code page 437 (appendix D). Names with backslashes alone, which some programs of
    /// Windows write against section 4.4.17, get slashes, as Info-ZIP gives them.
    /// - Parameter system: system that made the archive; nil where the record does not say, in front of a file.
    private static func name(_ stored: [UInt8], flags: Int, system: Int?, extra: [UInt8]) -> [UInt8] {
        let isUnix = system.map(isUnix) ?? false
        let slash = UInt8(ascii: "/")
        func slashed(_ name: [UInt8]) -> [UInt8] {
            isUnix || name.contains(slash) ? name : name.map { $0 == UInt8(ascii: "\\") ? slash : $0 }
        }
        if flags & 1 << 11 != 0 { return slashed(stored) }
        if let field = field(0x7075, in: extra), field.count > 5, field[0] == 1,
            LittleEndian(field).number(1, 4) == Int(unsafe crc32(stored.span.bytes))
        {
            return slashed(Array(field[5...]))
        }
        // a record in front of a file that does not say: bytes are a name on most systems
        if isUnix || system == nil { return slashed(stored) }
        let name = slashed(stored)
        return name.allSatisfy { $0 < 0x80 } ? name : Array(CodePage437.text(name).utf8)
    }
}

/// Characters of the IBM PC, in which MS-DOS wrote names.
///
/// Source: *cp437_DOSLatinUS to Unicode table*, the Unicode Consortium.
enum CodePage437 {
    /// Characters of the bytes from 0x80 on.
    private static let upper = Array(
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}"
            .unicodeScalars)

    static func text(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(byte < 0x80 ? Unicode.Scalar(byte) : upper[Int(byte) - 0x80]) }
        return String(text)
    }
}
