import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `GET /health`: alive, ready, version, model, uptime.
struct HealthRoute: Route {
    static let path = "/health"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        let uptime = context.started.duration(to: .now) / .seconds(1)
        let version = JSON.string(context.options.version)
        let seconds = JSON.number((uptime * 1000).rounded() / 1000)
        var fields: HTTPFields = [.cacheControl: CachePolicy.never.rawValue]
        var isReady = false
        do {
            let model = try context.service.modelsIfReady.defaultModel.record.name
            isReady = true
            if let stall = context.stall { throw stall }
            let answer: JSON = [
                "status": "ready", "live": .bool(true), "ready": .bool(true), "model": .string(model),
                "version": version, "uptime_seconds": seconds,
            ]
            return .done(.json(answer, fields: fields))
        } catch {
            guard let problem = Problem(of: error) else { throw error }
            fields.append(contentsOf: problem.fields)
            let answer: JSON = [
                "status": .string(problem.kind.rawValue), "live": .bool(context.isLive), "ready": .bool(isReady),
                "version": version, "uptime_seconds": seconds,
            ]
            return .done(.json(answer, status: problem.kind.status, fields: fields))
        }
    }
}

/// `GET /health/live`: the process answers, and its work gets on.
struct LiveRoute: Route {
    static let path = "/health/live"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        if let stall = context.stall { throw stall }
        return .done(.json(["live": .bool(true)], fields: [.cacheControl: CachePolicy.never.rawValue]))
    }
}

/// `GET /health/ready`: every model is loaded and tested, and new requests are taken.
struct ReadyRoute: Route {
    static let path = "/health/ready"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        _ = try context.service.modelsIfReady
        return .done(.json(["ready": .bool(true)], fields: [.cacheControl: CachePolicy.never.rawValue]))
    }
}

/// `GET /openapi.yaml`: the contract.
struct OpenAPIRoute: Route {
    static let path = "/openapi.yaml"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .yaml)
        return .done(context.openAPI.response(for: request))
    }
}
