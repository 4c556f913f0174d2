/// Parts of a streamed answer between who makes them and who sends them: so many bytes that a client need not read while it sends, and
/// never more.
package actor Backlog {
    private let limit: Int
    private var parts: [[UInt8]] = []
    private var bytes = 0
    private var ending: Result<Void, any Error>?
    private var maker: CheckedContinuation<Void, Never>?
    private var sender: CheckedContinuation<Void, Never>?

    /// - Parameter limit: most bytes that wait; a larger part waits alone.
    package init(limit: Int) { self.limit = limit }

    /// Bytes that wait now.
    var waiting: Int { bytes }

    /// Appends a part, when there is room.
    package func put(_ part: [UInt8]) async {
        while !parts.isEmpty, bytes + part.count > limit, ending == nil { await withCheckedContinuation { maker = $0 } }
        guard ending == nil else { return }
        parts.append(part)
        bytes += part.count
        sender.take()?.resume()
    }

    /// The next part, once there is one; nil at the end.
    /// - Throws: what ``end(_:)`` was given.
    func next() async throws -> [UInt8]? {
        while parts.isEmpty, ending == nil { await withCheckedContinuation { sender = $0 } }
        guard !parts.isEmpty else {
            try ending?.get()
            return nil
        }
        let part = parts.removeFirst()
        bytes -= part.count
        maker.take()?.resume()
        return part
    }

    /// Says that no more parts come; those that wait are still sent.
    func end(_ ending: Result<Void, any Error> = .success(())) {
        if self.ending == nil { self.ending = ending }
        maker.take()?.resume()
        sender.take()?.resume()
    }

    /// Parts of an answer that `make` puts here, in a task of its own that ends with the answer.
    package static func parts(limit: Int, _ make: @escaping @Sendable (Backlog) async -> Void) -> AsyncThrowingStream<
        [UInt8], any Error
    > {
        let backlog = Backlog(limit: limit)
        let work = CancelledWithLastReference(
            Task {
                await make(backlog)
                await backlog.end()
            })
        return AsyncThrowingStream {
            try await withTaskCancellationHandler {
                try await backlog.next()
            } onCancel: {
                work.task.cancel()
                Task { await backlog.end(.failure(CancellationError())) }
            }
        }
    }
}

/// A task that nobody waits for, cancelled when nobody refers to it any more.
private final class CancelledWithLastReference: Sendable {
    let task: Task<Void, Never>

    init(_ task: Task<Void, Never>) { self.task = task }

    deinit { task.cancel() }
}
