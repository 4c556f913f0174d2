import HTTPContent
import HTTPTypes
import HTTPWire
import Metrics

/// `GET /metrics`: everything that is counted, as Prometheus text or OpenMetrics.
struct MetricsRoute: Route {
    static let path = "/metrics"
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.metrics)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        if request.query != nil { _ = try Query(request.query, known: []) }
        let type = try request.received.accept.best(of: [.plainText, .openMetrics])
        let format: MetricText = type == .openMetrics ? .openMetrics : .prometheus
        // Here and now, on the connection's thread: a scrape must not wait for what it measures.
        let text = format.text(of: context.options.metrics.readings)
        return .done(
            ServerResponse(
                status: .ok,
                fields: [
                    .contentType: format.contentType, .vary: "\(HTTPField.Name.accept)",
                    .cacheControl: CachePolicy.never.rawValue,
                ], body: .bytes(Array(text.utf8))))
    }
}
