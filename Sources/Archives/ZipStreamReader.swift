import Compression
internal import System

/// Reader of ZIP archives whose bytes come once, from a pipe: by the records in front of the files, which the directory at the end must
/// confirm.
///
/// Source: as ``ZipReader``.
package final class ZipStreamReader: ArchiveReader {
    private let state: State
    /// Contents of the file that was returned last.
    private var contents: ByteReader?
    private var entries = 0
    private var hasEnded = false

    private var bytes: PlacedReader { state.bytes }
    private var limits: ArchiveLimits { state.limits }

    /// What the readers of files have in common; they hold it, and not the archive, which holds one of them.
    private final class State {
        let bytes: PlacedReader
        let limits: ArchiveLimits
        var unpacked = 0
        /// Sum of a number for each record in front of a file, in any order, and of those of the directory.
        var (seen, listed) = (0, 0)

        init(_ bytes: PlacedReader, _ limits: ArchiveLimits) { (self.bytes, self.limits) = (bytes, limits) }
    }

    package init(_ bytes: ByteReader, limits: ArchiveLimits = ArchiveLimits()) {
        state = State(PlacedReader(bytes), limits)
    }

    package func next() throws(ArchiveError) -> ArchiveEntry? {
        if let contents {
            try contents.skip(.max)
            self.contents = nil
        }
        while !hasEnded {
            let place = bytes.place
            guard try bytes.reader.peek(4).elementsEqual([0x50, 0x4b, 3, 4]) else {
                try readDirectory()
                hasEnded = true
                break
            }
            let record = try ZipRecord(local: bytes.reader)
            entries += 1
            try limits.checkEntries(entries)
            if let entry = try entry(record, at: place) { return entry }
        }
        return nil
    }

    /// The entry of a record, whose bytes come next; nil, when they were passed over, for a folder.
    private func entry(_ record: ZipRecord, at place: Int) throws(ArchiveError) -> ArchiveEntry? {
        var error: ArchiveError?
        do throws(ArchiveError) { try record.checkMethod() } catch let found { error = found }
        if record.hasDescriptor, !record.isDeflated || error != nil {
            throw error ?? .needsFile(reason: "the length of a stored file stands behind it")
        }
        let sizes: (unpacked: Int, packed: Int)?
        if record.hasDescriptor {
            sizes = nil
        } else {
            let found = try record.sizes()
            sizes = (found.unpacked, found.packed)
            Self.add(place, record.checksum, found.unpacked, found.packed, to: &state.seen)
        }
        if let error, let sizes {
            guard try bytes.reader.skip(sizes.packed) == sizes.packed else { throw .truncated }
            return limits.entry(record.name, .unreadable(error))
        }
        let reader = checked(record, at: place, sizes: sizes)
        contents = reader
        if !record.isFolder { return limits.entry(record.name, .file(reader)) }
        try reader.skip(.max)
        contents = nil
        return nil
    }

    /// A reader of a file's bytes that throws at their end unless size and checksum are right, and when all files together are more than
    /// the limits.
    private func checked(_ record: ZipRecord, at place: Int, sizes: (unpacked: Int, packed: Int)?) -> ByteReader {
        let state = state
        let start = bytes.place
        let raw = sizes.map { bytes.reader.part($0.packed) } ?? bytes.reader
        let source = record.isDeflated ? raw.inflatedToEnd() : raw
        var (count, sum): (Int, UInt32) = (0, 0)
        return ByteReader { () throws(ArchiveError) in
            let piece = try source.some(ByteReader.pieceBytes)
            count += piece.count
            state.unpacked += piece.count
            try state.limits.checkUnpacked(state.unpacked, packed: state.bytes.place)
            if let sizes, count > sizes.unpacked { throw .damaged(reason: "a file has another size") }
            sum = unsafe crc32(piece.span.bytes, continuing: sum)
            guard piece.isEmpty else { return piece }
            if let sizes {
                try raw.skip(.max)
                if count < sizes.unpacked { throw .damaged(reason: "a file has another size") }
                if sum != record.checksum { throw .damaged(reason: "a file's checksum is wrong") }
            } else {
                let packed = state.bytes.place - start
                try Self.readDescriptor(
                    state.bytes.reader, checksum: sum, packed: packed, unpacked: count, isLarge: record.isLarge)
                Self.add(place, sum, count, packed, to: &state.seen)
            }
            return []
        }
    }

    /// Reads what stands behind a file, which may begin with a signature and may have sizes of 64 bits.
    private static func readDescriptor(
        _ reader: ByteReader, checksum: UInt32, packed: Int, unpacked: Int, isLarge: Bool
    ) throws(ArchiveError) {
        let bytes = LittleEndian(Array(try reader.peek(24)))
        for (start, width) in [(4, isLarge ? 8 : 4), (4, isLarge ? 4 : 8), (0, isLarge ? 8 : 4), (0, isLarge ? 4 : 8)] {
            let length = start + 4 + 2 * width
            guard bytes.bytes.count >= length, start == 0 || bytes.number(0, 4) == 0x0807_4b50 else { continue }
            if bytes.number(start, 4) == Int(checksum), bytes.number(start + 4, width) == packed,
                bytes.number(start + 4 + width, width) == unpacked
            {
                try reader.skip(length)
                return
            }
        }
        throw bytes.bytes.count < 12 ? .truncated : .damaged(reason: "a file's checksum or size is wrong")
    }

    /// Reads the directory, whose files must be those that were read.
    private func readDirectory() throws(ArchiveError) {
        var count = 0
        while try bytes.reader.peek(4).elementsEqual([0x50, 0x4b, 1, 2]) {
            let record = try ZipRecord(central: bytes.reader)
            count += 1
            try limits.checkEntries(count)
            let sizes = try record.sizes()
            Self.add(sizes.offset, record.checksum, sizes.unpacked, sizes.packed, to: &state.listed)
        }
        let end = try bytes.reader.peek(4)
        guard end.elementsEqual([0x50, 0x4b, 5, 6]) || end.elementsEqual([0x50, 0x4b, 6, 6]) else {
            throw end.count < 4 ? .truncated : .damaged(reason: "it has other bytes between its files")
        }
        try bytes.reader.skip(.max)
        guard count == entries, state.seen == state.listed else {
            throw .damaged(reason: "its directory has other files than stand before it")
        }
    }

    private static func add(_ place: Int, _ checksum: UInt32, _ unpacked: Int, _ packed: Int, to sum: inout Int) {
        var hasher = Hasher()
        hasher.combine([place, Int(checksum), unpacked, packed])
        sum &+= hasher.finalize()
    }
}

/// Reader of bytes that knows how many were taken.
private final class PlacedReader {
    /// The bytes, of which others take.
    let reader: ByteReader
    private let counter: Counter

    private final class Counter {
        var bytes = 0
    }

    init(_ bytes: ByteReader) {
        let counter = Counter()
        reader = ByteReader { () throws(ArchiveError) in
            let piece = try bytes.some(ByteReader.pieceBytes)
            counter.bytes += piece.count
            return piece
        }
        self.counter = counter
    }

    /// Bytes that were taken of ``reader``.
    var place: Int { counter.bytes - reader.waitingBytes }
}
