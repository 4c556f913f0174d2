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

/// Sink of a request's results. Calls come from worker threads, never two at a time for the same rows.
package protocol RowSink<Output>: Sendable {
    /// Result of one row.
    associatedtype Output: Sendable

    /// Takes results of rows that follow one another; blocks come in any order.
    func deliver(_ block: RowBlock<Output>)
    /// Ends the request, whose rows are all delivered, or `error` says why not; the last call.
    func finish(_ error: ServingError?)
}

/// Sink that gathers the results of one request for the task that awaits them.
final class CollectingSink<Output: Sendable>: RowSink {
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

/// Sink that puts the blocks of one request in order and passes them on as they come.
final class OrderingSink<Output: Sendable>: RowSink {
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
