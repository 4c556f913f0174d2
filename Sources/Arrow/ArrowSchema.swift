internal import Archives

/// Description of the columns of an Arrow file or stream.
///
/// Source: Apache Arrow, *Columnar Format*, version 1.5, and Schema.fbs.
package struct ArrowSchema: Sendable, Equatable {
    package let fields: [ArrowField]
    /// Texts that the writer added, by their names, such as "huggingface".
    package let metadata: [String: String]

    /// Most columns and texts about them, those inside of others included.
    package static let maxFields = 10_000
    /// Most bytes of names and texts together.
    package static let maxTextBytes = 64 << 20
    /// Deepest nesting of columns.
    package static let maxDepth = 32

    init(_ table: FlatTable) throws(ArchiveError) {
        if try table.number(0, 2) != 0 { throw .unsupported(feature: "big-endian columns") }
        var budget = SchemaBudget()
        fields = try ArrowField.list(try table.tables(1), depth: 1, &budget)
        metadata = try ArrowField.metadata(try table.tables(2), &budget)
    }
}

/// What a schema may still have: its parts may be the same bytes again and again, so that its own length bounds nothing.
private struct SchemaBudget {
    private var fields = ArrowSchema.maxFields
    private var textBytes = ArrowSchema.maxTextBytes

    mutating func take(fields count: Int) throws(ArchiveError) {
        fields -= count
        if fields < 0 { throw .tooLarge(quantity: "columns and texts about them", limit: ArrowSchema.maxFields) }
    }

    mutating func take(_ text: String?) throws(ArchiveError) -> String {
        textBytes -= text?.utf8.count ?? 0
        if textBytes < 0 { throw .tooLarge(quantity: "bytes of texts about columns", limit: ArrowSchema.maxTextBytes) }
        return text ?? ""
    }
}

/// A column, or a part of one.
package struct ArrowField: Sendable, Equatable {
    /// What a value is.
    package enum Kind: Sendable, Equatable {
        case null
        case bool
        case integer(bits: Int, isSigned: Bool)
        case float(bits: Int)
        /// Bytes or text, with offsets of 32 bits or 64.
        case bytes(isText: Bool, offsetBits: Int)
        /// Bytes or text in views of 16 bytes, of which the long ones refer to other buffers.
        case view(isText: Bool)
        case structure
        /// As many values of its child for each row.
        case fixedList(size: Int)
        /// Any number of values of its child for each row, with offsets of 32 bits or 64.
        case list(offsetBits: Int)
        /// Any other, with the number of its buffers.
        case other(name: String, buffers: Int)
    }

    package let name: String
    package let kind: Kind
    package let children: [ArrowField]
    /// Number of the dictionary that the values are from, so that what stands in a batch are places in it; nil for plain values.
    package let dictionary: Int?
    /// Kind of those places.
    let indexKind: Kind?
    package let metadata: [String: String]

    /// Name of the kind, for messages, such as `struct<bytes: binary, path: string>`.
    package var typeName: String {
        let plain =
            switch kind {
            case .null: "null"
            case .bool: "bool"
            case .integer(let bits, let isSigned): "\(isSigned ? "int" : "uint")\(bits)"
            case .float(let bits): "float\(bits)"
            case .bytes(let isText, let bits): (bits == 64 ? "large_" : "") + (isText ? "string" : "binary")
            case .view(let isText): isText ? "string_view" : "binary_view"
            case .structure: "struct<" + children.map { "\($0.name): \($0.typeName)" }.joined(separator: ", ") + ">"
            case .fixedList(let size): "fixed_size_list<\(children.map(\.typeName).joined())>[\(size)]"
            case .list(let bits): (bits == 64 ? "large_" : "") + "list<\(children.map(\.typeName).joined())>"
            case .other(let name, _): name
            }
        return dictionary == nil ? plain : "dictionary<\(plain)>"
    }

    fileprivate static func list(
        _ tables: [FlatTable], depth: Int, _ budget: inout SchemaBudget
    ) throws(ArchiveError) -> [ArrowField] {
        if depth > ArrowSchema.maxDepth {
            throw .tooLarge(quantity: "columns in one another", limit: ArrowSchema.maxDepth)
        }
        try budget.take(fields: tables.count)
        var fields: [ArrowField] = []
        for table in tables { fields.append(try ArrowField(table, depth: depth, &budget)) }
        return fields
    }

    private init(_ table: FlatTable, depth: Int, _ budget: inout SchemaBudget) throws(ArchiveError) {
        name = try budget.take(try table.text(0))
        children = try Self.list(try table.tables(5), depth: depth + 1, &budget)
        metadata = try Self.metadata(try table.tables(6), &budget)
        kind = try Self.kind(code: try table.number(2, 1), try table.table(3))
        switch kind {
        case .list, .fixedList:
            guard children.count == 1 else { throw .damaged(reason: "a column of lists has no kind of values") }
        default: break
        }
        let dictionary = try table.table(4)
        self.dictionary = try dictionary?.number(0, 8)
        // without a type the places are of 32 bits
        indexKind = try dictionary.map { table throws(ArchiveError) in
            try table.table(1).map { table throws(ArchiveError) in try Self.integer(table) }
                ?? .integer(bits: 32, isSigned: true)
        }
    }

    fileprivate static func metadata(
        _ tables: [FlatTable], _ budget: inout SchemaBudget
    ) throws(ArchiveError) -> [String: String] {
        try budget.take(fields: tables.count)
        var texts: [String: String] = [:]
        for table in tables { texts[try budget.take(try table.text(0))] = try budget.take(try table.text(1)) }
        return texts
    }

    private static func integer(_ table: FlatTable) throws(ArchiveError) -> Kind {
        let bits = try table.number(0, 4)
        guard [8, 16, 32, 64].contains(bits) else { throw .damaged(reason: "a column has integers of \(bits) bits") }
        return .integer(bits: bits, isSigned: try table.number(1, 1) != 0)
    }

    private static func kind(code: Int, _ type: FlatTable?) throws(ArchiveError) -> Kind {
        guard let type else { throw .damaged(reason: "a column has no type") }
        switch code {
        case 1: return .null
        case 2: return try integer(type)
        case 3:
            let precision = try type.number(0, 2)
            guard (0...2).contains(precision) else { throw .damaged(reason: "a column has numbers of no precision") }
            return .float(bits: 16 << precision)
        case 4, 5: return .bytes(isText: code == 5, offsetBits: 32)
        case 6: return .bool
        case 12, 21: return .list(offsetBits: code == 21 ? 64 : 32)
        case 13: return .structure
        case 16:
            let size = try type.number(0, 4)
            guard size >= 0 else { throw .damaged(reason: "a column has lists of less than no values") }
            return .fixedList(size: size)
        case 14: return .other(name: "union", buffers: try type.number(0, 2) == 0 ? 1 : 2)
        case 19, 20: return .bytes(isText: code == 20, offsetBits: 64)
        case 23, 24: return .view(isText: code == 24)
        default:
            guard let (name, buffers) = others[code] else {
                throw .unsupported(feature: "a column of type number \(code)")
            }
            return .other(name: name, buffers: buffers)
        }
    }

    /// Names and numbers of buffers of types that are passed over, by their codes.
    private static let others: [Int: (String, Int)] = [
        7: ("decimal", 2), 8: ("date", 2), 9: ("time", 2), 10: ("timestamp", 2), 11: ("interval", 2),
        15: ("fixed_size_binary", 2), 17: ("map", 2), 18: ("duration", 2),
        22: ("run_end_encoded", 0), 25: ("list_view", 3), 26: ("large_list_view", 3),
    ]
}
