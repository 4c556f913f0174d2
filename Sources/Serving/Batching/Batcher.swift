/// Pure state machine that decides which rows run together, when, and what is refused, without a clock, a lock or a
/// thread.
///
/// Requests come in by ``enqueue(_:rows:group:deadline:at:)``, leave by ``Action/complete(_:)``,
/// ``Action/expire(_:)`` or ``cancel(_:at:)``, and each accepted one leaves exactly once. The caller performs the
/// actions in order and hands back every batch with ``finished(_:at:)``. Instants are durations since one fixed,
/// arbitrary moment, and never go back.
///
/// `Group` names what may share a batch: rows of one loaded model and one kind of work.
/// - Complexity: an event costs the same however many requests wait, but for logarithms: of the requests that have a
///   deadline, and of the groups that have rows waiting.
package struct Batcher<Group: Hashable & Sendable>: Sendable {
    /// Name of a request, given by the caller.
    package typealias Ticket = UInt64
    /// Time since one fixed, arbitrary moment.
    package typealias Instant = Duration

    /// Rows of one request inside a batch.
    package struct RequestSlice: Sendable, Equatable {
        /// Ticket of the request.
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
        /// Number of the batch, which no other has.
        package var id: UInt64
        /// Group of all rows.
        package var group: Group
        /// The rows, by their requests.
        package var slices: [RequestSlice]
        /// Number of rows.
        package var rows: Int { slices.reduce(0) { $0 + $1.rows.count } }

        package init(id: UInt64, group: Group, slices: [RequestSlice]) {
            self.id = id
            self.group = group
            self.slices = slices
        }
    }

    /// Work that the caller must do.
    package enum Action: Sendable, Equatable {
        /// Run the batch on a worker, then call ``Batcher/finished(_:at:)``.
        case run(Batch)
        /// Every row of the request has run.
        case complete(Ticket)
        /// The request's deadline passed before all of its rows had run; those that run are of no use any more.
        case expire(Ticket)
    }

    /// Reason why a request was not taken.
    package enum Refusal: Error, Sendable, Equatable {
        /// `waiting` rows and those of the request are more than `limit`.
        case full(waiting: Int, limit: Int, retryAfter: Duration)
        case draining
    }

    private struct Running {
        var pieces: [RequestTable<Group>.Piece]
        var rows: Int
        var started: Instant
    }

    private let policy: BatchPolicy
    private var requests: RequestTable<Group>
    private var running: [UInt64: Running] = [:]
    private var runningRows = 0
    private var nextBatch: UInt64 = 0
    private var isDraining = false
    /// Time that a worker takes for a row: a moving average over batches, weighted by their rows.
    private var timePerRow: Duration?

    package init(policy: BatchPolicy) {
        self.policy = policy
        requests = RequestTable(policy: policy)
    }

    /// Number of rows that wait.
    package var waitingRows: Int { requests.waitingRows }

    /// Whether nothing waits and nothing runs.
    package var isIdle: Bool { waitingRows == 0 && running.isEmpty }

    /// Number of batches that run.
    package var runningBatches: Int { running.count }

    /// Time at which ``tick(at:)`` must be called unless something else happens before; nil when it need not be.
    package var nextTick: Instant? {
        let deadline = requests.firstDue?.deadline
        guard running.count < policy.workers, let first = requests.first else { return deadline }
        let ripe = requests[first].arrived + policy.maxBatchDelay
        return deadline.map { min($0, ripe) } ?? ripe
    }

    /// Takes a request of `rows` rows, or refuses it and stays as it was.
    ///
    /// `ticket` is the caller's own, and was never in use.
    /// - Throws: ``Refusal``.
    package mutating func enqueue(
        _ ticket: Ticket, rows: Int, group: Group, deadline: Instant?, at now: Instant
    ) throws(Refusal) -> [Action] {
        precondition(rows > 0)
        guard !isDraining else { throw .draining }
        guard rows <= policy.maxQueueRows - waitingRows else {
            throw .full(waiting: waitingRows, limit: policy.maxQueueRows, retryAfter: timeToEmpty)
        }
        requests.add(ticket, rows: rows, group: group, deadline: deadline, arrived: now)
        return tick(at: now)
    }

    /// Acts on the time: requests past their deadline expire, batches that waited long enough start.
    package mutating func tick(at now: Instant) -> [Action] {
        expire(at: now) + start(at: now)
    }

    /// Notes that the rows of `batch` have run, well or not.
    package mutating func finished(_ batch: UInt64, at now: Instant) -> [Action] {
        guard let run = running.removeValue(forKey: batch) else { preconditionFailure("no such batch runs") }
        runningRows -= run.rows
        measure(rows: run.rows, took: now - run.started)
        var actions: [Action] = []
        for piece in run.pieces where requests.finish(piece) { actions.append(.complete(piece.ticket)) }
        return actions + tick(at: now)
    }

    /// Drops a request that the caller no longer wants: its waiting rows never run. Does nothing when it has left already.
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
        var late: [Ticket] = []
        while let (slot, deadline) = requests.firstDue, deadline <= now {
            late.append(requests[slot].ticket)
            requests.remove(slot)
        }
        return late.sorted().map(Action.expire)
    }

    private mutating func start(at now: Instant) -> [Action] {
        var actions: [Action] = []
        while running.count < policy.workers, let first = ripe(at: now) {
            let (group, pieces) = (requests[first].group, requests.take(behind: first))
            let batch = Batch(
                id: nextBatch, group: group, slices: pieces.map { RequestSlice(ticket: $0.ticket, rows: $0.rows) })
            let rows = batch.rows
            nextBatch += 1
            runningRows += rows
            running[batch.id] = Running(pieces: pieces, rows: rows, started: now)
            actions.append(.run(batch))
        }
        return actions
    }

    /// Slot of the first request of the next batch: the oldest whose batch is full, or that has waited long enough.
    private func ripe(at now: Instant) -> Int? {
        guard let first = requests.first else { return nil }
        if policy.sharing == .apart || isDraining { return first }
        // Who came later has not waited for longer.
        return now - requests[first].arrived >= policy.maxBatchDelay ? first : requests.firstOfFullLine
    }

    private mutating func measure(rows: Int, took: Duration) {
        let perRow = took / rows
        guard let average = timePerRow else {
            timePerRow = perRow
            return
        }
        // 1/4 of a full batch's weight goes to the newest, less for a smaller one
        let weight = 0.25 * Double(rows) / Double(policy.maxBatchRows)
        timePerRow = average + (perRow - average) * weight
    }

    /// Time until all that waits and runs will have run, at the measured rate; zero before anything was measured.
    private var timeToEmpty: Duration {
        (timePerRow ?? .zero) * (waitingRows + runningRows) / policy.workers
    }
}
