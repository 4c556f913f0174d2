import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving
import System

/// `GET /health`: alive, ready, version, model, uptime.
struct HealthRoute: Route {
    static let path = "/health"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        var isReady = false
        do {
            let model = try context.service.modelsIfReady.defaultModel.name
            isReady = true
            if let stall = context.stall { throw stall }
            return .done(
                ServerResponse(
                    status: .ok, fields: Self.fields, body: .bytes(body("ready", isLive: true, isReady: true, model))))
        } catch {
            guard let problem = Problem(of: error) else { throw error }
            let body = body(problem.kind.rawValue, isLive: context.isLive, isReady: isReady)
            return .done(
                ServerResponse(
                    status: problem.kind.status, fields: Self.fields + problem.fields, body: .bytes(body)))
        }
    }

    private static let fields: HTTPFields = [
        .cacheControl: CachePolicy.never.rawValue, .contentType: MediaType.json.description,
    ]

    /// The answer, written straight: probes ask for it more often than for anything else.
    private func body(_ status: String, isLive: Bool, isReady: Bool, _ model: String? = nil) -> [UInt8] {
        let version = context.options.version
        let milliseconds = Int((monotonicNow() - context.started) / 1_000_000)
        let room = 160 + JSON.room(for: status) + JSON.room(for: model ?? "") + JSON.room(for: version)
        return [UInt8](capacity: room) { text in
            text.append("{\"status\":")
            JSON.write(status, to: &text)
            text.append(isLive ? ",\"live\":true" : ",\"live\":false")
            text.append(isReady ? ",\"ready\":true" : ",\"ready\":false")
            if let model {
                text.append(",\"model\":")
                JSON.write(model, to: &text)
            }
            text.append(",\"version\":")
            JSON.write(version, to: &text)
            text.append(",\"uptime_seconds\":")
            text.append(decimal: milliseconds / 1000)
            text.append(UInt8(ascii: "."))
            text.append(milliseconds % 1000, digits: 3)
            text.append(UInt8(ascii: "}"))
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
