import Compression
public import HTTPTypes
public import HTTPWire
public import Serving

/// Limits of the API, each with its default.
public struct APIOptions: Sendable {
    /// Version that `/health` reports.
    public var version: String
    /// Images of one `/logprob` request times its `samples`.
    public var maxRequestRows = 256
    /// Images of one `/sample` request.
    public var maxSampleCount = 256
    /// `samples` of `/logprob`.
    public var maxImportanceSamples = 64
    /// Bytes of a body that holds one PNG or JPEG, and least limit of one that holds many.
    public var maxImageBytes = 8 << 20
    /// Bytes of any body, however large the model's images are.
    public var maxBodyBytes = 64 << 20
    /// Pixels of the encoded images of one request, added up; only with `fit`, since others must have the model's size.
    public var maxRequestPixels = 1 << 25
    /// From the whole request until its rows must have run.
    public var requestTimeout = Duration.seconds(30)
    /// Larger bodies are decoded, and larger answers coded, on helper threads.
    public var inlineBytes = 64 << 10
    /// Shorter answers are sent without a content coding.
    public var leastCodedBytes = 1024
    /// What is asked of requests that a web page may have made.
    public var browsers = BrowserRules()
    /// Called with what clients are not told of an internal error.
    public var report: @Sendable (String) -> Void

    /// Rows of the largest request that these limits let through; the service's queue must have room for it.
    public var largestRequestRows: Int { max(maxRequestRows, maxSampleCount) }

    public init(version: String, report: @escaping @Sendable (String) -> Void) {
        self.version = version
        self.report = report
    }
}

/// The HTTP contract of openapi.yaml over a ``DensityService``.
public struct DensityAPI: HTTPHandler {
    private let context: APIContext
    private let table: [any Route]

    /// `openAPI` is the text that `GET /openapi.yaml` answers.
    public init(service: DensityService, openAPI: [UInt8], options: APIOptions, helpers: HelperPool = HelperPool()) {
        context = APIContext(
            service: service, helpers: helpers, options: options,
            openAPI: StoredAnswer(type: .yaml, content: openAPI, leastBytes: options.leastCodedBytes), started: .now)
        table = routes.map { [context] in $0.init(context) }
    }

    public func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision {
        do {
            switch try begin(head, on: connection) {
            case .done(let response):
                let answer = finished(response, for: head)
                guard let coding = answer.coding else { return .respond(answer.response) }
                // Large content is not coded on the connection's queue.
                guard let coded = answer.response.codedInline(coding, context) else { return .readBody(limit: 0) }
                return .respond(coded)
            case .body(let limit, let lengthRequired, _):
                return .readBody(limit: limit, lengthRequired: lengthRequired)
            }
        } catch {
            return .respond(refused(problem(error), head))
        }
    }

    public func respond(to request: ServerRequest) async -> ServerResponse {
        do {
            switch try begin(request.head, on: request.connection) {
            case .done(let response): return try await coded(response, for: request.head)
            case .body(_, _, let then): return try await coded(try await then(request.body), for: request.head)
            }
        } catch {
            return refused(problem(error), request.head)
        }
    }

    public func respond(to error: HTTPServerError, head: HTTPRequest?, on connection: ConnectionInfo) -> ServerResponse
    {
        refused(Problem(error), head)
    }

    private func begin(_ request: HTTPRequest, on connection: ConnectionInfo) throws -> RouteWork {
        try context.options.browsers.check(request, on: connection)
        if AcceptEncoding(request.headerFields)?.allowsNothing == true {
            throw Problem(.notAcceptable, "Accept-Encoding: the answer can be gzip, deflate, identity")
        }
        if request.method == .options, request.path == "*" {
            return .done(.allowing([.get, .head, .post, .options]))
        }
        let head = try RequestHead(request, on: connection)
        let matches = table.filter { type(of: $0).matches(head.segments) }
        guard !matches.isEmpty else { throw Problem(.notFound, "there is no such path") }
        guard let route = matches.first(where: { type(of: $0).methods.contains(head.method) }) else {
            let allowed = matches.flatMap { type(of: $0).methods } + [.options]
            if head.method == .options { return .done(.allowing(allowed)) }
            let list = allowed.list
            throw Problem(
                .methodNotAllowed, "\(quoted(head.method.rawValue)) is not one of \(list)", fields: [.allow: list])
        }
        return try route.begin(head)
    }

    private func problem(_ error: any Error) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as ServingError:
            // A client that has gone away is nobody's failure.
            let problem = Problem(error)
            if problem.kind == .internal, error != .cancelled { context.options.report(String(describing: error)) }
            return problem
        default:
            context.options.report(String(describing: error))
            return Problem(.internal, "the request could not be answered")
        }
    }

    /// Adds what every answer has, and says what coding its content is to get.
    private func finished(
        _ response: ServerResponse, for head: HTTPRequest?
    ) -> (response: ServerResponse, coding: Coding?) {
        var response = response
        var coding: Coding?
        if let head {
            coding = AnswerCoding(leastBytes: context.options.leastCodedBytes)
                .choose(for: &response, accept: AcceptEncoding(head.headerFields))
            response.applyCondition(of: head)
            context.options.browsers.addFields(to: &response, for: head)
        }
        // What went wrong may be right the next time (RFC 9111, section 4.2.2, lets caches keep a 404).
        if response.status.code >= 400 { response.fields[.cacheControl] = CachePolicy.never.rawValue }
        response.fields[.requestID] = RequestID.echo(head?.headerFields[.requestID]) ?? RequestID.random()
        if response.fields[.serverTiming] == nil { response.fields[.serverTiming] = ServerTiming.none }
        return (response, coding)
    }

    private func coded(_ response: ServerResponse, for head: HTTPRequest) async throws -> ServerResponse {
        let (response, coding) = finished(response, for: head)
        guard let coding else { return response }
        return try await response.coded(coding, context)
    }

    /// The answer to a request that cannot be answered; as it is, for the little that it is.
    private func refused(_ problem: Problem, _ head: HTTPRequest?) -> ServerResponse {
        finished(problem.response, for: head).response
    }
}

extension [HTTPRequest.Method] {
    /// As in `Allow` (RFC 9110, section 10.2.1).
    fileprivate var list: String { map(\.rawValue).joined(separator: ", ") }
}

extension ServerResponse {
    /// The answer to OPTIONS (RFC 9110, section 9.3.7).
    fileprivate static func allowing(_ methods: [HTTPRequest.Method]) -> ServerResponse {
        ServerResponse(status: .noContent, fields: [.allow: methods.list])
    }
}
