import System

/// W3C Trace Context, section 3.2: the field `traceparent`.
public enum TraceContext {
    private static let length = 55

    /// The trace id, 32 lower-case hexadecimal digits; nil when `value` is not valid, which counts as not there.
    public static func traceID(_ value: String) -> String? {
        var bytes = Array(value.utf8.prefix(length + 1))
        guard bytes.count >= length else { return nil }
        // A later version may have more behind another dash; version 00 has not.
        if bytes.count > length {
            guard bytes[0...1] != [0x30, 0x30], bytes[length] == dash else { return nil }
            bytes.removeLast()
        }
        let parts = bytes.split(separator: dash, omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 32, 16, 2], parts.joined().allSatisfy(ASCII.isLowercaseHexDigit) else {
            return nil
        }
        // Version ff is invalid, and so are ids of zeros only.
        guard !parts[0].allSatisfy({ $0 == UInt8(ascii: "f") }), parts[1...2].allSatisfy({ !$0.allSatisfy(isZero) })
        else { return nil }
        return String(decoding: parts[1], as: UTF8.self)
    }

    private static let dash = UInt8(ascii: "-")
    private static func isZero(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "0") }
}
