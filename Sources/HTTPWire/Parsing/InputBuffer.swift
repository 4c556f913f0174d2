import Glibc
import System

/// Received bytes that are not done with yet.
struct InputBuffer: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Index before which everything is done with, and goes with the next ``append(_:)``.
    private(set) var start = 0
    /// Index before which everything was read; what lies between ``start`` and here is a head under way.
    private(set) var position = 0
    /// Index up to which there is no line feed from ``position`` on, so that a slow line is searched once, not once a packet.
    private var scanned = 0

    /// Bytes of capacity kept between requests; a larger buffer is given back.
    private static let keptCapacity = 16 * 1024

    /// Number of bytes that were not read yet.
    var count: Int { bytes.count - position }
    var isEmpty: Bool { position == bytes.count }
    /// Bytes of memory that the buffer takes up.
    var capacity: Int { bytes.capacity }
    var first: UInt8? { isEmpty ? nil : bytes[position] }

    enum Line {
        /// No line feed yet, and the limit is not reached.
        case incomplete
        /// Longer than the limit.
        case tooLong
        /// Ended by a line feed without a carriage return.
        case bareLineFeed
        /// The line without its CRLF, as offsets from ``start``, valid until the next ``release()``.
        case line(Range<Int>)
    }

    mutating func append(_ span: Span<UInt8>) {
        if start > 0 {
            if start == bytes.count {
                bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
            } else {
                bytes.removeSubrange(..<start)
            }
            position -= start
            scanned = max(scanned - start, 0)
            start = 0
        }
        unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Reads the next line, of at most `limit` bytes without its CRLF.
    mutating func nextLine(limit: Int) -> Line {
        let index = firstLineFeed(from: max(scanned, position))
        guard index < bytes.count else {
            scanned = index
            // One byte more than the limit may be the carriage return of a line that fits.
            return count > limit + 1 ? .tooLong : .incomplete
        }
        let first = position
        position = index + 1
        scanned = position
        if index - first > limit + 1 { return .tooLong }
        guard index > first, bytes[index - 1] == ASCII.carriageReturn else {
            return index - first > limit ? .tooLong : .bareLineFeed
        }
        return .line(first - start..<index - 1 - start)
    }

    private func firstLineFeed(from first: Int) -> Int {
        let span = bytes.span
        var index = first
        while index < span.count, span[index] != ASCII.lineFeed { index += 1 }
        return index
    }

    /// Reads at most `limit` bytes: indices of ``bytes``, valid until the next ``append(_:)``.
    mutating func take(atMost limit: Int) -> Range<Int> {
        let part = position..<position + min(limit, count)
        position = part.upperBound
        release()
        return part
    }

    /// Whether the next bytes are `bytes`.
    func reads(_ bytes: Span<UInt8>) -> Bool {
        guard count >= bytes.count, start == position else { return false }
        return unsafe self.bytes.span.extracting(position..<position + bytes.count).withUnsafeBytes { mine in
            unsafe bytes.withUnsafeBytes { unsafe memcmp(mine.baseAddress!, $0.baseAddress!, $0.count) == 0 }
        }
    }

    /// Makes `copy`, whose storage is used again, the bytes of `range`.
    func copy(_ range: Range<Int>, to copy: inout [UInt8]) {
        copy.removeAll(keepingCapacity: true)
        copy.append(contentsOf: bytes[range])
    }

    /// Reads the next `count` bytes, which are there.
    mutating func skip(_ count: Int) {
        position += count
        scanned = position
    }

    /// Marks what was read as done with.
    mutating func release() {
        start = position
    }

    /// Drops everything, and the storage with it.
    mutating func discard() {
        self = InputBuffer()
    }
}
