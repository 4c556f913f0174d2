/// Bounds on what one connection may make the server hold or do; every limit has a test on each side.
///
/// Sizes are bytes on the wire unless the name says otherwise.
public struct HTTPLimits: Sendable, Equatable {
    /// Most bytes of a request line, without its CRLF; a longer one is ``HTTPServerError/targetTooLong(limit:)``.
    public var requestLineBytes = 8 * 1024
    /// Most bytes of all field lines of a head together, each with its CRLF.
    public var fieldBytes = 32 * 1024
    /// Most field lines in a head, and most in a trailer section.
    public var fields = 100
    /// Most bytes of all field lines of a trailer section together, each with its CRLF.
    public var trailerBytes = 8 * 1024
    /// Most empty lines that are skipped before a request line (RFC 9112, section 2.2).
    public var leadingEmptyLines = 4
    /// Most bytes of the extension of one chunk, its semicolon included.
    public var chunkExtensionBytes = 256
    /// Most chunks in one body, and one more for every ``bytesPerFurtherChunk`` bytes of it. Tiny chunks cost far more than the bytes they
    /// carry.
    public var chunks = 65_536
    /// Bytes of a body that pay for a chunk beyond ``chunks``: a body of any length may come in chunks of this size.
    public static let bytesPerFurtherChunk = 64
    /// Most bytes kept of requests that the client pipelines behind one that is being answered; beyond it the server stops
    /// reading. The requests are answered one at a time, so this bounds their number too.
    public var readAheadBytes = 64 * 1024
    /// Most requests of one connection; the answer to the last says `Connection: close`.
    public var requests = 10_000
    /// Bytes of answers that wait to be sent from which on the next pipelined request is not looked at.
    public var unsentBytes = 64 * 1024
    /// Most bytes of an unwanted body that is read and thrown away to keep a connection alive; for a larger one it is closed.
    public var discardedBodyBytes = 64 * 1024
    /// Most bytes read and thrown away after the last answer, so that the client can receive it before the connection goes.
    public var lingeringBytes = 16 * 1024 * 1024
    /// Largest ratio of a gzip or deflate body to its coded form, once the body is larger than ``expansionFloorBytes``.
    public var expansionRatio = 20
    /// Bytes up to which a body passes however well it is compressed, ``expansionRatio`` or not.
    public var expansionFloorBytes = 1024 * 1024

    /// The defaults.
    public init() {}
}

/// Times that a connection may take over each thing.
public struct HTTPTimeouts: Sendable, Equatable {
    /// Time from the first byte of a head to its last; also how long a new connection may say nothing.
    public var head = Duration.seconds(10)
    /// Time that an unfinished head still has when the server stops; then its connection closes. No longer than ``head``.
    public var lastHead = Duration.seconds(1)
    /// Time after which a body must be complete, or have held ``minimumBodyRate``; then for as long again, and so on.
    public var body = Duration.seconds(30)
    /// Least bytes a second of a body that must come, on average over each ``body``; at least one byte must.
    public var minimumBodyRate = 1024
    /// Time between two requests of a connection.
    public var idle = Duration.seconds(75)
    /// Time after which an answer must be taken, or have held ``minimumSendRate``; then for as long again, and so on.
    public var write = Duration.seconds(30)
    /// Least bytes a second of an answer that a client must take, on average over each ``write``; at least one byte.
    public var minimumSendRate = 1024
    /// Time after the last answer in which a client that sends nothing must close its side (RFC 9112, section 9.6).
    public var linger = Duration.seconds(5)
    /// Time after the last answer in which a client that still sends must close its side.
    public var lingerTotal = Duration.seconds(30)

    /// The defaults.
    public init() {}
}

/// Point on a monotonic clock, in nanoseconds; only differences mean anything.
package typealias Nanoseconds = UInt64

extension Duration {
    /// Whole nanoseconds, at least 0 and at most some 292 years.
    package var nanoseconds: Nanoseconds {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < Int64.max / 1_000_000_000 else { return Nanoseconds(Int64.max) }
        return Nanoseconds(seconds) * 1_000_000_000 + Nanoseconds(attoseconds / 1_000_000_000)
    }
}
