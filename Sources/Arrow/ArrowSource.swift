import Archives

/// Bytes of an Arrow file or stream, read on.
final class ArrowSource {
    private let bytes: ByteReader
    private let file: RandomAccessFile?
    /// Bytes that were read of a file.
    private var place = 0

    init(_ bytes: ByteReader) { (self.bytes, file) = (bytes, nil) }

    init(_ file: RandomAccessFile) { (bytes, self.file) = (file.reader(), file) }

    func peek(_ count: Int) throws(ArchiveError) -> ArraySlice<UInt8> {
        guard let file else { return try bytes.peek(count) }
        return try file.reader(from: place).peek(count)
    }

    /// The next `count` bytes, or as many as there are.
    func read(_ count: Int) throws(ArchiveError) -> [UInt8] {
        guard let file else { return try bytes.read(count) }
        let found = try file.bytes(at: place, min(count, file.size - place))
        place += found.count
        return found
    }

    func skip(_ count: Int) throws(ArchiveError) {
        guard let file else {
            guard try bytes.skip(count) == count else { throw .truncated }
            return
        }
        guard count <= file.size - place else { throw .truncated }
        place += count
    }

    /// Goes to a place of a file.
    func seek(_ place: Int) throws(ArchiveError) {
        guard let file, (0...file.size).contains(place) else {
            throw .damaged(reason: "a batch is not where it should be")
        }
        self.place = place
    }

    /// The description at the end of a file, behind which stand its length, 4 bytes, and `mark`; nil of a stream.
    func footer(_ mark: [UInt8]) throws(ArchiveError) -> FlatTable? {
        guard let file else { return nil }
        let behind = 4 + mark.count
        guard file.size >= 8 + behind, try file.bytes(at: file.size - mark.count, mark.count) == mark else {
            throw .truncated
        }
        let count = try file.bytes(at: file.size - behind, 4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard count <= file.size - 8 - behind else { throw .truncated }
        guard count <= ArrowMessage.maxBytes else {
            throw .tooLarge(quantity: "bytes in a description", limit: ArrowMessage.maxBytes)
        }
        return try FlatTable(root: try file.bytes(at: file.size - behind - count, count))
    }

    /// The next `count` bytes as the body of a message: those of a file stay there.
    func body(_ count: Int, limits: ArrowLimits) throws(ArchiveError) -> ArrowBody {
        if let file {
            let start = place
            try skip(count)
            return ArrowBody(count: count) { place, count throws(ArchiveError) in
                try file.bytes(at: start + place, count)
            }
        }
        guard count <= limits.batchBytes else {
            throw .tooLarge(quantity: "bytes in a batch of a stream", limit: limits.batchBytes)
        }
        let held = try bytes.read(count)
        guard held.count == count else { throw .truncated }
        return ArrowBody(count: count) { place, count throws(ArchiveError) in Array(held[place..<place + count]) }
    }

    /// Reads to the end, where `mark` must stand.
    func checkEnd(_ mark: [UInt8]) throws(ArchiveError) {
        if let file {
            guard file.size >= mark.count, try file.bytes(at: file.size - mark.count, mark.count) == mark else {
                throw .truncated
            }
            return
        }
        var last: [UInt8] = []
        while case let piece = try bytes.some(1 << 16), !piece.isEmpty {
            last = Array((last + piece).suffix(mark.count))
        }
        guard last == mark else { throw .truncated }
    }
}

/// Body of a message, any part of which can be read.
struct ArrowBody {
    let count: Int
    /// The `count` bytes at `place`, which the caller knows to be inside.
    private let read: (_ place: Int, _ count: Int) throws(ArchiveError) -> [UInt8]

    init(count: Int, _ read: @escaping (_ place: Int, _ count: Int) throws(ArchiveError) -> [UInt8]) {
        (self.count, self.read) = (count, read)
    }

    /// - Throws: ``ArchiveError/damaged(reason:)`` where the bytes are not inside.
    func bytes(_ buffer: ArrowBuffer, _ place: Int, _ count: Int) throws(ArchiveError) -> [UInt8] {
        guard place >= 0, count >= 0, place <= buffer.count, count <= buffer.count - place else {
            throw .damaged(reason: "a value is outside of its buffer")
        }
        if count == 0 { return [] }
        if let folded = buffer.folded { return try folded.bytes(place, count) }
        return try read(buffer.place + place, count)
    }
}

/// Part of a body, of `count` bytes.
struct ArrowBuffer {
    /// Place of the first byte.
    let place: Int
    let count: Int
    /// The bytes themselves where they are compressed; nil where they stand in the body.
    var folded: FoldedBuffer?
}
