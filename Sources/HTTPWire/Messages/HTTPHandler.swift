public import HTTPTypes

/// Decision of a handler once it has seen the head of a request: what it wants, and how the request goes on from there.
///
/// The continuations run off the connection's queue, once, in a task that is cancelled when the client goes away. The
/// server lets go of them, and so of all that they hold, when they have run or the request was refused.
public enum HeadDecision: Sendable {
    /// The answer is known; the body, if there is one, is not wanted.
    case respond(ServerResponse)
    /// The body is not wanted, and the answer takes work that must not hold up the connection's queue.
    case later(labels: ExchangeLabels = ExchangeLabels(), @Sendable () async -> ServerResponse)
    /// The body is wanted, of at most `limit` bytes after content coding; `then` makes the answer out of it. Without
    /// Content-Length and Transfer-Encoding the body is empty, or, when `lengthRequired`, refused with
    /// ``HTTPServerError/lengthRequired``.
    ///
    /// `labels` are those of a request that ends without an answer of `then`.
    case readBody(
        limit: Int, lengthRequired: Bool = false, labels: ExchangeLabels = ExchangeLabels(),
        then: @Sendable (_ body: [UInt8]) async -> ServerResponse)
    /// The body is wanted as it comes, of any length; `then` begins at once, and its answer may be sent before the body has ended. A
    /// request without Content-Length and Transfer-Encoding is refused with ``HTTPServerError/lengthRequired``.
    ///
    /// `labels` are those of a request that ends without an answer of `then`.
    case streamBody(
        labels: ExchangeLabels = ExchangeLabels(), then: @Sendable (_ body: StreamedBody) async -> ServerResponse)
}

/// A request's body that is read while it comes, and no faster than its parts are taken.
public struct StreamedBody: Sendable {
    /// Parts of the body, their content coding undone; of any length, and none is empty. What goes wrong on the way ends them with
    /// an ``HTTPServerError``, and a client that is gone with a `CancellationError`.
    public let parts: BodyParts
    /// Counts so many bytes as held for the request, its part of the memory for bodies, until it was answered; a smaller number than
    /// before changes nothing.
    /// - Throws: ``HTTPServerError/bodyMemoryFull(limit:)``, ``HTTPServerError/clientMemoryFull(limit:)``.
    public let hold: @Sendable (_ bytes: Int) throws(HTTPServerError) -> Void

    public init(parts: BodyParts, hold: @escaping @Sendable (_ bytes: Int) throws(HTTPServerError) -> Void) {
        self.parts = parts
        self.hold = hold
    }
}

/// Decides on one more request of a head that was seen before; see ``HTTPHandler/decider(of:on:)``.
public typealias HeadDecider = @Sendable () -> HeadDecision

/// The application above the server.
public protocol HTTPHandler: Sendable {
    /// Decides on a request by its head. Called on the connection's queue, once for each request, as soon as the head is
    /// parsed; must not block.
    func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision
    /// Makes what decides on every request of this head on this connection: clients that keep a connection send most of their heads
    /// again byte for byte. It is called as ``decide(_:on:)`` is, once for each of them, and what follows from the bytes of the head
    /// alone need be found once. By default it calls ``decide(_:on:)``.
    func decider(of head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecider
    /// Words the answer to something that the server refused by itself; `head` and the labels that were decided on are
    /// there when the head could be parsed.
    func respond(
        to error: HTTPServerError, head: HTTPRequest?, labels: ExchangeLabels, on connection: ConnectionInfo
    ) -> ServerResponse
    /// Takes note of a request that is over. Called on the connection's queue, once for each request, when its answer was
    /// handed to the kernel or the connection is over; must not block. By default nothing is kept.
    func exchangeEnded(_ exchange: EndedExchange, on connection: ConnectionInfo)
}

extension HTTPHandler {
    public func decider(of head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecider {
        { decide(head, on: connection) }
    }

    public func exchangeEnded(_ exchange: EndedExchange, on connection: ConnectionInfo) {}
}
