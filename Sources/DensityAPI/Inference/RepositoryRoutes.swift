import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `POST /v2/repository/index`: the models by name, version and state.
struct RepositoryIndexRoute: Route {
    static let path = "/v2/repository/index"
    static let method = HTTPRequest.Method.post
    static let access = Access.anyKey
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        _ = try context.service.models
        return .body(limit: repositoryLimit, lengthRequired: false) { [context] body in
            var onlyReady = false
            for member in try members(of: body) where member.name == "ready" {
                guard case .bool(let flag) = member.value else {
                    throw Problem(.malformedBody, "ready must be true or false")
                }
                onlyReady = flag
            }
            let served = InferenceModel.all(of: try context.service.models)
            var entries = served.map { entry($0.name, $0.version, "READY") }
            let names = Set(served.map(\.model.name))
            for state in context.administration.models.states() where !onlyReady {
                guard let text = state.name, !names.contains(text), let name = ServedName(text) else { continue }
                let kind = state.incoming == nil ? "UNAVAILABLE" : "LOADING"
                entries += InferenceModel.Task.allCases.map { task in
                    entry(
                        InferenceModel.name(name.base, task), InferenceModel.version(name.version), kind,
                        state.failure?.reason ?? "")
                }
            }
            return .inference(.array(entries))
        }
    }

    private func entry(_ name: String, _ version: String, _ state: String, _ reason: String = "") -> JSON {
        [
            "name": .string(name), "version": .string(version), "state": .string(state),
            "reason": .string(reason),
        ]
    }
}

/// `POST /v2/repository/models/{model}/load`: ``LoadModelRoute`` in the words of the protocol.
struct RepositoryLoadRoute: Route {
    static let path = "/v2/repository/models/{model}/load"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let name = request.parameters["model"]
        return .body(limit: repositoryLimit, lengthRequired: false) { [context] body in
            // a file or a configuration of the client's would be left out in silence
            try checkParameters(of: body, known: [])
            _ = try await context.administration.models.load(name)
            return .inference(.object([]))
        }
    }
}

/// `POST /v2/repository/models/{model}/unload`: ``UnloadModelRoute`` in the words of the protocol.
struct RepositoryUnloadRoute: Route {
    static let path = "/v2/repository/models/{model}/unload"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let name = request.parameters["model"]
        return .body(limit: repositoryLimit, lengthRequired: false) { [context] body in
            // no model depends on another
            try checkParameters(of: body, known: ["unload_dependents"])
            try await context.administration.models.unload(name)
            return .inference(.object([]))
        }
    }
}

/// Most bytes of a body that has a few members at most.
private let repositoryLimit = 4096

/// Members of a body that is an object, or empty.
/// - Throws: ``JSONError``; ``ProblemKind/malformedBody``.
private func members(of body: [UInt8]) throws -> [JSON.Member] {
    guard !body.isEmpty else { return [] }
    guard case .object(let members) = try JSONReader.read(body) else {
        throw Problem(.malformedBody, "the body must be empty, or an object")
    }
    return members
}

/// Refuses parameters of a body that are not known.
/// - Throws: ``JSONError``; ``ProblemKind/malformedBody``; ``ProblemKind/parameter``.
private func checkParameters(of body: [UInt8], known: [String]) throws {
    for member in try members(of: body) where member.name == "parameters" {
        guard case .object(let parameters) = member.value else {
            throw Problem(.malformedBody, "parameters must be an object")
        }
        if let other = parameters.first(where: { !known.contains($0.name) }) {
            let list = known.isEmpty ? "there are none here" : "known are \(known.joined(separator: ", "))"
            throw Problem(.parameter, "parameters: unknown \(quoted(other.name)): \(list)")
        }
    }
}
