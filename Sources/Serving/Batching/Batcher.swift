/// Decides which rows run together, when, and what is refused: a pure state machine, without a clock, a lock or a thread.
///
/// Requests come in by ``enqueue(_:rows:group:terms:at:)``, leave by ``Action/complete(_:)``,
/// ``Action/expire(_:finished:of:)`` or ``cancel(_:at:)``, and each accepted one leaves exactly once. The caller performs the
/// actions in order and hands back every batch with ``finished(_:at:work:)``. Instants are durations since one fixed, arbitrary
/// moment, and never go back.
///
/// `Group` names what may share a batch: rows of one loaded model and one kind of work. What a batch of a group costs is learned
/// from those that ran; by that cost batches are sized, callers take turns, and a request that cannot be done by its deadline is
/// refused when it comes.
/// - Complexity: an event costs the same however many requests wait, but for logarithms: of the requests that have a deadline, and
///   of the callers that had more than their share.
package struct Batcher<Group: Hashable & Sendable>: Sendable {
    package typealias Ticket = UInt64
    package typealias Instant = Duration

    /// Rows of one request inside a batch.
    package struct RequestSlice: Sendable, Equatable {
        package var ticket: Ticket
        /// Positions within the request.
        package var rows: Range<Int>

        package init(ticket: Ticket, rows: Range<Int>) {
            self.ticket = ticket
            self.rows = rows
        }
    }

    /// Rows that run together.
    package struct Batch: Sendable, Equatable {
        /// Number of the batch, never given twice.
        package var id: UInt64
        /// Group that all its rows are of.
        package var group: Group
        package var slices: [RequestSlice]
        /// Whether the caller whose turn it is had nothing before, as far back as it is remembered: other batches give way.
        package var isFirstTurn: Bool
        /// Number of rows.
        package var rows: Int { slices.reduce(0) { $0 + $1.rows.count } }

        package init(id: UInt64, group: Group, slices: [RequestSlice], isFirstTurn: Bool = true) {
            self.id = id
            self.group = group
            self.slices = slices
            self.isFirstTurn = isFirstTurn
        }
    }

    /// What the caller must do.
    package enum Action: Sendable, Equatable {
        /// Run the batch on a worker, then call ``Batcher/finished(_:at:work:)``.
        case run(Batch)
        /// Every row of the request has run.
        case complete(Ticket)
        /// The request's deadline passed, or cannot be kept any more, when so many of its rows had run; they are of no use.
        case expire(Ticket, finished: Int, of: Int)
    }

    /// Why a request was not taken.
    package enum Refusal: Error, Sendable, Equatable {
        /// `waiting` rows and those of the request are more than `limit`.
        case full(waiting: Int, limit: Int, retryAfter: Duration)
        /// By the measured cost of what is before it, it would be done after `wait`, which is more than its deadline.
        case late(wait: Duration, deadline: Duration)
        case draining
    }

    private struct Running {
        var group: Group
        var lead: RequestTable<Group>.Lead
        var pieces: [RequestTable<Group>.Piece]
        var rows: Int
        var isFirstTurn: Bool
        /// Workers that it keeps busy, those that help included.
        var demand: Int
        var started: Instant
    }

    private let policy: BatchPolicy
    private var requests: RequestTable<Group>
    private var running: [UInt64: Running] = [:]
    private var nextBatch: UInt64 = 0
    private var isDraining = false
    /// When a group becomes full by waiting, while a worker is free.
    private var nextRipe: Instant?

    package init(policy: BatchPolicy) {
        self.policy = policy
        requests = RequestTable(policy: policy)
    }

    /// Rows that wait.
    package var waitingRows: Int { requests.waitingRows }

    /// What waits and what runs.
    package var load: LaneLoad {
        LaneLoad(
            queuedRequests: requests.count - requests.started, runningRequests: requests.started,
            queuedRows: waitingRows, runningRows: running.values.reduce(0) { $0 + $1.rows })
    }

    /// Numbers of batches that were formed, by what closed them.
    package var closedBatches: [BatchClosing: Int] { requests.closed }

    /// Nothing waits and nothing runs.
    package var isIdle: Bool { waitingRows == 0 && running.isEmpty }

    /// Batches that run.
    package var runningBatches: Int { running.count }

    /// Time until everything that waits and runs will have run, by the measured cost; zero before anything was measured.
    package var backlog: Duration { .seconds(requests.work / Double(policy.workers)) }

    /// Notes what a batch of one row of a group is expected to take, as if one had run.
    package mutating func expect(_ group: Group, _ time: Duration) {
        requests.observe(group, rows: 1, seconds: time / .seconds(1))
    }

    /// Cost of the batches of a group, as far as it was measured.
    package func cost(of group: Group) -> CostModel { requests.cost(of: group) }

    /// Rows of the largest request of a group that can be done within `deadline` while nothing else is there; nil before anything
    /// was measured.
    package func mostRows(of group: Group, within deadline: Duration) -> Int? {
        guard let seconds = requests.secondsPerRow(requests.cost(of: group)), seconds > 0 else { return nil }
        return Int(min(deadline / .seconds(1) * Double(policy.workers) / seconds, Double(1 << 30)))
    }

    /// When ``tick(at:)`` must be called unless something else happens before.
    package var nextTick: Instant? {
        guard let deadline = requests.firstDue?.deadline else { return nextRipe }
        return nextRipe.map { min($0, deadline) } ?? deadline
    }

    /// Takes a request of `rows` rows, or refuses it and stays as it was.
    ///
    /// - Parameters:
    ///   - ticket: the caller's own, which was never in use.
    ///   - parts: number of parts that each row can be computed in, on different threads.
    package mutating func enqueue(
        _ ticket: Ticket, rows: Int, parts: Int = 1, group: Group, terms: RequestTerms, at now: Instant
    ) throws(Refusal) -> [Action] {
        try check(rows: rows, parts: parts, group: group, terms: terms)
        requests.add(ticket, rows: rows, parts: parts, group: group, terms: terms, arrived: now)
        return tick(at: now)
    }

    /// Refuses what ``enqueue(_:rows:parts:group:terms:at:)`` would refuse now, and takes nothing: a caller may ask before it does the
    /// work of making rows.
    package func check(rows: Int, parts: Int, group: Group, terms: RequestTerms) throws(Refusal) {
        precondition(rows > 0)
        guard !isDraining else { throw .draining }
        guard rows <= policy.maxQueueRows - waitingRows else {
            throw .full(waiting: waitingRows, limit: policy.maxQueueRows, retryAfter: backlog)
        }
        if let deadline = terms.deadline, !terms.isStream,
            let wait = requests.secondsUntilDone(rows, parts: parts, of: group, on: terms), .seconds(wait) > deadline
        {
            throw .late(wait: .seconds(wait), deadline: deadline)
        }
    }

    /// Time has passed: requests past their deadline expire, batches that waited long enough start.
    package mutating func tick(at now: Instant) -> [Action] {
        expire(at: now) + start(at: now)
    }

    /// The rows of `batch` have run, well or not.
    /// - Parameter work: time of workers that it took; by default that of one, since it started.
    package mutating func finished(_ batch: UInt64, at now: Instant, work: Duration? = nil) -> [Action] {
        guard let run = running.removeValue(forKey: batch) else { preconditionFailure("no such batch runs") }
        requests.observe(run.group, rows: run.rows, seconds: (work ?? now - run.started) / .seconds(1))
        requests.endTurn(run.lead)
        var actions: [Action] = []
        for piece in run.pieces where requests.finish(piece, at: now) { actions.append(.complete(piece.ticket)) }
        return actions + tick(at: now)
    }

    /// The caller no longer wants the request: its waiting rows never run. Does nothing when it has left already.
    package mutating func cancel(_ ticket: Ticket, at now: Instant) -> [Action] {
        if let slot = requests.slot(of: ticket) { requests.remove(slot) }
        return tick(at: now)
    }

    /// Refuses whatever comes from now on, and runs what waits without delay.
    package mutating func drain(at now: Instant) -> [Action] {
        isDraining = true
        return tick(at: now)
    }

    // MARK: - Inside

    private mutating func expire(at now: Instant) -> [Action] {
        var late: [Action] = []
        while let (slot, deadline) = requests.firstDue, deadline <= now { late.append(expire(slot)) }
        return late
    }

    private mutating func expire(_ slot: Int) -> Action {
        let request = requests[slot]
        defer { requests.remove(slot) }
        return .expire(request.ticket, finished: request.rows - request.unfinished, of: request.rows)
    }

    /// Whether what runs keeps all workers busy, those that help included: then only those begin to whom it gives way.
    private var isBusy: Bool { running.values.reduce(0) { $0 + $1.demand } >= policy.workers }

    /// Whether nothing that runs would give way: one after the other, first turns are all done sooner than side by side.
    private var isFull: Bool { isBusy && running.values.allSatisfy(\.isFirstTurn) }

    private mutating func start(at now: Instant) -> [Action] {
        var actions: [Action] = []
        while running.count < policy.workers, waitingRows > 0,
            !isFull, let lead = requests.lead(at: now, isDraining: isDraining, onlyNew: isBusy)
        {
            if requests.isHopeless(lead.request, at: now) {
                actions.append(expire(lead.request))
                continue
            }
            let group = requests.group(of: lead.request)
            let isFirstTurn = requests.isNew(lead)
            requests.beginTurn(lead)
            let pieces = requests.take(lead, at: now)
            let batch = Batch(
                id: nextBatch, group: group, slices: pieces.map { RequestSlice(ticket: $0.ticket, rows: $0.rows) },
                isFirstTurn: isFirstTurn)
            nextBatch += 1
            let seconds = requests.cost(of: group).seconds(rows: batch.rows)
            running[batch.id] = Running(
                group: group, lead: lead, pieces: pieces, rows: batch.rows, isFirstTurn: isFirstTurn,
                demand: policy.demand(parts: pieces.reduce(0) { $0 + $1.parts }, seconds: seconds), started: now)
            actions.append(.run(batch))
        }
        nextRipe = running.count < policy.workers && waitingRows > 0 ? requests.nextRipe(after: now) : nil
        return actions
    }
}
