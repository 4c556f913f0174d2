import HTTPContent
import HTTPTypes
import System

extension HTTPField.Name {
    /// Bytes of the JSON that a body of the Open Inference Protocol begins with; tensors follow.
    static let inferenceLength = HTTPField.Name("Inference-Header-Content-Length")!
}

/// What stands at the beginning of a body of the Open Inference Protocol.
enum InferenceHeader: Equatable, Sendable {
    /// The whole body is JSON.
    case whole
    /// So many bytes of JSON, then tensors.
    case json(bytes: Int)
    /// Nothing: the whole body is the only tensor of the request.
    case none

    /// - Throws: ``ProblemKind/malformedRequest``.
    init(_ fields: HTTPFields) throws(Problem) {
        guard let text = fields[.inferenceLength] else {
            self = .whole
            return
        }
        guard let bytes = Int(text), text.utf8.allSatisfy(ASCII.isDigit) else {
            throw Problem(
                .malformedRequest,
                "Inference-Header-Content-Length must be a whole number of bytes, not \(quoted(text))")
        }
        self = bytes == 0 ? .none : .json(bytes: bytes)
    }
}
