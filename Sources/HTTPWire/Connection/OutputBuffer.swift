/// Bytes that wait to be sent, in order.
package struct OutputBuffer: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0
    /// One large body behind ``bytes``, sent from where it lies.
    private var tail: [UInt8] = []
    private var tailStart = 0

    /// Bytes of capacity kept between answers; a larger buffer is given back.
    private static let keptCapacity = 64 * 1024
    /// Bytes from which on a body is not copied behind its head.
    private static let tailThreshold = 16 * 1024

    package init() {}

    /// Number of bytes that wait.
    package var count: Int { bytes.count - start + tail.count - tailStart }
    /// Whether nothing waits.
    package var isEmpty: Bool { count == 0 }
    /// Bytes of memory held.
    package var heldBytes: Int { bytes.capacity + tail.capacity }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Appends the UTF-8 bytes of `text`.
    package mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    mutating func append(_ part: [UInt8]) {
        bytes.append(contentsOf: part)
    }

    /// Appends what `body` writes, `room` bytes at most.
    mutating func append(room: Int, _ body: (inout OutputSpan<UInt8>) -> Void) {
        bytes.append(addingCapacity: room, initializingWith: body)
    }

    /// Appends a body that nothing follows until it was sent.
    package mutating func append(body: [UInt8]) {
        precondition(tail.isEmpty, "two large bodies at once")
        if body.count < Self.tailThreshold { bytes.append(contentsOf: body) } else { tail = body }
    }

    /// Whether there is a large body; nothing may be appended before it was sent.
    var hasTail: Bool { !tail.isEmpty }

    /// Calls `body` with the next bytes to send, and whether more follow them at once.
    package func withNext<Output: ~Copyable>(_ body: (Span<UInt8>, _ more: Bool) -> Output) -> Output {
        start < bytes.count
            ? body(bytes.span.extracting(start...), hasTail)
            : body(tail.span.extracting(tailStart...), false)
    }

    /// Gives the memory back, when there is nothing to send.
    mutating func releaseStorage() {
        if isEmpty { self = OutputBuffer() }
    }

    /// Forgets the first `count` bytes, which were sent.
    package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "more bytes sent than there were")
        let small = min(count, bytes.count - start)
        start += small
        tailStart += count - small
        if start == bytes.count, start > 0 {
            bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
            start = 0
        }
        if tailStart == tail.count, tailStart > 0 {
            tail = []
            tailStart = 0
        }
    }
}
