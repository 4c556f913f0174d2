/// What the handler decides on the head of a request.
extension HTTPConnection {
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

    mutating func beginBody(of head: RequestHead) {
        bodyBytes = 0
        bodyProgress.begin(at: now)
        if head.expectsContinue, head.framing != .none, head.framing != .length(0), parser.bufferedBytes == 0 {
            markOutput()
            ResponseEncoder.encodeContinue(into: &output)
        }
    }

    /// Reason why the body of `head` will not be read, if that is known before it comes.
    func refusal(of head: RequestHead, limit: Int, lengthRequired: Bool) -> HTTPServerError? {
        if head.expectationFails { return .expectationFailed }
        if head.framing == .none { return lengthRequired ? .lengthRequired : nil }
        if case .unsupported(let coding) = head.contentCoding { return .unsupportedContentCoding(coding) }
        return nil
    }

    /// Whether the connection can go on when the body of `head` is not wanted. A client that waits for 100, or whose Expect
    /// was meant to say so, may send the body or not, so what comes next would be a guess; an unknown length could be any.
    func canSkipBody(of head: RequestHead) -> Bool {
        switch head.framing {
        case .none, .length(0): true
        case .length(let length): length <= limits.discardedBodyBytes && !head.expectsContinue && !head.expectationFails
        case .chunked: false
        }
    }

    /// Hands the request over to its handler, unless its client is gone already.
    mutating func awaitAnswer() { phase = inputEnded && leavesByEnding ? .closing : .responding }
}
