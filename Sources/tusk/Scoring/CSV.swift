import HTTPContent

/// Comma-separated values (RFC 4180): records that end in CRLF; a field with a quote, a comma or an end of a line stands in quotes, and
/// its own quotes are doubled.
enum CSV {
    /// A record of `fields`.
    static func record(_ fields: [String]) -> [UInt8] {
        Array(fields.map(field).joined(separator: ",").utf8) + [0x0d, 0x0a]
    }

    private static func field(_ text: String) -> String {
        let isPlain = !text.utf8.contains { [0x22, 0x2c, 0x0d, 0x0a].contains($0) }
        return isPlain ? text : "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    /// Fields of a JSON object by the names of their columns: those of an object in it have its name and a dot before theirs. Null is
    /// empty, texts stand with semicolons between them, and other arrays as JSON.
    static func fields(_ members: [JSON.Member]) -> [(column: String, text: String)] {
        members.flatMap { member in
            switch member.value {
            case .object(let inner): fields(inner).map { ("\(member.name).\($0.column)", $0.text) }
            case let value: [(member.name, text(value))]
            }
        }
    }

    /// Text of a value, as it stands in a field.
    static func text(_ value: JSON) -> String {
        switch value {
        case .null: return ""
        case .string(let text): return text
        case .array(let values):
            let texts = values.compactMap { value in if case .string(let text) = value { text } else { nil } }
            if texts.count == values.count { return texts.joined(separator: "; ") }
        default: break
        }
        let text = String(decoding: value.encoded, as: UTF8.self)
        // a number that is not finite
        return text == "null" ? "" : text
    }
}
