import Dispatch
public import Metrics
import Synchronization
import System

/// Threads that decode the bodies of requests, apart from those that compute: the shell around a ``DecodingQueue``.
public final class DecodingLane: Sendable {
    private let core: Core

    /// Starts the threads; they end with the lane, each after its step.
    /// - Parameters:
    ///   - metrics: set in which the lane declares what it counts.
    ///   - watch: told of each step.
    public init(
        policy: DecodingPolicy = DecodingPolicy(), metrics: MetricSet = MetricSet(), watch: WorkWatch = WorkWatch()
    ) {
        let core = Core(policy, watch)
        self.core = core
        for _ in 0..<policy.threads { Threads.start(niceness: policy.niceness) { core.work(.any) } }
        Threads.start { core.work(.short) }
        metrics.declare("decoding_requests", "Requests whose images wait to be decoded, or are.", .gauge) { core.count }
        metrics.declare(
            "refused_decodings", "Requests whose images were not taken to be decoded, by reason.", .counter,
            series: {
                core.refused.map {
                    MetricReading.Series([MetricLabel("reason", $0.reason)], .integer($0.counter.value))
                }
            })
    }

    deinit { core.stop() }

    /// Results of `body` for each of `steps`, in order, one after another.
    ///
    /// - Parameters:
    ///   - caller: who takes the turn.
    ///   - deadline: instant from which on nobody waits for the result.
    ///   - steps: work of each step, in pixels times scans, at least one.
    ///   - body: does a step; ends early, with whatever error, once its ``DecodingStop`` says so.
    /// - Throws: what `body` throws first; ``DecodingRefusal``;
    ///   ``ServingError/cancelled`` when the task is cancelled, also while a step runs; ``ServingError/draining`` when
    ///   the lane is given up.
    public func run<Output: Sendable>(
        for caller: Caller, deadline: ContinuousClock.Instant?, steps: [Int],
        _ body: @escaping @Sendable (_ step: Int, DecodingStop) throws -> Output
    ) async throws -> [Output] {
        let ticket = core.newTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                core.admit(
                    ticket, DecodingJob(DecodingStop(), body, continuation), of: caller, steps: steps,
                    deadline: deadline)
                // The handler below may have run before there was anything to cancel.
                if Task.isCancelled { core.leave(ticket, .cancelled) }
            }
        } onCancel: {
            core.leave(ticket, .cancelled)
        }
    }
}

/// What the threads of a lane share: its lock, its clock, and what is ready to run.
private final class Core: Sendable {
    private typealias Ticket = DecodingQueue.Ticket
    private typealias End = (job: DecodingJob, error: (any Error)?)

    private struct State {
        var queue: DecodingQueue
        var jobs: [Ticket: DecodingJob] = [:]
        /// Steps that no thread has picked up, by the worker that they need.
        var ready = FIFO<(Ticket, Int)>()
        var readyShort = FIFO<(Ticket, Int)>()
        var nextTicket: Ticket = 0
        var timerAt: Duration?
        var isStopped = false
    }

    private let state: Mutex<State>
    private let signal = DispatchSemaphore(value: 0)
    private let shortSignal = DispatchSemaphore(value: 0)
    private let timer = DispatchQueue(label: "tusk.decoding.timer")
    private let origin = ContinuousClock.now
    private let threads: Int
    private let watch: WorkWatch
    private let queueFull = Counter()
    private let tooLate = Counter()

    init(_ policy: DecodingPolicy, _ watch: WorkWatch) {
        self.watch = watch
        state = Mutex(State(queue: DecodingQueue(policy: policy)))
        threads = policy.threads
    }

    var count: Int { state.withLock(\.queue.count) }
    private var now: Duration { origin.duration(to: .now) }

    func newTicket() -> UInt64 {
        state.withLock {
            $0.nextTicket += 1
            return $0.nextTicket
        }
    }

    func admit(
        _ ticket: UInt64, _ job: DecodingJob, of caller: Caller, steps: [Int], deadline: ContinuousClock.Instant?
    ) {
        let until = deadline.map { origin.duration(to: $0) }
        change { state, now in
            if state.isStopped { return ([], [(job, ServingError.draining)]) }
            do throws(DecodingRefusal) {
                let actions = try state.queue.admit(ticket, of: caller, steps: steps, deadline: until, at: now)
                state.jobs[ticket] = job
                return (actions, [])
            } catch {
                count(error)
                return ([], [(job, error)])
            }
        }
    }

    /// Numbers of requests that were not taken, by the reason.
    var refused: [(reason: String, counter: Counter)] { [("queue_full", queueFull), ("too_late", tooLate)] }

    private func count(_ refusal: DecodingRefusal) {
        switch refusal {
        case .full: queueFull.add()
        case .late: tooLate.add()
        case .deadlinePassed: break  // taken, and not done in time
        }
    }

    /// Ends a request before its time; does nothing when it has left.
    func leave(_ ticket: UInt64, _ error: ServingError) {
        change { state, _ in
            guard let job = state.jobs.removeValue(forKey: ticket) else { return ([], []) }
            return (state.queue.leave(ticket), [(job, error)])
        }
    }

    func stop() {
        change { state, _ in
            state.isStopped = true
            let ends = state.jobs.values.map { ($0, ServingError.draining as (any Error)?) }
            state.jobs = [:]
            return ([], ends)
        }
        for _ in 0..<threads { signal.signal() }
        shortSignal.signal()
    }

    /// Changes the state, performs the queue's actions, and ends requests without the lock.
    private func change(_ body: (inout State, Duration) -> ([DecodingQueue.Action], [End])) {
        let ends = state.withLock { state in
            let now = now
            let (actions, ends) = body(&state, now)
            defer { setTimer(&state, at: now) }
            return ends + perform(actions, on: &state)
        }
        for (job, error) in ends {
            if error != nil { job.stop.stop() }
            job.end(error)
        }
    }

    private func perform(_ actions: [DecodingQueue.Action], on state: inout State) -> [End] {
        var ends: [End] = []
        func end(_ ticket: Ticket, _ error: (any Error)?) {
            if let job = state.jobs.removeValue(forKey: ticket) { ends.append((job, error)) }
        }
        for action in actions {
            switch action {
            case .run(let ticket, let step, .any):
                state.ready.append((ticket, step))
                signal.signal()
            case .run(let ticket, let step, .short):
                state.readyShort.append((ticket, step))
                shortSignal.signal()
            case .complete(let ticket): end(ticket, nil)
            case .expire(let ticket): end(ticket, DecodingRefusal.deadlinePassed)
            case .refuse(let ticket, let refusal):
                count(refusal)
                end(ticket, refusal)
            }
        }
        return ends
    }

    /// Makes sure that the queue's next tick comes; a timer that comes too early does no harm.
    private func setTimer(_ state: inout State, at now: Duration) {
        guard let next = state.queue.nextTick, state.timerAt.map({ next < $0 }) ?? true else { return }
        state.timerAt = next
        timer.asyncAfter(deadline: .now() + max(.zero, next - now) / .seconds(1)) { [weak self] in
            self?.change { state, now in
                if state.timerAt == next { state.timerAt = nil }
                return (state.queue.tick(at: now), [])
            }
        }
    }

    // MARK: - Threads

    func work(_ worker: DecodingQueue.Worker) {
        while true {
            (worker == .any ? signal : shortSignal).wait()
            let next: (Ticket, Int, DecodingJob?)? = state.withLock { state in
                guard !state.isStopped,
                    let (ticket, step) = worker == .any ? state.ready.popFirst() : state.readyShort.popFirst()
                else { return nil }
                return (ticket, step, state.jobs[ticket])
            }
            guard let (ticket, step, job) = next else { return }
            let start = now
            // A job that has left while its step was ready is not begun.
            watch.begin()
            let goesOn = job?.run(step) ?? true
            watch.end()
            change { state, now in
                var actions: [DecodingQueue.Action] = []
                var ends: [End] = []
                if !goesOn, let job = state.jobs.removeValue(forKey: ticket) {
                    actions = state.queue.leave(ticket)
                    ends = [(job, nil)]
                }
                return (actions + state.queue.finished(ticket, by: worker, took: now - start, at: now), ends)
            }
        }
    }
}
