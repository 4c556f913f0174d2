import HTTPContent

/// Request for an inference, as its body says it.
struct InferenceRequest: Sendable {
    /// Tensor of a request, whose elements are still to be read.
    struct Input: Sendable {
        enum Content: Sendable {
            case json(JSON)
            case bytes(ArraySlice<UInt8>)
        }

        var name: String
        var type: String
        var shape: [Int]
        var content: Content
    }

    /// Tensor that the answer is to have.
    struct Output: Sendable {
        var name: String
        /// Whether it comes as bytes; nil where that is said for all.
        var isBinary: Bool?
    }

    /// Identifier that the answer repeats.
    var id: String?
    /// Parameters in the form of a query's; those of the protocol itself, such as `binary_data_output`, are not among them.
    var parameters: [(name: String, value: String)] = []
    /// Whether outputs come as bytes that say nothing else.
    var isBinary = false
    var inputs: [Input] = []
    /// Nil where the request names none and wants all.
    var outputs: [Output]?

    /// The request of a body without JSON.
    init() { isBinary = true }

    /// Reads a body that begins with JSON. Members that are not known are passed over, as the protocol wants it; parameters are not.
    /// - Throws: ``JSONError``; ``ProblemKind/malformedBody``.
    init(_ body: [UInt8], _ header: InferenceHeader, limits: JSONReader.Limits) throws {
        var rest = body[...]
        if case .json(let bytes) = header {
            guard bytes <= body.count else {
                throw Problem(
                    .malformedBody,
                    "Inference-Header-Content-Length is \(bytes), and the body, its content coding undone, has \(body.count) bytes"
                )
            }
            rest = body[bytes...]
        } else {
            rest = []
        }
        let text = header == .whole ? body : Array(body[..<rest.startIndex])
        guard case .object(let members) = try JSONReader.read(text, limits: limits, readsNotFinite: true) else {
            throw Problem(.malformedBody, "the body must be an object with the member inputs")
        }
        for member in members {
            switch member.name {
            case "id": id = try Self.string(member.value, "id")
            case "parameters": try read(parameters: member.value)
            case "inputs":
                inputs = try Self.list(member.value, "inputs").map { value in try Self.input(value, taking: &rest) }
            case "outputs":
                let list = try Self.list(member.value, "outputs")
                if !list.isEmpty { outputs = try list.map(Self.output) }
            default: break
            }
        }
        guard rest.isEmpty else {
            throw Problem(
                .malformedBody,
                "the body has \(rest.count) bytes more than its JSON and the binary_data_size of its inputs")
        }
    }
}
