/// Bytes that come, and the end of them.
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

    /// Whether the end of input says that the client of the request under way is gone.
    var leavesByEnding: Bool { !allowsHalfClose || exchange?.head.keepAlive == true }

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

    mutating func enterRefusal(_ error: HTTPServerError) {
        refusal = error
        phase = .refusing
    }
}
