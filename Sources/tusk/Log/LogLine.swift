import HTTPContent
import HTTPWire
import Logging
import System

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

/// Name of a value that every line of a kind has, in letters that neither format escapes: with what stands around it, so that it is
/// appended in one piece.
struct LogName: Sendable {
    let json: StaticString
    let text: StaticString

    /// - Parameters:
    ///   - json: `,"name":`
    ///   - text: ` name=`
    init(_ json: StaticString, _ text: StaticString) {
        self.json = json
        self.text = text
    }
}

/// Writer of log lines, in one of the formats. Strings are escaped in both, so nothing in them can begin a line or move a terminal's
/// cursor. A line has a beginning, values and an end, for which ``room(for:)`` says how many bytes they take at most.
struct LogLineWriter {
    let format: LogFormat

    /// Most bytes of a beginning, without its message, and an end.
    static let frameBytes = 128
    /// Most bytes of a value that is no text, without its name.
    static let valueBytes = 32

    /// Most bytes that a text takes, as a name or as a value.
    static func room(for text: String?) -> Int { text.map { JSON.room(for: $0) + 4 } ?? valueBytes }

    /// Appends `line` and a line feed to `bytes`.
    func write(_ line: LogLine, to bytes: inout [UInt8]) {
        var room = Self.frameBytes + Self.room(for: line.message)
        for (name, value) in line.values {
            room += Self.room(for: name)
            if case .string(let text) = value { room += Self.room(for: text) } else { room += Self.valueBytes }
        }
        bytes.append(addingCapacity: room) { output in
            begin(line.time, line.level, line.message, to: &output)
            for (name, value) in line.values {
                if format == .text, case .null = value { continue }
                switch format {
                case .json:
                    output.append(UInt8(ascii: ","))
                    JSON.write(name, to: &output)
                    output.append(UInt8(ascii: ":"))
                case .text:
                    output.append(UInt8(ascii: " "))
                    Self.writeText(name, to: &output, where: Self.isPlain)
                    output.append(UInt8(ascii: "="))
                }
                switch value {
                case .null: output.append("null")
                case .bool(let value): write(value, to: &output)
                case .integer(let value): output.append(decimal: value)
                case .milliseconds(let value): Self.writeMilliseconds(value.nanoseconds, to: &output)
                case .string(let value): write(value, to: &output)
                }
            }
            end(&output)
        }
    }

    /// Begins a line.
    func begin(_ time: LogTime, _ level: Logger.Level, _ message: String, to output: inout OutputSpan<UInt8>) {
        switch format {
        case .json:
            output.append("{\"time\":\"")
            Self.write(time, to: &output)
            output.append("\",\"level\":\"")
            output.append(level.rawValue)
            output.append("\",\"message\":")
            Self.writeQuoted(message, to: &output)
        case .text:
            Self.write(time, to: &output)
            output.append(UInt8(ascii: " "))
            output.append(level.rawValue)
            output.append(UInt8(ascii: " "))
            // Words stay as they are: a message has spaces.
            Self.writeText(message, to: &output) { Self.isPlain($0) || " ,;'()".utf8.contains($0) }
        }
    }

    /// Ends a line.
    func end(_ output: inout OutputSpan<UInt8>) {
        output.append(format == .json ? "}\n" : "\n")
    }

    // MARK: - Values under plain names

    /// Writes a text; nil is null, or nothing where lines are for a reader.
    func write(_ name: LogName, _ text: String?, to output: inout OutputSpan<UInt8>) {
        guard let text else { return writeNull(name, to: &output) }
        write(name, to: &output)
        write(text, to: &output)
    }

    func write(_ name: LogName, _ number: Int?, to output: inout OutputSpan<UInt8>) {
        guard let number else { return writeNull(name, to: &output) }
        write(name, to: &output)
        output.append(decimal: number)
    }

    func write(_ name: LogName, milliseconds time: Nanoseconds, to output: inout OutputSpan<UInt8>) {
        write(name, to: &output)
        Self.writeMilliseconds(time, to: &output)
    }

    func write(_ name: LogName, _ value: Bool, to output: inout OutputSpan<UInt8>) {
        write(name, to: &output)
        write(value, to: &output)
    }

    private func writeNull(_ name: LogName, to output: inout OutputSpan<UInt8>) {
        guard format == .json else { return }
        write(name, to: &output)
        output.append("null")
    }

    private func write(_ name: LogName, to output: inout OutputSpan<UInt8>) {
        output.append(format == .json ? name.json : name.text)
    }

    // MARK: - Values

    private func write(_ text: String, to output: inout OutputSpan<UInt8>) {
        switch format {
        case .json: Self.writeQuoted(text, to: &output)
        case .text: Self.writeText(text, to: &output, where: Self.isPlain)
        }
    }

    private func write(_ value: Bool, to output: inout OutputSpan<UInt8>) { output.append(value ? "true" : "false") }

    private static func write(_ time: LogTime, to output: inout OutputSpan<UInt8>) {
        let date = CivilDate(daysSince1970: time.seconds / 86_400)
        let second = time.seconds % 86_400
        output.append(date.year, digits: 4)
        output.append(UInt8(ascii: "-"))
        output.append(date.month, digits: 2)
        output.append(UInt8(ascii: "-"))
        output.append(date.day, digits: 2)
        output.append(UInt8(ascii: "T"))
        output.append(second / 3600, digits: 2)
        output.append(UInt8(ascii: ":"))
        output.append(second / 60 % 60, digits: 2)
        output.append(UInt8(ascii: ":"))
        output.append(second % 60, digits: 2)
        output.append(UInt8(ascii: "."))
        output.append(time.milliseconds, digits: 3)
        output.append(UInt8(ascii: "Z"))
    }

    /// Writes a time in milliseconds, with three decimals.
    private static func writeMilliseconds(_ time: Nanoseconds, to output: inout OutputSpan<UInt8>) {
        let microseconds = Int(clamping: time / 1000)
        output.append(decimal: microseconds / 1000)
        output.append(UInt8(ascii: "."))
        output.append(microseconds % 1000, digits: 3)
    }

    /// Appends `text` as it is when every byte is plain, else as a JSON string.
    private static func writeText(
        _ text: String, to output: inout OutputSpan<UInt8>, where isPlain: (UInt8) -> Bool
    ) {
        if !text.isEmpty, text.utf8.allSatisfy(isPlain) { output.append(text) } else { writeQuoted(text, to: &output) }
    }

    /// Appends `text` as a JSON string, with U+FFFD for the control characters that JSON lets stand.
    private static func writeQuoted(_ text: String, to output: inout OutputSpan<UInt8>) {
        let bytes = text.utf8.span
        // without branches, so that it is done in vectors
        var largest: UInt8 = 0
        for index in bytes.indices { largest = max(largest, bytes[index]) }
        let isControl = { (scalar: Unicode.Scalar) in (0x7F...0x9F).contains(scalar.value) }
        guard largest >= 0x7F, text.unicodeScalars.contains(where: isControl) else {
            return JSON.write(text, to: &output)
        }
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { clean.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
        JSON.write(String(clean), to: &output)
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
