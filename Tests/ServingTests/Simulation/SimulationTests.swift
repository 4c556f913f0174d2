import FlowCore
import Foundation
import Serving
import Testing

@Suite("Simulated lanes")
struct SimulationTests {
    /// Seconds of `make simulate`; 0 in `make test`, which runs a fixed number of traces.
    private static let seconds = ProcessInfo.processInfo.environment["TUSK_SIMULATE_SECONDS"].flatMap(Double.init) ?? 0
    private static let firstSeed = ProcessInfo.processInfo.environment["TUSK_SIMULATE_SEED"].flatMap(UInt64.init) ?? 0

    @Test("whatever clients do, each request ends once, and no rule of the lane is broken")
    func rules() {
        let start = ContinuousClock.now
        var count: UInt64 = 0
        while count < 150 || start.duration(to: .now) < .seconds(Self.seconds) {
            let trace = Trace.random(seed: Self.firstSeed + count)
            count += 1
            guard !faults(of: trace).isEmpty else { continue }
            let small = shrunk(trace) { !faults(of: $0).isEmpty }
            Issue.record("\(faults(of: small).joined(separator: "\n"))\n\(small)")
            return
        }
        if Self.seconds > 0 { print("\(count) traces in \(start.duration(to: .now))") }
    }

    /// What breaks a rule in a trace: of the account, and of turns.
    private func faults(of trace: Trace) -> [String] {
        let run = LaneSimulation(trace)
        return run.faults + turnFaults(run)
    }

    /// A caller that comes for the first time waits for no more than one turn of each other one, unless the lane runs the newest
    /// first, waits for full batches, or urgent requests come before it.
    private func turnFaults(_ run: LaneSimulation) -> [String] {
        guard run.trace.policy.maxBatchDelay == .zero, run.trace.arrivals.allSatisfy({ $0.priority == .interactive })
        else {
            return []
        }
        return run.records.enumerated().compactMap { ticket, record in
            guard let start = record.firstStart, start - record.arrival.at < run.trace.policy.patience,
                let (caller, turns) = record.turnsBefore.first(where: { $0.value > 1 })
            else { return nil }
            return "request \(ticket) waited for \(turns) turns of caller \(caller)"
        }
    }

    @Test("a failing trace is made as small as it can be, and runs the same again")
    func shrinking() {
        let trace = Trace.random(seed: 1)
        let small = shrunk(trace) { $0.arrivals.contains { $0.rows == 7 } && $0.arrivals.count { $0.rows == 1 } >= 2 }
        #expect(small.arrivals.map(\.rows).sorted() == [1, 1, 7])
        let (first, second) = (LaneSimulation(trace), LaneSimulation(trace))
        #expect(first.records.map(\.endedAt) == second.records.map(\.endedAt))
    }

    // MARK: - What made the lanes what they are

    /// Two workers, and an image takes one of them 120 ms: the default model.
    private func lane(workers: Int = 2) -> BatchPolicy {
        BatchPolicy(maxBatchRows: 64, maxBatchDelay: .zero, maxQueueRows: 2048, workers: workers, reservesWorker: true)
    }
    private let slow = Trace.Cost(perRow: .milliseconds(120), perBatch: .milliseconds(2), parts: 10)
    private let quick = Trace.Cost(perRow: .microseconds(20), perBatch: .microseconds(50))

    /// Arrivals of one image each at a constant rate, each of a caller of its own.
    private func stream(
        every interval: Duration, for time: Duration, patience: Duration? = nil, firstCaller: Int = 1000
    )
        -> [Trace.Arrival]
    {
        (0..<Int(time / interval)).map {
            Trace.Arrival(at: interval * $0, caller: firstCaller + $0, rows: 1, group: 0, patience: patience)
        }
    }

    private func run(_ cost: Trace.Cost, _ arrivals: [Trace.Arrival], workers: Int = 2) -> LaneSimulation {
        LaneSimulation(
            Trace(policy: lane(workers: workers), costs: [cost], arrivals: arrivals.sorted { $0.at < $1.at }))
    }

    /// Longest wait from arrival to answer of one-image requests.
    private func longest(_ run: LaneSimulation) -> Duration {
        run.records.filter { $0.arrival.rows == 1 }.map { $0.endedAt - $0.arrival.at }.max()!
    }

    @Test("one image does not wait behind another caller's many", arguments: [64, 256])
    func besideLarge(rows: Int) {
        for cost in [slow, quick] {
            let alone = longest(run(cost, stream(every: .milliseconds(500), for: .seconds(10))))
            for callers in [1, 4] {
                let large = (0..<callers).map { Trace.Arrival(at: .zero, caller: $0, rows: rows, group: 0) }
                let beside = run(cost, stream(every: .milliseconds(500), for: .seconds(10)) + large)
                #expect(beside.faults == [])
                // Batches that began before, a turn of each other caller, and its own; what a second image of the batch adds.
                #expect(
                    longest(beside) <= alone * 2 + .milliseconds(5),
                    "\(cost), \(callers) of \(rows): \(longest(beside))")
            }
        }
    }

    @Test("under too much load as much is answered in time as there is capacity for", arguments: [1.5, 3])
    func goodput(load: Double) {
        let capacity = 2 / (slow.time(rows: 1) / .seconds(1))
        let interval = Duration.seconds(1 / (load * capacity))
        let run = run(slow, stream(every: interval, for: .seconds(120), patience: .seconds(5)))
        #expect(run.faults == [])
        // The first seconds fill the queue; the clients of the last five may still be waiting.
        let answered = run.records.count {
            $0.end == .completed && $0.endedAt > .seconds(12) && $0.endedAt <= .seconds(117)
        }
        #expect(Double(answered) >= 0.9 * capacity * 105, "\(Double(answered) / (capacity * 105)) of the capacity")
    }

    @Test("after a storm of timeouts the next request is answered at once")
    func recovery() {
        let storm = (0..<1000).map {
            Trace.Arrival(at: .milliseconds($0), caller: 10 + $0, rows: 1, group: 0, patience: .seconds(5))
        }
        let after = (0..<20).map { Trace.Arrival(at: .seconds(7 + $0), caller: 2000 + $0, rows: 1, group: 0) }
        let run = run(slow, storm + after)
        #expect(run.faults == [])
        for record in run.records where record.arrival.caller >= 2000 {
            #expect(record.end == .completed && record.endedAt - record.arrival.at <= slow.time(rows: 1) * 2)
        }
    }

    @Test("what cannot be done by its deadline is refused when it comes, and what is taken is done")
    func promises() {
        let arrivals = (0..<300).map {
            Trace.Arrival(at: .milliseconds(20 * $0), caller: $0, rows: 1, group: 0, promise: .milliseconds(1500))
        }
        let run = run(slow, arrivals)
        #expect(run.faults == [])
        let ends = Dictionary(grouping: run.records.compactMap(\.end)) { $0 }.mapValues(\.count)
        #expect(ends[.expired, default: 0] == 0, "\(ends)")
        #expect(ends[.late]! > 100 && ends[.completed]! > 90, "\(ends)")
        for record in run.records where record.end == .late { #expect(record.endedAt == record.arrival.at) }
    }

    @Test("a caller with a hundred connections delays another by its turn")
    func manyConnections() {
        let flood = (0..<100).map {
            Trace.Arrival(at: .zero, caller: 0, rows: 16, group: 0, promise: nil, patience: .seconds($0))
        }
        let other = [Trace.Arrival(at: .milliseconds(100), caller: 1, rows: 1, group: 0)]
        let run = run(slow, flood + other)
        #expect(run.faults == [])
        #expect(longest(run) <= slow.time(rows: 1) * 3)
    }

    @Test("batch requests run in what interactive ones leave")
    func priorities() {
        let batch = (0..<4).map { Trace.Arrival(at: .zero, caller: $0, rows: 64, group: 0, priority: .batch) }
        let urgent = stream(every: .milliseconds(100), for: .seconds(5))
        let run = run(slow, batch + urgent)
        #expect(run.faults == [])
        let waits = run.records.filter { $0.arrival.priority == .interactive }.map { $0.endedAt - $0.arrival.at }
        #expect(waits.max()! <= slow.time(rows: 1) * 3)
        #expect(run.records.allSatisfy { $0.end == .completed })
    }

    @Test("what a batch costs whatever its rows is found, and shared by many")
    func amortised() {
        let solve = Trace.Cost(perRow: .milliseconds(10), perBatch: .milliseconds(400))
        let arrivals = (0..<300).map { Trace.Arrival(at: .milliseconds(50 * $0), caller: $0, rows: 1, group: 0) }
        var trace = Trace(policy: lane(workers: 1), costs: [solve], arrivals: arrivals)
        trace.isMeasured = false
        let run = LaneSimulation(trace)
        #expect(run.faults == [])
        // One row at a time would take 123 s of the worker.
        #expect(run.busy < .seconds(40), "\(run.busy)")
        #expect(run.records.allSatisfy { $0.end == .completed })
    }
}
