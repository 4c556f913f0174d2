import Compression
import HTTPContent
public import HTTPTypes
public import HTTPWire
public import Metrics
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
    /// Shorter answers are sent without a content coding; nil: all are, but to a client that takes no other.
    public var leastCodedBytes: Int? = 1024
    /// What is asked of requests that a web page may have made.
    public var browsers = BrowserRules()
    /// Those that a key file lists; without one every route but administration is open.
    public var keys: KeyRing?
    /// What the program counts, for `GET /admin/status`.
    public var metrics = MetricSet()
    /// Called once for each request when it is over, on its connection's queue: must not block.
    public var log: (@Sendable (RequestRecord) -> Void)?
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
    private let table: RouteTable
    private let access: AccessControl

    /// `openAPI` is the text that `GET /openapi.yaml` answers.
    public init(
        service: DensityService, openAPI: [UInt8], options: APIOptions, administration: Administration,
        helpers: HelperPool = HelperPool()
    ) {
        context = APIContext(
            service: service, helpers: helpers, options: options, administration: administration,
            openAPI: StoredAnswer(
                type: .yaml, content: openAPI, AnswerCoding(leastBytes: options.leastCodedBytes)), started: .now)
        access = AccessControl(keys: options.keys)
        table = RouteTable(routes.map { [context] in $0.init(context) })
    }

    public func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision {
        var labels = ExchangeLabels()
        do {
            switch try begin(head, on: connection, &labels) {
            case .done(let response):
                let answer = finished(response, for: head, labels)
                guard let coding = answer.coding else { return .respond(answer.response) }
                // Large content is not coded on the connection's queue.
                guard let coded = answer.response.codedInline(coding, context) else { return .readBody(limit: 0) }
                return .respond(coded)
            case .body(let limit, let lengthRequired, _):
                return .readBody(limit: limit, lengthRequired: lengthRequired)
            }
        } catch {
            return .respond(refused(problem(error), head, labels))
        }
    }

    public func respond(to request: ServerRequest) async -> ServerResponse {
        var labels = ExchangeLabels()
        do {
            switch try begin(request.head, on: request.connection, &labels) {
            case .done(let response): return try await coded(response, for: request.head, labels)
            case .body(_, _, let then):
                return try await coded(try await then(request.body), for: request.head, labels)
            }
        } catch {
            return refused(problem(error), request.head, labels)
        }
    }

    public func respond(to error: HTTPServerError, head: HTTPRequest?, on connection: ConnectionInfo) -> ServerResponse
    {
        refused(Problem(error), head, labels(of: head, on: connection))
    }

    public func exchangeEnded(_ exchange: EndedExchange, on connection: ConnectionInfo) {
        guard let log = context.options.log else { return }
        var exchange = exchange
        if exchange.status == nil { exchange.labels = labels(of: exchange.head, on: connection) }
        log(RequestRecord(exchange, on: connection))
    }

    /// - Parameter labels: filled in as far as the request gets.
    private func begin(
        _ request: HTTPRequest, on connection: ConnectionInfo, _ labels: inout ExchangeLabels
    ) throws -> RouteWork {
        try context.options.browsers.check(request, on: connection)
        if AcceptEncoding(request.headerFields)?.allowsNothing == true {
            throw Problem(.notAcceptable, "Accept-Encoding: the answer can be gzip, deflate, identity")
        }
        if request.method == .options, request.path == "*" {
            return .done(.allowing([.get, .head, .post, .put, .options]))
        }
        let head = RequestHead(request, on: connection)
        let matches = try matches(head, &labels)
        if head.method == .options { return .done(.allowing(allowed(matches))) }
        return try route(of: matches, for: head, &labels).begin(head)
    }

    /// The routes at the path; at least one.
    private func matches(_ head: RequestHead, _ labels: inout ExchangeLabels) throws -> [any Route] {
        let matches = try table.routes(at: head)
        labels.route = type(of: matches[0]).path
        return matches
    }

    private func allowed(_ matches: [any Route]) -> [HTTPRequest.Method] {
        matches.flatMap { type(of: $0).methods } + [.options]
    }

    /// The route of those at the path that has the method, and that the client may use.
    private func route(
        of matches: [any Route], for head: RequestHead, _ labels: inout ExchangeLabels
    ) throws -> any Route {
        guard let route = matches.first(where: { type(of: $0).methods.contains(head.method) }) else {
            // Also to a method that HTTP does not have, for which RFC 9110, section 9.1, would rather have 501: contracts
            // in OpenAPI promise 405, and no client shall make the service look broken.
            let list = allowed(matches).list
            throw Problem(
                .methodNotAllowed, "\(quoted(head.method.rawValue)) is not one of \(list)", fields: [.allow: list])
        }
        try access.check(head, for: type(of: route).access, keyName: &labels.keyName)
        return route
    }

    /// The labels of a request that was not answered by a route.
    private func labels(of request: HTTPRequest?, on connection: ConnectionInfo) -> ExchangeLabels {
        var labels = ExchangeLabels()
        if let request {
            let head = RequestHead(request, on: connection)
            // How far it gets is all that is of interest here.
            _ = try? route(of: matches(head, &labels), for: head, &labels)
        }
        labels.requestID = RequestID.echo(request?.headerFields[.requestID])
        return labels
    }

    /// The problem that `error` is to a client; what clients are not told of is reported.
    private func problem(_ error: any Error) -> Problem {
        let problem = Problem(of: error) ?? Problem(.internal, "the request could not be answered")
        // A client that has gone away is nobody's failure, and a problem has said what it is.
        if problem.kind == .internal, !(error is Problem), error as? ServingError != .cancelled {
            context.options.report(String(describing: error))
        }
        return problem
    }

    /// Adds what every answer has, and says what coding its content is to get.
    private func finished(
        _ response: ServerResponse, for head: HTTPRequest?, _ labels: ExchangeLabels
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
        let requestID = RequestID.echo(head?.headerFields[.requestID]) ?? RequestID.random()
        response.fields[.requestID] = requestID
        response.labels = labels
        response.labels.requestID = requestID
        if response.fields[.serverTiming] == nil { response.fields[.serverTiming] = ServerTiming.none }
        return (response, coding)
    }

    private func coded(
        _ response: ServerResponse, for head: HTTPRequest, _ labels: ExchangeLabels
    ) async throws -> ServerResponse {
        let (response, coding) = finished(response, for: head, labels)
        guard let coding else { return response }
        return try await response.coded(coding, context)
    }

    /// The answer to a request that cannot be answered; as it is, for the little that it is.
    private func refused(_ problem: Problem, _ head: HTTPRequest?, _ labels: ExchangeLabels) -> ServerResponse {
        finished(problem.response, for: head, labels).response
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
