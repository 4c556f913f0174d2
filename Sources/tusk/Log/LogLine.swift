import HTTPContent
import HTTPWire
import Logging

/// Format of log lines.
enum LogFormat: String, CaseIterable, Sendable {
    /// `2026-11-25T10:14:29.123Z info request method=GET status=200`, for a reader.
    case text
    /// One JSON object a line, for a program.
    case json
}

/// A value of a log line.
enum LogValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    /// A time in milliseconds, written with three decimals.
    case milliseconds(Duration)
    case string(String)

    init(_ text: String?) { self = text.map { .string($0) } ?? .null }
}

/// A moment of the wall clock.
struct LogTime: Sendable {
    /// Seconds since 1970.
    var seconds: Int
    /// Milliseconds of the second, 0 to 999.
    var milliseconds: Int
}

/// Something to log: what happened, and the values that go with it, in order.
struct LogLine: Sendable {
    var time: LogTime
    var level: Logger.Level
    var message: String
    var values: [(name: String, value: LogValue)]
}

/// Writer of log lines. Strings are escaped in both formats, so nothing in them can begin a line or move a terminal's cursor.
struct LogLineWriter {
    let format: LogFormat
    private var second = -1
    /// The time without its milliseconds, made once a second.
    private var secondText = ""

    init(format: LogFormat) { self.format = format }

    /// Appends `line` and a line feed to `bytes`.
    mutating func write(_ line: LogLine, to bytes: inout [UInt8]) {
        switch format {
        case .json:
            bytes += "{\"time\":\"".utf8
            write(line.time, to: &bytes)
            bytes += "\",\"level\":\"".utf8
            bytes += line.level.rawValue.utf8
            bytes += "\",\"message\":".utf8
            Self.writeQuoted(line.message, to: &bytes)
            for (name, value) in line.values {
                bytes.append(UInt8(ascii: ","))
                JSON.write(name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                write(value, to: &bytes)
            }
            bytes += "}\n".utf8
        case .text:
            write(line.time, to: &bytes)
            bytes.append(UInt8(ascii: " "))
            bytes += line.level.rawValue.utf8
            bytes.append(UInt8(ascii: " "))
            // Words stay as they are: a message has spaces.
            Self.writeText(line.message, to: &bytes) { Self.isPlain($0) || " ,;'()".utf8.contains($0) }
            for (name, value) in line.values {
                if case .null = value { continue }
                bytes.append(UInt8(ascii: " "))
                Self.writeText(name, to: &bytes, where: Self.isPlain)
                bytes.append(UInt8(ascii: "="))
                if case .string(let text) = value {
                    Self.writeText(text, to: &bytes, where: Self.isPlain)
                } else {
                    write(value, to: &bytes)
                }
            }
            bytes.append(UInt8(ascii: "\n"))
        }
    }

    private mutating func write(_ time: LogTime, to bytes: inout [UInt8]) {
        if time.seconds != second {
            second = time.seconds
            secondText = String(rfc3339(secondsSince1970: second).dropLast())
        }
        bytes += secondText.utf8
        bytes.append(UInt8(ascii: "."))
        Self.writeThreeDigits(time.milliseconds, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    private func write(_ value: LogValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .milliseconds(let value):
            let microseconds = Int(clamping: value.nanoseconds / 1000)
            bytes += String(microseconds / 1000).utf8
            bytes.append(UInt8(ascii: "."))
            Self.writeThreeDigits(microseconds % 1000, to: &bytes)
        case .string(let value): Self.writeQuoted(value, to: &bytes)
        }
    }

    /// - Parameter value: 0 to 999.
    private static func writeThreeDigits(_ value: Int, to bytes: inout [UInt8]) {
        for digit in [value / 100, value / 10 % 10, value % 10] { bytes.append(UInt8(ascii: "0") + UInt8(digit)) }
    }

    /// Appends `text` as it is when every byte is plain, else as a JSON string.
    private static func writeText(_ text: String, to bytes: inout [UInt8], where isPlain: (UInt8) -> Bool) {
        if !text.isEmpty, text.utf8.allSatisfy(isPlain) { bytes += text.utf8 } else { writeQuoted(text, to: &bytes) }
    }

    /// Appends `text` as a JSON string, with U+FFFD for the control characters that JSON lets stand.
    private static func writeQuoted(_ text: String, to bytes: inout [UInt8]) {
        let isControl = { (scalar: Unicode.Scalar) in (0x7F...0x9F).contains(scalar.value) }
        guard text.unicodeScalars.contains(where: isControl) else { return JSON.write(text, to: &bytes) }
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { clean.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
        JSON.write(String(clean), to: &bytes)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "._-/:{}+%[]".utf8.contains(byte)
        }
    }
}
