import HTTPWire

/// A connection on its I/O loop: the machine, the transport under it and what waits on either.
///
/// Belongs to the loop, which alone touches it; the socket closes when the loop lets go of it.
final class LiveConnection {
    let id: Int
    let transport: any Transport
    var machine: HTTPConnection
    /// Readiness that the poller was last asked to tell of.
    var interest = Interest.read
    /// Whether the socket took no more; the poller says when it does again.
    var isWriteBlocked = false
    /// Whether the end of our side waits for the socket too.
    var isFinishBlocked = false

    /// Whether a TLS handshake is still to be completed and counted.
    private var awaitsHandshake: Bool

    /// What decides on requests of the last head, for as long as the machine keeps that.
    var decider: HeadDecider?
    /// The body that is being read whole.
    var body: AwaitedBody?
    /// The body that the handler reads as it comes.
    var feed: BodyFeed?
    /// Task that makes the answer, or feeds a streamed one.
    var task: Task<Void, Never>?
    /// Continuation of a streamed answer's feeder, which waits until its last part was sent; false ends it.
    private var streamWaiter: CheckedContinuation<Bool, Never>?

    init(id: Int, transport: any Transport, machine: consuming HTTPConnection) {
        self.id = id
        self.transport = transport
        awaitsHandshake = transport is TLSTransport
        self.machine = machine
    }

    /// The work that the answer takes, now that the body is whole.
    /// - Throws: what is wrong with the content coding.
    func takeWork() throws(HTTPServerError) -> @Sendable () async -> ServerResponse {
        guard let body = body.take() else { preconditionFailure("a body that nobody asked for") }
        return try body.finish()
    }

    /// Whether bytes come for the first time through TLS, so that a handshake was completed.
    func noteHandshake() -> Bool {
        guard awaitsHandshake, transport.info.isEncrypted else { return false }
        awaitsHandshake = false
        return true
    }

    /// Readiness that the machine waits for now.
    var wantedInterest: Interest {
        var interest: Interest = machine.wantsInput ? transport.readInterest : []
        if isWriteBlocked || isFinishBlocked { interest.formUnion(transport.writeInterest) }
        if machine.watchesHangUp { interest.insert(.hangUp) }
        return interest
    }

    /// Keeps the feeder waiting until its part was sent.
    func wait(_ waiter: CheckedContinuation<Bool, Never>) {
        streamWaiter = waiter
    }

    /// Lets the feeder go on, if it waits.
    func resumeStream(wantsMore: Bool) {
        streamWaiter?.resume(returning: wantsMore)
        streamWaiter = nil
    }
}
