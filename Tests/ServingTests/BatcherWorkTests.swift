import FlowCore
import Serving
import Synchronization
import Testing

@Suite("Batcher with many requests waiting")
struct BatcherWorkTests {
    /// Counts how often the batcher compares or hashes a group: rules that go through what waits ask every request for its.
    private struct CountedGroup: Hashable, Sendable {
        static let looks = Atomic(0)
        var number: Int

        static func == (left: CountedGroup, right: CountedGroup) -> Bool {
            looks.wrappingAdd(1, ordering: .relaxed)
            return left.number == right.number
        }

        func hash(into hasher: inout Hasher) {
            Self.looks.wrappingAdd(1, ordering: .relaxed)
            hasher.combine(number)
        }
    }

    @Test("looks at as few requests in an event when ten thousand wait as when ten do")
    func looks() throws {
        for delay in [Duration.zero, .seconds(1000)] {
            for waiting in [10, 1000, 10_000] { try checkLooks(delay: delay, waiting: waiting) }
        }
    }

    private func checkLooks(delay: Duration, waiting: Int) throws {
        let policy = BatchPolicy(
            maxBatchRows: 4, maxBatchDelay: delay, maxQueueRows: 20_000, workers: 1)
        var batcher = Batcher<CountedGroup>(policy: policy)
        var ticket: UInt64 = 0
        var running: [UInt64] = []
        func note(_ actions: [Batcher<CountedGroup>.Action]) {
            for case .run(let batch) in actions { running.append(batch.id) }
        }
        /// Ten groups; a deadline each, as the service has it.
        func enqueue() throws {
            ticket += 1
            note(
                try batcher.enqueue(
                    ticket, rows: 1, group: CountedGroup(number: Int(ticket % 10)),
                    terms: RequestTerms(deadline: .seconds(1000)), at: .zero))
        }
        for _ in 0..<waiting + 4 { try enqueue() }
        let before = CountedGroup.looks.load(ordering: .relaxed)
        let events = 3 * min(waiting / 2, 500)
        for event in 0..<min(waiting / 2, 500) {
            try enqueue()
            note(batcher.cancel(ticket - UInt64(1 + event % 5), at: .zero))
            if !running.isEmpty { note(batcher.finished(running.removeFirst(), at: .zero)) }
            _ = batcher.nextTick
        }
        let looks = CountedGroup.looks.load(ordering: .relaxed) - before
        // A request is looked up in the table of lines when it comes, and when it was the last of its line.
        #expect(looks <= 8 * events, "\(delay) \(waiting): \(Double(looks) / Double(events)) an event")
    }

    /// Counts comparisons.
    private struct Counted: Comparable, Sendable {
        static let comparisons = Atomic(0)
        var value: Int

        static func < (left: Counted, right: Counted) -> Bool {
            comparisons.wrappingAdd(1, ordering: .relaxed)
            return left.value < right.value
        }
    }

    /// One count after another, since all have the same counter.
    @Test(
        "a heap of slots has the least first after any change, with few comparisons", .serialized,
        arguments: [1, 10, 1000, 10_000])
    func priorities(count: Int) {
        var random = RandomStream(seed: 1, stream: UInt64(count))
        var heap = SlotHeap<Counted>()
        var all: [Int: Int] = [:]
        let limit = 4 * (Int.bitWidth - count.leadingZeroBitCount + 1)
        for step in 0..<3 * count {
            let key = Int.random(in: 0..<count, using: &random)
            let before = Counted.comparisons.load(ordering: .relaxed)
            if step > count, Bool.random(using: &random) {
                heap.remove(key)
                all[key] = nil
            } else {
                all[key] = Int.random(in: 0..<count, using: &random)
                heap.set(key, to: Counted(value: all[key]!))
            }
            #expect(Counted.comparisons.load(ordering: .relaxed) - before <= limit)
            #expect(heap.count == all.count)
            if step % (count / 10 + 1) == 0 { #expect(heap.first?.priority.value == all.values.min()) }
        }
        var sorted: [Int] = []
        while let (key, priority) = heap.first {
            #expect(all[key] == priority.value)
            sorted.append(priority.value)
            heap.remove(key)
        }
        #expect(sorted == all.values.sorted())
    }
}
