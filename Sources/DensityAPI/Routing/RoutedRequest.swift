import HTTPContent
import HTTPTypes
import HTTPWire

/// A request on its way to its answer: the head, taken apart once, and what the head steps found.
package struct RoutedRequest: Sendable {
    let head: HTTPRequest
    let connection: ConnectionInfo
    /// The target up to its query, as received.
    let path: Substring
    /// The target after its question mark; nil without one.
    let query: Substring?
    /// The field `Accept-Encoding`; nil when it was not sent.
    let acceptEncoding: AcceptEncoding?

    /// Labels that are told again when the request is over, as far as it got.
    var labels = ExchangeLabels()
    /// Resource at ``path``.
    var resource: Resource?
    /// Parts of ``path``, by the names that the route gives them.
    var parameters = PathParameters()
    /// The route of ``resource`` for ``method``.
    var route: (any Route)?

    var method: HTTPRequest.Method { head.method }
    var fields: HTTPFields { head.headerFields }

    init(_ head: HTTPRequest, on connection: ConnectionInfo) {
        let target = head.path ?? ""
        let end = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        self.head = head
        self.connection = connection
        path = target[..<(end ?? target.endIndex)]
        query = end.map { target[target.utf8.index(after: $0)...] }
        acceptEncoding = AcceptEncoding(head.headerFields)
    }

    /// Checks the head for a route that has no query parameters and one representation.
    /// - Throws: ``QueryError`` for any parameter, ``NotAcceptableError`` for an `Accept` that `type` does not satisfy.
    func checkPlain(offering type: MediaType) throws {
        _ = try Query(query, known: [])
        _ = try Accept(fields).best(of: [type])
    }
}
