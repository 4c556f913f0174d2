import HTTPTypes

/// Times and bytes of the requests of one connection, for ``EndedExchange``.
///
/// A request is over when the last byte of its answer was sent, which for pipelined ones may be after the next began.
struct ExchangeMeter: Sendable {
    private struct Exchange {
        var ended: EndedExchange
        /// When its first byte came; then the end of each of its stages.
        var began: Nanoseconds
        var read: Nanoseconds
        var answered: Nanoseconds?
        var refusal: HTTPServerError?
        /// Positions in all that the connection ever sends.
        var answerStart = 0
        var answerEnd: Int?
    }

    /// The one that began last, until its whole answer was sent.
    private var current: Exchange?
    /// Those before it that are answered whole, but not sent whole; in order. Only pipelining brings any.
    private var answered: [Exchange] = []
    /// Of the whole connection.
    private var sentBytes = 0
    private var whenCutShort = EndedExchange.Ending.clientGone

    /// A head was parsed, or could not be: then there is no version.
    mutating func begin(_ version: HTTPVersion?, since began: Nanoseconds, at now: Nanoseconds) {
        if let current, current.answerEnd != nil { answered.append(current) }
        current = Exchange(ended: EndedExchange(version: version), began: began, read: now)
    }

    /// Of the request that began last, while its answer is not sent whole.
    var head: HTTPRequest? { current?.ended.head }

    /// Labels of the same.
    var labels: ExchangeLabels { current?.ended.labels ?? ExchangeLabels() }

    /// The handler decided on the head.
    mutating func label(_ labels: ExchangeLabels) {
        current?.ended.labels = labels
    }

    /// The head that was parsed.
    mutating func keep(_ head: HTTPRequest) {
        current?.ended.head = head
    }

    /// A part of the body that the handler wants came.
    mutating func receive(_ count: Int) {
        current?.ended.requestBytes += count
    }

    /// The handler has all that it asked for.
    mutating func requestRead(at now: Nanoseconds) {
        current?.read = now
    }

    /// The server refuses the request by itself.
    mutating func refuse(_ error: HTTPServerError, since began: Nanoseconds, at now: Nanoseconds) {
        if current == nil || current?.answerEnd != nil { begin(nil, since: began, at: now) }
        current?.refusal = error
        current?.read = now
    }

    /// The head of the answer is about to be appended to the `waiting` bytes of output.
    mutating func answer(_ response: ServerResponse, waiting: Int, at now: Nanoseconds) {
        current?.ended.status = response.status
        current?.ended.labels = response.labels
        current?.answered = now
        current?.answerStart = sentBytes + waiting
    }

    /// The answer is complete in the output, whose bytes are now `waiting`.
    mutating func answerComplete(waiting: Int) {
        current?.answerEnd = sentBytes + waiting
    }

    mutating func sent(_ count: Int) {
        sentBytes += count
    }

    /// Why requests end that cannot be completed any more.
    mutating func cutShort(_ ending: EndedExchange.Ending) {
        whenCutShort = ending
    }

    /// The next request whose whole answer was sent.
    mutating func takeEnded(at now: Nanoseconds) -> EndedExchange? {
        guard let end = answered.first?.answerEnd ?? current?.answerEnd, end <= sentBytes else { return nil }
        return takeNext().map { finished($0, at: now, whole: true) }
    }

    /// The next request that the end of the connection cuts short.
    mutating func takeUnfinished(at now: Nanoseconds) -> EndedExchange? {
        takeNext().map { finished($0, at: now, whole: false) }
    }

    private mutating func takeNext() -> Exchange? {
        answered.isEmpty ? current.take() : answered.removeFirst()
    }

    private func finished(_ exchange: Exchange, at now: Nanoseconds, whole: Bool) -> EndedExchange {
        var ended = exchange.ended
        switch exchange.refusal {
        case .timeout, .bodyTooSlow: ended.ending = .timeout
        case _ where !whole: ended.ending = whenCutShort
        case .some: ended.ending = .refused
        case nil: ended.ending = .complete
        }
        ended.reading = Self.duration(from: exchange.began, to: exchange.read)
        ended.handling = Self.duration(from: exchange.read, to: exchange.answered ?? now)
        if let answered = exchange.answered {
            ended.sending = Self.duration(from: answered, to: now)
            ended.answerBytes = max(min(sentBytes, exchange.answerEnd ?? .max) - exchange.answerStart, 0)
        }
        return ended
    }

    private static func duration(from start: Nanoseconds, to end: Nanoseconds) -> Duration {
        .nanoseconds(Int64(clamping: end > start ? end - start : 0))
    }
}
