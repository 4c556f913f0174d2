/// One server connection as a pure state machine: bytes, decisions, answers and the time in; bytes and actions out.
///
/// Whoever drives it calls an input, then ``nextAction()`` until that returns nil, performing each action, then sends
/// what is in ``output``, reads while ``wantsInput``, and calls ``timeReached(_:)`` at ``deadline``. Requests of a
/// connection are answered one at a time and in order; those pipelined behind wait unparsed. See docs/reference/http-server.md.
///
/// Not copyable, since nobody needs two of one; a copy just to ask something of it would cost as much as parsing a request.
package struct HTTPConnection: Sendable, ~Copyable {
    /// Work that the driver must do.
    package enum Action: Sendable {
        /// Call the handler with ``HTTPConnection/makeRequest()``, then ``HTTPConnection/decided(_:labels:date:at:)``.
        case decide(RequestHead)
        /// The next bytes of the body that the handler wanted, still in their content coding, for
        /// ``HTTPConnection/withBytes(of:_:)``.
        case body(Range<Int>)
        /// The body is over. Unless it was streamed: run the handler, then ``HTTPConnection/answer(_:date:at:)``.
        case bodyComplete
        /// The rest of a streamed body will not come.
        case bodyFailed(HTTPServerError)
        /// Ask the handler for its words on an error, then ``HTTPConnection/answer(_:date:at:)``. It concerns the request
        /// that was decided on last, if `hasHead`; otherwise one whose head could not be parsed.
        case refuse(HTTPServerError, hasHead: Bool)
        /// Feed this stream to ``HTTPConnection/streamPart(_:at:)``, one part after each ``sendMore``.
        case stream(BodyParts)
        /// The last part was sent; the next is welcome.
        case sendMore
        /// Close the sending side.
        case finishWriting
        /// Close the connection and cancel what runs for it. The last action.
        case close
    }

    /// Meaning of a ``HeadDecision`` for the bytes to come. The driver, and not the machine, keeps how the request goes on.
    package enum Decision: Sendable {
        /// The answer is known; the body is not wanted.
        case respond(ServerResponse)
        /// ``HTTPConnection/answer(_:date:at:)`` follows; the body is not wanted.
        case later
        /// The body is wanted, of at most `limit` bytes after content coding.
        case readBody(limit: Int, lengthRequired: Bool = false)
        /// The body is wanted as it comes, of any length; ``HTTPConnection/answer(_:date:at:)`` may follow at any time.
        case streamBody
    }

    /// State of a body that the handler gets as it comes, while it answers.
    enum BodyFlow {
        /// The request's body is not streamed, or the exchange is over.
        case none
        case open
        /// The handler has enough for now.
        case held
        /// What ended the body is still to be told.
        case failing(HTTPServerError)
        /// Nothing of it comes any more.
        case over
    }

    enum Phase {
        /// Waiting for, or in the middle of, a head.
        case head
        /// ``Action/decide(_:)`` was returned.
        case deciding
        case readingBody
        /// The handler has all that it wants of the request.
        case responding
        /// ``refusal`` is to be answered.
        case refusing
        /// ``Action/refuse(_:hasHead:)`` was returned.
        case refused
        /// ``stream`` is to be fed.
        case startingStream
        /// `partPending`: the driver waits for ``Action/sendMore``.
        case streaming(partPending: Bool)
        /// The answer was given; the rest of the request's body is read and dropped.
        case discarding
        /// The last answer is being sent.
        case flushing
        /// Our side is closed; what still comes is dropped until the client closes its side.
        case lingering
        /// All is said: our side closes, and the connection with it.
        case ending
        case closing
        case closed
    }

    /// The request being answered.
    struct Exchange {
        var head: RequestHead
        /// Whether the connection will be used again.
        var keepAlive: Bool
    }

    let limits: HTTPLimits
    let timeouts: HTTPTimeouts
    let allowsHalfClose: Bool
    var parser: RequestParser
    /// Phase of the connection; plain, so that to look at it copies nothing.
    var phase = Phase.head
    /// Reason of ``Phase/refusing``.
    var refusal: HTTPServerError?
    /// Parts of ``Phase/startingStream``.
    var stream: BodyParts?
    /// The last request, for as long as its head may come again.
    var lastRequest: KeptRequest?
    var exchange: Exchange?
    /// Framing of the answer under way, which a request without a readable head has too.
    var framing = ResponseEncoder.Framing.none
    var bodyUnread = false
    var bodyFlow = BodyFlow.none
    var codedBodyLimit = (handler: 0, wire: 0)
    var bodyBytes = 0
    /// Number of requests whose head was complete.
    var requests = 0
    var inputEnded = false
    /// Whether the next answer is the last.
    var persistenceEnded = false
    var draining = false
    var lingeringBytes: Int
    var meter = ExchangeMeter()

    var now: Nanoseconds
    var headTimeout: Nanoseconds
    var headSince: Nanoseconds
    var bodyProgress = ProgressWindow()
    var outputProgress = ProgressWindow()
    /// Times when our side was closed, and when the client sent something last.
    var lingerSince: (start: Nanoseconds, input: Nanoseconds) = (0, 0)

    /// Time for which an idle connection keeps its memory for the next request.
    static let warmTime = Duration.seconds(1)

    /// Bytes that wait to be sent; ``sent(_:at:)`` is to be told how many were.
    package internal(set) var output = OutputBuffer()

    /// A connection that was accepted at `now`.
    /// - Parameter allowsHalfClose: whether a client that said that a request is its last may close its side and still wait
    ///   for the answer.
    package init(
        limits: HTTPLimits, timeouts: HTTPTimeouts, allowsHalfClose: Bool = false, at now: Nanoseconds
    ) {
        self.limits = limits
        self.timeouts = timeouts
        self.allowsHalfClose = allowsHalfClose
        parser = RequestParser(limits: limits)
        lingeringBytes = limits.lingeringBytes
        self.now = now
        headSince = now
        headTimeout = timeouts.head.nanoseconds
    }
}
