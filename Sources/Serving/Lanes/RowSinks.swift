import FlowModels
import Synchronization

/// Gathers the log-densities of one request for the task that awaits them.
final class DensitySink: LaneSink {
    private struct State {
        var results: [Result<RowDensity, RowFailure>]
        var timings = RequestTimings()
        var continuation: CheckedContinuation<DensityAnswer, any Error>?
    }

    private let state: Mutex<State>

    init(rows: Int, continuation: CheckedContinuation<DensityAnswer, any Error>) {
        let none = Result<RowDensity, RowFailure>.failure(.refused(reason: "never ran"))
        state = Mutex(State(results: Array(repeating: none, count: rows), continuation: continuation))
    }

    func deliver(_ results: LaneResults, at range: Range<Int>, timings: RequestTimings) {
        guard case .density(let values) = results else { preconditionFailure("not a density's results") }
        state.withLock { state in
            state.results.replaceSubrange(range, with: values)
            state.timings = timings
        }
    }

    func finish(_ error: ServingError?) {
        let (continuation, answer) = state.withLock { state in
            defer { state.continuation = nil }
            return (state.continuation, DensityAnswer(results: state.results, timings: state.timings))
        }
        if let error {
            continuation?.resume(throwing: error)
        } else {
            continuation?.resume(returning: answer)
        }
    }
}

/// Puts the blocks of one request in order and passes them on as they come.
final class SampleSink: LaneSink {
    private struct State {
        /// Blocks that came before those in front of them, by their first row.
        var early: [Int: SampleBlock] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let continuation: AsyncThrowingStream<SampleBlock, any Error>.Continuation

    init(continuation: AsyncThrowingStream<SampleBlock, any Error>.Continuation) {
        self.continuation = continuation
    }

    func deliver(_ results: LaneResults, at range: Range<Int>, timings: RequestTimings) {
        guard case .sampling(let images) = results else { preconditionFailure("not samples") }
        let block = SampleBlock(first: range.lowerBound, images: images, timings: timings)
        // Yielded under the lock, so that the order is kept.
        state.withLock { state in
            state.early[block.first] = block
            while let block = state.early.removeValue(forKey: state.next) {
                state.next += block.images.count
                continuation.yield(block)
            }
        }
    }

    func finish(_ error: ServingError?) {
        continuation.finish(throwing: error)
    }
}
