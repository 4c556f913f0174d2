package import HTTPTypes
package import HTTPWire

/// Work that is left of a request once a route has looked at its head.
package enum RouteWork: Sendable {
    /// The answer needs no body and no computing.
    case done(ServerResponse)
    /// The answer needs no body, and work that must not hold up a connection's queue.
    case later(@Sendable () async throws -> ServerResponse)
    /// The body is needed, of at most `limit` bytes.
    case body(limit: Int, lengthRequired: Bool, then: @Sendable (_ body: [UInt8]) async throws -> ServerResponse)
    /// The body is needed as it comes, of any length.
    case stream(then: @Sendable (_ body: StreamedBody) async throws -> ServerResponse)
}

/// Route of ``routes``: a path, its method, and what it does.
package protocol Route: Sendable {
    /// Path as in openapi.yaml: a segment in braces is a parameter, which any one segment can be.
    static var path: String { get }
    /// Every path of the route, ``path`` first: it alone, unless the route says more.
    static var paths: [String] { get }
    /// Method of the route; one of `GET` answers `HEAD` too.
    static var method: HTTPRequest.Method { get }
    /// Key that the route needs, once a key file is configured.
    static var access: Access { get }
    /// The route over what all routes share.
    init(_ context: APIContext)
    /// Checks everything that the head says, and finds what the answer needs; called once for each request.
    /// - Throws: any error; the client is told what ``Problem/init(of:)`` makes of it.
    func begin(_ request: RoutedRequest) throws -> RouteWork
}

extension Route {
    /// Methods that the route answers.
    package static var methods: [HTTPRequest.Method] { method == .get ? [.get, .head] : [method] }

    package static var paths: [String] { [path] }
}

/// Every route, in the order of openapi.yaml; a test compares the two.
package let routes: [any Route.Type] = [
    LogProbRoute.self,
    TypicalityRoute.self,
    SampleRoute.self,
    EncodeRoute.self,
    DecodeRoute.self,
    InterpolateRoute.self,
    CompleteRoute.self,
    HealthRoute.self,
    LiveRoute.self,
    ReadyRoute.self,
    ModelsRoute.self,
    ModelRoute.self,
    ModelLogProbRoute.self,
    ModelSampleRoute.self,
    DriftRoute.self,
    MetricsRoute.self,
    OpenAPIRoute.self,
    OpenAPIJSONRoute.self,
    PageRoute.self,
    AdminStatusRoute.self,
    AdminModelsRoute.self,
    LoadModelRoute.self,
    UnloadModelRoute.self,
    ReloadRoute.self,
    LogLevelRoute.self,
    DriftResetRoute.self,
    InferenceServerRoute.self,
    InferenceLiveRoute.self,
    InferenceReadyRoute.self,
    InferenceModelRoute.self,
    InferenceModelReadyRoute.self,
    InferenceConfigurationRoute.self,
    AllInferenceStatisticsRoute.self,
    InferenceStatisticsRoute.self,
    RepositoryIndexRoute.self,
    RepositoryLoadRoute.self,
    RepositoryUnloadRoute.self,
    InferRoute.self,
]

/// Routes of ``DensityAPI/monitoring``: what is read of a service, and changes and computes nothing.
package let monitoringRoutes: [any Route.Type] = [MetricsRoute.self, HealthRoute.self, LiveRoute.self, ReadyRoute.self]
