import Synchronization

/// What a server is at, readable from anywhere.
public final class ServerActivity: Sendable {
    private let connectionCount = Atomic(0)
    private let requestCount = Atomic(0)

    public init() {}

    /// Open connections.
    public var connections: Int { connectionCount.load(ordering: .relaxed) }
    /// Requests whose head is parsed, and whose answer is not yet handed to the kernel.
    public var requests: Int { requestCount.load(ordering: .relaxed) }

    func connectionOpened() { connectionCount.add(1, ordering: .relaxed) }
    func connectionClosed() { connectionCount.subtract(1, ordering: .relaxed) }
    func requestBegan() { requestCount.add(1, ordering: .relaxed) }
    func requestEnded() { requestCount.subtract(1, ordering: .relaxed) }
}
