import HTTPWire

/// A connection on its I/O loop: the machine, the transport under it and what waits on either.
///
/// Belongs to the loop, which alone touches it; the socket closes when the loop lets go of it.
final class LiveConnection {
    let id: Int
    let transport: any Transport
    var machine: HTTPConnection
    /// What the poller was last asked to tell.
    var interest = Interest.read
    /// The socket took no more; the poller says when it does.
    var isWriteBlocked = false
    /// The end of our side waits for the socket too.
    var isFinishBlocked = false

    /// The body that is being read.
    var body: AwaitedBody?
    /// Makes the answer, or feeds a streamed one.
    var task: Task<Void, Never>?
    /// The feeder of a streamed answer, until its last part was sent; false when there is no use in more.
    private var streamWaiter: CheckedContinuation<Bool, Never>?

    init(id: Int, transport: any Transport, machine: consuming HTTPConnection) {
        self.id = id
        self.transport = transport
        self.machine = machine
    }

    /// The work that the answer takes, now that the body is whole.
    /// - Throws: what is wrong with the content coding.
    func takeWork() throws(HTTPServerError) -> @Sendable () async -> ServerResponse {
        guard let body = body.take() else { preconditionFailure("a body that nobody asked for") }
        return try body.finish()
    }

    /// What the machine waits for now.
    var wantedInterest: Interest {
        var interest: Interest = machine.wantsInput ? transport.readInterest : []
        if isWriteBlocked || isFinishBlocked { interest.formUnion(transport.writeInterest) }
        if machine.watchesHangUp { interest.insert(.hangUp) }
        return interest
    }

    /// The feeder waits until its part was sent.
    func wait(_ waiter: CheckedContinuation<Bool, Never>) {
        streamWaiter = waiter
    }

    /// Lets the feeder go on, if it waits.
    func resumeStream(wantsMore: Bool) {
        streamWaiter?.resume(returning: wantsMore)
        streamWaiter = nil
    }
}
