import HTTPTypes
import HTTPWire
import Serving

/// The head of a request, taken apart.
struct RequestHead: Sendable {
    var method: HTTPRequest.Method
    /// Percent-decoded, segment by segment: `["models", "elephants"]`.
    var segments: [String]
    /// The text after `?`.
    var query: Substring?
    var fields: HTTPFields
    var connection: ConnectionInfo

    /// - Throws: ``ProblemKind/malformedRequest`` when the path is not percent-encoded UTF-8.
    init(_ request: HTTPRequest, on connection: ConnectionInfo) throws(Problem) {
        let target = request.path ?? ""
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var segments: [String] = []
        for segment in (parts.first ?? "").split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard let decoded = percentDecoded(segment) else {
                throw Problem(.malformedRequest, "the path is not percent-encoded UTF-8")
            }
            segments.append(decoded)
        }
        method = request.method
        self.segments = segments
        query = parts.count > 1 ? parts[1] : nil
        fields = request.headerFields
        self.connection = connection
    }
}

extension RequestHead {
    /// For a route without query parameters and with one representation: refuses any parameter, and an `Accept` that
    /// `type` does not satisfy.
    func checkPlain(offering type: MediaType) throws {
        _ = try Query(query, known: [])
        _ = try Accept(fields).best(of: [type])
    }
}

/// How a request goes on once its head is known.
enum RouteWork: Sendable {
    /// The answer needs no body and no computing.
    case done(ServerResponse)
    /// The body is needed, of at most `limit` bytes.
    case body(limit: Int, lengthRequired: Bool, then: @Sendable (_ body: [UInt8]) async throws -> ServerResponse)
}

/// One line of ``routes``: a path, its method, and what it does.
protocol Route: Sendable {
    /// As in openapi.yaml: segments in braces stand for any one segment.
    static var path: String { get }
    /// `GET` answers `HEAD` too.
    static var method: HTTPRequest.Method { get }
    /// Which key it needs, once a key file is configured.
    static var access: Access { get }
    init(_ context: APIContext)
    /// Checks everything that the head says; called again when the body is there.
    func begin(_ head: RequestHead) throws -> RouteWork
}

/// Every route, in the order of openapi.yaml; a test compares the two.
let routes: [any Route.Type] = [
    LogProbRoute.self,
    SampleRoute.self,
    HealthRoute.self,
    LiveRoute.self,
    ReadyRoute.self,
    ModelsRoute.self,
    ModelRoute.self,
    OpenAPIRoute.self,
    AdminStatusRoute.self,
    ReloadRoute.self,
    LogLevelRoute.self,
]

extension Route {
    /// Compared in place: it runs for every route and every request.
    static func matches(_ segments: [String]) -> Bool {
        var rest = path.utf8.dropFirst()
        for (index, segment) in segments.enumerated() {
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            let pattern = rest[..<end]
            guard pattern.first == UInt8(ascii: "{") || pattern.elementsEqual(segment.utf8) else { return false }
            if end == rest.endIndex { return index == segments.count - 1 }
            rest = rest[rest.index(after: end)...]
        }
        return false
    }

    static var methods: [HTTPRequest.Method] { method == .get ? [.get, .head] : [method] }
}

/// What the routes work with.
struct APIContext: Sendable {
    var service: DensityService
    var helpers: HelperPool
    var options: APIOptions
    var administration: Administration
    var openAPI: StoredAnswer
    var started: ContinuousClock.Instant
}

extension ServerResponse {
    static func json(_ value: JSON, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]) -> ServerResponse {
        var fields = fields
        fields[.contentType] = MediaType.json.description
        return ServerResponse(status: status, fields: fields, body: .bytes(value.encoded))
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("X-Request-Id")!
    static let serverTiming = HTTPField.Name("Server-Timing")!
    static let seed = HTTPField.Name("Tusk-Seed")!
}
