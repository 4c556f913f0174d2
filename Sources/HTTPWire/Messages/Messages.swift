public import HTTPTypes

/// Facts about a connection, beside its bytes.
public struct ConnectionInfo: Sendable, Equatable {
    /// Numeric address of the client; empty over a Unix socket.
    public var peer: String
    /// Whether the connection is over TLS.
    public var isEncrypted: Bool
    /// Whether the connection is over a Unix socket, which only those can open whom the permissions of its file let.
    public var isUnixSocket: Bool
    /// Subject of the client's certificate by RFC 4514, such as `CN=alice,O=Zoo`; only when it was asked for and verified.
    public var clientSubject: String?

    /// Whether the connection was accepted on a loopback address, so from this machine: its programs, browsers among them.
    public var isLoopback: Bool
    /// Number of the connection, which no other of its server has or had; 0 until the server has accepted it.
    public var number: UInt64

    public init(
        peer: String, isEncrypted: Bool = false, isUnixSocket: Bool = false, clientSubject: String? = nil,
        isLoopback: Bool = false, number: UInt64 = 0
    ) {
        self.peer = peer
        self.isEncrypted = isEncrypted
        self.isUnixSocket = isUnixSocket
        self.clientSubject = clientSubject
        self.isLoopback = isLoopback
        self.number = number
    }
}

/// An answer. The server adds `Date`, framing (`Content-Length`, `Transfer-Encoding`) and `Connection`, and drops the
/// body for HEAD; the handler never sets those.
public struct ServerResponse: Sendable {
    /// Content of an answer.
    public enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Parts that are sent as they come: chunked on HTTP/1.1, until close on HTTP/1.0. An error after the head closes
        /// the connection without the last chunk, so that the client sees that the answer is cut off.
        case stream(BodyParts)

        /// The parts of `stream`.
        public static func stream(_ stream: AsyncThrowingStream<[UInt8], any Error>) -> Body {
            .stream(BodyParts(stream))
        }
    }

    /// Status code of the answer.
    public var status: HTTPResponse.Status
    /// Fields of the answer, without those that the server adds.
    public var fields: HTTPFields
    /// Content of the answer.
    public var body: Body
    /// Whether the content is sent as it comes.
    var isStream: Bool { if case .stream = body { true } else { false } }

    /// Labels of the exchange, which are not sent: ``HTTPHandler/exchangeEnded(_:on:)`` gets them back.
    public var labels = ExchangeLabels()

    public init(status: HTTPResponse.Status, fields: HTTPFields = [:], body: Body = .none) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// Parts of a streamed answer or body, to be read once. A class, since the layout of the stream is known at run time only, and every answer
/// that has none would otherwise be copied and taken apart by way of it.
public final class BodyParts: AsyncSequence, Sendable {
    private let stream: AsyncThrowingStream<[UInt8], any Error>

    public init(_ stream: AsyncThrowingStream<[UInt8], any Error>) { self.stream = stream }

    public func makeAsyncIterator() -> AsyncThrowingStream<[UInt8], any Error>.Iterator { stream.makeAsyncIterator() }
}

/// Reason why the server refused a request before a handler could.
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
    /// The bodies of one client together would take more than `limit` bytes, its part of what others leave.
    case clientMemoryFull(limit: Int)
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
