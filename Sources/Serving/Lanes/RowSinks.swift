import Synchronization

/// Results of the rows of one request, in their order.
public struct RowAnswer<Output: Sendable>: Sendable {
    /// Output of each row, or why it has none.
    public var results: [Result<Output, RowFailure>]
    /// Timings of the whole request.
    public var timings: RequestTimings
}

/// Results of some rows of a request that follow one another.
public struct RowBlock<Output: Sendable>: Sendable {
    /// Position of the first row within the request.
    public var first: Int
    /// Output of each row, or why it has none.
    public var results: [Result<Output, RowFailure>]
    /// Timings of the request until now.
    public var timings: RequestTimings
}

/// Where a request's results go. Calls come from worker threads, never two at a time for the same rows.
package struct RowSink<Output: Sendable>: Sendable {
    /// Results of rows that follow one another, in any order of blocks.
    let deliver: @Sendable (RowBlock<Output>) -> Void
    /// The last call: all rows are delivered, or the error says why not.
    let finish: @Sendable (ServingError?) -> Void

    /// All results at once, to the task that awaits them.
    static func collecting(
        rows: Int, for continuation: CheckedContinuation<RowAnswer<Output>, any Error>
    ) -> RowSink {
        let collector = RowCollector<Output>(rows: rows, continuation: continuation)
        return RowSink(deliver: { collector.deliver($0) }, finish: { collector.finish($0) })
    }

    /// Blocks in their order, each as soon as those before it have come.
    static func ordering(
        for continuation: AsyncThrowingStream<RowBlock<Output>, any Error>.Continuation
    ) -> RowSink {
        let orderer = BlockOrderer<Output>(continuation: continuation)
        return RowSink(deliver: { orderer.deliver($0) }, finish: { orderer.finish($0) })
    }
}

/// Gathers the results of one request for the task that awaits them.
private final class RowCollector<Output: Sendable>: Sendable {
    private struct State {
        var results: [Result<Output, RowFailure>]
        var timings = RequestTimings()
        var continuation: CheckedContinuation<RowAnswer<Output>, any Error>?
    }

    private let state: Mutex<State>

    init(rows: Int, continuation: CheckedContinuation<RowAnswer<Output>, any Error>) {
        let none = Result<Output, RowFailure>.failure(.refused(reason: "never ran"))
        state = Mutex(State(results: Array(repeating: none, count: rows), continuation: continuation))
    }

    func deliver(_ block: RowBlock<Output>) {
        state.withLock { state in
            state.results.replaceSubrange(block.first..<block.first + block.results.count, with: block.results)
            state.timings = block.timings
        }
    }

    func finish(_ error: ServingError?) {
        let (continuation, answer) = state.withLock { state in
            defer { state.continuation = nil }
            return (state.continuation, RowAnswer(results: state.results, timings: state.timings))
        }
        if let error {
            continuation?.resume(throwing: error)
        } else {
            continuation?.resume(returning: answer)
        }
    }
}

/// Puts the blocks of one request in order and passes them on as they come.
private final class BlockOrderer<Output: Sendable>: Sendable {
    private struct State {
        /// Blocks that came before those in front of them, by their first row.
        var early: [Int: RowBlock<Output>] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let continuation: AsyncThrowingStream<RowBlock<Output>, any Error>.Continuation

    init(continuation: AsyncThrowingStream<RowBlock<Output>, any Error>.Continuation) {
        self.continuation = continuation
    }

    func deliver(_ block: RowBlock<Output>) {
        // Yielded under the lock, so that the order is kept.
        state.withLock { state in
            state.early[block.first] = block
            while let block = state.early.removeValue(forKey: state.next) {
                state.next += block.results.count
                continuation.yield(block)
            }
        }
    }

    func finish(_ error: ServingError?) {
        continuation.finish(throwing: error)
    }
}
