import Dispatch
package import FlowModels
import Synchronization
import System

/// Rows of one request, of one direction.
package enum LaneRows: Sendable {
    case density([DensityRow])
    case sampling([SampleRow])

    var count: Int {
        switch self {
        case .density(let rows): rows.count
        case .sampling(let rows): rows.count
        }
    }
}

/// What came of some rows, in their order.
package enum LaneResults: Sendable {
    case density([Result<RowDensity, RowFailure>])
    case sampling([Result<DrawnImage, RowFailure>])
}

/// Where a request's results go. Calls come from worker threads, never two at a time for the same rows.
package protocol LaneSink: Sendable {
    /// Results of the rows at `range`, in any order of ranges.
    func deliver(_ results: LaneResults, at range: Range<Int>, timings: RequestTimings)
    /// The last call: all rows are delivered, or `error` says why not.
    func finish(_ error: ServingError?)
}

/// The shell around a ``Batcher``: its lock, its clock and its threads.
package final class Lane: Sendable {
    /// What may share a batch.
    struct Group: Hashable {
        var model: String
        var isSampling: Bool
    }

    /// Raised when a request left before its rows were done; running batches look at it.
    private final class Flag: Sendable {
        private let value = Atomic(false)
        func raise() { value.store(true, ordering: .relaxed) }
        var isRaised: Bool { value.load(ordering: .relaxed) }
    }

    private struct Entry {
        var model: any ImageDensity
        var rows: LaneRows
        var sink: any LaneSink
        var gone = Flag()
        var arrived: Duration
        /// Nil until the first batch starts.
        var timings: RequestTimings?
    }

    /// Part of a batch that is still wanted.
    private struct Part {
        var ticket: UInt64
        var range: Range<Int>
        var entry: Entry
    }

    private struct State {
        var batcher: Batcher<Group>
        var entries: [UInt64: Entry] = [:]
        /// Batches that no thread has picked up.
        var ready: [Batcher<Group>.Batch] = []
        /// Of batches that run, what idle threads may help with.
        var shared: [SharedWork] = []
        var nextTicket: UInt64 = 0
        var timerAt: Duration?
        var isStopped = false
        var whenIdle: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let signal = DispatchSemaphore(value: 0)
    private let timer = DispatchQueue(label: "tusk.lane.timer")
    private let origin = ContinuousClock.now
    private let workers: Int
    /// Whether idle threads help with a batch: only where batches are as large as they can be.
    private let helps: Bool

    /// Starts the lane's threads, `niceness` below the others; they run until ``stop()``.
    package init(policy: BatchPolicy, niceness: Int32 = 0) {
        workers = policy.workers
        helps = policy.sharing == .shared
        state = Mutex(State(batcher: Batcher(policy: policy)))
        for _ in 0..<workers {
            Threads.start(niceness: niceness) { self.work() }
        }
    }

    private var now: Duration { origin.duration(to: .now) }

    /// A name for a request to come, so that it can be cancelled at any time.
    package func newTicket() -> UInt64 {
        state.withLock {
            $0.nextTicket += 1
            return $0.nextTicket
        }
    }

    /// Takes a request: `sink` gets its results, and in any case one ``LaneSink/finish(_:)``.
    ///
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/draining``; then `sink` gets
    ///   nothing.
    package func submit(
        _ ticket: UInt64, _ rows: LaneRows, to model: any ImageDensity, deadline: Duration?, sink: any LaneSink
    ) throws(ServingError) {
        let isSampling = if case .sampling = rows { true } else { false }
        try change { state, now throws(ServingError) in
            do throws(Batcher<Group>.Refusal) {
                let actions = try state.batcher.enqueue(
                    ticket, rows: rows.count, group: Group(model: model.record.name, isSampling: isSampling),
                    deadline: deadline.map { now + $0 }, at: now)
                state.entries[ticket] = Entry(model: model, rows: rows, sink: sink, arrived: now)
                return actions
            } catch {
                throw ServingError(error)
            }
        }
    }

    /// Takes a request out: its waiting rows never run, and running ones are told. Does nothing when it has left.
    package func cancel(_ ticket: UInt64) {
        var sink: (any LaneSink)?
        change { state, now in
            if let entry = state.entries.removeValue(forKey: ticket) {
                entry.gone.raise()
                sink = entry.sink
            }
            return state.batcher.cancel(ticket, at: now)
        }
        sink?.finish(.cancelled)
    }

    /// Rows that wait.
    package var queuedRows: Int { state.withLock(\.batcher.waitingRows) }

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
        let sinks = state.withLock { state in
            state.isStopped = true
            let entries = state.entries.values
            state.entries = [:]
            for entry in entries { entry.gone.raise() }
            for continuation in state.whenIdle { continuation.resume() }
            state.whenIdle = []
            return entries.map(\.sink)
        }
        for _ in 0..<workers { signal.signal() }
        for sink in sinks { sink.finish(.draining) }
    }

    // MARK: - Actions

    /// Changes the batcher and performs its actions.
    private func change<Failure: Error>(
        _ body: (inout State, Duration) throws(Failure) -> [Batcher<Group>.Action]
    ) throws(Failure) {
        let ends = try state.withLock { state throws(Failure) in
            let now = now
            let actions = try body(&state, now)
            return perform(actions, on: &state, at: now)
        }
        for (sink, error) in ends { sink.finish(error) }
    }

    /// What can be done under the lock; the rest is returned.
    private func perform(
        _ actions: [Batcher<Group>.Action], on state: inout State, at now: Duration
    ) -> [(any LaneSink, ServingError?)] {
        var ends: [(any LaneSink, ServingError?)] = []
        for action in actions {
            switch action {
            case .run(let batch):
                state.ready.append(batch)
                signal.signal()
            case .complete(let ticket):
                if let entry = state.entries.removeValue(forKey: ticket) { ends.append((entry.sink, nil)) }
            case .expire(let ticket):
                if let entry = state.entries.removeValue(forKey: ticket) {
                    entry.gone.raise()
                    ends.append((entry.sink, .deadlinePassed))
                }
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
        case batch(UInt64, [Part])
        case help(SharedWork)
        /// Others did what there was to help with.
        case nothing
    }

    private func work() {
        while true {
            signal.wait()
            let job: Job? = state.withLock { state in
                guard !state.isStopped else { return nil }
                if !state.ready.isEmpty {
                    let batch = state.ready.removeFirst()
                    return .batch(batch.id, parts(of: batch, in: &state))
                }
                return state.shared.first(where: \.hasMore).map(Job.help) ?? .nothing
            }
            switch job {
            case .batch(let id, let parts):
                let start = ContinuousClock.now
                let results = run(parts)
                deliver(results, to: parts, took: start.duration(to: .now))
                change { state, now in state.batcher.finished(id, at: now) }
            case .help(let work): work.help()
            case .nothing: continue
            case nil: return
            }
        }
    }

    /// Drops those who left between the batch's forming and now.
    private func parts(of batch: Batcher<Group>.Batch, in state: inout State) -> [Part] {
        let now = now
        return batch.slices.compactMap { slice in
            guard var entry = state.entries[slice.ticket] else { return nil }
            var timings = entry.timings ?? RequestTimings(queue: now - entry.arrived)
            timings.batchRows = max(timings.batchRows, batch.rows)
            entry.timings = timings
            state.entries[slice.ticket] = entry
            return Part(ticket: slice.ticket, range: slice.rows, entry: entry)
        }
    }

    private func run(_ parts: [Part]) -> LaneResults {
        guard let first = parts.first else { return .density([]) }
        let flags = parts.map(\.entry.gone)
        let isCancelled: @Sendable () -> Bool = { flags.allSatisfy(\.isRaised) }
        let model = first.entry.model
        switch first.entry.rows {
        case .density:
            let rows = parts.flatMap { part in
                guard case .density(let rows) = part.entry.rows else { preconditionFailure("a batch has one kind") }
                return rows[part.range]
            }
            return .density(
                isolating(rows, isCancelled: isCancelled) {
                    try model.densities(of: $0, threads: helps ? self : nil, isCancelled: isCancelled).map {
                        $0.isFinite ? .success($0) : .failure(.notFinite)
                    }
                })
        case .sampling:
            let rows = parts.flatMap { part in
                guard case .sampling(let rows) = part.entry.rows else { preconditionFailure("a batch has one kind") }
                return rows[part.range]
            }
            return .sampling(
                isolating(rows, isCancelled: isCancelled) {
                    try model.sample($0, isCancelled: isCancelled).map {
                        $0.logDensity.isFinite ? .success($0) : .failure(.notFinite)
                    }
                })
        }
    }

    /// Runs `body` on all rows, and when that fails on each alone, so that a bad row spoils only itself.
    private func isolating<Row, Output>(
        _ rows: [Row], isCancelled: () -> Bool, _ body: ([Row]) throws -> [Result<Output, RowFailure>]
    ) -> [Result<Output, RowFailure>] {
        if let outputs = try? body(rows) {
            precondition(outputs.count == rows.count, "a model answers every row")
            return outputs
        }
        return rows.map { row in
            guard !isCancelled() else { return .failure(.refused(reason: "cancelled")) }
            do {
                return try body([row])[0]
            } catch {
                return .failure(.refused(reason: String(describing: error)))
            }
        }
    }

    private func deliver(_ results: LaneResults, to parts: [Part], took: Duration) {
        var offset = 0
        for part in parts {
            let range = offset..<offset + part.range.count
            offset = range.upperBound
            let timings = state.withLock { state -> RequestTimings? in
                state.entries[part.ticket]?.timings?.compute += took
                return state.entries[part.ticket]?.timings
            }
            guard let timings else { continue }  // left while it ran
            switch results {
            case .density(let all):
                part.entry.sink.deliver(.density(Array(all[range])), at: part.range, timings: timings)
            case .sampling(let all):
                part.entry.sink.deliver(.sampling(Array(all[range])), at: part.range, timings: timings)
            }
        }
    }
}

extension Lane: IdleThreads {
    package var available: Int { state.withLock { max(1, workers - $0.batcher.runningBatches + 1) } }

    package func run(parts: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let work = SharedWork(parts: parts, body)
        state.withLock { $0.shared.append(work) }
        for _ in 1..<parts { signal.signal() }
        work.help()
        state.withLock { state in state.shared.removeAll { $0 === work } }
        work.wait()
    }
}

/// Parts of a batch that several threads take, one after the other, until there are none left.
private final class SharedWork: Sendable {
    private let parts: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic(0)
    private let unfinished: Atomic<Int>
    private let isDone = DispatchSemaphore(value: 0)

    init(parts: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.parts = parts
        self.body = body
        unfinished = Atomic(parts)
    }

    /// Whether there are parts that no thread has taken.
    var hasMore: Bool { next.load(ordering: .relaxed) < parts }

    func help() {
        while true {
            let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard part < parts else { return }
            body(part)
            if unfinished.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { isDone.signal() }
        }
    }

    /// Returns when every part has run; for one thread, once.
    func wait() { isDone.wait() }
}

extension ServingError {
    fileprivate init(_ refusal: Batcher<Lane.Group>.Refusal) {
        self =
            switch refusal {
            case .draining: .draining
            case .full(let waiting, let limit, let retryAfter):
                .queueFull(waiting: waiting, limit: limit, retryAfter: retryAfter)
            }
    }
}
