package import HTTPTypes

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
    private enum BodyFlow {
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

    private enum Phase {
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
    private struct Exchange {
        var head: RequestHead
        /// Whether the connection will be used again.
        var keepAlive: Bool
    }

    private let limits: HTTPLimits
    private let timeouts: HTTPTimeouts
    private let allowsHalfClose: Bool
    private var parser: RequestParser
    /// Phase of the connection; plain, so that to look at it copies nothing.
    private var phase = Phase.head
    /// Reason of ``Phase/refusing``.
    private var refusal: HTTPServerError?
    /// Parts of ``Phase/startingStream``.
    private var stream: BodyParts?
    /// The last request, for as long as its head may come again.
    private var lastRequest: KeptRequest?
    private var exchange: Exchange?
    /// Framing of the answer under way, which a request without a readable head has too.
    private var framing = ResponseEncoder.Framing.none
    private var bodyUnread = false
    private var bodyFlow = BodyFlow.none
    private var codedBodyLimit = (handler: 0, wire: 0)
    private var bodyBytes = 0
    /// Number of requests whose head was complete.
    private var requests = 0
    private var inputEnded = false
    /// Whether the next answer is the last.
    private var persistenceEnded = false
    private var draining = false
    private var lingeringBytes: Int
    private var meter = ExchangeMeter()

    private var now: Nanoseconds
    private var headTimeout: Nanoseconds
    private var headSince: Nanoseconds
    private var bodyProgress = ProgressWindow()
    private var outputProgress = ProgressWindow()
    /// Times when our side was closed, and when the client sent something last.
    private var lingerSince: (start: Nanoseconds, input: Nanoseconds) = (0, 0)

    /// Time for which an idle connection keeps its memory for the next request.
    private static let warmTime = Duration.seconds(1)

    /// Bytes that wait to be sent; ``sent(_:at:)`` is to be told how many were.
    package private(set) var output = OutputBuffer()

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

// MARK: - Inputs

extension HTTPConnection {
    /// Takes in bytes that came.
    package mutating func receive(_ bytes: Span<UInt8>, at now: Nanoseconds) {
        self.now = now
        switch phase {
        case .flushing, .lingering:
            lingeringBytes -= bytes.count
            lingerSince.input = now
            if lingeringBytes <= 0, case .lingering = phase { phase = .closing }
        case .ending, .closing, .closed: break
        case .head:
            if parser.isIdle {
                headSince = now
                headTimeout = headTime.nanoseconds
            }
            parser.receive(bytes)
        default: parser.receive(bytes)
        }
    }

    /// Notes that the client closed its sending side, or the whole connection: the two look alike until something is sent.
    ///
    /// A client that does so while its answer is made is taken to be gone, so that its work can be dropped: RFC 9112, section
    /// 9.6, has it read the last answer before it closes. One that said that this was its last request may still wait where
    /// half-closed connections are allowed.
    package mutating func receiveEnd(at now: Nanoseconds) {
        self.now = now
        inputEnded = true
        switch phase {
        case .readingBody, .lingering: phase = .closing
        case .discarding: phase = .flushing
        case .responding, .startingStream, .streaming:
            if leavesByEnding { phase = .closing }
        default: break
        }
    }

    /// Whether a streamed body is being read.
    private var wantsBodyNow: Bool { if case .open = bodyFlow { true } else { false } }

    /// Whether the handler gets the body of the request under way as it comes; until that request is over.
    package var streamsBody: Bool { if case .none = bodyFlow { false } else { true } }

    /// Whether the end of input says that the client of the request under way is gone.
    private var leavesByEnding: Bool { !allowsHalfClose || exchange?.head.keepAlive == true }

    private mutating func enterRefusal(_ error: HTTPServerError) {
        refusal = error
        phase = .refusing
    }

    /// Hands the request over to its handler, unless its client is gone already.
    private mutating func awaitAnswer() { phase = inputEnded && leavesByEnding ? .closing : .responding }

    /// Takes the handler's answer to ``Action/decide(_:)``.
    /// - Parameters:
    ///   - labels: those of a request that ends without an answer of its own.
    ///   - date: the value of Date, should the decision be an answer.
    package mutating func decided(
        _ decision: Decision, labels: ExchangeLabels = ExchangeLabels(), date: [UInt8], at now: Nanoseconds
    ) {
        self.now = now
        guard case .deciding = phase, let head = exchange?.head else { return }
        meter.label(labels)
        switch decision {
        case .respond(let response):
            if !canSkipBody(of: head) { exchange?.keepAlive = false }
            answer(response, date: date, at: now)
        case .later:
            if !canSkipBody(of: head) { exchange?.keepAlive = false }
            awaitAnswer()
        case .readBody(let limit, let lengthRequired):
            if let error = refusal(of: head, limit: limit, lengthRequired: lengthRequired) {
                enterRefusal(error)
                return
            }
            // Coded content may be a little longer than what it stands for, when it does not compress.
            let slack = head.contentCoding == .identity ? 0 : limit / 64 + 1024
            codedBodyLimit = (limit, limit.addingReportingOverflow(slack).overflow ? .max : limit + slack)
            if case .length(let length) = head.framing, length > codedBodyLimit.wire {
                enterRefusal(.bodyTooLarge(limit: limit))
                return
            }
            phase = .readingBody
            beginBody(of: head)
        case .streamBody:
            if let error = refusal(of: head, limit: .max, lengthRequired: true) {
                enterRefusal(error)
                return
            }
            phase = .responding
            bodyFlow = .open
            beginBody(of: head)
        }
    }

    private mutating func beginBody(of head: RequestHead) {
        bodyBytes = 0
        bodyProgress.begin(at: now)
        if head.expectsContinue, head.framing != .none, head.framing != .length(0), parser.bufferedBytes == 0 {
            markOutput()
            ResponseEncoder.encodeContinue(into: &output)
        }
    }

    /// Holds a streamed body back, or lets it go on. While it is held its client's time does not run, and that of the answer does.
    package mutating func holdBody(_ isHeld: Bool, at now: Nanoseconds) {
        self.now = now
        switch bodyFlow {
        case .open where isHeld:
            bodyFlow = .held
            outputProgress.begin(at: now)
        case .held where !isHeld:
            bodyFlow = .open
            bodyProgress.begin(at: now)
        default: break
        }
    }

    /// Notes that the rest of a streamed body is of no use; after its answer the connection closes.
    package mutating func abandonBody(at now: Nanoseconds) {
        self.now = now
        switch bodyFlow {
        case .open, .held: endStreamedBody()
        default: break
        }
    }

    private mutating func endStreamedBody() {
        bodyFlow = .over
        outputProgress.begin(at: now)
    }

    /// Refuses what came so far, which the driver cannot accept: the body, because of its content coding, or any byte at all.
    package mutating func refuse(_ error: HTTPServerError, at now: Nanoseconds) {
        self.now = now
        switch phase {
        case .head, .readingBody, .responding: enterRefusal(error)
        default: break
        }
    }

    /// Closes our side and drops what still comes, of which nothing can be understood; the client was told by other means
    /// than HTTP.
    package mutating func endUnanswered(at now: Nanoseconds) {
        self.now = now
        if case .head = phase { phase = .flushing }
    }

    /// Takes the answer to the request, or to ``Action/refuse(_:hasHead:)``. Ignored when the connection is over.
    package mutating func answer(_ response: ServerResponse, date: [UInt8], at now: Nanoseconds) {
        self.now = now
        var keepAlive = false
        switch phase {
        case .deciding, .responding: keepAlive = exchange?.keepAlive == true && !persistenceEnded
        case .refused: break
        default: return
        }
        meter.answer(response, waiting: output.count, at: now)
        let head = exchange?.head
        let version = head?.version ?? .http11
        framing = ResponseEncoder.framing(of: response, version: version)
        if framing == .untilClose { keepAlive = false }
        // The end of a stream tells whether the rest of a body came; other answers must say beforehand.
        if streamsBody, bodyUnread, !response.isStream { keepAlive = false }
        exchange?.keepAlive = keepAlive
        markOutput()
        ResponseEncoder.encodeHead(
            response.status, response.fields, framing: framing, version: version, keepAlive: keepAlive, date: date,
            into: &output)
        let bodiless = framing == .none || head?.isHEAD == true
        switch response.body {
        case .stream(let parts) where !bodiless:
            stream = parts
            phase = .startingStream
        case .bytes(let bytes) where !bodiless:
            output.append(body: bytes)
            finishExchange(keepAlive: keepAlive)
        default:
            finishExchange(keepAlive: keepAlive)
        }
    }

    /// Takes the next part of a streamed answer; ``Action/sendMore`` follows when it was sent.
    package mutating func streamPart(_ part: [UInt8], at now: Nanoseconds) {
        self.now = now
        guard case .streaming = phase else { return }
        markOutput()
        if framing == .chunked {
            ResponseEncoder.encodeChunk(part, into: &output)
        } else {
            output.append(body: part)
        }
        phase = .streaming(partPending: true)
    }

    /// Ends a streamed answer. One that broke off closes the connection without saying that it is complete.
    package mutating func streamEnd(complete: Bool, at now: Nanoseconds) {
        self.now = now
        guard case .streaming = phase else { return }
        guard complete else {
            meter.cutShort(.cutOff)
            phase = .closing
            return
        }
        if framing == .chunked {
            markOutput()
            ResponseEncoder.encodeLastChunk(into: &output)
        }
        finishExchange(keepAlive: exchange?.keepAlive == true)
    }

    /// Notes that the first `count` bytes of ``output`` were sent.
    package mutating func sent(_ count: Int, at now: Nanoseconds) {
        self.now = now
        output.consume(count)
        outputProgress.add(count)
        meter.sent(count)
        if output.isEmpty, case .head = phase, parser.isIdle { headSince = now }
    }

    /// Makes the next answer the last, and says so in it; until then the connection stays, also while idle.
    package mutating func endPersistence() {
        persistenceEnded = true
    }

    /// Answers what is under way and closes then; an idle connection closes now. A new one, whose first request is likely
    /// to be on its way, is given the time of ``HTTPTimeouts/linger`` for it, and a head that has begun that of
    /// ``HTTPTimeouts/lastHead``.
    package mutating func drain(at now: Nanoseconds) {
        self.now = now
        persistenceEnded = true
        draining = true
        guard case .head = phase else { return }
        if !parser.isIdle {
            headTimeout = min(headTimeout, now - headSince + headTime.nanoseconds)
        } else if requests == 0 {
            headSince = now
            headTimeout = min(timeouts.linger, timeouts.head).nanoseconds
        }
    }

    /// Time that a head has from its first byte on.
    private var headTime: Duration { draining ? min(timeouts.lastHead, timeouts.head) : timeouts.head }

    /// Acts when ``deadline`` has passed at `now`.
    package mutating func timeReached(_ now: Nanoseconds) {
        self.now = now
        guard now >= deadline else { return }
        defer { if case .closing = phase { meter.cutShort(.timeout) } }
        // A client that sends need not read yet.
        if wantsBodyNow {
            let rate = timeouts.minimumBodyRate
            if bodyProgress.renew(at: now, length: timeouts.body, rate: rate) { return }
            bodyFlow = .failing(.bodyTooSlow(minimumRate: rate, seconds: Self.wholeSeconds(timeouts.body)))
            outputProgress.begin(at: now)
            return
        }
        guard output.isEmpty else {
            let isTaken = outputProgress.renew(at: now, length: timeouts.write, rate: timeouts.minimumSendRate)
            if !isTaken { phase = .closing }
            return
        }
        switch phase {
        case .head where now < headDeadline: releaseMemory()
        // While draining no refusal: waiting until the client has read it would hold up the end.
        case .head where parser.isIdle || draining: phase = .ending
        case .head: enterRefusal(.timeout(seconds: Self.wholeSeconds(timeouts.head)))
        case .readingBody, .discarding:
            let rate = timeouts.minimumBodyRate
            if bodyProgress.renew(at: now, length: timeouts.body, rate: rate) { return }
            if case .discarding = phase {
                phase = .closing
            } else {
                enterRefusal(.bodyTooSlow(minimumRate: rate, seconds: Self.wholeSeconds(timeouts.body)))
            }
        default: phase = .closing
        }
    }

    private static func wholeSeconds(_ duration: Duration) -> Int { Int(duration.components.seconds) }
}

// MARK: - Outputs

extension HTTPConnection {
    /// Whether received bytes are welcome now; while not, the client is held back by its own socket.
    package var wantsInput: Bool {
        if inputEnded { return false }
        return switch phase {
        case .ending, .closing, .closed: false
        case .flushing: lingeringBytes > 0
        case .readingBody, .discarding, .lingering: true
        case .responding where wantsBodyNow, .startingStream where wantsBodyNow, .streaming where wantsBodyNow: true
        case .head where output.count < limits.unsentBytes && !output.hasTail: true
        default: parser.bufferedBytes < limits.readAheadBytes
        }
    }

    /// Whether a client that closes its side would count as gone, though nothing is read: then ``receiveEnd(at:)`` may
    /// be called ahead of bytes that were not read.
    package var watchesHangUp: Bool {
        switch phase {
        case .responding, .streaming: !inputEnded && leavesByEnding
        default: false
        }
    }

    /// Whether a request has begun to come whose answer was not sent whole; while draining, whether its head has come.
    package var owesAnswer: Bool {
        switch phase {
        case .head: !parser.isIdle && !draining || !output.isEmpty
        case .discarding, .flushing: !output.isEmpty
        case .lingering, .ending, .closing, .closed: false
        default: true
        }
    }

    /// Time at which ``timeReached(_:)`` would act; `.max` for never, which is while a handler works.
    package var deadline: Nanoseconds {
        if wantsBodyNow { return bodyProgress.deadline(length: timeouts.body) }
        if !output.isEmpty {
            switch phase {
            case .closing, .closed: return .max
            default: return outputProgress.deadline(length: timeouts.write)
            }
        }
        switch phase {
        case .head:
            guard parser.isIdle, heldBytes > 0 else { return headDeadline }
            return min(headDeadline, headSince &+ Self.warmTime.nanoseconds)
        case .readingBody, .discarding: return bodyProgress.deadline(length: timeouts.body)
        case .lingering:
            return min(
                lingerSince.input &+ timeouts.linger.nanoseconds,
                lingerSince.start &+ timeouts.lingerTotal.nanoseconds)
        default: return .max
        }
    }

    private var headDeadline: Nanoseconds { headSince &+ headTimeout }

    /// Bytes of memory held for what came in and what goes out; 0 when idle for a second.
    package var heldBytes: Int { parser.heldBytes + output.heldBytes }

    /// The request of the last ``Action/decide(_:)``, made and kept until it is over; to be asked for before the next
    /// ``receive(_:at:)``.
    package mutating func makeRequest() -> HTTPRequest {
        if repeatRequest(), let lastRequest { return lastRequest.request }
        let request = KeptRequest(parser.makeRequest())
        lastRequest = parser.keepsHead ? request : nil
        meter.keep(request)
        return request.request
    }

    /// Keeps the request of the last ``Action/decide(_:)`` as ``makeRequest()`` does, where its head is that of the request before,
    /// byte for byte: then nothing is made.
    /// - Returns: whether it is.
    package mutating func repeatRequest() -> Bool {
        guard parser.repeatsHead, let lastRequest else { return false }
        meter.keep(lastRequest)
        return true
    }

    /// Whether the last request is kept, to be repeated.
    package var keepsRequest: Bool { lastRequest != nil }

    /// The request that is being answered, once it was made.
    package var request: HTTPRequest? { meter.head }

    /// Labels that were decided on for ``request``.
    package var labels: ExchangeLabels { meter.labels }

    /// Calls `body` with the bytes of an ``Action/body(_:)``, which are there until the next ``receive(_:at:)``.
    package func withBytes<Output, Failure: Error>(
        of part: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        try parser.withBytes(of: part, body)
    }

    /// The next thing to do, or nil to wait for an input.
    package mutating func nextAction() -> Action? {
        while true {
            switch phase {
            case .head:
                guard output.count < limits.unsentBytes, !output.hasTail else { return nil }
                if draining, parser.isIdle, requests > 0 {
                    phase = output.isEmpty ? .ending : .flushing
                    continue
                }
                do throws(HTTPServerError) {
                    guard case .head(let head)? = try parser.next() else {
                        if inputEnded { phase = .flushing }
                        if case .head = phase { return nil }
                        continue
                    }
                    requests += 1
                    exchange = Exchange(head: head, keepAlive: head.keepAlive && requests < limits.requests)
                    meter.begin(head.version, since: headSince, at: now)
                    bodyUnread = true
                    phase = .deciding
                    return .decide(head)
                } catch {
                    exchange = nil
                    enterRefusal(error)
                }

            case .readingBody, .discarding:
                do throws(HTTPServerError) {
                    if let action = try nextBodyAction() { return action }
                    if case .head = phase { continue }
                    // The client went while this request waited unread behind others.
                    guard inputEnded else { return nil }
                    if case .discarding = phase { phase = .flushing } else { phase = .closing }
                } catch {
                    // A discarded body belongs to a request that has its answer.
                    if case .discarding = phase { phase = .flushing } else { enterRefusal(error) }
                }

            case .refusing:
                guard let error = refusal.take() else { preconditionFailure("a refusal without a reason") }
                phase = .refused
                meter.refuse(error, since: headSince, at: now)
                return .refuse(error, hasHead: exchange != nil)

            case .startingStream:
                guard let parts = stream.take() else { preconditionFailure("a stream without parts") }
                phase = .streaming(partPending: false)
                return .stream(parts)

            case .streaming(partPending: true) where output.isEmpty:
                phase = .streaming(partPending: false)
                return .sendMore

            case .flushing where output.isEmpty:
                if inputEnded {
                    phase = .ending
                } else {
                    phase = .lingering
                    lingerSince = (now, now)
                    return .finishWriting
                }

            case .ending:
                phase = .closing
                return .finishWriting

            case .closing:
                phase = .closed
                return .close

            case .responding, .streaming:
                if let action = nextStreamedBodyAction() { return action }
                if case .closing = phase { continue }
                return nil

            case .deciding, .refused, .flushing, .lingering, .closed:
                return nil
            }
        }
    }
}

// MARK: - Requests that are over

extension HTTPConnection {
    /// The next request whose answer was sent whole; to be asked for after ``sent(_:at:)`` until it is nil.
    package mutating func takeEnded() -> EndedExchange? { meter.takeEnded(at: now) }

    /// The next request that the end of the connection cuts short; to be asked for when it is closed.
    package mutating func takeUnfinished(at now: Nanoseconds) -> EndedExchange? { meter.takeUnfinished(at: now) }

    /// Notes that the driver closes the connection of its own accord, and not because the client is gone.
    package mutating func cutOff() { meter.cutShort(.cutOff) }
}

// MARK: - Steps

extension HTTPConnection {
    /// The next action of a body that is read or discarded; nil when more bytes are needed or the phase changed.
    private mutating func nextBodyAction() throws(HTTPServerError) -> Action? {
        while let event = try parser.next() {
            let reading = if case .readingBody = phase { true } else { false }
            switch event {
            case .head: preconditionFailure("a head in the middle of a body")
            case .body(let part):
                bodyBytes += part.count
                bodyProgress.add(part.count)
                guard reading else { continue }
                guard bodyBytes <= codedBodyLimit.wire else { throw .bodyTooLarge(limit: codedBodyLimit.handler) }
                meter.receive(part.count)
                return .body(part)
            case .end:
                bodyUnread = false
                guard reading else {
                    enterHead()
                    return nil
                }
                meter.requestRead(at: now)
                awaitAnswer()
                guard case .responding = phase else { return nil }
                return .bodyComplete
            }
        }
        return nil
    }

    /// The next action of a body that is streamed; nil when more bytes are needed, none are wanted or the client is gone.
    private mutating func nextStreamedBodyAction() -> Action? {
        if case .failing(let error) = bodyFlow {
            endStreamedBody()
            return .bodyFailed(error)
        }
        guard wantsBodyNow else { return nil }
        do throws(HTTPServerError) {
            switch try parser.next() {
            case .head: preconditionFailure("a head in the middle of a body")
            case .body(let part):
                bodyProgress.add(part.count)
                meter.receive(part.count)
                return .body(part)
            case .end:
                bodyUnread = false
                meter.requestRead(at: now)
                endStreamedBody()
                return .bodyComplete
            case nil:
                // half of a body is no request
                if inputEnded { phase = .closing }
                return nil
            }
        } catch {
            endStreamedBody()
            return .bodyFailed(error)
        }
    }

    /// Reason why the body of `head` will not be read, if that is known before it comes.
    private func refusal(of head: RequestHead, limit: Int, lengthRequired: Bool) -> HTTPServerError? {
        if head.expectationFails { return .expectationFailed }
        if head.framing == .none { return lengthRequired ? .lengthRequired : nil }
        if case .unsupported(let coding) = head.contentCoding { return .unsupportedContentCoding(coding) }
        return nil
    }

    /// Whether the connection can go on when the body of `head` is not wanted. A client that waits for 100, or whose Expect
    /// was meant to say so, may send the body or not, so what comes next would be a guess; an unknown length could be any.
    private func canSkipBody(of head: RequestHead) -> Bool {
        switch head.framing {
        case .none, .length(0): true
        case .length(let length): length <= limits.discardedBodyBytes && !head.expectsContinue && !head.expectationFails
        case .chunked: false
        }
    }

    /// Ends the exchange, whose answer is complete in ``output``.
    private mutating func finishExchange(keepAlive: Bool) {
        meter.answerComplete(waiting: output.count)
        let isCutShort = streamsBody && bodyUnread
        bodyFlow = .none
        if !keepAlive || isCutShort {
            // What came behind the last request is never looked at.
            parser.discard()
            phase = .flushing
        } else if bodyUnread {
            phase = .discarding
            bodyBytes = 0
            bodyProgress.begin(at: now)
        } else {
            enterHead()
        }
    }

    private mutating func enterHead() {
        phase = .head
        exchange = nil
        headSince = now
        headTimeout = (parser.isIdle ? timeouts.idle : headTime).nanoseconds
    }

    /// Notes that something is about to be appended to ``output``: the client's time to take it begins when it was empty.
    private mutating func markOutput() {
        if output.isEmpty { outputProgress.begin(at: now) }
    }

    private mutating func releaseMemory() {
        parser.discard()
        lastRequest = nil
        output.releaseStorage()
    }
}
