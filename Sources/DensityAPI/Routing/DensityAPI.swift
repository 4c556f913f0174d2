import HTTPContent
public import HTTPTypes
public import HTTPWire
public import Serving

/// The HTTP contract of openapi.yaml over a ``DensityService``.
///
/// A request passes once: its head through the head steps of ``Steps``, from there to the route, whose work makes the answer, and the
/// answer through the answer steps. What the head found, a model among it, the decision's continuation holds until then.
public struct DensityAPI: HTTPHandler {
    let context: APIContext
    var access: AccessControl
    var table: RouteTable
    var steps = Steps()

    /// The routes over `service`.
    /// - Parameters:
    ///   - openAPI: the text that `GET /openapi.yaml` answers.
    ///   - page: files of the web page; without any its paths are none of the service.
    public init(
        service: DensityService, openAPI: [UInt8], page: [PageFile], options: APIOptions,
        administration: Administration,
        helpers: HelperPool = HelperPool(), decoding: DecodingLane = DecodingLane()
    ) {
        context = APIContext(
            service: service, helpers: helpers, decoding: decoding, options: options, administration: administration,
            openAPI: openAPI, page: page)
        access = AccessControl(keys: options.keys)
        let served = page.isEmpty ? routes.filter { $0 != PageRoute.self } : routes
        table = RouteTable(served.map { [context] in $0.init(context) })
    }

    /// The same service as a listener of its own shows it: metrics and health, for everyone who reaches it, and nothing else.
    public var monitoring: DensityAPI {
        var api = self
        api.access = AccessControl()
        api.table = RouteTable(monitoringRoutes.map { [context] in $0.init(context) })
        return api
    }

    public func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision {
        decide(routed(head, on: connection))
    }

    public func decider(of head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecider {
        let routed = routed(head, on: connection)
        return { decide(routed) }
    }

    /// A head after the head steps.
    private struct Routed: Sendable {
        var request: RoutedRequest
        /// What one of them answered or threw; nil where they found a route.
        var outcome: Result<ServerResponse, any Error>?
    }

    private func routed(_ head: HTTPRequest, on connection: ConnectionInfo) -> Routed {
        var routed = Routed(request: RoutedRequest(head, on: connection))
        do {
            for step in steps.head {
                guard let response = try step(&routed.request, self) else { continue }
                routed.outcome = .success(response)
                break
            }
        } catch {
            routed.outcome = .failure(error)
        }
        return routed
    }

    private func decide(_ routed: Routed) -> HeadDecision {
        var request = routed.request
        request.labels.requestID = request.received.requestID ?? RequestID.random()
        request.labels.span = RequestSpan(in: request.received.trace)
        do {
            switch try begin(&request, routed.outcome) {
            case .done(let response):
                let answer = finished(response, for: request.received, request.labels)
                if answer.isCodedInline(context) { return .respond(answer.coded(context)) }
                return .later(labels: request.labels) { await answer.codedByHelper(context) }
            case .later(let work):
                let (head, labels) = (request.received, request.labels)
                return .later(labels: labels) { await answer(head, labels, with: work) }
            case .body(let limit, let lengthRequired, let then):
                let (head, labels) = (request.received, request.labels)
                let rates = request.rates
                let isTakenLater = try rates.takeAnnounced(request.fields, limit: limit)
                return .readBody(limit: limit, lengthRequired: lengthRequired, labels: labels) { body in
                    await answer(head, labels) {
                        if isTakenLater { try rates.take(bytes: body.count) }
                        return try await then(body)
                    }
                }
            case .stream(let then):
                let (head, labels) = (request.received, request.labels)
                return .streamBody(labels: labels) { body in
                    await answer(head, labels) { try await then(body) }
                }
            }
        } catch {
            let response = CurrentRequest.$labels.withValue(request.labels) {
                context.answer(to: error, for: request.received)
            }
            return .respond(finished(response, for: request.received, request.labels).coded(context))
        }
    }

    public func respond(
        to error: HTTPServerError, head: HTTPRequest?, labels: ExchangeLabels, on connection: ConnectionInfo
    ) -> ServerResponse {
        let request = head.map { ReceivedHead($0, on: connection) }
        var labels = labels
        labels.requestID = labels.requestID ?? request?.requestID ?? RequestID.random()
        let response = CurrentRequest.$labels.withValue(labels) { context.answer(Problem(error), for: request) }
        return finished(response, for: request, labels).coded(context)
    }

    public func exchangeEnded(_ exchange: EndedExchange, on connection: ConnectionInfo) {
        context.requestMetrics.count(exchange)
        let observers = context.options.observers
        if observers.isEmpty { return }
        let record = RequestRecord(exchange, on: connection)
        for observer in observers { observer.exchangeEnded(record) }
    }

    /// The steps of every request, and the beginning of its route: what it passes exactly once.
    /// - Parameter outcome: that of the head steps, where they found no route.
    private func begin(
        _ request: inout RoutedRequest, _ outcome: Result<ServerResponse, any Error>?
    ) throws -> RouteWork {
        if let outcome { return .done(try outcome.get()) }
        for step in steps.request {
            if let response = try step(&request, self) { return .done(response) }
        }
        guard let route = request.route else { preconditionFailure("no step found a route") }
        return try route.begin(request)
    }

    /// The whole answer to `request` out of its route's work.
    private func answer(
        _ request: ReceivedHead, _ labels: ExchangeLabels, with work: @Sendable () async throws -> ServerResponse
    ) async -> ServerResponse {
        let response = await CurrentRequest.$labels.withValue(labels) {
            do { return try await work() } catch { return context.answer(to: error, for: request) }
        }
        let answer = finished(response, for: request, labels)
        return answer.isCodedInline(context) ? answer.coded(context) : await answer.codedByHelper(context)
    }

    /// The answer after all answer steps; its content is still to be coded.
    private func finished(
        _ response: ServerResponse, for request: ReceivedHead?, _ labels: ExchangeLabels
    ) -> OutgoingAnswer {
        var answer = OutgoingAnswer(response: response, request: request, labels: labels)
        for step in steps.answer { step(&answer, self) }
        return answer
    }
}
