/// Answers, and what of them was sent.
extension HTTPConnection {
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

    /// Ends the exchange, whose answer is complete in ``output``.
    mutating func finishExchange(keepAlive: Bool) {
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

    mutating func enterHead() {
        phase = .head
        exchange = nil
        headSince = now
        headTimeout = (parser.isIdle ? timeouts.idle : headTime).nanoseconds
    }

    /// Notes that something is about to be appended to ``output``: the client's time to take it begins when it was empty.
    mutating func markOutput() {
        if output.isEmpty { outputProgress.begin(at: now) }
    }
}
