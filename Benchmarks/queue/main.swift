// What an event of the batcher costs while requests wait: see measure.sh.
import Glibc

/// Processor time of this thread, ns.
func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// What the events of one kind took.
struct Cost {
    var events = 0
    var nanoseconds = 0

    mutating func add<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = processorTime()
        defer {
            nanoseconds += processorTime() - start
            events += 1
        }
        return try body()
    }

    /// Less what reading the clock twice takes.
    func each(clock: Int) -> Int { max(0, nanoseconds / max(1, events) - clock) }
}

struct Group: Hashable {
    var model: Int
    var kind: Int
}

/// One worker, batches of 64, requests of one row for 4 models that all have a deadline; `waiting` of them wait all the time.
/// The lane asks for the next tick after every event, so that is part of each.
func measure(delay: Duration, waiting: Int, rounds: Int) -> (
    costs: [Cost], rowsPerBatch: Int
) {
    let policy = BatchPolicy(
        maxBatchRows: 64, maxBatchDelay: delay, maxQueueRows: waiting + 64, workers: 1)
    var batcher = Batcher<Group>(policy: policy)
    var ticket: UInt64 = 0
    var now = Duration.zero
    var running: [Batcher<Group>.Batch] = []
    var finishedRows = 0
    var (enqueue, cancel, finish, refuse) = (Cost(), Cost(), Cost(), Cost())
    func note(_ actions: [Batcher<Group>.Action]) {
        for case .run(let batch) in actions { running.append(batch) }
    }
    func submit() throws -> [Batcher<Group>.Action] {
        ticket += 1
        defer { _ = batcher.nextTick }
        return try batcher.enqueue(
            ticket, rows: 1, group: Group(model: Int(ticket % 4), kind: 0),
            terms: RequestTerms(caller: Caller(name: "\(ticket % 1000)"), deadline: .seconds(30)), at: now)
    }
    while batcher.waitingRows < waiting { note(try! submit()) }
    for round in 0..<rounds {
        now += .microseconds(100)
        while batcher.waitingRows < waiting + 64 { note(try! enqueue.add { try submit() }) }
        _ = refuse.add { try? submit() }
        // One of those that came last still waits.
        let one = ticket - UInt64(1 + round % 5)
        note(
            cancel.add {
                defer { _ = batcher.nextTick }
                return batcher.cancel(one, at: now)
            })
        guard let batch = running.popLast() else { continue }
        finishedRows += batch.rows
        note(
            finish.add {
                defer { _ = batcher.nextTick }
                return batcher.finished(batch.id, at: now)
            })
    }
    return ([enqueue, cancel, refuse, finish], finishedRows / max(1, finish.events))
}

var clock = Cost()
for _ in 0..<100_000 { clock.add {} }
let perReading = clock.nanoseconds / clock.events
let given = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let counts = given.isEmpty ? [10, 1000, 10_000] : given
print("ns of an event        waiting   enqueue    cancel    refuse    finish   rows a batch")
for (name, delay) in [("at once", Duration.zero), ("delay of 5 ms", .milliseconds(5))] {
    for waiting in counts {
        // The least of five averages: others use the machine too.
        let runs = (0..<5).map { _ in measure(delay: delay, waiting: waiting, rounds: 200) }
        let costs = (0..<4).map { kind in runs.map { $0.costs[kind].each(clock: perReading) }.min()! }
        let cells = [waiting] + costs + [runs[0].rowsPerBatch]
        let text = cells.map { number in String(repeating: " ", count: 10 - "\(number)".count) + "\(number)" }
        print(name + String(repeating: " ", count: 19 - name.count) + text.joined())
    }
}
