import Dispatch
import Metrics
import Synchronization
import System

/// The shell around a ``Batcher``: its lock, its clock and its threads.
package final class Lane: Sendable {
    struct State {
        var batcher: Batcher<LaneGroup>
        /// Requests that have not left, by their group; no group is empty.
        var groups: [LaneGroup: GroupRequests] = [:]
        var groupOf: [UInt64: LaneGroup] = [:]
        /// Batches that no thread has picked up.
        var ready = FIFO<Batcher<LaneGroup>.Batch>()
        /// Work of running batches that idle threads may help with.
        var shared: [SharedWork] = []
        var nextTicket: UInt64 = 0
        var timerAt: Duration?
        var isStopped = false
        var whenIdle: [CheckedContinuation<Void, Never>] = []

        /// Shared work that others give way to, the newest.
        var firstTurn: SharedWork? { shared.last { $0.isFirstTurn && $0.hasMore } }

        /// The requests of one kind of work on one model, which may be the first.
        mutating func requests<Work: LaneWork>(
            of group: LaneGroup, on model: LoadedModel, _ metrics: LaneMetrics.Lane
        ) -> TypedRequests<Work> {
            if let requests = groups[group]?.typed as? TypedRequests<Work> { return requests }
            let requests = TypedRequests<Work>(of: model, counted: metrics.series(Work.name, of: model.name))
            groups[group] = GroupRequests(requests)
            return requests
        }

        /// - Returns: what tells the request so; nil when it had left.
        mutating func remove(_ ticket: UInt64) -> RequestEnd? {
            guard let group = groupOf.removeValue(forKey: ticket), let requests = groups[group] else { return nil }
            let end = requests.remove(ticket)
            if requests.isEmpty() { groups[group] = nil }
            return end
        }
    }

    let state: Mutex<State>
    let signal = DispatchSemaphore(value: 0)
    let workers: Int
    let timer = DispatchQueue(label: "tusk.lane.timer")
    let origin = ContinuousClock.now
    /// Policy of the batcher, which says with what idle threads help.
    let policy: BatchPolicy
    /// Watch that is told of each batch.
    let watch: WorkWatch
    let metrics: LaneMetrics.Lane

    /// Starts the lane's threads, `niceness` below the others; they run until ``stop()``.
    init(policy: BatchPolicy, niceness: Int32 = 0, metrics: LaneMetrics.Lane, watch: WorkWatch) {
        self.watch = watch
        self.metrics = metrics
        workers = policy.workers
        self.policy = policy
        state = Mutex(State(batcher: Batcher(policy: policy)))
        for _ in 0..<workers {
            Threads.start(niceness: niceness) { self.work() }
        }
    }

    var now: Duration { origin.duration(to: .now) }

    /// A ticket for a request to come, so that it can be cancelled at any time.
    package func newTicket() -> UInt64 {
        state.withLock {
            $0.nextTicket += 1
            return $0.nextTicket
        }
    }

    /// Takes a request: `sink` gets its results, and in any case one ``RowSink/finish(_:)``. `model` is held until then.
    ///
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/tooLate(wait:deadline:)``,
    ///   ``ServingError/draining``; then `sink` gets nothing.
    package func submit<Work: LaneWork>(
        _: Work.Type, _ ticket: UInt64, _ rows: [Work.Row], to model: LoadedModel, terms: RequestTerms,
        sink: RowSink<Work.Output>
    ) throws(ServingError) {
        let group = LaneGroup(Work.self, on: model, cost: rows.first.map(Work.cost) ?? 0)
        try change { state, now throws(ServingError) in
            do throws(Batcher<LaneGroup>.Refusal) {
                let actions = try state.batcher.enqueue(
                    ticket, rows: rows.count, parts: rows.first.map { Work.parts(of: $0, on: model.density) } ?? 1,
                    group: group, terms: terms, at: now)
                let requests: TypedRequests<Work> = state.requests(of: group, on: model, metrics)
                requests.add(ticket, TypedRequests.Request(rows: rows, sink: sink, arrived: now))
                state.groupOf[ticket] = group
                return actions
            } catch {
                metrics.refused(error.reason, of: model.name)
                throw ServingError(error)
            }
        }
    }

    /// Refuses what ``submit(_:_:_:to:terms:sink:)`` would refuse now of `count` rows that cost as much as `row`, and takes nothing.
    package func check<Work: LaneWork>(
        _: Work.Type, like row: Work.Row, count: Int, on model: LoadedModel, terms: RequestTerms
    ) throws(ServingError) {
        let group = LaneGroup(Work.self, on: model, cost: Work.cost(of: row))
        let parts = Work.parts(of: row, on: model.density)
        do throws(Batcher<LaneGroup>.Refusal) {
            try state.withLock { state throws(Batcher<LaneGroup>.Refusal) in
                try state.batcher.check(rows: count, parts: parts, group: group, terms: terms)
            }
        } catch {
            metrics.refused(error.reason, of: model.name)
            throw ServingError(error)
        }
    }

    /// Takes a request out: its waiting rows never run, and running ones are told. Does nothing when it has left.
    package func cancel(_ ticket: UInt64) {
        var end: RequestEnd?
        change { state, now in
            end = state.remove(ticket)
            return state.batcher.cancel(ticket, at: now)
        }
        end?(.cancelled)
    }

    /// Notes what a batch of one row of a group is expected to take, before one has run.
    func expect(_ group: LaneGroup, _ time: Duration) {
        state.withLock { $0.batcher.expect(group, time) }
    }

    /// What waits and what runs now.
    var load: LaneLoad { state.withLock(\.batcher.load) }

    /// Numbers of batches that were formed, by what closed them.
    var closedBatches: [BatchClosing: Int] { state.withLock(\.batcher.closedBatches) }

    /// Rows of the largest request of a group that can be done within `deadline` while nothing else is there; nil before anything
    /// was measured.
    func mostRows(of group: LaneGroup, within deadline: Duration) -> Int? {
        state.withLock { $0.batcher.mostRows(of: group, within: deadline) }
    }

    /// Refuses new requests, and returns when all others have left.
    package func drain() async {
        change { state, now in state.batcher.drain(at: now) }
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                let isIdle = state.batcher.isIdle || state.isStopped
                if !isIdle { state.whenIdle.append(continuation) }
                return isIdle
            }
            if isIdle { continuation.resume() }
        }
    }

    /// Ends the threads, each after the batch that it runs, and whatever waits with ``ServingError/draining``.
    package func stop() {
        let ends = state.withLock { state in
            state.isStopped = true
            let ends = state.groups.values.flatMap { $0.removeAll() }
            state.groups = [:]
            state.groupOf = [:]
            for continuation in state.whenIdle { continuation.resume() }
            state.whenIdle = []
            return ends
        }
        for _ in 0..<workers { signal.signal() }
        for end in ends { end(.draining) }
    }
}

extension Batcher.Refusal {
    /// Reason of the refusal in metrics.
    fileprivate var reason: LaneMetrics.Refusal {
        switch self {
        case .full: .queueFull
        case .late: .tooLate
        case .draining: .draining
        }
    }
}

extension ServingError {
    fileprivate init(_ refusal: Batcher<LaneGroup>.Refusal) {
        self =
            switch refusal {
            case .draining: .draining
            case .full(let waiting, let limit, let retryAfter):
                .queueFull(waiting: waiting, limit: limit, retryAfter: retryAfter)
            case .late(let wait, let deadline): .tooLate(wait: wait, deadline: deadline)
            }
    }
}
