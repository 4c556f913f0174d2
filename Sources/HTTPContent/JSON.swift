import System

/// A JSON value (RFC 8259). Objects keep the order of their members, so that answers read as they are written.
public enum JSON: Equatable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case integer(Int)
    /// A whole number that may be beyond `Int`.
    case unsigned(UInt64)
    /// A number; written as null when it is not finite: JSON has no such number.
    case number(Double)
    /// A text.
    case string(String)
    /// An array of integers only, which is how most pixels come.
    case integers([Int])
    /// An array of numbers only, some of which have a fraction or an exponent.
    case numbers([Double])
    /// An array of any values.
    case array([JSON])
    /// An object; no two members have one name.
    case object([Member])

    /// A member of an object.
    public struct Member: Equatable, Sendable {
        /// The name that its object knows it by.
        public var name: String
        /// The value under that name.
        public var value: JSON

        /// The member `name: value`.
        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// A number of single precision, in as few digits as tell it from all others; written as null when it is not finite.
    public static func float(_ value: Float) -> JSON {
        // the text of a finite `Float` is that of a `Double`, too
        .number(value.isFinite ? Double(value.description)! : .nan)
    }

    /// The value as UTF-8 text, without white space.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .unsigned(let value): bytes += String(value).utf8
        case .number(let value): Self.write(value, to: &bytes)
        case .string(let value): Self.write(value, to: &bytes)
        case .integers(let values): Self.write(values, to: &bytes) { $1 += String($0).utf8 }
        case .numbers(let values): Self.write(values, to: &bytes) { Self.write($0, to: &$1) }
        case .array(let values): Self.write(values, to: &bytes) { $0.write(to: &$1) }
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ value: Double, to bytes: inout [UInt8]) {
        // the shortest text that reads back as the same number
        bytes += (value.isFinite ? value.description : "null").utf8
    }

    private static func write<Element>(
        _ elements: [Element], to bytes: inout [UInt8], _ body: (Element, inout [UInt8]) -> Void
    ) {
        bytes.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            body(element, &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Appends `string` in quotes, its control characters and quotes escaped (RFC 8259, section 7).
    public static func write(_ string: String, to bytes: inout [UInt8]) {
        bytes.append(addingCapacity: room(for: string)) { output in write(string, to: &output) }
    }

    /// Most bytes that `string` takes in quotes, each of its bytes escaped.
    package static func room(for string: String) -> Int { 6 * string.utf8.count + 2 }

    /// Appends `string` as ``write(_:to:)`` does, to at least ``room(for:)`` bytes.
    package static func write(_ string: String, to output: inout OutputSpan<UInt8>) {
        output.append(UInt8(ascii: "\""))
        let text = string.utf8.span
        // without branches, so that it is done in vectors
        var escapes: UInt8 = 0
        for index in text.indices { escapes |= isEscaped(text[index]) ? 1 : 0 }
        if escapes == 0 {
            output.append(text)
        } else {
            for index in text.indices { writeEscaped(text[index], to: &output) }
        }
        output.append(UInt8(ascii: "\""))
    }

    @inline(__always)
    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func writeEscaped(_ byte: UInt8, to output: inout OutputSpan<UInt8>) {
        guard isEscaped(byte) else { return output.append(byte) }
        output.append(UInt8(ascii: "\\"))
        guard byte < 0x20 else { return output.append(byte) }
        output.append("u00")
        for digit in [byte >> 4, byte & 15] {
            output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

extension JSON: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
}

extension JSON: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
