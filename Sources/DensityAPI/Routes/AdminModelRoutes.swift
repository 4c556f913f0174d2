import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `GET /admin/models`: the models' files, what is served of them, and what went wrong.
struct AdminModelsRoute: Route {
    static let path = "/admin/models"
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        let states = context.administration.models.states()
        return .done(.json(["models": .array(states.map(\.json))], fields: ModelState.fields))
    }
}

/// `POST /admin/models/{model}/load`: reads a model's file again, or a new one, and serves it once it is tested.
struct LoadModelRoute: Route {
    static let path = "/admin/models/{model}/load"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        let name = request.parameters["model"]
        return .body(limit: 0, lengthRequired: false) { [context] _ in
            .json(try await context.administration.models.load(name).json, fields: ModelState.fields)
        }
    }
}

/// `POST /admin/models/{model}/unload`: serves a model no more.
struct UnloadModelRoute: Route {
    static let path = "/admin/models/{model}/unload"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        let name = request.parameters["model"]
        return .body(limit: 0, lengthRequired: false) { [context] _ in
            try await context.administration.models.unload(name)
            return .json(["unloaded": .string(name)], fields: ModelState.fields)
        }
    }
}

extension ModelState {
    fileprivate static let fields: HTTPFields = [.cacheControl: CachePolicy.never.rawValue]

    fileprivate var json: JSON {
        [
            "name": name.map(JSON.string) ?? .null,
            "file": .string(file),
            "phase": .string(phase.rawValue),
            "incoming": incoming.map { .string($0.rawValue) } ?? .null,
            "default": .bool(isDefault),
            "loaded": loaded.map { .string(timestamp($0)) } ?? .null,
            "memory_bytes": .integer(memory),
            "leaving_generations": .integer(leaving),
            "failure": failure.map { ["time": .string(timestamp($0.time)), "reason": .string($0.reason)] } ?? .null,
        ]
    }
}
