import CYAML
package import HTTPContent

/// What is no YAML, by libyaml.
package struct YAMLError: Error {
    /// Line of the fault, from 1.
    package var line: Int
}

extension JSON {
    /// The JSON of a document of ours in YAML, members in their order; plain scalars are read by the core schema of YAML 1.2 (section 10.3.2).
    /// Strangers' documents are not for it: one that refers to itself has no end.
    /// - Throws: ``YAMLError``.
    package init(yaml text: String) throws {
        var parser = unsafe yaml_parser_t()
        guard unsafe yaml_parser_initialize(&parser) == 1 else { preconditionFailure("no memory for a parser") }
        defer { unsafe yaml_parser_delete(&parser) }
        let bytes = Array(text.utf8)
        self = try unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            var document = unsafe yaml_document_t()
            guard unsafe yaml_parser_load(&parser, &document) == 1 else {
                throw YAMLError(line: unsafe Int(parser.problem_mark.line) + 1)
            }
            defer { unsafe yaml_document_delete(&document) }
            guard let root = unsafe yaml_document_get_root_node(&document) else { return .null }
            return unsafe JSON(root, &document)
        }
    }

    /// A node of `document`; what an alias refers to is one like any other.
    private init(_ node: UnsafeMutablePointer<yaml_node_t>, _ document: inout yaml_document_t) {
        /// Node number `index`, as collections refer to it.
        func child(_ index: Int32) -> UnsafeMutablePointer<yaml_node_t> {
            guard let child = unsafe yaml_document_get_node(&document, index) else {
                preconditionFailure("a document refers to a node that it has not")
            }
            return unsafe child
        }
        let data = unsafe node.pointee.data
        switch unsafe node.pointee.type {
        case YAML_MAPPING_NODE:
            let pairs = unsafe UnsafeBufferPointer(
                start: data.mapping.pairs.start, count: data.mapping.pairs.top - data.mapping.pairs.start)
            self = unsafe .object(
                pairs.map { pair in
                    unsafe Member(Self.text(child(pair.key)), JSON(child(pair.value), &document))
                })
        case YAML_SEQUENCE_NODE:
            let items = unsafe UnsafeBufferPointer(
                start: data.sequence.items.start, count: data.sequence.items.top - data.sequence.items.start)
            self = unsafe .array(items.map { unsafe JSON(child($0), &document) })
        default:
            let text = unsafe Self.text(node)
            self = unsafe data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? JSON(plain: text) : .string(text)
        }
    }

    /// Text of a scalar.
    private static func text(_ node: UnsafeMutablePointer<yaml_node_t>) -> String {
        let scalar = unsafe node.pointee.data.scalar
        return unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    }

    private init(plain text: String) {
        self =
            switch text {
            case "", "~", "null": .null
            case "true": .bool(true)
            case "false": .bool(false)
            default: JSON(number: text) ?? .string(text)
            }
    }

    /// A number in decimal; nil for other texts, also those that only Swift takes for one, as `nan` and `0x1p3`.
    private init?(number text: String) {
        guard text.utf8.contains(where: { (0x30...0x39).contains($0) }),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }),
            let number = Int(text).map(JSON.integer) ?? Double(text).map(JSON.number)
        else { return nil }
        self = number
    }
}
