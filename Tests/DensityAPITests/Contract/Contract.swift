import FoundationEssentials
import Testing

/// openapi.yaml, and values held against its schemas.
struct Contract {
    struct Operation: Hashable, Comparable {
        var path: String
        var method: String

        static func < (a: Operation, b: Operation) -> Bool { (a.path, a.method) < (b.path, b.method) }
    }

    let text: String
    let root: YAML.Value
    /// In the order of the document, with the statuses of each.
    let operations: [(operation: Operation, statuses: [Int])]

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        text = String(decoding: try Data(contentsOf: folder.appending(path: "openapi.yaml")), as: UTF8.self)
        root = try YAML.read(text)
        operations = try #require(root["paths"]).members.flatMap { path in
            path.value.members.map { method in
                (
                    Operation(path: path.key, method: method.key.uppercased()),
                    method.value["responses"]?.members.compactMap { Int($0.key) } ?? []
                )
            }
        }
    }

    func description(of operation: Operation) throws -> YAML.Value {
        try #require(root["paths"]?[operation.path]?[operation.method.lowercased()])
    }

    func response(_ status: Int, of operation: Operation) throws -> YAML.Value {
        try resolved(try #require(description(of: operation)["responses"]?["\(status)"]))
    }

    /// `value`, or what it refers to.
    func resolved(_ value: YAML.Value) throws -> YAML.Value {
        guard let reference = value["$ref"]?.string else { return value }
        var target = root
        for part in reference.dropFirst(2).split(separator: "/") { target = try #require(target[String(part)]) }
        return try resolved(target)
    }

    /// Properties of an object, those of its `allOf` included, each with its place in the document.
    private func properties(_ schema: YAML.Value, at place: String) throws -> [(key: String, place: String, YAML.Value)]
    {
        let place = schema["$ref"]?.string ?? place
        let schema = try resolved(schema)
        let own = schema["properties"]?.members.map { ($0.key, "\(place)/\($0.key)", $0.value) } ?? []
        return try own
            + (schema["allOf"]?.items ?? []).enumerated().flatMap { try properties($1, at: "\(place)/\($0)") }
    }

    private func required(_ schema: YAML.Value) throws -> [String] {
        let schema = try resolved(schema)
        return try (schema["required"]?.items ?? []).compactMap(\.string)
            + (schema["allOf"]?.items ?? []).flatMap { try required($0) }
    }

    /// Places of all properties in a schema and in those that it refers to.
    func places(in schema: YAML.Value, at place: String) throws -> Set<String> {
        let start = schema["$ref"]?.string ?? place
        let whole = try resolved(schema)
        var places: Set<String> = []
        for (_, place, property) in try properties(schema, at: place) {
            places.insert(place)
            places.formUnion(try self.places(in: property, at: place))
        }
        if let items = whole["items"] { places.formUnion(try self.places(in: items, at: "\(start)/items")) }
        for (n, one) in (whole["oneOf"]?.items ?? []).enumerated() {
            places.formUnion(try self.places(in: one, at: "\(start)/\(n)"))
        }
        return places
    }

    /// What of `value` is not as `schema` has it: a member that it does not name is, too. Places of the properties that were
    /// there go to `seen`.
    func faults(
        of value: YAML.Value, in schema: YAML.Value, at place: String, seen: inout Set<String>
    ) throws -> [String] {
        let start = schema["$ref"]?.string ?? place
        let whole = try resolved(schema)
        if let alternatives = whole["oneOf"]?.items {
            var all: [String] = []
            for (n, one) in alternatives.enumerated() {
                var found = seen
                let faults = try faults(of: value, in: one, at: "\(start)/\(n)", seen: &found)
                if faults.isEmpty {
                    seen = found
                    return []
                }
                all += faults
            }
            return all
        }
        var faults: [String] = []
        if let expected = whole["const"], expected != value { faults.append("\(start): is not \(expected)") }
        if let choices = whole["enum"]?.items, !choices.contains(value) {
            faults.append("\(start): \(value) is none of \(choices)")
        }
        if let type = whole["type"] {
            let types = (type.items + [type]).compactMap { $0.string ?? ($0 == .null ? "null" : nil) }
            if !types.contains(where: value.isOf(type:)) { faults.append("\(start): \(value) is no \(types)") }
        }
        if case .number(let number) = value {
            if case .number(let least)? = whole["minimum"], number < least { faults.append("\(start): \(number)") }
            if case .number(let most)? = whole["maximum"], number > most { faults.append("\(start): \(number)") }
        }
        if let items = whole["items"] {
            for item in value.items {
                faults += try self.faults(of: item, in: items, at: "\(start)/items", seen: &seen)
            }
        }
        guard case .map(let members) = value else { return faults }
        let known = try properties(schema, at: place)
        for name in try required(schema) where value[name] == nil { faults.append("\(start): no \(name)") }
        for member in members {
            if let (_, place, property) = known.first(where: { $0.key == member.key }) {
                seen.insert(place)
                faults += try self.faults(of: member.value, in: property, at: place, seen: &seen)
            } else if let others = whole["additionalProperties"] {
                faults += try self.faults(of: member.value, in: others, at: start, seen: &seen)
            } else {
                faults.append("\(start): \(member.key) is not documented")
            }
        }
        return faults
    }
}

extension YAML.Value {
    /// Whether JSON Schema gives this value that type.
    func isOf(type: String) -> Bool {
        switch (self, type) {
        case (.null, "null"), (.bool, "boolean"), (.string, "string"), (.list, "array"), (.map, "object"),
            (.number, "number"):
            true
        case (.number(let number), "integer"): number == number.rounded()
        default: false
        }
    }
}
