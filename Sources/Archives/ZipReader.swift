import Compression

/// Reader of ZIP archives, by their central directory: files that are stored or deflated, of any size.
///
/// Files that were returned stay readable, in any order.
///
/// Source: PKWARE, *.ZIP File Format Specification* (APPNOTE), version 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3.
package final class ZipReader: ArchiveReader {
    private let file: RandomAccessFile
    private let limits: ArchiveLimits
    /// Entries of the central directory, from the next one on.
    private let directory: ByteReader
    /// Bytes of the directory that are left.
    private var left: Int
    /// Entries that were read, and that there should be, the latter modulo 65,536, as writers of old archives count.
    private var (entries, expected): (Int, Int)
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
        let place = try ZipDirectory(of: file)
        (entries, expected, left) = (0, place.count, place.size)
        directory = file.reader(from: place.offset)
    }

    package func next() throws(ArchiveError) -> ArchiveEntry? {
        if unpacked > limits.unpackedBytes { throw .tooLarge(quantity: "unpacked bytes", limit: limits.unpackedBytes) }
        while left > 0 {
            let record = try ZipRecord(central: directory)
            left -= record.bytes
            entries += 1
            try limits.checkEntries(entries)
            if record.isFolder { continue }
            if let kind = record.otherKind { return limits.entry(record.name, .other(kind: kind)) }
            let contents: ArchiveEntry.Contents
            do throws(ArchiveError) { contents = .file(try self.contents(record)) } catch {
                contents = .unreadable(error)
            }
            return limits.entry(record.name, contents)
        }
        guard left == 0, entries & 0xffff == expected & 0xffff else {
            throw .damaged(reason: "its directory has another number of files than it says")
        }
        return nil
    }

    /// Reader of the file that a record of the directory describes.
    private func contents(_ record: ZipRecord) throws(ArchiveError) -> ByteReader {
        try record.checkMethod()
        let sizes = try record.sizes()
        let head = LittleEndian(try file.bytes(at: sizes.offset, ZipRecord.localBytes))
        guard head.number(0, 4) == ZipRecord.localSignature else {
            throw .damaged(reason: "a file is not where the directory says")
        }
        // its name and fields have other lengths there
        let start = sizes.offset + ZipRecord.localBytes + head.number(26, 2) + head.number(28, 2)
        guard start <= file.size, sizes.packed <= file.size - start else { throw .truncated }
        let bytes = file.reader(from: start).part(sizes.packed)
        return checked(
            record.isDeflated ? bytes.inflated(.raw) : bytes, size: sizes.unpacked, checksum: record.checksum)
    }

    /// A reader of the same bytes that throws at their end unless they are `size` bytes with that checksum, and when all files together
    /// are more than the limits.
    private func checked(_ bytes: ByteReader, size: Int, checksum: UInt32) -> ByteReader {
        var (count, sum): (Int, UInt32) = (0, 0)
        return ByteReader { () throws(ArchiveError) in
            let piece = try bytes.some(ByteReader.pieceBytes)
            count += piece.count
            self.unpacked += piece.count
            try self.limits.checkUnpacked(self.unpacked, packed: self.file.size)
            if count > size || (piece.isEmpty && count < size) { throw .damaged(reason: "a file has another size") }
            sum = unsafe crc32(piece.span.bytes, continuing: sum)
            if piece.isEmpty, sum != checksum { throw .damaged(reason: "a file's checksum is wrong") }
            return piece
        }
    }
}

/// Place of an archive's central directory, by the record at the end of its file.
struct ZipDirectory {
    let offset: Int
    let size: Int
    let count: Int

    /// - Throws: ``ArchiveError`` where there is none.
    init(of file: RandomAccessFile) throws(ArchiveError) {
        // The record has 22 bytes, and a comment of at most 65,535 behind them.
        let length = min(file.size, 22 + 65_535)
        let tail = try file.bytes(at: file.size - length, length)
        let fields = LittleEndian(tail)
        guard length >= 22,
            let end = (0...length - 22).last(where: {
                fields.number($0, 4) == 0x0605_4b50 && $0 + 22 + fields.number($0 + 20, 2) <= length
            })
        else { throw .damaged(reason: "it has no directory, or ends before it") }
        var (disk, count) = (fields.number(end + 4, 2), fields.number(end + 10, 2))
        var (size, offset) = (fields.number(end + 12, 4), fields.number(end + 16, 4))
        let place = file.size - length + end
        if count == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff, place >= 20 {
            let locator = LittleEndian(try file.bytes(at: place - 20, 20))
            // an archive may just have as many files
            if locator.number(0, 4) == 0x0706_4b50 {
                let record = LittleEndian(try file.bytes(at: locator.number(8, 8), 56))
                guard record.number(0, 4) == 0x0606_4b50 else {
                    throw .damaged(reason: "its directory of 64 bits is not where it should be")
                }
                (disk, count) = (record.number(16, 4), record.number(32, 8))
                (size, offset) = (record.number(40, 8), record.number(48, 8))
            }
        }
        guard disk == 0 || disk == 0xffff else { throw .unsupported(feature: "several volumes") }
        guard count >= 0, size >= 0, offset >= 0, offset <= place, size <= place - offset else {
            throw .damaged(reason: "its directory is not where it should be")
        }
        (self.offset, self.size, self.count) = (offset, size, count)
    }
}

/// Numbers in bytes, the lowest first.
package struct LittleEndian {
    let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The number of `count` bytes at `offset`; of 8 bytes beyond `Int` a negative one.
    package func number(_ offset: Int, _ count: Int) -> Int {
        Int(bitPattern: bytes[offset..<offset + count].reversed().reduce(UInt(0)) { $0 << 8 | UInt($1) })
    }
}
