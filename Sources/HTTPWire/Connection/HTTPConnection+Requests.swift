package import HTTPTypes

/// The request that is answered, and those that are over.
extension HTTPConnection {
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

    /// Whether a request has begun to come whose answer was not sent whole; while draining, whether its head has come.
    package var owesAnswer: Bool {
        switch phase {
        case .head: !parser.isIdle && !draining || !output.isEmpty
        case .discarding, .flushing: !output.isEmpty
        case .lingering, .ending, .closing, .closed: false
        default: true
        }
    }

    /// The next request whose answer was sent whole; to be asked for after ``sent(_:at:)`` until it is nil.
    package mutating func takeEnded() -> EndedExchange? { meter.takeEnded(at: now) }

    /// The next request that the end of the connection cuts short; to be asked for when it is closed.
    package mutating func takeUnfinished(at now: Nanoseconds) -> EndedExchange? { meter.takeUnfinished(at: now) }

    /// Notes that the driver closes the connection of its own accord, and not because the client is gone.
    package mutating func cutOff() { meter.cutShort(.cutOff) }
}
