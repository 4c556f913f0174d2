/// Received bytes that were not consumed yet.
struct InputBuffer: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Everything before it is consumed.
    private(set) var start = 0
    /// There is no line feed in `start..<scanned`, so that a slow line is searched once, not once a packet.
    private var scanned = 0

    /// Capacity kept between requests; a larger buffer is given back.
    private static let keptCapacity = 16 * 1024

    var count: Int { bytes.count - start }
    var isEmpty: Bool { start == bytes.count }
    var first: UInt8? { isEmpty ? nil : bytes[start] }

    enum Line {
        /// No line feed yet, and the limit is not reached.
        case incomplete
        /// Longer than the limit.
        case tooLong
        /// Ended by a line feed without a carriage return.
        case bareLineFeed
        /// The line without its CRLF, as indices of ``bytes``, valid until the next ``append(_:)``.
        case line(Range<Int>)
    }

    mutating func append(_ span: Span<UInt8>) {
        if start > 0 {
            if isEmpty {
                bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
            } else {
                bytes.removeSubrange(..<start)
            }
            scanned = max(scanned - start, 0)
            start = 0
        }
        unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Consumes the next line, of at most `limit` bytes without its CRLF.
    mutating func nextLine(limit: Int) -> Line {
        let index = firstLineFeed(from: max(scanned, start))
        guard index < bytes.count else {
            scanned = index
            // One byte more than the limit may be the carriage return of a line that fits.
            return count > limit + 1 ? .tooLong : .incomplete
        }
        let first = start
        start = index + 1
        scanned = start
        if index - first > limit + 1 { return .tooLong }
        guard index > first, bytes[index - 1] == Character.carriageReturn else {
            return index - first > limit ? .tooLong : .bareLineFeed
        }
        return .line(first..<index - 1)
    }

    private func firstLineFeed(from first: Int) -> Int {
        let span = bytes.span
        var index = first
        while index < span.count, span[index] != Character.lineFeed { index += 1 }
        return index
    }

    /// Consumes and returns at most `limit` bytes.
    mutating func take(atMost limit: Int) -> [UInt8] {
        let end = start + min(limit, count)
        let part = Array(bytes[start..<end])
        start = end
        scanned = max(scanned, start)
        return part
    }
}
