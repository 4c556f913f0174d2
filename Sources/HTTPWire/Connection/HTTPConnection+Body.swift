/// The body of a request, and the handler's hold on one that it gets as it comes.
extension HTTPConnection {
    /// Whether a streamed body is being read.
    var wantsBodyNow: Bool { if case .open = bodyFlow { true } else { false } }

    /// Whether the handler gets the body of the request under way as it comes; until that request is over.
    package var streamsBody: Bool { if case .none = bodyFlow { false } else { true } }

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

    mutating func endStreamedBody() {
        bodyFlow = .over
        outputProgress.begin(at: now)
    }

    /// Calls `body` with the bytes of an ``Action/body(_:)``, which are there until the next ``receive(_:at:)``.
    package func withBytes<Output, Failure: Error>(
        of part: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        try parser.withBytes(of: part, body)
    }

    /// The next action of a body that is read or discarded; nil when more bytes are needed or the phase changed.
    mutating func nextBodyAction() throws(HTTPServerError) -> Action? {
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
    mutating func nextStreamedBodyAction() -> Action? {
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
}
