import HTTPContent
package import HTTPTypes
import HTTPWire

/// Kind of what can go wrong with a request; the raw value ends the stable `type` of the answer.
package enum ProblemKind: String, CaseIterable, Sendable {
    case malformedRequest = "malformed-request"
    case encryptionRequired = "encryption-required"
    case malformedBody = "malformed-body"
    case unauthorized
    case forbidden
    case notFound = "not-found"
    case unknownModel = "unknown-model"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case foreignOrigin = "foreign-origin"
    case misdirectedRequest = "misdirected-request"
    case requestTimeout = "request-timeout"
    case reloadFailed = "reload-failed"
    case modelUnchanged = "model-unchanged"
    case modelMemory = "model-memory"
    case lengthRequired = "length-required"
    case bodyTooLarge = "body-too-large"
    case targetTooLong = "target-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case unsupportedContentCoding = "unsupported-content-coding"
    case expectationFailed = "expectation-failed"
    case parameter
    case imageDamaged = "image-damaged"
    case imageSize = "image-size"
    case imageMode = "image-mode"
    case imageValue = "image-value"
    case imageCount = "image-count"
    case imageWork = "image-work"
    case latentValue = "latent-value"
    case densityNotFinite = "density-not-finite"
    case queueFull = "queue-full"
    case tooLate = "too-late"
    case rateLimited = "rate-limited"
    case fieldsTooLarge = "fields-too-large"
    case `internal`
    case unsupportedMethod = "unsupported-method"
    case unsupportedTransferCoding = "unsupported-transfer-coding"
    case unsupportedVersion = "unsupported-version"
    case bodyMemoryFull = "body-memory-full"
    case outOfMemory = "out-of-memory"
    case stalled
    case loading
    case draining
    case deadline

    /// Status of every problem of the kind.
    var status: HTTPResponse.Status { meaning.0 }
    var title: String { meaning.1 }
    /// URI of the kind, which never changes.
    package var type: String { "urn:tusk:problem:\(rawValue)" }

    private var meaning: (HTTPResponse.Status, String) {
        switch self {
        case .malformedRequest: (.badRequest, "The request is not HTTP")
        case .encryptionRequired: (.badRequest, "This port speaks TLS")
        case .malformedBody: (.badRequest, "The body cannot be read")
        case .unauthorized: (.unauthorized, "A key is needed")
        case .forbidden: (.forbidden, "Not permitted")
        case .notFound: (.notFound, "There is nothing here")
        case .unknownModel: (.notFound, "No such model")
        case .methodNotAllowed: (.methodNotAllowed, "Method not allowed")
        case .notAcceptable: (.notAcceptable, "No acceptable representation")
        case .foreignOrigin: (.forbidden, "Pages of this origin may not do that")
        case .misdirectedRequest: (.misdirectedRequest, "The request is for another service")
        case .requestTimeout: (.requestTimeout, "The request did not arrive in time")
        case .reloadFailed: (.conflict, "Not everything could be reloaded")
        case .modelUnchanged: (.conflict, "The model stays as it was")
        case .modelMemory: (.conflict, "There is no memory for the model")
        case .lengthRequired: (.lengthRequired, "Length required")
        case .bodyTooLarge: (.contentTooLarge, "The body is too large")
        case .targetTooLong: (.uriTooLong, "The request target is too long")
        case .unsupportedMediaType: (.unsupportedMediaType, "Unsupported media type")
        case .unsupportedContentCoding: (.unsupportedMediaType, "Unsupported content coding")
        case .expectationFailed: (.expectationFailed, "Expectation failed")
        case .parameter: (.unprocessableContent, "A query parameter is wrong")
        case .imageDamaged: (.unprocessableContent, "An image cannot be decoded")
        case .imageSize: (.unprocessableContent, "An image has the wrong size")
        case .imageMode: (.unprocessableContent, "An image has the wrong colour mode")
        case .imageValue: (.unprocessableContent, "An image has values that the model does not know")
        case .imageCount: (.unprocessableContent, "The number of images is out of range")
        case .imageWork: (.unprocessableContent, "An image takes too much work to decode")
        case .latentValue: (.unprocessableContent, "A latent is not one of the model's")
        case .densityNotFinite: (.unprocessableContent, "The density is not a finite number")
        case .queueFull: (.tooManyRequests, "Too many requests")
        case .tooLate: (.tooManyRequests, "The answer would come too late")
        case .rateLimited: (.tooManyRequests, "The key has used what it may")
        case .fieldsTooLarge: (.requestHeaderFieldsTooLarge, "The header fields are too large")
        case .internal: (.internalServerError, "Internal error")
        case .unsupportedMethod: (.notImplemented, "Unsupported method")
        case .unsupportedTransferCoding: (.notImplemented, "Unsupported transfer coding")
        case .unsupportedVersion: (.httpVersionNotSupported, "HTTP version not supported")
        case .bodyMemoryFull: (.serviceUnavailable, "Too many bodies at a time")
        case .outOfMemory: (.serviceUnavailable, "There is no memory for the request")
        case .stalled: (.serviceUnavailable, "No work gets done")
        case .loading: (.serviceUnavailable, "No model is ready yet")
        case .draining: (.serviceUnavailable, "The service is shutting down")
        case .deadline: (.gatewayTimeout, "The answer was not ready in time")
        }
    }
}

/// An error answer: RFC 9457 `application/problem+json`, with the detail a second time as `error`.
package struct Problem: Error, Equatable, Sendable {
    /// Kind of the problem, which has its status and its title.
    package var kind: ProblemKind
    /// What went wrong: names the field, the limit and the value; never a path, an address or an internal name.
    package var detail: String
    /// Fields of the answer, such as `Allow`.
    var fields: HTTPFields

    package init(_ kind: ProblemKind, _ detail: String, fields: HTTPFields = [:]) {
        self.kind = kind
        self.detail = detail
        self.fields = fields
    }

    /// The answer to the request of the identifier `requestID`.
    func response(to requestID: String?) -> ServerResponse {
        var fields = fields
        fields[.contentType] = MediaType.problem.description
        return ServerResponse(status: kind.status, fields: fields, body: .bytes(json(for: requestID).encoded))
    }

    /// Object of RFC 9457, with the identifier of the request, by which its line of the log is found.
    func json(for requestID: String?) -> JSON {
        .object(
            [
                .init("type", .string(kind.type)), .init("title", .string(kind.title)),
                .init("status", .integer(kind.status.code)), .init("detail", .string(detail)),
                .init("error", .string(detail)),
            ] + (requestID.map { [.init("request_id", .string($0))] } ?? []))
    }

    /// The problem of one image of several, whose `name` it begins with.
    func of(_ name: String) -> Problem { Problem(kind, "\(name): \(detail)", fields: fields) }

    /// Members of the problem as one entry of a list.
    var members: [JSON.Member] { [.init("type", .string(kind.type)), .init("error", .string(detail))] }
}
