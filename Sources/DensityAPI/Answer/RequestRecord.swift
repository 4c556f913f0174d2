import HTTPTypes
public import HTTPWire

/// Observer of every request that is over, such as a log or a set of counters.
public protocol ExchangeObserver: Sendable {
    /// Takes the record of a request that is over. Called once for each, on its connection's queue; must not block.
    func exchangeEnded(_ record: RequestRecord)
}

/// Record of one request that is over. Nothing in it is a client's text: no path, no query, no field, no key.
public struct RequestRecord: Sendable {
    /// Method of the request, `OTHER` when it is none that HTTP defines; nil when the head could not be parsed.
    public var method: String?
    /// Status, times, bytes, route, name of the key, request id and span.
    public var exchange: EndedExchange
    /// Facts about the connection.
    public var connection: ConnectionInfo

    init(_ exchange: EndedExchange, on connection: ConnectionInfo) {
        method = exchange.head.map { Self.known.contains($0.method) ? $0.method.rawValue : "OTHER" }
        self.exchange = exchange
        // The log is written later, and what a client sent should not be held until then.
        self.exchange.head = nil
        self.connection = connection
    }

    private static let known: [HTTPRequest.Method] = [
        .get, .post, .head, .put, .options, .delete, .patch, .connect, .trace,
    ]
}
