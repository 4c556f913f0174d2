import HTTPContent
import HTTPTypes
import HTTPWire
import Logging
import Metrics
import Serving

/// `GET /admin/status`: every metric, the number of keys and the log level.
struct AdminStatusRoute: Route {
    static let path = "/admin/status"
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        let counted = context.options.metrics.readings.map { JSON.Member($0.name, .integer($0.value)) }
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
