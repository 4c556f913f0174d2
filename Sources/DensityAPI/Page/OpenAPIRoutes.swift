import HTTPContent
import HTTPTypes
import HTTPWire

/// `GET /openapi.yaml`: the contract.
struct OpenAPIRoute: Route {
    static let path = "/openapi.yaml"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .yaml)
        return .later { [context] in try context.openAPI.response(for: request) }
    }
}

/// `GET /openapi.json`: the same document as JSON, for tools that read no YAML.
struct OpenAPIJSONRoute: Route {
    static let path = "/openapi.json"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        return .later { [context] in
            try await context.heavy(bytes: .max) { try context.openAPIJSON.response(for: request) }
        }
    }
}
