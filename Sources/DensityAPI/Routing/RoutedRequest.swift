import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// Head of a request, taken apart once. Shared, since continuations and answers keep it.
final class ReceivedHead: Sendable {
    let head: HTTPRequest
    let connection: ConnectionInfo
    let path: Substring
    let query: Substring?
    let acceptEncoding: AcceptEncoding?
    /// The client's own identifier of the request, where it is one that is echoed.
    let requestID: String?
    /// Place in the client's trace; nil without a valid `traceparent`.
    let trace: TraceContext?
    let accept: Accept

    /// Whether the request is one of the Open Inference Protocol, whose errors have a form of their own.
    var isInference: Bool { path == "/v2" || path.hasPrefix("/v2/") }

    init(_ head: HTTPRequest, on connection: ConnectionInfo) {
        let target = head.path ?? ""
        let end = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        self.head = head
        self.connection = connection
        path = target[..<(end ?? target.endIndex)]
        query = end.map { target[target.utf8.index(after: $0)...] }
        acceptEncoding = AcceptEncoding(head.headerFields)
        requestID = RequestID.echo(head.headerFields[.requestID])
        trace = head.headerFields[.traceParent].flatMap(TraceContext.init)
        accept = Accept(head.headerFields)
    }
}

/// A request on its way to its answer: the head as it was received, and what the head steps found.
package struct RoutedRequest: Sendable {
    let received: ReceivedHead

    /// Labels that are told again when the request is over, as far as it got.
    var labels = ExchangeLabels()
    /// Resource at ``path``.
    var resource: Resource?
    /// Parts of ``path``, by the names that the route gives them.
    var parameters = PathParameters()
    /// The route of ``resource`` for ``method``.
    var route: (any Route)?
    /// Scopes of the request's key; nil where there is no key file.
    var scopes: Set<Scope>?
    /// What the request takes of its key's account.
    var rates = RequestRates()
    /// Caller as the last head step found it; nil before.
    var foundCaller: Caller?

    /// Who the request's turn is counted for.
    /// - Precondition: the head steps are done.
    var caller: Caller {
        guard let foundCaller else { preconditionFailure("no step named the caller") }
        return foundCaller
    }
    var head: HTTPRequest { received.head }
    var connection: ConnectionInfo { received.connection }
    /// Target up to its query, as received.
    var path: Substring { received.path }
    /// Target after its question mark; nil without one.
    var query: Substring? { received.query }
    /// The field `Accept-Encoding`; nil when it was not sent.
    var acceptEncoding: AcceptEncoding? { received.acceptEncoding }
    var method: HTTPRequest.Method { received.head.method }
    var fields: HTTPFields { received.head.headerFields }

    init(_ head: HTTPRequest, on connection: ConnectionInfo) { received = ReceivedHead(head, on: connection) }

    /// Checks the head for a route that has no query parameters and one representation, whatever `Accept` says.
    /// - Throws: ``QueryError`` for any parameter.
    func checkNoQuery() throws(QueryError) {
        if query != nil { _ = try Query(query, known: []) }
    }

    /// Checks the head for a route that has no query parameters and one representation.
    /// - Throws: ``QueryError`` for any parameter, ``NotAcceptableError`` for an `Accept` that `type` does not satisfy.
    func checkPlain(offering type: MediaType) throws {
        try checkNoQuery()
        if !received.accept.isAnything { _ = try received.accept.best(of: [type]) }
    }
}
