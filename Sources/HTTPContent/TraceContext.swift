import System

/// Place of a request in its client's trace, by the field `traceparent` (W3C Trace Context, section 3.2).
public struct TraceContext: Equatable, Sendable {
    /// Identifier of the trace, 32 lower-case hexadecimal digits, not all of them 0.
    public var traceID: String
    /// Identifier of the client's span, 16 lower-case hexadecimal digits, not all of them 0.
    public var parentID: String
    /// Whether the client may have recorded its span: bit 0 of the flags; the others are not looked at.
    public var isSampled: Bool

    /// Bytes of a value of version 00, and of the part of a later one that is known.
    private static let length = 55

    /// The place that `value` says; nil when it is not valid, which counts as not there.
    ///
    /// A value of a later version is read as far as it agrees with version 00 (section 3.2.4).
    public init?(_ value: String) {
        var bytes = Array(value.utf8.prefix(Self.length + 1))
        guard bytes.count >= Self.length else { return nil }
        // A later version may have more behind another dash; version 00 has not.
        if bytes.count > Self.length {
            guard bytes[0...1] != [0x30, 0x30], bytes[Self.length] == Self.dash else { return nil }
            bytes.removeLast()
        }
        let parts = bytes.split(separator: Self.dash, omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 32, 16, 2], parts.joined().allSatisfy(ASCII.isLowercaseHexDigit) else {
            return nil
        }
        // Version ff is invalid, and so are ids of zeros only.
        guard !parts[0].allSatisfy({ $0 == UInt8(ascii: "f") }),
            parts[1...2].allSatisfy({ !$0.allSatisfy(Self.isZero) })
        else { return nil }
        traceID = String(decoding: parts[1], as: UTF8.self)
        parentID = String(decoding: parts[2], as: UTF8.self)
        // a digit, by the guard
        isSampled = ASCII.hexValue(parts[3][parts[3].endIndex - 1]).map { $0 & 1 == 1 } ?? false
    }

    private static let dash = UInt8(ascii: "-")
    private static func isZero(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "0") }
}
