import FlowCore
import Serving

/// Run of a batcher over a ``Trace`` in virtual time, with a plain account of what it may do.
struct LaneSimulation {
    /// How a request ended.
    enum End: Equatable {
        case refused, late, completed, expired, left
    }

    /// Account of a request.
    struct Record {
        var arrival: Trace.Arrival
        var end: End?
        var endedAt = Duration.zero
        var started = 0
        var finished = 0
        var firstStart: Duration?
        /// Batches that were another caller's turn, by caller, while it waited for its first row to start.
        var turnsBefore: [Int: Int] = [:]
    }

    struct Running {
        var batch: Batcher<Int>.Batch
        var end: Duration
        /// Time of workers that it takes, those that help included.
        var work: Duration
        /// Whether idle threads help, so that it can give way to a first turn, once.
        var isHelped: Bool
        var hasGivenWay = false
    }

    let trace: Trace
    private(set) var batcher: Batcher<Int>
    private(set) var now = Duration.zero
    /// When the trace begins.
    private var origin = Duration.zero
    private(set) var records: [Record] = []
    private(set) var running: [Running] = []
    /// What broke a rule, in words.
    private(set) var faults: [String] = []
    /// Time of workers, and that of it which was for rows whose client had left before they started.
    private(set) var busy = Duration.zero
    private(set) var wasted = Duration.zero
    private var random: RandomStream
    /// Callers that have come, and those of their first requests that have neither started nor ended.
    private var seen: Set<Int> = []
    private var newcomers: [Int] = []
    /// Clients that will leave, soonest last.
    private var leaving: [(at: Duration, ticket: Int)] = []

    init(_ trace: Trace) {
        self.trace = trace
        batcher = Batcher(policy: trace.policy)
        random = RandomStream(seed: trace.seed, stream: 8)
        if trace.isMeasured { measure() }
        for var arrival in trace.arrivals {
            arrival.at += origin
            step(until: arrival.at)
            arrive(arrival)
        }
        step(until: .seconds(1_000_000))
        for (ticket, record) in records.enumerated() where record.end == nil { fault("request \(ticket) never ended") }
        if !batcher.isIdle { fault("not idle at the end: \(batcher.waitingRows) rows wait") }
        if batcher.backlog > .microseconds(1) { fault("a backlog of \(batcher.backlog) is left over") }
    }

    /// Runs requests of two sizes of each group before anything comes, so that their costs are known.
    private mutating func measure() {
        var ticket = UInt64.max / 2
        for (group, cost) in trace.costs.enumerated() {
            for rows in [1, max(1, min(4, trace.policy.maxBatchRows))] {
                ticket += 1
                var actions =
                    (try? batcher.enqueue(ticket, rows: rows, group: group, terms: RequestTerms(), at: now)) ?? []
                while !batcher.isIdle {
                    var batches: [Batcher<Int>.Batch] = []
                    for case .run(let batch) in actions { batches.append(batch) }
                    actions = []
                    for batch in batches {
                        now += cost.time(rows: batch.rows)
                        actions += batcher.finished(batch.id, at: now, work: cost.time(rows: batch.rows))
                    }
                    if batches.isEmpty { now += trace.policy.maxBatchDelay }
                    actions += batcher.tick(at: now)
                }
            }
        }
        origin = now
    }

    private mutating func fault(_ text: String) {
        faults.append("\(now.milliseconds) ms: \(text)")
    }

    // MARK: - Events

    /// Lets everything happen that is due until `time`.
    private mutating func step(until time: Duration) {
        while true {
            let end = running.min { $0.end < $1.end }?.end
            guard let next = [end, leaving.last?.at, batcher.nextTick].compactMap({ $0 }).min(), next <= time else {
                break
            }
            if next < now, batcher.nextTick == next { fault("a tick was due before") }
            now = max(now, next)
            if let index = running.firstIndex(where: { $0.end <= now }) {
                finish(running.remove(at: index))
            } else if let (at, ticket) = leaving.last, at <= now {
                leaving.removeLast()
                leave(ticket)
            } else {
                perform(batcher.tick(at: now))
                if let tick = batcher.nextTick, tick <= now { fault("the tick left something to do"); break }
            }
        }
        if time < .seconds(1_000_000) { now = max(now, time) }
    }

    private mutating func arrive(_ arrival: Trace.Arrival) {
        let ticket = records.count
        records.append(Record(arrival: arrival))
        let terms = RequestTerms(
            caller: Caller(name: "\(arrival.caller)"), priority: arrival.priority,
            deadline: arrival.promise ?? trace.requestTimeout, isPromised: arrival.promise != nil,
            isStream: arrival.isStream)
        do throws(Batcher<Int>.Refusal) {
            let actions = try batcher.enqueue(
                UInt64(ticket), rows: arrival.rows, parts: trace.costs[arrival.group].parts, group: arrival.group,
                terms: terms, at: now)
            if seen.insert(arrival.caller).inserted { newcomers.append(ticket) }
            if let patience = arrival.patience {
                let at = now + patience
                leaving.insert((at, ticket), at: leaving.firstIndex { $0.at <= at } ?? leaving.count)
            }
            perform(actions)
        } catch {
            switch error {
            case .full: end(ticket, .refused)
            case .late: end(ticket, .late)
            case .draining: fault("request \(ticket) is told of a draining that nobody asked for")
            }
        }
    }

    private mutating func leave(_ ticket: Int) {
        guard records[ticket].end == nil else { return }
        end(ticket, .left)
        perform(batcher.cancel(UInt64(ticket), at: now))
    }

    private mutating func finish(_ run: Running) {
        for slice in run.batch.slices { records[Int(slice.ticket)].finished += slice.rows.count }
        perform(batcher.finished(run.batch.id, at: now, work: run.work))
    }

    // MARK: - The account

    private mutating func end(_ ticket: Int, _ end: End) {
        if let before = records[ticket].end { fault("request \(ticket) ended twice: \(before), \(end)") }
        records[ticket].end = end
        records[ticket].endedAt = now
    }

    private mutating func perform(_ actions: [Batcher<Int>.Action]) {
        for action in actions {
            switch action {
            case .run(let batch): start(batch)
            case .complete(let ticket):
                let record = records[Int(ticket)]
                if record.finished != record.arrival.rows {
                    fault("request \(ticket) is complete after \(record.finished) rows")
                }
                end(Int(ticket), .completed)
            case .expire(let ticket, let finished, let rows):
                let record = records[Int(ticket)]
                if finished != record.finished || rows != record.arrival.rows {
                    fault("request \(ticket) expired after \(record.finished) rows, said \(finished) of \(rows)")
                }
                end(Int(ticket), .expired)
            }
        }
    }

    private mutating func start(_ batch: Batcher<Int>.Batch) {
        if batch.rows > trace.policy.maxBatchRows || batch.rows == 0 { fault("a batch of \(batch.rows) rows") }
        let lead = records[Int(batch.slices[0].ticket)].arrival
        for slice in batch.slices {
            let ticket = Int(slice.ticket)
            if records[ticket].end != nil { fault("rows of request \(ticket) run after its end") }
            if records[ticket].arrival.group != batch.group { fault("request \(ticket) is of another group") }
            if records[ticket].started != slice.rows.lowerBound { fault("rows of request \(ticket) out of order") }
            records[ticket].started = slice.rows.upperBound
            if records[ticket].firstStart == nil { records[ticket].firstStart = now }
        }
        newcomers.removeAll { records[$0].end != nil || records[$0].started > 0 }
        for ticket in newcomers where records[ticket].arrival.caller != lead.caller {
            records[ticket].turnsBefore[lead.caller, default: 0] += 1
        }
        let cost = trace.costs[batch.group]
        let factor = cost.noise > 1 ? Double.random(in: 1 / cost.noise...cost.noise, using: &random) : 1
        let time = cost.time(rows: batch.rows) * factor
        busy += time
        // Workers that are free help with what has parts enough, and one whose batch gives way.
        let free = trace.policy.workers - running.count
        let seconds = time / .seconds(1)
        let isHelped = trace.policy.helps(seconds: seconds)
        let givesWay =
            isHelped && batch.isFirstTurn
            ? running.firstIndex { $0.isHelped && !$0.batch.isFirstTurn && !$0.hasGivenWay } : nil
        let threads = min(
            free + (givesWay == nil ? 0 : 1),
            trace.policy.workers(parts: batch.rows * cost.parts, seconds: seconds))
        if let givesWay {
            running[givesWay].hasGivenWay = true
            running[givesWay].end += time / threads
        }
        running.append(Running(batch: batch, end: now + time / threads, work: time, isHelped: isHelped))
        if running.count > trace.policy.workers {
            fault("\(running.count) batches run on \(trace.policy.workers) workers")
        }
    }
}
