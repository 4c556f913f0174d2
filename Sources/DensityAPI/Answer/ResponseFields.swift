import HTTPContent
import HTTPTypes
import HTTPWire
import Serving
import Synchronization

/// The `X-Request-Id` of an answer.
package enum RequestID {
    /// Most characters of an identifier that is echoed.
    static let maxLength = 128

    /// The client's own identifier, if it is 1 to 128 of `[A-Za-z0-9._-]`; else nil.
    static func echo(_ value: String?) -> String? {
        guard let value, (1...maxLength).contains(value.utf8.count), value.utf8.allSatisfy(isSane) else { return nil }
        return value
    }

    /// Bits of all identifiers of this process, drawn once: to ask the system for random bytes is two system calls.
    private static let process = UInt64.random(in: .min ... .max)
    private static let counter = Atomic(UInt64.random(in: .min ... .max))

    /// 64 bits that were not returned before.
    ///
    /// Source: the finalizer of SplitMix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*,
    /// 2014), a one-to-one map, of a counter.
    private static func nextBits() -> UInt64 {
        var bits = counter.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }

    /// A new identifier of a span, 16 hexadecimal digits that are not all 0.
    static func span() -> String {
        let bits = nextBits()
        // of all 64-bit numbers in turn one is 0
        return hexDigits(of: bits == 0 ? nextBits() : bits)
    }

    /// A new identifier of 128 bits, in hexadecimal: 64 bits are drawn when the program starts, and 64 differ in each of its
    /// requests. It tells requests apart, and is no secret.
    package static func random() -> String {
        let bits = UInt128(process) << 64 | UInt128(nextBits())
        return unsafe String(unsafeUninitializedCapacity: 32) { text in
            for index in 0..<32 {
                let digit = UInt8(truncatingIfNeeded: bits >> UInt128(124 - 4 * index)) & 15
                unsafe text[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
            return 32
        }
    }

    static func isSane(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension RequestSpan {
    /// Span of a request that came with `context`; nil without one.
    convenience init?(in context: TraceContext?) {
        guard let context else { return nil }
        self.init(
            traceID: context.traceID, parentID: context.parentID, spanID: RequestID.span(),
            isSampled: context.isSampled)
    }

    /// The span as an entry of `Server-Timing`.
    var timing: String { "traceparent;desc=\"\(traceParent)\"" }
}

/// The `Server-Timing` of an answer (W3C Server Timing): milliseconds, and for `batch` the rows of the largest batch
/// that the request's rows ran in.
struct ServerTiming: CustomStringConvertible {
    var timings = RequestTimings()
    var decode = Duration.zero

    /// Field of an answer that nothing was computed for.
    static let none = HTTPField(name: .serverTiming, value: ServerTiming().description)

    var description: String {
        "queue;dur=\(milliseconds(timings.queue)), batch;desc=\"\(timings.batchRows) rows\", "
            + "compute;dur=\(milliseconds(timings.compute)), decode;dur=\(milliseconds(decode))"
    }

    /// Text of `duration` in milliseconds, with three decimals.
    private func milliseconds(_ duration: Duration) -> String {
        let microseconds = Int((duration / .microseconds(1)).rounded())
        let fraction = String(microseconds % 1000)
        return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }
}
