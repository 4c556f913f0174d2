import Serving

/// The `X-Request-Id` of an answer.
enum RequestID {
    /// Characters of an identifier that is echoed, at most.
    static let maxLength = 128

    /// The client's own, if it is 1 to 128 of `[A-Za-z0-9._-]`.
    static func echo(_ value: String?) -> String? {
        guard let value, (1...maxLength).contains(value.utf8.count), value.utf8.allSatisfy(isSane) else { return nil }
        return value
    }

    /// 128 random bits, hexadecimal.
    static func random() -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bits = UInt128.random(in: .min ... .max)
        return String(
            decoding: (0..<32).map { _ in
                defer { bits >>= 4 }
                return digits[Int(bits & 15)]
            }, as: UTF8.self)
    }

    private static func isSane(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// The `Server-Timing` of an answer (W3C Server Timing): milliseconds, and for `batch` the rows of the largest batch
/// that the request's rows ran in.
struct ServerTiming: CustomStringConvertible {
    var timings = RequestTimings()
    var decode = Duration.zero

    var description: String {
        "queue;dur=\(milliseconds(timings.queue)), batch;desc=\"\(timings.batchRows) rows\", "
            + "compute;dur=\(milliseconds(timings.compute)), decode;dur=\(milliseconds(decode))"
    }

    /// With three decimals.
    private func milliseconds(_ duration: Duration) -> String {
        let microseconds = Int((duration / .microseconds(1)).rounded())
        let fraction = String(microseconds % 1000)
        return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }
}
