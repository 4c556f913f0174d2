import DensityAPI
import HTTPContent

/// A document in YAML or JSON, its numbers all of one kind.
enum YAML {
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

    static func read(_ text: String) throws -> Value { Value(try JSON(yaml: text)) }
}

extension YAML.Value {
    fileprivate init(_ json: JSON) {
        self =
            switch json {
            case .null: .null
            case .bool(let value): .bool(value)
            case .integer(let value): .number(Double(value))
            case .unsigned(let value): .number(Double(value))
            case .number(let value): .number(value)
            case .string(let value): .string(value)
            case .integers(let values): .list(values.map { .number(Double($0)) })
            case .numbers(let values): .list(values.map { .number($0) })
            case .array(let values): .list(values.map { Self($0) })
            case .object(let members): .map(members.map { YAML.Member(key: $0.name, value: Self($0.value)) })
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
