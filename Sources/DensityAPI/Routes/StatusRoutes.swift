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
        do {
            let model = try context.service.modelsIfReady.defaultModel.record.name
            let answer: JSON = [
                "status": "ready", "live": .bool(true), "ready": .bool(true), "model": .string(model),
                "version": version, "uptime_seconds": seconds,
            ]
            return .done(.json(answer, fields: fields))
        } catch {
            let problem = Problem(error)
            fields.append(contentsOf: problem.fields)
            let answer: JSON = [
                "status": .string(problem.kind.rawValue), "live": .bool(true), "ready": .bool(false),
                "version": version, "uptime_seconds": seconds,
            ]
            return .done(.json(answer, status: problem.kind.status, fields: fields))
        }
    }
}

/// `GET /health/live`: the process answers.
struct LiveRoute: Route {
    static let path = "/health/live"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone

    init(_ context: APIContext) {}

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
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
