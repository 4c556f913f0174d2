/// What the driver is to do next.
extension HTTPConnection {
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
