import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `GET /v2`: what the server is, and which extensions of the protocol it has.
struct InferenceServerRoute: Route {
    static let path = "/v2"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    /// Extensions, by Triton's names: models are not loaded by the protocol, so that `model_repository` is not among them.
    private static let extensions = ["binary_tensor_data", "model_configuration", "statistics"]

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        return .done(
            .inference([
                "name": "tusk", "version": .string(context.options.version),
                "extensions": .array(Self.extensions.map(JSON.string)),
            ]))
    }
}

/// `GET /v2/health/live`: the process answers, and its work gets on.
struct InferenceLiveRoute: Route {
    static let path = "/v2/health/live"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let stall = context.stall
        // some clients read the status, others the member
        return .done(
            .inference(
                ["live": .bool(stall == nil)], status: stall?.kind.status ?? .ok, fields: stall?.fields ?? [:]))
    }
}

/// `GET /v2/health/ready`: every model is loaded and tested, and new requests are taken.
struct InferenceReadyRoute: Route {
    static let path = "/v2/health/ready"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        do throws(ServingError) {
            _ = try context.service.modelsIfReady
            return .done(.inference(["ready": .bool(true), "live": .bool(context.isLive)]))
        } catch {
            let problem = Problem(error)
            return .done(
                .inference(
                    ["ready": .bool(false), "live": .bool(context.isLive)], status: problem.kind.status,
                    fields: problem.fields))
        }
    }
}

/// `POST /v2/repository/index`: the models by name, version and state.
struct RepositoryIndexRoute: Route {
    static let path = "/v2/repository/index"
    static let method = HTTPRequest.Method.post
    static let access = Access.anyKey
    /// Most bytes of a body, which may have one member.
    private static let limit = 4096
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let models = try context.service.models
        return .body(limit: Self.limit, lengthRequired: false) { body in
            // `ready` leaves out models that are not, of which there are none
            if !body.isEmpty, case let value = try JSONReader.read(body) {
                guard case .object(let members) = value else {
                    throw Problem(.malformedBody, "the body must be empty, or an object with the member ready")
                }
                if let ready = members.first(where: { $0.name == "ready" })?.value, ready != .bool(true),
                    ready != .bool(false)
                {
                    throw Problem(.malformedBody, "ready must be true or false")
                }
            }
            return .inference(
                .array(
                    InferenceModel.all(of: models).map { model in
                        [
                            "name": .string(model.name), "version": .string(InferenceModel.version), "state": "READY",
                            "reason": "",
                        ]
                    }))
        }
    }
}
