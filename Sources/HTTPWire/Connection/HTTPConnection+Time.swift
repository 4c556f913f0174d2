/// Time limits, the end that somebody asks for, and memory of a connection that rests.
extension HTTPConnection {
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

    var headDeadline: Nanoseconds { headSince &+ headTimeout }

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

    static func wholeSeconds(_ duration: Duration) -> Int { Int(duration.components.seconds) }

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
    var headTime: Duration { draining ? min(timeouts.lastHead, timeouts.head) : timeouts.head }

    /// Bytes of memory held for what came in and what goes out; 0 when idle for a second.
    package var heldBytes: Int { parser.heldBytes + output.heldBytes }

    mutating func releaseMemory() {
        parser.discard()
        lastRequest = nil
        output.releaseStorage()
    }
}
