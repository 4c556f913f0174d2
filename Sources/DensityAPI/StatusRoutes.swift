import FlowModels
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

    func begin(_ head: RequestHead) throws -> RouteWork {
        try head.checkPlain(offering: .json)
        let uptime = context.started.duration(to: .now) / .seconds(1)
        var members: [JSON.Member] = [.init("live", .bool(true))]
        var status = HTTPResponse.Status.ok
        var fields: HTTPFields = [.cacheControl: CachePolicy.never.rawValue]
        do {
            let store = try context.service.modelsIfReady
            members.insert(.init("status", "ready"), at: 0)
            members += [.init("ready", .bool(true)), .init("model", .string(store.defaultModel.record.name))]
        } catch {
            let problem = Problem(error)
            status = problem.kind.status
            fields.append(contentsOf: problem.fields)
            members.insert(.init("status", .string(problem.kind.rawValue)), at: 0)
            members.append(.init("ready", .bool(false)))
        }
        members += [
            .init("version", .string(context.options.version)),
            .init("uptime_seconds", .number((uptime * 1000).rounded() / 1000)),
        ]
        return .done(.json(.object(members), status: status, fields: fields))
    }
}

/// `GET /health/live`: the process answers.
struct LiveRoute: Route {
    static let path = "/health/live"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone

    init(_ context: APIContext) {}

    func begin(_ head: RequestHead) throws -> RouteWork {
        try head.checkPlain(offering: .json)
        return .done(.json(["live": .bool(true)], fields: [.cacheControl: CachePolicy.never.rawValue]))
    }
}

/// `GET /health/ready`: a model is loaded and tested, and new requests are taken.
struct ReadyRoute: Route {
    static let path = "/health/ready"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ head: RequestHead) throws -> RouteWork {
        try head.checkPlain(offering: .json)
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

    func begin(_ head: RequestHead) throws -> RouteWork {
        try head.checkPlain(offering: .yaml)
        return .done(context.openAPI.response(for: head.fields))
    }
}
