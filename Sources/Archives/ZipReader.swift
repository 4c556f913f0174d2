import Compression

/// Reader of ZIP archives, by their central directory: files that are stored or deflated, of any size.
///
/// Source: PKWARE, *.ZIP File Format Specification* (APPNOTE), version 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3.
package final class ZipReader: ArchiveReader {
    private let file: RandomAccessFile
    private let limits: ArchiveLimits
    /// Entries of the central directory, from the next one on.
    private let directory: ByteReader
    /// Entries that are left.
    private var left: Int
    /// Bytes that came out of all files so far.
    private var unpacked = 0

    /// Whether bytes begin as an archive does, be it an empty one.
    package static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.starts(with: [0x50, 0x4b, 3, 4]) || bytes.starts(with: [0x50, 0x4b, 5, 6])
    }

    /// Finds the central directory.
    /// - Throws: ``ArchiveError``.
    package init(_ file: RandomAccessFile, limits: ArchiveLimits = ArchiveLimits()) throws(ArchiveError) {
        self.file = file
        self.limits = limits
        let (offset, count) = try Self.directory(of: file)
        left = count
        directory = file.reader(from: offset)
    }

    package func next() throws(ArchiveError) -> ArchiveEntry? {
        if unpacked > limits.unpackedBytes { throw .tooLarge(quantity: "unpacked bytes", limit: limits.unpackedBytes) }
        while left > 0 {
            left -= 1
            let head = try directory.read(46)
            guard head.count == 46 else { throw .truncated }
            let fields = LittleEndian(head)
            guard fields.number(0, 4) == 0x0201_4b50 else {
                throw .damaged(reason: "the directory is no list of files")
            }
            let lengths = [fields.number(28, 2), fields.number(30, 2), fields.number(32, 2)]
            let texts = try directory.read(lengths.reduce(0, +))
            guard texts.count == lengths.reduce(0, +) else { throw .truncated }
            let name = String(decoding: texts[..<lengths[0]], as: UTF8.self)
            if name.hasSuffix("/") { continue }
            let extra = Array(texts[lengths[0]..<lengths[0] + lengths[1]])
            return ArchiveEntry(
                name: name, contents: Result { () throws(ArchiveError) in try contents(fields, extra: extra) })
        }
        return nil
    }

    /// Reader of the file that an entry of the directory describes.
    private func contents(_ entry: LittleEndian, extra: [UInt8]) throws(ArchiveError) -> ByteReader {
        if entry.number(8, 2) & 1 != 0 { throw .unsupported(feature: "encryption") }
        let method = entry.number(10, 2)
        guard method == 0 || method == 8 else { throw .unsupported(feature: "compression method \(method)") }
        var sizes = [entry.number(24, 4), entry.number(20, 4), entry.number(42, 4)]
        try Self.widen(&sizes, by: extra)
        let (size, packed, offset) = (sizes[0], sizes[1], sizes[2])
        if method == 0, size != packed { throw .damaged(reason: "a stored file has two sizes") }
        let head = LittleEndian(try file.bytes(at: offset, 30))
        guard head.number(0, 4) == 0x0403_4b50 else { throw .damaged(reason: "a file is not where the directory says") }
        let start = offset + 30 + head.number(26, 2) + head.number(28, 2)
        guard start <= file.size, packed <= file.size - start else { throw .truncated }
        let bytes = file.reader(from: start).part(packed)
        return checked(method == 8 ? bytes.inflated(.raw) : bytes, size: size, checksum: entry.number(16, 4))
    }

    /// Numbers of 64 bits that an entry has in the place of those that 32 do not hold, in their order (section 4.5.3).
    private static func widen(_ sizes: inout [Int], by extra: [UInt8]) throws(ArchiveError) {
        guard sizes.contains(0xffff_ffff) else { return }
        let fields = LittleEndian(extra)
        var place = 0
        while place + 4 <= extra.count {
            let length = fields.number(place + 2, 2)
            guard place + 4 + length <= extra.count else { break }
            if fields.number(place, 2) == 1 {
                var from = place + 4
                for index in sizes.indices where sizes[index] == 0xffff_ffff {
                    guard from + 8 <= place + 4 + length else { break }
                    let value = fields.number(from, 8)
                    guard (0..<1 << 62).contains(value) else { throw .damaged(reason: "a size is too large") }
                    sizes[index] = value
                    from += 8
                }
                return
            }
            place += 4 + length
        }
        throw .damaged(reason: "a size is missing")
    }

    /// A reader of the same bytes that throws at their end unless they are `size` bytes with that checksum, and when all files together
    /// are more than the limit.
    private func checked(_ bytes: ByteReader, size: Int, checksum: Int) -> ByteReader {
        var (count, sum): (Int, UInt32) = (0, 0)
        return ByteReader { () throws(ArchiveError) in
            let piece = try bytes.some(ByteReader.pieceBytes)
            count += piece.count
            self.unpacked += piece.count
            if self.unpacked > self.limits.unpackedBytes {
                throw .tooLarge(quantity: "unpacked bytes", limit: self.limits.unpackedBytes)
            }
            if count > size || (piece.isEmpty && count < size) { throw .damaged(reason: "a file has another size") }
            sum = unsafe crc32(piece.span.bytes, continuing: sum)
            if piece.isEmpty, Int(sum) != checksum { throw .damaged(reason: "a file's checksum is wrong") }
            return piece
        }
    }

    /// Offset and number of entries of the central directory, by the record at the end of the file.
    private static func directory(of file: RandomAccessFile) throws(ArchiveError) -> (offset: Int, count: Int) {
        // The record has 22 bytes, and a comment of at most 65,535 behind them.
        let length = min(file.size, 22 + 65_535)
        let tail = try file.bytes(at: file.size - length, length)
        let fields = LittleEndian(tail)
        guard length >= 22,
            let end = (0...length - 22).last(where: {
                fields.number($0, 4) == 0x0605_4b50 && $0 + 22 + fields.number($0 + 20, 2) <= length
            })
        else { throw .damaged(reason: "it has no directory, or ends before it") }
        let (count, offset) = (fields.number(end + 10, 2), fields.number(end + 16, 4))
        guard count == 0xffff || offset == 0xffff_ffff else { return (offset, count) }
        let locator = file.size - length + end - 20
        guard locator >= 0 else { return (offset, count) }
        let place = LittleEndian(try file.bytes(at: locator, 20))
        // an archive may just have as many files
        guard place.number(0, 4) == 0x0706_4b50 else { return (offset, count) }
        let record = LittleEndian(try file.bytes(at: place.number(8, 8), 56))
        guard record.number(0, 4) == 0x0606_4b50, record.number(32, 8) >= 0, record.number(48, 8) >= 0 else {
            throw .damaged(reason: "its directory of 64 bits is not where it should be")
        }
        return (record.number(48, 8), record.number(32, 8))
    }
}

/// Numbers in bytes, the lowest first.
private struct LittleEndian {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The number of `count` bytes at `offset`; of 8 bytes beyond `Int` a negative one.
    func number(_ offset: Int, _ count: Int) -> Int {
        Int(bitPattern: bytes[offset..<offset + count].reversed().reduce(UInt(0)) { $0 << 8 | UInt($1) })
    }
}
