import Serving
import Testing

@Suite("Queue of the decoding lane")
struct DecodingQueueTests {
    private static func policy(threads: Int = 1, maxRequests: Int = 100, shortWork: Int = 0) -> DecodingPolicy {
        var policy = DecodingPolicy()
        policy.threads = threads
        policy.maxRequests = maxRequests
        policy.shortWork = shortWork
        return policy
    }

    private let a = Caller(name: "a")
    private let b = Caller(name: "b")

    /// Runs the step that `actions` begin, and those that follow, each for a second, on the one worker; the tickets in order.
    private func run(_ queue: inout DecodingQueue, _ actions: [DecodingQueue.Action]) -> [UInt64] {
        var order: [UInt64] = []
        var actions = actions
        while case .run(let ticket, _, let worker)? = actions.first(where: { if case .run = $0 { true } else { false } }
        ) {
            order.append(ticket)
            actions = queue.finished(ticket, by: worker, took: .seconds(1), at: .zero)
        }
        return order
    }

    @Test("callers take turns, however many requests one has")
    func turns() throws {
        var queue = DecodingQueue(policy: Self.policy())
        let first = try queue.admit(1, of: a, steps: [100], deadline: nil, at: .zero)
        for ticket: UInt64 in 2...4 {
            #expect(try queue.admit(ticket, of: a, steps: [100], deadline: nil, at: .zero).isEmpty)
        }
        #expect(try queue.admit(5, of: b, steps: [100], deadline: nil, at: .zero).isEmpty)
        #expect(run(&queue, first) == [1, 5, 2, 3, 4])
        #expect(queue.count == 0)
    }

    @Test("a request of many images gives way between two of them")
    func steps() throws {
        var queue = DecodingQueue(policy: Self.policy())
        let first = try queue.admit(1, of: a, steps: [100, 100, 100], deadline: nil, at: .zero)
        #expect(try queue.admit(2, of: b, steps: [100], deadline: nil, at: .zero).isEmpty)
        #expect(run(&queue, first) == [1, 2, 1, 1])
    }

    @Test("turns are counted in work, not in requests")
    func work() throws {
        var queue = DecodingQueue(policy: Self.policy())
        let first = try queue.admit(1, of: a, steps: [100, 100], deadline: nil, at: .zero)
        _ = try queue.admit(2, of: b, steps: [25, 25, 25, 25, 25, 25], deadline: nil, at: .zero)
        #expect(run(&queue, first) == [1, 2, 2, 2, 2, 2, 1, 2])
    }

    @Test("who was away has no turns to make up for, and who was served has none to come")
    func newcomers() throws {
        var queue = DecodingQueue(policy: Self.policy())
        let first = try queue.admit(1, of: a, steps: Array(repeating: 100, count: 4), deadline: nil, at: .zero)
        #expect(first == [.run(1, step: 0, on: .any)])
        _ = queue.finished(1, by: .any, took: .seconds(1), at: .zero)
        let third = queue.finished(1, by: .any, took: .seconds(1), at: .zero)
        _ = try queue.admit(2, of: b, steps: Array(repeating: 100, count: 4), deadline: nil, at: .zero)
        #expect(run(&queue, third) == [1, 2, 1, 2, 2, 2])
    }

    @Test("of one caller what takes less goes first, but what waits long has its turn")
    func shortFirst() throws {
        var queue = DecodingQueue(policy: Self.policy())
        let first = try queue.admit(1, of: a, steps: [100], deadline: nil, at: .zero)
        _ = try queue.admit(2, of: a, steps: [300], deadline: nil, at: .zero)
        for ticket: UInt64 in 3...8 { _ = try queue.admit(ticket, of: a, steps: [90], deadline: nil, at: .zero) }
        // Those that come while others run are behind what was done for their caller meanwhile.
        #expect(run(&queue, first) == [1, 3, 4, 5, 6, 7, 8, 2])
        var later = DecodingQueue(policy: Self.policy())
        _ = try later.admit(1, of: a, steps: [100], deadline: nil, at: .zero)
        _ = try later.admit(2, of: a, steps: [300], deadline: nil, at: .zero)
        var actions = later.finished(1, by: .any, took: .seconds(1), at: .zero)
        #expect(actions == [.complete(1), .run(2, step: 0, on: .any)])
        _ = try later.admit(3, of: a, steps: [300], deadline: nil, at: .zero)
        var order: [UInt64] = []
        for ticket: UInt64 in 4...12 {
            // A stream of short ones that never ends.
            _ = try later.admit(ticket, of: a, steps: [90], deadline: nil, at: .zero)
            guard case .run(let running, _, _)? = actions.last else { break }
            order.append(running)
            actions = later.finished(running, by: .any, took: .seconds(1), at: .zero)
        }
        #expect(order.contains(3))
    }

    @Test("a short step never waits for a long one")
    func shortWorker() throws {
        var queue = DecodingQueue(policy: Self.policy(threads: 2, shortWork: 10))
        for ticket: UInt64 in 1...2 {
            #expect(
                try queue.admit(ticket, of: a, steps: [11], deadline: nil, at: .zero)
                    == [.run(ticket, step: 0, on: .any)])
        }
        #expect(try queue.admit(3, of: b, steps: [11], deadline: nil, at: .zero).isEmpty)
        #expect(
            try queue.admit(4, of: b, steps: [10, 11], deadline: nil, at: .zero) == [.run(4, step: 0, on: .short)])
        #expect(try queue.admit(5, of: b, steps: [10], deadline: nil, at: .zero).isEmpty)
        // Its long step does not keep the worker.
        #expect(queue.finished(4, by: .short, took: .seconds(1), at: .zero) == [.run(5, step: 0, on: .short)])
        #expect(queue.finished(5, by: .short, took: .seconds(1), at: .zero) == [.complete(5)])
    }

    @Test("requests fill the queue to the last, beyond it they are refused")
    func full() throws {
        var queue = DecodingQueue(policy: Self.policy(maxRequests: 2))
        _ = try queue.admit(1, of: a, steps: [1], deadline: nil, at: .zero)
        _ = try queue.admit(2, of: a, steps: [1], deadline: nil, at: .zero)
        #expect(throws: DecodingRefusal.full(requests: 2, limit: 2, retryAfter: .zero)) {
            try queue.admit(3, of: a, steps: [1], deadline: nil, at: .zero)
        }
        _ = queue.finished(1, by: .any, took: .seconds(1), at: .zero)
        _ = try queue.admit(3, of: a, steps: [1], deadline: nil, at: .zero)
        #expect(queue.count == 2)
    }

    @Test("a full queue takes who has less in place of who has most")
    func room() throws {
        var queue = DecodingQueue(policy: Self.policy(maxRequests: 3))
        for ticket: UInt64 in 1...3 { _ = try queue.admit(ticket, of: a, steps: [1], deadline: nil, at: .zero) }
        let refusal = DecodingRefusal.full(requests: 3, limit: 3, retryAfter: .zero)
        #expect(try queue.admit(4, of: b, steps: [1], deadline: nil, at: .zero) == [.refuse(3, refusal)])
        // Two against one: to take from the one would only turn it round. What has begun stays.
        #expect(throws: refusal) { try queue.admit(5, of: b, steps: [1], deadline: nil, at: .zero) }
        #expect(
            try queue.admit(6, of: Caller(name: "c"), steps: [1], deadline: nil, at: .zero) == [.refuse(2, refusal)])
        #expect(throws: refusal) { try queue.admit(7, of: Caller(name: "d"), steps: [1], deadline: nil, at: .zero) }
    }

    @Test("a deadline ends what waits and what runs, at its instant and not before")
    func deadlines() throws {
        var queue = DecodingQueue(policy: Self.policy())
        _ = try queue.admit(1, of: a, steps: [1, 1], deadline: .seconds(5), at: .zero)
        _ = try queue.admit(2, of: a, steps: [1], deadline: .seconds(3), at: .zero)
        _ = try queue.admit(3, of: a, steps: [1], deadline: nil, at: .zero)
        #expect(queue.nextTick == .seconds(3))
        #expect(queue.tick(at: .milliseconds(2999)).isEmpty)
        #expect(queue.tick(at: .seconds(3)) == [.expire(2)])
        #expect(queue.nextTick == .seconds(5))
        #expect(queue.tick(at: .seconds(5)) == [.expire(1)])
        #expect(queue.nextTick == nil)
        // Its worker is free when the step has ended.
        #expect(queue.finished(1, by: .any, took: .seconds(1), at: .seconds(6)) == [.run(3, step: 0, on: .any)])
    }

    @Test("what cannot be done before its deadline is refused as it comes")
    func late() throws {
        var queue = DecodingQueue(policy: Self.policy())
        let million = 1_000_000
        // Nothing was measured yet.
        _ = try queue.admit(1, of: a, steps: [million], deadline: .milliseconds(1), at: .zero)
        _ = queue.finished(1, by: .any, took: .seconds(1), at: .zero)
        // A million a second: the caller's own two, and two of the other's five, before it would be done.
        _ = try queue.admit(2, of: a, steps: Array(repeating: million, count: 5), deadline: nil, at: .zero)
        _ = try queue.admit(3, of: b, steps: [million], deadline: nil, at: .zero)
        #expect(throws: DecodingRefusal.late(wait: .seconds(4), left: .milliseconds(3999))) {
            try queue.admit(4, of: b, steps: [million], deadline: .milliseconds(4999), at: .seconds(1))
        }
        #expect(queue.count == 2)
        _ = try queue.admit(4, of: b, steps: [million], deadline: .seconds(5), at: .seconds(1))
        #expect(queue.count == 3)
    }

    @Test("a request that leaves while it waits never runs, one that runs holds its worker until it has stopped")
    func leaving() throws {
        var queue = DecodingQueue(policy: Self.policy())
        _ = try queue.admit(1, of: a, steps: [1, 1], deadline: nil, at: .zero)
        _ = try queue.admit(2, of: a, steps: [1], deadline: nil, at: .zero)
        _ = try queue.admit(3, of: a, steps: [1], deadline: nil, at: .zero)
        #expect(queue.leave(2).isEmpty && queue.leave(1).isEmpty && queue.leave(9).isEmpty)
        #expect(queue.finished(1, by: .any, took: .seconds(1), at: .zero) == [.run(3, step: 0, on: .any)])
        #expect(queue.finished(3, by: .any, took: .seconds(1), at: .zero) == [.complete(3)])
    }

    @Test("whatever comes and goes, each request ends once and no worker has two steps", arguments: 0..<200)
    func random(seed: Int) {
        var run = RandomDecoding(seed: UInt64(seed))
        for _ in 0..<300 { run.event() }
        run.drain()
        #expect(run.problems == [])
        #expect(run.ended.count == Int(run.lastTicket) - run.refused)
    }
}
