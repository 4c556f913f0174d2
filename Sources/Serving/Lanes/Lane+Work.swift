import Dispatch
import Metrics
import Synchronization

/// Consequences of a change of the batcher: ends of requests, the timer, and batches on the lane's threads.
extension Lane {
    /// Changes the batcher and performs its actions.
    func change<Failure: Error>(
        _ body: (inout State, Duration) throws(Failure) -> [Batcher<LaneGroup>.Action]
    ) throws(Failure) {
        let ends = try state.withLock { state throws(Failure) in
            let now = now
            let actions = try body(&state, now)
            return perform(actions, on: &state, at: now)
        }
        for (end, error) in ends { end(error) }
    }

    /// Performs what can be done under the lock; the rest is returned.
    private func perform(
        _ actions: [Batcher<LaneGroup>.Action], on state: inout State, at now: Duration
    ) -> [(RequestEnd, ServingError?)] {
        var ends: [(RequestEnd, ServingError?)] = []
        for action in actions {
            switch action {
            case .run(let batch):
                watch.begin()
                metrics.batchRows.observe(Double(batch.rows))
                state.ready.append(batch)
                signal.signal()
            case .complete(let ticket):
                if let end = state.remove(ticket) { ends.append((end, nil)) }
            case .expire(let ticket, let finished, let rows):
                if let end = state.remove(ticket) { ends.append((end, .deadlinePassed(finished: finished, of: rows))) }
            }
        }
        setTimer(&state, at: now)
        if state.batcher.isIdle {
            for continuation in state.whenIdle { continuation.resume() }
            state.whenIdle = []
        }
        return ends
    }

    /// Makes sure that the batcher's next tick comes; a timer that comes too early does no harm.
    private func setTimer(_ state: inout State, at now: Duration) {
        guard let next = state.batcher.nextTick, state.timerAt.map({ next < $0 }) ?? true else { return }
        state.timerAt = next
        let wait = max(.zero, next - now)
        timer.asyncAfter(deadline: .now() + wait / .seconds(1)) { [weak self] in
            self?.change { state, now in
                if state.timerAt == next { state.timerAt = nil }
                return state.batcher.tick(at: now)
            }
        }
    }

    // MARK: - Workers

    private enum Job {
        /// The requests are nil when all of the batch's have left.
        case batch(Batcher<LaneGroup>.Batch, GroupRequests?, isHelped: Bool)
        case help(SharedWork)
        /// Others did what there was to do.
        case nothing
    }

    func work() {
        while true {
            signal.wait()
            while true {
                let job: Job? = state.withLock { state in nextJob(&state) }
                switch job {
                case .batch(let batch, let requests, let isHelped): run(batch, requests, isHelped: isHelped)
                // A new batch comes first, and a first turn: the thread that has this one does the rest.
                case .help(let work):
                    work.help {
                        state.withLock { $0.ready.isEmpty && (work.isFirstTurn || $0.firstTurn == nil) }
                    }
                case .nothing?: break
                case nil: return
                }
                // What is ready has a signal of its own; what can be helped with need not.
                let helpsMore = state.withLock { state in
                    state.ready.isEmpty && state.shared.contains { $0.hasMore }
                }
                if !helpsMore { break }
            }
        }
    }

    private func nextJob(_ state: inout State) -> Job? {
        guard !state.isStopped else { return nil }
        if let batch = state.ready.popFirst() {
            let seconds = state.batcher.cost(of: batch.group).seconds(rows: batch.rows) ?? .infinity
            return .batch(batch, state.groups[batch.group], isHelped: policy.helps(seconds: seconds))
        }
        // The newest first: who came last had the least help.
        return (state.firstTurn ?? state.shared.last { $0.hasMore }).map(Job.help) ?? .nothing
    }

    private func run(_ batch: Batcher<LaneGroup>.Batch, _ requests: GroupRequests?, isHelped: Bool) {
        let start = now
        let helpers = isHelped ? BatchHelpers(self, isFirstTurn: batch.isFirstTurn) : nil
        requests?.run(batch, start, helpers)
        watch.end()
        change { state, now in
            state.batcher.finished(batch.id, at: now, work: now - start + (helpers?.time ?? .zero))
        }
    }
}
