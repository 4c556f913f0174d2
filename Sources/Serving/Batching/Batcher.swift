/// Decides which rows run together, when, and what is refused: a pure state machine, without a clock, a lock or a
/// thread.
///
/// Requests come in by ``enqueue(_:rows:group:deadline:at:)``, leave by ``Action/complete(_:)``,
/// ``Action/expire(_:)`` or ``cancel(_:at:)``, and each accepted one leaves exactly once. The caller performs the
/// actions in order and hands back every batch with ``finished(_:at:)``. Instants are durations since one fixed,
/// arbitrary moment, and never go back.
///
/// `Group` names what may share a batch: rows of one model and one direction.
package struct Batcher<Group: Hashable & Sendable>: Sendable {
    package typealias Ticket = UInt64
    package typealias Instant = Duration

    /// Rows of one request inside a batch.
    package struct Slice: Sendable, Equatable {
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
        package var id: UInt64
        package var group: Group
        package var slices: [Slice]
        package var rows: Int { slices.reduce(0) { $0 + $1.rows.count } }

        package init(id: UInt64, group: Group, slices: [Slice]) {
            self.id = id
            self.group = group
            self.slices = slices
        }
    }

    /// What the caller must do.
    package enum Action: Sendable, Equatable {
        /// Run the batch on a worker, then call ``Batcher/finished(_:at:)``.
        case run(Batch)
        /// Every row of the request has run.
        case complete(Ticket)
        /// The request's deadline passed before all of its rows had run; those that run are of no use any more.
        case expire(Ticket)
    }

    /// Why a request was not taken.
    package enum Refusal: Error, Sendable, Equatable {
        /// `waiting` rows and those of the request are more than `limit`.
        case full(waiting: Int, limit: Int, retryAfter: Duration)
        case draining
    }

    private struct Waiting {
        var ticket: Ticket
        var group: Group
        /// Rows that no batch has taken.
        var rows: Range<Int>
        var arrived: Instant
    }

    private struct Live {
        /// Rows that have not finished.
        var unfinished: Int
        var deadline: Instant?
    }

    private struct Running {
        var batch: Batch
        var started: Instant
    }

    private let policy: BatchPolicy
    private var waiting: [Waiting] = []
    private var live: [Ticket: Live] = [:]
    private var running: [UInt64: Running] = [:]
    private var nextBatch: UInt64 = 0
    private var isDraining = false
    /// Not later than the first deadline.
    private var earliestDeadline: Instant?
    /// Time that a worker takes for a row: a moving average over batches, weighted by their rows.
    private var timePerRow: Duration?

    /// Rows that wait.
    package private(set) var waitingRows = 0

    package init(policy: BatchPolicy) {
        self.policy = policy
    }

    /// Nothing waits and nothing runs.
    package var isIdle: Bool { waiting.isEmpty && running.isEmpty }

    /// Batches that run.
    package var runningBatches: Int { running.count }

    /// When ``tick(at:)`` must be called unless something else happens before.
    package var nextTick: Instant? {
        let oldest = running.count < policy.workers ? waiting.lazy.map(\.arrived).min() : nil
        return [earliestDeadline, oldest.map { $0 + policy.maxBatchDelay }].compactMap(\.self).min()
    }

    /// Takes a request of `rows` rows, or refuses it and stays as it was.
    ///
    /// `ticket` is the caller's own, and not in use.
    package mutating func enqueue(
        _ ticket: Ticket, rows: Int, group: Group, deadline: Instant?, at now: Instant
    ) throws(Refusal) -> [Action] {
        precondition(rows > 0 && live[ticket] == nil)
        guard !isDraining else { throw .draining }
        guard rows <= policy.maxQueueRows - waitingRows else {
            throw .full(waiting: waitingRows, limit: policy.maxQueueRows, retryAfter: timeToEmpty)
        }
        live[ticket] = Live(unfinished: rows, deadline: deadline)
        if let deadline { earliestDeadline = min(earliestDeadline ?? deadline, deadline) }
        waiting.append(Waiting(ticket: ticket, group: group, rows: 0..<rows, arrived: now))
        waitingRows += rows
        return tick(at: now)
    }

    /// Time has passed: requests past their deadline expire, batches that waited long enough start.
    package mutating func tick(at now: Instant) -> [Action] {
        expire(at: now) + start(at: now)
    }

    /// The rows of `batch` have run, well or not.
    package mutating func finished(_ batch: UInt64, at now: Instant) -> [Action] {
        guard let run = running.removeValue(forKey: batch) else { preconditionFailure("no such batch runs") }
        measure(rows: run.batch.rows, took: now - run.started)
        var actions: [Action] = []
        for slice in run.batch.slices {
            guard var request = live[slice.ticket] else { continue }  // cancelled or expired
            request.unfinished -= slice.rows.count
            if request.unfinished == 0 {
                live[slice.ticket] = nil
                actions.append(.complete(slice.ticket))
            } else {
                live[slice.ticket] = request
            }
        }
        return actions + tick(at: now)
    }

    /// The caller no longer wants the request: its waiting rows never run. Does nothing when it has left already.
    package mutating func cancel(_ ticket: Ticket, at now: Instant) -> [Action] {
        if live[ticket] != nil { remove([ticket]) }
        return tick(at: now)
    }

    /// Refuses whatever comes from now on, and runs what waits without delay.
    package mutating func drain(at now: Instant) -> [Action] {
        isDraining = true
        return tick(at: now)
    }

    // MARK: - Inside

    private mutating func remove(_ tickets: Set<Ticket>) {
        for ticket in tickets { live[ticket] = nil }
        waiting.removeAll { tickets.contains($0.ticket) }
        waitingRows = waiting.reduce(0) { $0 + $1.rows.count }
    }

    private mutating func expire(at now: Instant) -> [Action] {
        guard let earliestDeadline, earliestDeadline <= now else { return [] }
        let late = live.filter { $0.value.deadline.map { $0 <= now } ?? false }.keys.sorted()
        remove(Set(late))
        self.earliestDeadline = live.values.lazy.compactMap(\.deadline).min()
        return late.map(Action.expire)
    }

    private mutating func start(at now: Instant) -> [Action] {
        var actions: [Action] = []
        while running.count < policy.workers, let group = ripeGroup(at: now) {
            let batch = Batch(id: nextBatch, group: group, slices: take(group))
            nextBatch += 1
            running[batch.id] = Running(batch: batch, started: now)
            actions.append(.run(batch))
        }
        return actions
    }

    /// The group of the oldest request whose batch is full, or has waited long enough.
    private func ripeGroup(at now: Instant) -> Group? {
        guard let first = waiting.first else { return nil }
        if policy.sharing == .apart || policy.maxBatchDelay == .zero || isDraining { return first.group }
        var rows: [Group: Int] = [:]
        for request in waiting { rows[request.group, default: 0] += request.rows.count }
        return waiting.first { request in
            rows[request.group, default: 0] >= policy.maxBatchRows || now - request.arrived >= policy.maxBatchDelay
        }?.group
    }

    /// Takes the next batch of `group` out of the queue.
    private mutating func take(_ group: Group) -> [Slice] {
        switch policy.sharing {
        case .shared: takeOldest(of: group)
        case .apart: [takeTurn()]
        }
    }

    private mutating func takeOldest(of group: Group) -> [Slice] {
        var slices: [Slice] = []
        var kept: [Waiting] = []
        var room = policy.maxBatchRows
        for var request in waiting {
            if room > 0, request.group == group {
                let middle = request.rows.lowerBound + min(room, request.rows.count)
                let taken = request.rows.lowerBound..<middle
                slices.append(Slice(ticket: request.ticket, rows: taken))
                room -= taken.count
                request.rows = middle..<request.rows.upperBound
            }
            if !request.rows.isEmpty { kept.append(request) }
        }
        waiting = kept
        waitingRows -= policy.maxBatchRows - room
        return slices
    }

    private mutating func takeTurn() -> Slice {
        var request = waiting.removeFirst()
        let middle = request.rows.lowerBound + min(policy.maxBatchRows, request.rows.count)
        let slice = Slice(ticket: request.ticket, rows: request.rows.lowerBound..<middle)
        request.rows = middle..<request.rows.upperBound
        if !request.rows.isEmpty { waiting.append(request) }
        waitingRows -= slice.rows.count
        return slice
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

    /// When all that waits and runs will have run, at the measured rate; zero before anything was measured.
    private var timeToEmpty: Duration {
        let rows = waitingRows + running.values.reduce(0) { $0 + $1.batch.rows }
        return (timePerRow ?? .zero) * rows / policy.workers
    }
}
