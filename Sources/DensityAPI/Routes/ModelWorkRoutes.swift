import HTTPContent
import HTTPTypes
import HTTPWire

/// `POST /models/{model}/logprob`: ``LogProbRoute`` of the model that the path names.
struct ModelLogProbRoute: Route {
    static let path = "/models/{model}/logprob"
    static let method = LogProbRoute.method
    static let access = LogProbRoute.access
    private let route: LogProbRoute

    init(_ context: APIContext) { route = LogProbRoute(context) }

    func begin(_ request: RoutedRequest) throws -> RouteWork { try route.begin(request) }
}

/// `GET /models/{model}/sample`: ``SampleRoute`` of the model that the path names.
struct ModelSampleRoute: Route {
    static let path = "/models/{model}/sample"
    static let method = SampleRoute.method
    static let access = SampleRoute.access
    private let route: SampleRoute

    init(_ context: APIContext) { route = SampleRoute(context) }

    func begin(_ request: RoutedRequest) throws -> RouteWork { try route.begin(request) }
}

extension RoutedRequest {
    /// Name of the model that the path or the query names; nil for the default one.
    /// - Throws: ``ProblemKind/parameter`` when they name two.
    func modelName(_ query: Query) throws(Problem) -> String? {
        guard let named = parameters.value(of: "model") else { return query["model"] }
        if let other = query["model"], other != named {
            throw Problem(.parameter, "model is \(quoted(other)), and the path names \(quoted(named))")
        }
        return named
    }
}
