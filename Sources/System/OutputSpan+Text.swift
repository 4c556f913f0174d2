/// Appending of text to bytes whose room was made before: of a log line, of the head of an answer, of JSON.
///
/// A precondition holds each piece to the room that is left. There is no array that grows, is checked to be unique and may move for
/// each of them, which for pieces of a few bytes is most of the work.
extension OutputSpan<UInt8> {
    @inlinable
    package mutating func append(_ text: StaticString) {
        unsafe append(text.utf8Start, text.utf8CodeUnitCount)
    }

    /// Appends the UTF-8 bytes of `text`.
    @inlinable
    package mutating func append(_ text: String) {
        append(text.utf8.span)
    }

    @inlinable
    package mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            if let first = bytes.baseAddress { unsafe append(first, bytes.count) }
        }
    }

    /// Appends `count` bytes from `source` on.
    @inlinable
    mutating func append(_ source: UnsafePointer<UInt8>, _ count: Int) {
        precondition(count <= freeCapacity, "no room was made for so many bytes")
        unsafe withUnsafeMutableBufferPointer { buffer, initialized in
            // there is an address where there is room, and where there is none there is nothing to append
            if let start = buffer.baseAddress { unsafe (start + initialized).update(from: source, count: count) }
            initialized += count
        }
    }

    /// Most bytes of ``append(decimal:)``.
    @inlinable
    package static var decimalBytes: Int { 20 }

    /// Appends `value` in decimal digits.
    @inlinable
    package mutating func append(decimal value: Int) {
        if value < 0 { append(UInt8(ascii: "-")) }
        let magnitude = value.magnitude
        var digits = 1
        var power: UInt = 10
        while digits < 19, magnitude >= power {
            digits += 1
            power *= 10
        }
        if digits == 19, magnitude >= power { preconditionFailure("an Int has 19 digits at most") }
        power /= 10
        var rest = magnitude
        for _ in 0..<digits {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / power))
            rest %= power
            power = max(power / 10, 1)
        }
    }

    /// Appends the last `digits` decimal digits of `value`, leading zeros among them.
    @inlinable
    package mutating func append(_ value: Int, digits: Int) {
        precondition(value >= 0)
        var power = 1
        for _ in 1..<digits { power *= 10 }
        while power > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / power % 10))
            power /= 10
        }
    }
}
