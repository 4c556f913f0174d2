public import HTTPTypes

/// Labels that a handler gives a request, and wants told again when it is over.
public struct ExchangeLabels: Sendable, Equatable {
    /// The pattern of the route, such as `/models/{model}`; nil when none fits.
    public var route: String?
    /// The name of the client's key, never the key.
    public var keyName: String?
    /// The `X-Request-Id` of the answer.
    public var requestID: String?
    /// Span of the request; nil when the client named no trace.
    public var span: RequestSpan?

    public init(
        route: String? = nil, keyName: String? = nil, requestID: String? = nil, span: RequestSpan? = nil
    ) {
        self.route = route
        self.keyName = keyName
        self.requestID = requestID
        self.span = span
    }
}

/// Span of a request in the trace of its client. A class, since labels are copied often and few requests have one.
public final class RequestSpan: Equatable, Sendable {
    /// Identifier of the trace, 32 hexadecimal digits.
    public let traceID: String
    /// Identifier of the client's span, 16 hexadecimal digits.
    public let parentID: String
    /// Identifier of the request's own span, 16 hexadecimal digits.
    public let spanID: String
    /// Whether the trace is recorded.
    public let isSampled: Bool

    public init(traceID: String, parentID: String, spanID: String, isSampled: Bool) {
        self.traceID = traceID
        self.parentID = parentID
        self.spanID = spanID
        self.isSampled = isSampled
    }

    /// Flags of the trace, two hexadecimal digits: of those that W3C Trace Context has, `sampled` alone.
    public var flags: String { isSampled ? "01" : "00" }

    /// The span as a value of `traceparent`, version 00: what a child of it would get.
    public var traceParent: String { "00-\(traceID)-\(spanID)-\(flags)" }

    public static func == (a: RequestSpan, b: RequestSpan) -> Bool {
        a.traceID == b.traceID && a.parentID == b.parentID && a.spanID == b.spanID && a.isSampled == b.isSampled
    }
}

/// A request that is over: its answer was handed to the kernel, or will not be.
public struct EndedExchange: Sendable {
    /// Reason why a request is over.
    public enum Ending: String, Sendable, CaseIterable {
        /// The handler's answer was handed to the kernel whole.
        case complete
        /// The server refused the request before a handler had it whole, and that answer was handed to the kernel.
        case refused
        /// The request did not arrive in time, or its answer was not taken in time.
        case timeout
        /// The client closed or reset the connection before the answer was handed over.
        case clientGone = "client-gone"
        /// Broken off by us: a streamed answer failed, or the server stopped.
        case cutOff = "cut-off"
    }

    /// Head of the request; nil when it could not be parsed.
    public var head: HTTPRequest? {
        get { kept?.request }
        set { kept = newValue.map(KeptRequest.init) }
    }
    var kept: KeptRequest?
    /// HTTP version of the request; nil when the head could not be parsed.
    public var version: HTTPVersion?
    /// Status of the answer; nil when there was none yet.
    public var status: HTTPResponse.Status?
    /// Labels of the answer; without one, those that the handler decided on.
    public var labels = ExchangeLabels()
    /// Bytes of the body that came, without chunk framing, before the content coding was undone.
    public var requestBytes = 0
    /// Bytes of the answer, head and framing included, that were handed to the kernel.
    public var answerBytes = 0
    /// Reason why the request is over.
    public var ending = Ending.clientGone
    /// Time from the first byte of the head until the handler had all that it asked for.
    public var reading: Duration {
        get { .nanoseconds(Int64(clamping: readingTime)) }
        set { readingTime = newValue.nanoseconds }
    }
    /// Time from the end of ``reading`` until the head of the answer: waiting for a turn, and computing.
    public var handling: Duration {
        get { .nanoseconds(Int64(clamping: handlingTime)) }
        set { handlingTime = newValue.nanoseconds }
    }
    /// Time from the answer's head until its last byte was handed to the kernel, a streamed answer's computing included.
    public var sending: Duration {
        get { .nanoseconds(Int64(clamping: sendingTime)) }
        set { sendingTime = newValue.nanoseconds }
    }
    /// The same times, for who writes them: a `Duration` is of 128 bits, and slow to divide.
    package var readingTime: Nanoseconds = 0
    package var handlingTime: Nanoseconds = 0
    package var sendingTime: Nanoseconds = 0

    public init(head: HTTPRequest? = nil, version: HTTPVersion? = nil) {
        kept = head.map(KeptRequest.init)
        self.version = version
    }
}

/// A request that several hold, for the price of one reference each.
final class KeptRequest: Sendable {
    let request: HTTPRequest
    init(_ request: HTTPRequest) { self.request = request }
}
