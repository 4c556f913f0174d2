import HTTPContent
import HTTPTypes
import HTTPWire
import Logging
import Metrics
import Serving

/// `GET /admin/status`: every metric summed over its labels, the number of keys and the log level.
struct AdminStatusRoute: Route {
    static let path = "/admin/status"
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        let counted = context.options.metrics.readings.filter { $0.kind != .info }.map(\.json)
        let settings: [JSON.Member] = [
            .init("keys", context.options.keys.map { .integer($0.count) } ?? .null),
            .init("log_level", .string(context.administration.logLevel().rawValue)),
        ]
        return .done(.json(.object(counted + settings), fields: [.cacheControl: CachePolicy.never.rawValue]))
    }
}

/// `POST /admin/reload`: reads the key file and what else can be exchanged again, as SIGHUP does.
struct ReloadRoute: Route {
    static let path = "/admin/reload"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        // A body is refused: whoever sends one expects something of it.
        return .body(limit: 0, lengthRequired: false) { [context] _ in
            let parts = await context.administration.reload()
            let failures = parts.compactMap { part in part.failure.map { "\(part.name): \($0)" } }
            guard failures.isEmpty else {
                throw Problem(
                    .reloadFailed, "what was in force stays in force; " + failures.joined(separator: "; "))
            }
            return .json(["reloaded": .array(parts.map { .string($0.name) })])
        }
    }
}

/// `PUT /admin/log-level?level=debug`: changes what is logged, until the next start.
struct LogLevelRoute: Route {
    static let path = "/admin/log-level"
    static let method = HTTPRequest.Method.put
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let query = try Query(request.query, known: ["level"])
        _ = try Accept(request.fields).best(of: [.json])
        guard let level = try query.choice("level", of: Logger.Level.self) else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(.parameter, "level is missing; it must be one of \(levels)")
        }
        context.administration.setLogLevel(level)
        return .done(.json(["log_level": .string(level.rawValue)]))
    }
}

extension MetricReading {
    /// Member of the metric's name: the sum over its series, of a histogram how many values it has and two of its quantiles.
    fileprivate var json: JSON.Member {
        guard kind == .histogram else { return JSON.Member(name, total.json) }
        let all = series.reduce(into: HistogramReading?.none) { all, one in
            if case .histogram(let reading) = one.value { all = all?.adding(reading) ?? reading }
        }
        return JSON.Member(
            name,
            [
                "count": .integer(all?.count ?? 0), "median": all?.quantile(0.5).map(JSON.number) ?? .null,
                "p99": all?.quantile(0.99).map(JSON.number) ?? .null,
            ])
    }
}

extension Double {
    /// The number without a fraction where it has none.
    fileprivate var json: JSON { Int(exactly: self).map(JSON.integer) ?? .number(self) }
}
