import Glibc
import System

/// Bytes that are read once, from the first to the last, of which only a piece is in memory.
package final class ByteReader {
    /// Returns the next bytes, at least one; none at the end.
    private let next: () throws(ArchiveError) -> [UInt8]
    private var piece: [UInt8] = []
    /// Place in `piece` of the next byte.
    private var place = 0
    private var hasEnded = false

    /// Bytes that were asked for and that nobody took yet.
    var waitingBytes: Int { piece.count - place }

    /// Bytes that are asked of the system at once.
    static let pieceBytes = 64 << 10

    /// - Parameter next: returns the next bytes, at least one; none at the end, after which it is not called.
    package init(_ next: @escaping () throws(ArchiveError) -> [UInt8]) { self.next = next }

    /// A reader of bytes in memory.
    package convenience init(_ bytes: [UInt8]) {
        var rest: [UInt8]? = bytes
        self.init { () throws(ArchiveError) in
            defer { rest = nil }
            return rest ?? []
        }
    }

    /// A reader of what the open descriptor `number` has from its position on; waits for what a pipe will have.
    package convenience init(descriptor number: Int32) {
        self.init { () throws(ArchiveError) in try Self.read(number, at: nil) }
    }

    /// The next bytes of a descriptor, or those at `offset` of its file; none at the end.
    /// - Throws: ``ArchiveError/system(_:)``.
    static func read(_ number: Int32, at offset: Int?) throws(ArchiveError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            let part = unsafe bytes.withUnsafeMutableBytes { room in
                if let offset {
                    unsafe pread(number, room.baseAddress, room.count, off_t(offset))
                } else {
                    unsafe Glibc.read(number, room.baseAddress, room.count)
                }
            }
            if part >= 0 {
                bytes.removeLast(bytes.count - part)
                return bytes
            }
            if errno == EAGAIN {
                // Someone else made the input non-blocking; for a reader it is the same.
                var wanted = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
                _ = unsafe poll(&wanted, 1, -1)
            } else if errno != EINTR {
                throw .system(SystemError())
            }
        }
    }

    /// Reads on until `count` bytes are in the piece, or all that there are.
    private func fill(_ count: Int) throws(ArchiveError) {
        while piece.count - place < count, !hasEnded {
            let more = try next()
            if more.isEmpty { hasEnded = true }
            piece.removeFirst(place)
            place = 0
            piece += more
        }
    }

    /// The next `count` bytes, or as many as there are, which stay the next.
    /// - Throws: ``ArchiveError``.
    package func peek(_ count: Int) throws(ArchiveError) -> ArraySlice<UInt8> {
        try fill(count)
        return piece[place..<min(place + count, piece.count)]
    }

    /// The next bytes that are there without waiting for others, at least one, which stay the next; none at the end.
    /// - Throws: ``ArchiveError``.
    package func peek() throws(ArchiveError) -> ArraySlice<UInt8> {
        try fill(1)
        return piece[place...]
    }

    /// The next bytes, at least one and at most `count`; none at the end.
    /// - Throws: ``ArchiveError``.
    package func some(_ count: Int) throws(ArchiveError) -> [UInt8] {
        try fill(1)
        let bytes = Array(piece[place..<min(place + count, piece.count)])
        place += bytes.count
        return bytes
    }

    /// The next `count` bytes, or as many as there are.
    /// - Throws: ``ArchiveError``.
    package func read(_ count: Int) throws(ArchiveError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try some(count - bytes.count)
            if more.isEmpty { break }
            bytes += more
        }
        return bytes
    }

    /// All that is left.
    /// - Throws: ``ArchiveError``; ``ArchiveError/tooLarge(quantity:limit:)`` where that is more than `limit` bytes.
    package func rest(limit: Int) throws(ArchiveError) -> [UInt8] {
        let bytes = try read(limit + 1)
        guard bytes.count <= limit else { throw .tooLarge(quantity: "bytes", limit: limit) }
        return bytes
    }

    /// Passes over the next `count` bytes, or as many as there are, and returns how many those were.
    /// - Throws: ``ArchiveError``.
    @discardableResult package func skip(_ count: Int) throws(ArchiveError) -> Int {
        var left = count
        while left > 0 {
            try fill(1)
            let part = min(left, piece.count - place)
            if part == 0 { break }
            place += part
            left -= part
        }
        return count - left
    }

    /// The next line without its end; nil at the end.
    /// - Throws: ``ArchiveError``; ``ArchiveError/tooLarge(quantity:limit:)`` where the line is longer than `limit` bytes, when it has
    ///   been passed over.
    package func line(limit: Int) throws(ArchiveError) -> [UInt8]? {
        var line: [UInt8] = []
        var isEmpty = true
        var isLong = false
        while true {
            try fill(1)
            let rest = piece[place...]
            if rest.isEmpty { break }
            isEmpty = false
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            place = end.map { $0 + 1 } ?? piece.count
            isLong = isLong || line.count + (end ?? piece.count) - rest.startIndex > limit
            if isLong { line = [] } else { line += rest[..<(end ?? piece.count)] }
            if end != nil { break }
        }
        if isLong { throw .tooLarge(quantity: "bytes in a line", limit: limit) }
        return isEmpty ? nil : line
    }
}
