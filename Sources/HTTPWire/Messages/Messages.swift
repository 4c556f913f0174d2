public import HTTPTypes

/// What is known of a connection beside its bytes.
public struct ConnectionInfo: Sendable, Equatable {
    /// Numeric address of the client; empty over a Unix socket.
    public var peer: String
    /// Over TLS.
    public var isEncrypted: Bool
    /// Over a Unix socket, which only those can open whom the permissions of its file let.
    public var isUnixSocket: Bool
    /// Subject of the client's certificate by RFC 4514, such as `CN=alice,O=Zoo`; only when it was asked for and verified.
    public var clientSubject: String?

    /// Accepted on a loopback address, so from this machine: by its programs, browsers among them.
    public var isLoopback: Bool

    public init(
        peer: String, isEncrypted: Bool = false, isUnixSocket: Bool = false, clientSubject: String? = nil,
        isLoopback: Bool = false
    ) {
        self.peer = peer
        self.isEncrypted = isEncrypted
        self.isUnixSocket = isUnixSocket
        self.clientSubject = clientSubject
        self.isLoopback = isLoopback
    }
}

/// A request, read whole.
public struct ServerRequest: Sendable {
    /// Method, target and fields, as received, but for Host, which is `head.authority`.
    public var head: HTTPRequest
    /// Content after transfer and content codings were undone.
    public var body: [UInt8]
    public var connection: ConnectionInfo

    public init(head: HTTPRequest, body: [UInt8] = [], on connection: ConnectionInfo) {
        self.head = head
        self.body = body
        self.connection = connection
    }
}

/// An answer. The server adds `Date`, framing (`Content-Length`, `Transfer-Encoding`) and `Connection`, and drops the
/// body for HEAD; the handler never sets those.
public struct ServerResponse: Sendable {
    public enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Sent as it comes: chunked on HTTP/1.1, until close on HTTP/1.0. An error after the head closes the
        /// connection without the last chunk, so that the client sees that the answer is cut off.
        case stream(AsyncThrowingStream<[UInt8], any Error>)
    }

    public var status: HTTPResponse.Status
    public var fields: HTTPFields
    public var body: Body
    /// Not sent: ``HTTPHandler/exchangeEnded(_:on:)`` gets them back.
    public var labels = ExchangeLabels()

    public init(status: HTTPResponse.Status, fields: HTTPFields = [:], body: Body = .none) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// What a handler wants once it has seen the head of a request.
public enum HeadDecision: Sendable {
    /// The answer is known; the body, if there is one, is not wanted.
    case respond(ServerResponse)
    /// Read the body, of at most `limit` bytes (after content coding), then call ``HTTPHandler/respond(to:)``. Without
    /// Content-Length and Transfer-Encoding the body is empty, or, when `lengthRequired`, refused with
    /// ``HTTPServerError/lengthRequired``.
    case readBody(limit: Int, lengthRequired: Bool = false)
}

/// The application above the server.
public protocol HTTPHandler: Sendable {
    /// Called on the connection's queue as soon as the head is parsed: routes, refuses, and must not block.
    func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision
    /// Called after ``HeadDecision/readBody(limit:lengthRequired:)``, off the connection's queue. The task is cancelled
    /// when the client goes away.
    func respond(to request: ServerRequest) async -> ServerResponse
    /// The answer to something that the server refused by itself; `head` is there when it could be parsed.
    func respond(to error: HTTPServerError, head: HTTPRequest?, on connection: ConnectionInfo) -> ServerResponse
    /// Called on the connection's queue, once for each request, when its answer was handed to the kernel or the
    /// connection is over; must not block. By default nothing is kept.
    func exchangeEnded(_ exchange: EndedExchange, on connection: ConnectionInfo)
}

extension HTTPHandler {
    public func exchangeEnded(_ exchange: EndedExchange, on connection: ConnectionInfo) {}
}

/// Why the server refused a request before a handler could.
public enum HTTPServerError: Error, Equatable, Sendable {
    /// Bytes that are not HTTP; `reason` says what is wrong, in the words of RFC 9112.
    case malformed(reason: String)
    /// The request line is longer than `limit` bytes.
    case targetTooLong(limit: Int)
    /// The fields are more than `limit` of `unit` ("bytes", "fields").
    case fieldsTooLarge(limit: Int, unit: String)
    /// The body is larger than `limit` bytes, after content coding.
    case bodyTooLarge(limit: Int)
    /// The bodies of all connections together would take more than `limit` bytes.
    case bodyMemoryFull(limit: Int)
    /// A body is needed, and neither Content-Length nor chunked was given.
    case lengthRequired
    /// A Content-Encoding other than gzip, x-gzip, deflate, identity.
    case unsupportedContentCoding(String)
    /// The coded body is damaged, or expands more than `ratio` times.
    case badContentCoding(reason: String)
    /// `Expect` other than 100-continue.
    case expectationFailed
    /// CONNECT, which is for proxies.
    case unsupportedMethod
    /// An HTTP version other than 1.0 and 1.1.
    case unsupportedVersion
    /// A Transfer-Encoding other than chunked.
    case unsupportedTransferCoding
    /// Plain HTTP came to a port that speaks TLS.
    case encryptionRequired
    /// The head of a request did not arrive within `seconds`.
    case timeout(seconds: Int)
    /// Less than `minimumRate` bytes a second of the body arrived, for `seconds`.
    case bodyTooSlow(minimumRate: Int, seconds: Int)
}
