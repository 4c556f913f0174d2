import HTTPTypes

/// Times and bytes of the requests of one connection, for ``EndedExchange``.
///
/// A request is over when the last byte of its answer was sent, which for pipelined ones may be after the next began.
struct ExchangeMeter: Sendable {
    private struct Exchange {
        var ended: EndedExchange
        /// Time when the request's first byte came, followed by the end of each of its stages.
        var began: Nanoseconds
        var read: Nanoseconds
        var answered: Nanoseconds?
        var refusal: HTTPServerError?
        /// Positions of the answer's first byte and of its end in all that the connection ever sends.
        var answerStart = 0
        var answerEnd: Int?
    }

    /// The request that began last, until its whole answer was sent.
    private var current: Exchange?
    /// Requests before ``current`` that are answered whole, but not sent whole; in order. Only pipelining brings any.
    private var answered: [Exchange] = []
    /// Bytes that were sent on the whole connection.
    private var sentBytes = 0
    private var whenCutShort = EndedExchange.Ending.clientGone

    /// Notes that a head was parsed or, where `version` is nil, could not be.
    mutating func begin(_ version: HTTPVersion?, since began: Nanoseconds, at now: Nanoseconds) {
        if let current, current.answerEnd != nil { answered.append(current) }
        current = Exchange(ended: EndedExchange(version: version), began: began, read: now)
    }

    /// Head of the request that began last, while its answer is not sent whole.
    var head: HTTPRequest? { current?.ended.head }

    /// Labels of the request that began last; empty once its answer was sent whole.
    var labels: ExchangeLabels { current?.ended.labels ?? ExchangeLabels() }

    /// Keeps the labels of the handler's decision on the head.
    mutating func label(_ labels: ExchangeLabels) {
        current?.ended.labels = labels
    }

    /// Keeps the head that was parsed.
    mutating func keep(_ head: KeptRequest) {
        current?.ended.kept = head
    }

    /// Counts bytes of the body that the handler wants.
    mutating func receive(_ count: Int) {
        current?.ended.requestBytes += count
    }

    /// Notes that the handler has all that it asked for.
    mutating func requestRead(at now: Nanoseconds) {
        current?.read = now
    }

    /// Notes that the server refuses the request by itself.
    mutating func refuse(_ error: HTTPServerError, since began: Nanoseconds, at now: Nanoseconds) {
        if current == nil || current?.answerEnd != nil { begin(nil, since: began, at: now) }
        current?.refusal = error
        current?.read = now
    }

    /// Notes that the head of the answer is about to be appended to the `waiting` bytes of output.
    mutating func answer(_ response: ServerResponse, waiting: Int, at now: Nanoseconds) {
        current?.ended.status = response.status
        current?.ended.labels = response.labels
        current?.answered = now
        current?.answerStart = sentBytes + waiting
    }

    /// Notes that the answer is complete in the output, which now has `waiting` bytes.
    mutating func answerComplete(waiting: Int) {
        current?.answerEnd = sentBytes + waiting
    }

    mutating func sent(_ count: Int) {
        sentBytes += count
    }

    /// Says why requests end that cannot be completed any more.
    mutating func cutShort(_ ending: EndedExchange.Ending) {
        whenCutShort = ending
    }

    /// The next request whose whole answer was sent.
    mutating func takeEnded(at now: Nanoseconds) -> EndedExchange? {
        guard let end = answered.first?.answerEnd ?? current?.answerEnd, end <= sentBytes else { return nil }
        return takeNext(at: now, whole: true)
    }

    /// The next request that the end of the connection cuts short.
    mutating func takeUnfinished(at now: Nanoseconds) -> EndedExchange? {
        takeNext(at: now, whole: false)
    }

    private mutating func takeNext(at now: Nanoseconds, whole: Bool) -> EndedExchange? {
        guard let exchange = answered.isEmpty ? current.take() : answered.removeFirst() else { return nil }
        var ended = exchange.ended
        switch exchange.refusal {
        case .timeout, .bodyTooSlow: ended.ending = .timeout
        case _ where !whole: ended.ending = whenCutShort
        case .some: ended.ending = .refused
        case nil: ended.ending = .complete
        }
        ended.readingTime = Self.time(from: exchange.began, to: exchange.read)
        ended.handlingTime = Self.time(from: exchange.read, to: exchange.answered ?? now)
        if let answered = exchange.answered {
            ended.sendingTime = Self.time(from: answered, to: now)
            ended.answerBytes = max(min(sentBytes, exchange.answerEnd ?? .max) - exchange.answerStart, 0)
        }
        return ended
    }

    private static func time(from start: Nanoseconds, to end: Nanoseconds) -> Nanoseconds {
        end > start ? end - start : 0
    }
}
