import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `GET /drift`: whether the images that a model scores are still like those that it was calibrated with.
struct DriftRoute: Route {
    static let path = "/drift"
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.metrics)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let model = try context.watchedModel(of: request)
        return .done(.json(try model.driftAnswer(), fields: [.cacheControl: CachePolicy.never.rawValue]))
    }
}

/// `POST /admin/drift/reset`: begins a model's test of drift again, as if no image had come.
struct DriftResetRoute: Route {
    static let path = "/admin/drift/reset"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.admin)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let model = try context.watchedModel(of: request)
        _ = try model.driftAnswer()
        return .body(limit: 0, lengthRequired: false) { [context] _ in
            model.drift?.reset()
            await context.helpers.run { context.administration.keepDrift() }
            return .json(try model.driftAnswer())
        }
    }
}

extension APIContext {
    /// Model that a request about drift names.
    /// - Throws: ``QueryError``, ``NotAcceptableError``, ``ServingError``.
    fileprivate func watchedModel(of request: RoutedRequest) throws -> LoadedModel {
        let query = try Query(request.query, known: ["model"])
        _ = try Accept(request.fields).best(of: [.json])
        return try service.models.model(named: query["model"])
    }
}
