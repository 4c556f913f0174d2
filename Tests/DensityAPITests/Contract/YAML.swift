/// A document in the part of YAML 1.2 that openapi.yaml is written in, JSON included: block and flow collections, plain and
/// double-quoted scalars on one line, literal blocks, anchors and aliases.
struct YAML {
    indirect enum Value: Equatable {
        case null
        case bool(Bool)
        case number(Double)
        case string(String)
        case list([Value])
        case map([Member])
    }

    struct Member: Equatable {
        var key: String
        var value: Value
    }

    struct Malformed: Error {
        var line: String
    }

    private struct Line {
        var indent: Int
        var text: Substring
    }

    private var lines: [Line]
    private var next = 0
    private var anchors: [String: Value] = [:]

    static func read(_ text: String) throws -> Value {
        var yaml = YAML(
            lines: text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                let indent = line.prefix { $0 == " " }.count
                return Line(indent: indent, text: line.dropFirst(indent))
            })
        let value = try yaml.block(indent: 0)
        try yaml.skipEmpty()
        guard yaml.next == yaml.lines.count else { throw Malformed(line: String(yaml.lines[yaml.next].text)) }
        return value
    }

    private init(lines: [Line]) { self.lines = lines }

    private mutating func skipEmpty() throws {
        while next < lines.count, lines[next].text.isEmpty { next += 1 }
    }

    /// The value whose lines are indented by `indent` or more; null when there is none.
    private mutating func block(indent: Int) throws -> Value {
        try skipEmpty()
        guard next < lines.count, lines[next].indent >= indent else { return .null }
        let indent = lines[next].indent
        if lines[next].text.hasPrefix("- ") { return .list(try items(indent: indent)) }
        var text = lines[next].text
        if try Self.key(&text) != nil { return .map(try members(indent: indent)) }
        next += 1
        return try flow(whole: text)
    }

    private mutating func items(indent: Int) throws -> [Value] {
        var items: [Value] = []
        while next < lines.count, lines[next].indent == indent, lines[next].text.hasPrefix("- ") {
            // the item begins where its mark ends
            lines[next] = Line(indent: indent + 2, text: lines[next].text.dropFirst(2))
            items.append(try block(indent: indent + 2))
            try skipEmpty()
        }
        return items
    }

    private mutating func members(indent: Int) throws -> [Member] {
        var members: [Member] = []
        while next < lines.count, lines[next].indent == indent {
            var text = lines[next].text
            guard let key = try Self.key(&text) else { throw Malformed(line: String(text)) }
            next += 1
            members.append(Member(key: key, value: try value(text, below: indent)))
            try skipEmpty()
        }
        return members
    }

    /// What stands behind a key: `text`, or lines indented by more than `indent`.
    private mutating func value(_ text: Substring, below indent: Int) throws -> Value {
        if text.isEmpty { return try block(indent: indent + 1) }
        if text == "|" {
            var literal = ""
            while next < lines.count, lines[next].text.isEmpty || lines[next].indent > indent {
                literal += lines[next].text + "\n"
                next += 1
            }
            return .string(literal)
        }
        if text.first == "&", !text.contains(" ") {
            let value = try block(indent: indent + 1)
            anchors[String(text.dropFirst())] = value
            return value
        }
        return try flow(whole: text)
    }

    /// Takes the key and its colon off the beginning of `text`; nil when there is none.
    private static func key(_ text: inout Substring) throws -> String? {
        if text.first == "\"" {
            var rest = text
            let key = try quoted(&rest)
            guard rest.first == ":" else { return nil }
            text = rest.dropFirst().drop { $0 == " " }
            return key
        }
        guard let first = text.first, !"{[&*|".contains(first),
            let colon = text.indices.first(where: { index in
                text[index] == ":" && (text[index...].dropFirst().first.map { $0 == " " } ?? true)
            })
        else { return nil }
        let key = String(text[..<colon])
        text = text[colon...].dropFirst().drop { $0 == " " }
        return key
    }

    private mutating func flow(whole text: Substring) throws -> Value {
        if let first = text.first, !"{[&*\"".contains(first) { return Self.plain(text) }
        var rest = text
        let value = try flow(&rest)
        guard rest.allSatisfy({ $0 == " " }) else { throw Malformed(line: String(text)) }
        return value
    }

    /// Takes one value of the flow style off the beginning of `text`.
    private mutating func flow(_ text: inout Substring) throws -> Value {
        text = text.drop { $0 == " " }
        switch text.first {
        case "{":
            var members: [Member] = []
            try sequence(&text, end: "}") { yaml, text in
                guard let key = try text.first == "\"" ? Self.quoted(&text) : Self.flowPlain(&text, until: ":"),
                    text.first == ":"
                else { throw Malformed(line: String(text)) }
                text = text.dropFirst()
                members.append(Member(key: key, value: try yaml.flow(&text)))
            }
            return .map(members)
        case "[":
            var items: [Value] = []
            try sequence(&text, end: "]") { yaml, text in items.append(try yaml.flow(&text)) }
            return .list(items)
        case "&":
            let name = text.dropFirst().prefix { $0 != " " }
            text = text[name.endIndex...]
            let value = try flow(&text)
            anchors[String(name)] = value
            return value
        case "*":
            let name = text.dropFirst().prefix { $0.isLetter }
            text = text[name.endIndex...]
            guard let value = anchors[String(name)] else { throw Malformed(line: "*\(name)") }
            return value
        case "\"": return .string(try Self.quoted(&text))
        default:
            guard let plain = Self.flowPlain(&text, until: ",") else { throw Malformed(line: String(text)) }
            return Self.plain(plain[...])
        }
    }

    private mutating func sequence(
        _ text: inout Substring, end: Character, _ element: (inout YAML, inout Substring) throws -> Void
    ) throws {
        text = text.dropFirst().drop { $0 == " " }
        while text.first != end {
            try element(&self, &text)
            text = text.drop { $0 == " " }
            guard text.first == "," || text.first == end else { throw Malformed(line: String(text)) }
            if text.first == "," { text = text.dropFirst().drop { $0 == " " } }
        }
        text = text.dropFirst()
    }

    private static func flowPlain(_ text: inout Substring, until mark: Character) -> String? {
        let plain = text.prefix { $0 != mark && !",]}".contains($0) }
        text = text[plain.endIndex...]
        return plain.isEmpty ? nil : String(plain)
    }

    private static func quoted(_ text: inout Substring) throws -> String {
        var result = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            switch character {
            case "\"":
                text = rest
                return result
            case "\\":
                switch rest.popFirst() {
                case "n": result += "\n"
                case "u":
                    guard let code = UInt32(rest.prefix(4), radix: 16), let scalar = Unicode.Scalar(code) else {
                        throw Malformed(line: String(text))
                    }
                    result.unicodeScalars.append(scalar)
                    rest = rest.dropFirst(4)
                case let other?: result.append(other)
                case nil: throw Malformed(line: String(text))
                }
            default: result.append(character)
            }
        }
        throw Malformed(line: String(text))
    }

    private static func plain(_ text: Substring) -> Value {
        let text = text.last == " " ? Substring(text.reversed().drop { $0 == " " }.reversed()) : text
        switch text {
        case "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default:
            let isNumeric = text.first.map { $0 == "-" || $0.isWholeNumber } == true
            return isNumeric ? Double(text).map(Value.number) ?? .string(String(text)) : .string(String(text))
        }
    }
}

extension YAML.Value {
    subscript(_ key: String) -> YAML.Value? {
        guard case .map(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    var members: [YAML.Member] {
        guard case .map(let members) = self else { return [] }
        return members
    }

    var items: [YAML.Value] {
        guard case .list(let items) = self else { return [] }
        return items
    }

    var string: String? {
        guard case .string(let string) = self else { return nil }
        return string
    }
}
