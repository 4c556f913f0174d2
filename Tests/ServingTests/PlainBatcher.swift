import Serving

/// The rules of ``Batcher`` over one array that every event goes through: slow, and plain to read. Tests hold the batcher's
/// actions against these.
struct PlainBatcher {
    typealias Rules = Batcher<Int>

    private struct Request {
        var ticket: UInt64
        var group: Int
        var arrived: Duration
        var deadline: Duration?
        var waiting: Range<Int>
        var unfinished: Int
    }

    private struct Running {
        var batch: Rules.Batch
        var started: Duration
    }

    let policy: BatchPolicy
    /// Those that have not left, in the order in which their rows are taken.
    private var requests: [Request] = []
    private var running: [Running] = []
    private var nextBatch: UInt64 = 0
    private var isDraining = false
    private var timePerRow: Duration?

    init(policy: BatchPolicy) { self.policy = policy }

    var waitingRows: Int { requests.reduce(0) { $0 + $1.waiting.count } }
    var runningBatches: Int { running.count }
    var isIdle: Bool { waitingRows == 0 && running.isEmpty }
    private var waiting: [Request] { requests.filter { !$0.waiting.isEmpty } }

    var nextTick: Duration? {
        let ripe = running.count < policy.workers ? waiting.map { $0.arrived + policy.maxBatchDelay } : []
        return (ripe + requests.compactMap(\.deadline)).min()
    }

    mutating func enqueue(
        _ ticket: UInt64, rows: Int, group: Int, deadline: Duration?, at now: Duration
    ) throws(Rules.Refusal) -> [Rules.Action] {
        guard !isDraining else { throw .draining }
        guard waitingRows + rows <= policy.maxQueueRows else {
            let all = waitingRows + running.reduce(0) { $0 + $1.batch.rows }
            throw .full(
                waiting: waitingRows, limit: policy.maxQueueRows,
                retryAfter: (timePerRow ?? .zero) * all / policy.workers)
        }
        requests.append(
            Request(
                ticket: ticket, group: group, arrived: now, deadline: deadline, waiting: 0..<rows, unfinished: rows))
        return tick(at: now)
    }

    mutating func cancel(_ ticket: UInt64, at now: Duration) -> [Rules.Action] {
        requests.removeAll { $0.ticket == ticket }
        return tick(at: now)
    }

    mutating func drain(at now: Duration) -> [Rules.Action] {
        isDraining = true
        return tick(at: now)
    }

    mutating func finished(_ batch: UInt64, at now: Duration) -> [Rules.Action] {
        let index = running.firstIndex { $0.batch.id == batch }!
        let run = running.remove(at: index)
        let perRow = (now - run.started) / run.batch.rows
        let weight = 0.25 * Double(run.batch.rows) / Double(policy.maxBatchRows)
        timePerRow = timePerRow.map { $0 + (perRow - $0) * weight } ?? perRow
        var actions: [Rules.Action] = []
        for slice in run.batch.slices {
            guard let index = requests.firstIndex(where: { $0.ticket == slice.ticket }) else { continue }
            requests[index].unfinished -= slice.rows.count
            if requests[index].unfinished == 0 {
                requests.remove(at: index)
                actions.append(.complete(slice.ticket))
            }
        }
        return actions + tick(at: now)
    }

    mutating func tick(at now: Duration) -> [Rules.Action] {
        let late = requests.filter { $0.deadline.map { $0 <= now } ?? false }.map(\.ticket).sorted()
        requests.removeAll { late.contains($0.ticket) }
        return late.map(Rules.Action.expire) + start(at: now)
    }

    private mutating func start(at now: Duration) -> [Rules.Action] {
        var actions: [Rules.Action] = []
        while running.count < policy.workers, let group = ripeGroup(at: now) {
            let slices = policy.sharing == .shared ? takeOldest(of: group) : takeTurn()
            let batch = Rules.Batch(id: nextBatch, group: group, slices: slices)
            nextBatch += 1
            running.append(Running(batch: batch, started: now))
            actions.append(.run(batch))
        }
        return actions
    }

    /// The group of the oldest request whose batch is full, or has waited long enough.
    private func ripeGroup(at now: Duration) -> Int? {
        if policy.sharing == .apart || isDraining { return waiting.first?.group }
        return waiting.first { request in
            let rows = waiting.filter { $0.group == request.group }.reduce(0) { $0 + $1.waiting.count }
            return rows >= policy.maxBatchRows || now - request.arrived >= policy.maxBatchDelay
        }?.group
    }

    private mutating func takeOldest(of group: Int) -> [Rules.RequestSlice] {
        var slices: [Rules.RequestSlice] = []
        var room = policy.maxBatchRows
        for index in requests.indices where requests[index].group == group && !requests[index].waiting.isEmpty {
            guard room > 0 else { break }
            slices.append(take(min(room, requests[index].waiting.count), at: index))
            room -= slices.last!.rows.count
        }
        return slices
    }

    private mutating func takeTurn() -> [Rules.RequestSlice] {
        let index = requests.firstIndex { !$0.waiting.isEmpty }!
        let slice = take(min(policy.maxBatchRows, requests[index].waiting.count), at: index)
        requests.append(requests.remove(at: index))
        return [slice]
    }

    private mutating func take(_ count: Int, at index: Int) -> Rules.RequestSlice {
        let rows = requests[index].waiting
        requests[index].waiting = rows.lowerBound + count..<rows.upperBound
        return Rules.RequestSlice(ticket: requests[index].ticket, rows: rows.prefix(count))
    }
}
