/// Queue of what is to be decoded: a state machine without threads, locks or clocks.
///
/// A request is a list of steps (images, or a few small ones), and each step has its work, known beforehand. Callers take
/// turns by the work that was done for them: the next step is that of the caller who had least (start-time fair queuing;
/// Goyal, Vin & Cheng, *Start-Time Fair Queuing*, SIGCOMM 1996). Of one caller it is the step that would be finished first
/// if its requests shared evenly, so short ones do not wait behind long ones. A step that runs is not interrupted but by
/// its end, so one worker takes only short steps.
package struct DecodingQueue: Sendable {
    package typealias Ticket = UInt64

    /// Worker that a step needs.
    package enum Worker: Sendable, Equatable {
        case any
        /// The worker that takes only short steps.
        case short
    }

    /// What the owner has to do.
    package enum Action: Sendable, Equatable {
        /// Run the step, and report with ``finished(_:by:took:at:)``.
        case run(Ticket, step: Int, on: Worker)
        /// Every step has run; the request has left.
        case complete(Ticket)
        /// The deadline has passed: the request has left, and a step that runs is to be stopped.
        case expire(Ticket)
        /// The request has left in favour of a caller who had fewer.
        case refuse(Ticket, DecodingRefusal)
    }

    struct Request: Sendable {
        let ticket: Ticket
        let caller: Caller
        let steps: [Int]
        let deadline: Duration?
        /// Index of the next step, or of the one that runs.
        var next = 0
        var isRunning = false
        /// Order among the steps of its caller: the caller's served work when the step became ready, and its own.
        var finishTag = 0

        /// Work that is left, the step that runs included.
        var left: Int { steps[next...].reduce(0, +) }
    }

    private let policy: DecodingPolicy
    /// Requests that have not left, in the order in which they came.
    private(set) var requests: [Request] = []
    /// Work that was begun for each caller, on a scale on which no one who comes is behind those who are there.
    private var served: [Caller: Int] = [:]
    /// Least work that a caller who comes counts as served.
    private var virtualTime = 0
    private var freeWorkers: Int
    private var isShortWorkerFree = true
    /// Work a second of one worker; nil until a step was measured.
    private(set) var rate: Double?

    /// Least work of a step that is a measure of the rate: less is mostly overhead.
    private static let measuredWork = 1 << 14
    /// Weight of the newest measure in the rate.
    private static let rateWeight = 0.2

    package init(policy: DecodingPolicy) {
        precondition(policy.threads > 0 && policy.maxRequests > 0)
        self.policy = policy
        freeWorkers = policy.threads
    }

    /// Number of requests that wait or run.
    package var count: Int { requests.count }
    /// The next instant at which ``tick(at:)`` has something to do.
    package var nextTick: Duration? { requests.lazy.compactMap(\.deadline).min() }

    // MARK: - Events

    /// Takes a request in.
    /// - Throws: ``DecodingRefusal``; then nothing has changed.
    package mutating func admit(
        _ ticket: Ticket, of caller: Caller, steps: [Int], deadline: Duration?, at now: Duration
    ) throws(DecodingRefusal) -> [Action] {
        precondition(!steps.isEmpty, "a request without work needs no queue")
        let wait = estimate(caller, work: steps.reduce(0, +))
        if let deadline, let wait, now + wait > deadline { throw .late(wait: wait, left: deadline - now) }
        var actions: [Action] = []
        if requests.count >= policy.maxRequests {
            let refusal = DecodingRefusal.full(
                requests: requests.count, limit: policy.maxRequests, retryAfter: wait ?? .zero)
            guard let victim = victim(for: caller) else { throw refusal }
            actions.append(.refuse(requests.remove(at: victim).ticket, refusal))
        }
        served[caller] = max(served[caller, default: 0], virtualTime)
        var request = Request(ticket: ticket, caller: caller, steps: steps, deadline: deadline)
        request.finishTag = served[caller, default: 0] + steps[0]
        requests.append(request)
        return actions + dispatch()
    }

    /// Notes that a worker has done a step, or has stopped it.
    package mutating func finished(
        _ ticket: Ticket, by worker: Worker, took: Duration, at now: Duration
    ) -> [Action] {
        switch worker {
        case .any: freeWorkers += 1
        case .short: isShortWorkerFree = true
        }
        var actions: [Action] = []
        // One that has left meanwhile was stopped, so its time says nothing.
        if let index = requests.firstIndex(where: { $0.ticket == ticket }) {
            learn(work: requests[index].steps[requests[index].next], took: took)
            requests[index].isRunning = false
            requests[index].next += 1
            if requests[index].next == requests[index].steps.count {
                requests.remove(at: index)
                actions.append(.complete(ticket))
            } else {
                let request = requests[index]
                requests[index].finishTag = served[request.caller, default: 0] + request.steps[request.next]
            }
        }
        return actions + dispatch()
    }

    /// Takes a request out, whose client has gone or whose step has failed. A step that runs has still to be finished.
    package mutating func leave(_ ticket: Ticket) -> [Action] {
        requests.removeAll { $0.ticket == ticket }
        return dispatch()
    }

    /// Takes out the requests whose deadline has passed.
    package mutating func tick(at now: Duration) -> [Action] {
        let expired = requests.filter { $0.deadline.map { $0 <= now } ?? false }.map { Action.expire($0.ticket) }
        requests.removeAll { $0.deadline.map { $0 <= now } ?? false }
        return expired + dispatch()
    }

    // MARK: - Turns

    /// Gives what waits to the workers that are free.
    private mutating func dispatch() -> [Action] {
        var actions: [Action] = []
        if isShortWorkerFree, let index = next(atMost: policy.shortWork) {
            isShortWorkerFree = false
            actions.append(begin(index, on: .short))
        }
        while freeWorkers > 0, let index = next(atMost: .max) {
            freeWorkers -= 1
            actions.append(begin(index, on: .any))
        }
        forget()
        return actions
    }

    /// Index of the request whose step is next among those of at most `work`.
    private func next(atMost work: Int) -> Int? {
        requests.indices
            .filter { !requests[$0].isRunning && requests[$0].steps[requests[$0].next] <= work }
            .min { order(requests[$0]) < order(requests[$1]) }
    }

    /// Least first; the array's order decides between equals.
    private func order(_ request: Request) -> (Int, Int) { (served[request.caller, default: 0], request.finishTag) }

    private mutating func begin(_ index: Int, on worker: Worker) -> Action {
        let request = requests[index]
        let start = served[request.caller, default: 0]
        virtualTime = max(virtualTime, start)
        served[request.caller] = start + request.steps[request.next]
        requests[index].isRunning = true
        return .run(request.ticket, step: request.next, on: worker)
    }

    /// Forgets callers who have no request, and count as served no more than one who comes.
    private mutating func forget() {
        if requests.isEmpty {
            served = [:]
            virtualTime = 0
        } else if served.count > requests.count {
            let present = Set(requests.map(\.caller))
            served = served.filter { $0.value > virtualTime || present.contains($0.key) }
        }
    }

    // MARK: - Room and time

    /// Index of the request that makes room for one of `caller`: the newest that has not begun of the caller who has most,
    /// if those are at least two more than `caller` has.
    private func victim(for caller: Caller) -> Int? {
        let counts = requests.reduce(into: [:]) { $0[$1.caller, default: 0] += 1 }
        let most = counts.values.max() ?? 0
        guard most >= counts[caller, default: 0] + 2 else { return nil }
        return requests.lastIndex { counts[$0.caller] == most && $0.next == 0 && !$0.isRunning }
    }

    /// Time until `work` more of `caller` would be done, as the others take their turns; nil while nothing was measured.
    private func estimate(_ caller: Caller, work: Int) -> Duration? {
        guard let rate else { return nil }
        let left = requests.reduce(into: [:]) { $0[$1.caller, default: 0] += $1.left }
        let own = left[caller, default: 0] + work
        let others = left.reduce(0) { $0 + ($1.key == caller ? 0 : min($1.value, own)) }
        return .seconds(Double(own + others) / (rate * Double(policy.threads)))
    }

    private mutating func learn(work: Int, took: Duration) {
        guard work >= Self.measuredWork, took > .zero else { return }
        let measured = Double(work) / (took / .seconds(1))
        rate = rate.map { $0 + (measured - $0) * Self.rateWeight } ?? measured
    }
}
