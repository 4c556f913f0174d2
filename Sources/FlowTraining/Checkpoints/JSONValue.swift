import FoundationEssentials

/// A JSON value, to compare two documents key by key whatever keys they have.
enum JSONValue: Codable, Equatable {
    case null
    case flag(Bool)
    /// A whole number that is not negative: seeds have 64 bits, more than a double.
    case unsigned(UInt64)
    case number(Double)
    case text(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Encodes `value`, and decodes it as JSON.
    init(encoding value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .flag(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }

    /// Decodes the JSON as a `Value`.
    func decoded<Value: Decodable>(_: Value.Type) throws -> Value {
        try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(self))
    }

    /// Members of an object, else none.
    var members: [String: JSONValue] {
        if case .object(let members) = self { members } else { [:] }
    }

    /// Returns what stands in an object and in the objects inside of it, by dotted paths.
    func leaves(under path: String = "") -> [String: JSONValue] {
        guard case .object(let members) = self else { return [path: self] }
        return members.reduce(into: [:]) { leaves, member in
            leaves.merge(member.value.leaves(under: path.isEmpty ? member.key : "\(path).\(member.key)")) { _, new in
                new
            }
        }
    }
}

extension JSONValue: CustomStringConvertible {
    /// Words for the value in an error: lists with commas, and an object of a name and a number as `name=number`, which is how the
    /// command line has them.
    var description: String {
        switch self {
        case .null: return "none"
        case .flag(let value): return "\(value)"
        case .unsigned(let value): return "\(value)"
        case .number(let value): return "\(value)"
        case .text(let value): return value
        case .array(let values):
            return values.isEmpty ? "none" : values.map(\.description).joined(separator: ",")
        case .object(let members):
            let sorted = members.sorted { $0.key < $1.key }.map(\.value)
            let texts = sorted.filter { if case .text = $0 { true } else { false } }
            let others = sorted.filter { if case .text = $0 { false } else { true } }
            return (texts + others).map(\.description).joined(separator: "=")
        }
    }
}
