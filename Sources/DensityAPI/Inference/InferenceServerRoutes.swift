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

    /// Extensions, by Triton's names.
    private static let extensions = ["binary_tensor_data", "model_configuration", "model_repository", "statistics"]

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
