import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// The head of a request, taken apart.
struct RequestHead: Sendable {
    var method: HTTPRequest.Method
    /// As received.
    var path: Substring
    /// The text after `?`.
    var query: Substring?
    var fields: HTTPFields
    var connection: ConnectionInfo

    init(_ request: HTTPRequest, on connection: ConnectionInfo) {
        let target = request.path ?? ""
        let end = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        method = request.method
        path = target[..<(end ?? target.endIndex)]
        query = end.map { target[target.utf8.index(after: $0)...] }
        fields = request.headerFields
        self.connection = connection
    }

    /// The path, percent-decoded segment by segment: `["models", "elephants"]`.
    /// - Throws: ``ProblemKind/malformedRequest`` when it is not percent-encoded UTF-8.
    func segments() throws(Problem) -> [String] {
        var segments: [String] = []
        for segment in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard let decoded = percentDecoded(segment) else {
                throw Problem(.malformedRequest, "the path is not percent-encoded UTF-8")
            }
            segments.append(decoded)
        }
        return segments
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

/// Finds the routes at a path.
struct RouteTable {
    private let routes: [any Route]
    /// Those whose path has no braces, by it: nearly every request is for one of them, as they are written.
    private let plain: [Substring: [any Route]]

    init(_ routes: [any Route]) {
        self.routes = routes
        plain = Dictionary(grouping: routes.filter { !type(of: $0).path.contains("{") }) { type(of: $0).path[...] }
    }

    /// - Throws: ``ProblemKind/malformedRequest`` when the path is not percent-encoded UTF-8, ``ProblemKind/notFound``
    ///   when there is none.
    func routes(at head: RequestHead) throws(Problem) -> [any Route] {
        if let found = plain[head.path] { return found }
        let segments = try head.segments()
        let found = routes.filter { type(of: $0).matches(segments) }
        guard !found.isEmpty else { throw Problem(.notFound, "there is no such path") }
        return found
    }
}

extension Route {
    static func matches(_ segments: [String]) -> Bool {
        let pattern = path.split(separator: "/")
        return pattern.count == segments.count
            && zip(pattern, segments).allSatisfy { part, segment in part.hasPrefix("{") || part == segment }
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
