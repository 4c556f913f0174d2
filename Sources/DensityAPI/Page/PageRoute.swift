import HTTPContent
import HTTPTypes
import HTTPWire

/// `GET /`, `/docs` and `/page/…`: the web page, file by file.
///
/// They hold nothing of models or requests, so whoever reaches the service may read them; the page itself sends the key that a person gives it.
struct PageRoute: Route {
    static let path = "/"
    static let paths = ["/", "/docs", "/page/{file}", "/page/{folder}/{file}"]
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let path = Self.file(of: request)
        guard let file = context.page[path] else { throw Problem(.notFound, "there is no such path") }
        try request.checkPlain(offering: file.type)
        // The first request for a file copies, tags and codes it.
        return .later { [context] in try await context.heavy(bytes: .max) { try file.answer.response(for: request) } }
    }

    /// Path of the file below the page's folder.
    private static func file(of request: RoutedRequest) -> String {
        guard let file = request.parameters.value(of: "file") else {
            return request.path == "/docs" ? "docs/docs.html" : "index.html"
        }
        return request.parameters.value(of: "folder").map { "\($0)/\(file)" } ?? file
    }
}

/// File of the page as it is answered.
struct PageAnswer: Sendable {
    let type: MediaType
    let answer: StoredAnswer

    init(_ file: PageFile, _ coding: AnswerCoding) {
        type = file.type
        answer = StoredAnswer(type: file.type, fields: PagePolicy.fields, coding, content: file.content)
    }
}
