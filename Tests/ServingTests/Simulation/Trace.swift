import FlowCore
import Foundation
import Serving

/// What happens to a lane from outside: requests with everything that their clients do, and what the work truly costs. Everything
/// else follows from it, so a run can be repeated and made smaller.
struct Trace: CustomStringConvertible {
    /// A request and its client.
    struct Arrival: CustomStringConvertible {
        var at: Duration
        var caller: Int
        var rows: Int
        var group: Int
        var priority = RequestTerms.Priority.interactive
        /// Deadline that the client names; nil leaves it to the service's.
        var promise: Duration?
        var isStream = false
        /// Time after which the client leaves without its answer; nil for one that waits.
        var patience: Duration?

        var description: String {
            let words = [
                "\(at.milliseconds) ms: caller \(caller), \(rows) rows of group \(group)",
                priority == .batch ? "batch" : nil, promise.map { "within \($0.milliseconds) ms" },
                isStream ? "as a stream" : nil, patience.map { "leaves after \($0.milliseconds) ms" },
            ]
            return words.compactMap { $0 }.joined(separator: ", ")
        }
    }

    /// True cost of a batch of a group.
    struct Cost: CustomStringConvertible {
        var perRow: Duration
        var perBatch: Duration
        /// Parts that a row can be computed in, on different workers.
        var parts = 1
        /// Largest factor by which a batch may take longer or less.
        var noise = 1.0

        func time(rows: Int) -> Duration { perRow * rows + perBatch }
        var description: String { "\(perRow.milliseconds) ms a row and \(perBatch.milliseconds) ms a batch" }
    }

    var seed: UInt64 = 0
    var policy: BatchPolicy
    var costs: [Cost]
    var arrivals: [Arrival]
    /// Deadline of requests that name none.
    var requestTimeout = Duration.seconds(30)
    /// Whether the costs were measured before, as the self-test at load does.
    var isMeasured = true

    var description: String {
        let limits =
            "\(policy.workers) workers, \(policy.maxBatchRows) rows a batch, delay \(policy.maxBatchDelay.milliseconds) ms"
        return (["seed \(seed): \(limits)"] + costs.map(\.description) + arrivals.map(\.description)).joined(
            separator: "\n")
    }

    /// The same with some of the arrivals.
    func with(_ arrivals: [Arrival]) -> Trace {
        var trace = self
        trace.arrivals = arrivals
        return trace
    }
}

extension Trace {
    /// A trace of everything that clients do, at loads from little to far too much.
    static func random(seed: UInt64) -> Trace {
        var random = RandomStream(seed: seed, stream: 7)
        let policy = BatchPolicy(
            maxBatchRows: [1, 4, 16, 64].randomElement(using: &random)!,
            maxBatchDelay: seed % 4 == 0 ? .milliseconds(3) : .zero,
            maxQueueRows: Int.random(in: 64...2048, using: &random), workers: Int.random(in: 1...4, using: &random),
            reservesWorker: Bool.random(using: &random))
        let costs = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            Cost(
                perRow: .microseconds([20, 500, 5000, 120_000].randomElement(using: &random)!),
                perBatch: .microseconds([0, 100, 3000].randomElement(using: &random)!),
                parts: [1, 10].randomElement(using: &random)!, noise: Bool.random(using: &random) ? 1 : 1.5)
        }
        let callers = Int.random(in: 1...12, using: &random)
        let load = Double.random(in: 0.2...4, using: &random)
        var at = Duration.zero
        var arrivals: [Arrival] = []
        for _ in 0..<Int.random(in: 5...120, using: &random) {
            let group = Int.random(in: 0..<costs.count, using: &random)
            let rows = [1, 1, 1, 2, 7, 64].randomElement(using: &random)!
            var arrival = Arrival(at: at, caller: Int.random(in: 0..<callers, using: &random), rows: rows, group: group)
            if Int.random(in: 0..<5, using: &random) == 0 { arrival.priority = .batch }
            if Int.random(in: 0..<3, using: &random) == 0 {
                arrival.promise = .milliseconds(Int.random(in: 1...4000, using: &random))
            }
            arrival.isStream = Int.random(in: 0..<8, using: &random) == 0
            if Int.random(in: 0..<3, using: &random) == 0 {
                arrival.patience = .milliseconds(Int.random(in: 0...5000, using: &random))
            }
            arrivals.append(arrival)
            let work = costs[group].time(rows: rows) / Double(policy.workers) / load
            at += work * -log1p(-Double.random(in: 0..<1, using: &random))
        }
        var trace = Trace(policy: policy, costs: costs, arrivals: arrivals)
        trace.seed = seed
        trace.isMeasured = Bool.random(using: &random)
        return trace
    }
}

extension Duration {
    var milliseconds: Double { (self / .microseconds(1)).rounded() / 1000 }
}
