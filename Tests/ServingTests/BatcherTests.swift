import Serving
import Testing

private typealias TestBatcher = Batcher<String>

/// A policy under which a batch may take as long as it likes.
private func policy(
    batch: Int = 4, delay: Duration = .zero, queue: Int = 100, workers: Int = 1, reservesWorker: Bool = false
) -> BatchPolicy {
    var policy = BatchPolicy(
        maxBatchRows: batch, maxBatchDelay: delay, maxQueueRows: queue, workers: workers,
        reservesWorker: reservesWorker)
    policy.maxBatchTime = .seconds(3600)
    return policy
}

@Suite("Batcher")
struct BatcherTests {
    @Test("a request runs at once when a worker is free")
    func atOnce() throws {
        var batcher = TestBatcher(policy: policy())
        let actions = try batcher.enqueue(1, rows: 2, group: "a", terms: RequestTerms(), at: .zero)
        #expect(actions == [.run(.init(id: 0, group: "a", slices: [.init(ticket: 1, rows: 0..<2)]))])
        #expect(batcher.waitingRows == 0)
        #expect(batcher.finished(0, at: .seconds(1)) == [.complete(1)])
        #expect(batcher.isIdle)
    }

    @Test("rows that wait behind a busy worker share one batch, oldest first")
    func share() throws {
        var batcher = TestBatcher(policy: policy(batch: 16))
        _ = try batcher.enqueue(0, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        for ticket in 1...16 {
            let actions = try batcher.enqueue(UInt64(ticket), rows: 1, group: "a", terms: RequestTerms(), at: .zero)
            #expect(actions.isEmpty)
        }
        let slices = (1...16).map { TestBatcher.RequestSlice(ticket: UInt64($0), rows: 0..<1) }
        #expect(
            batcher.finished(0, at: .zero) == [.complete(0), .run(.init(id: 1, group: "a", slices: slices))])
    }

    @Test("a request larger than a batch is split, and others have their turn between")
    func split() throws {
        var batcher = TestBatcher(policy: policy(batch: 4))
        _ = try batcher.enqueue(1, rows: 6, group: "a", terms: RequestTerms(), at: .zero)
        _ = try batcher.enqueue(2, rows: 3, group: "a", terms: RequestTerms(), at: .zero)
        let second = batcher.finished(0, at: .zero)
        #expect(
            second == [
                .run(.init(id: 1, group: "a", slices: [.init(ticket: 2, rows: 0..<3)]))
            ])
        let third = batcher.finished(1, at: .zero)
        #expect(
            third == [
                .complete(2),
                .run(.init(id: 2, group: "a", slices: [.init(ticket: 1, rows: 4..<6)], isFirstTurn: false)),
            ])
        #expect(batcher.finished(2, at: .zero) == [.complete(1)])
    }

    @Test("what would be refused is found without taking anything")
    func check() throws {
        var batcher = TestBatcher(policy: policy(batch: 4, queue: 8))
        _ = try batcher.enqueue(1, rows: 4, group: "a", terms: RequestTerms(), at: .zero)
        _ = batcher.finished(0, at: .seconds(4))
        let short = RequestTerms(deadline: .milliseconds(500))
        #expect(throws: TestBatcher.Refusal.late(wait: .seconds(1), deadline: .milliseconds(500))) {
            try batcher.check(rows: 1, parts: 1, group: "a", terms: short)
        }
        try batcher.check(rows: 1, parts: 1, group: "a", terms: RequestTerms(deadline: .seconds(2)))
        #expect(throws: TestBatcher.Refusal.full(waiting: 0, limit: 8, retryAfter: .zero)) {
            try batcher.check(rows: 9, parts: 1, group: "a", terms: RequestTerms())
        }
        #expect(batcher.isIdle)
        _ = batcher.drain(at: .seconds(4))
        #expect(throws: TestBatcher.Refusal.draining) {
            try batcher.check(rows: 1, parts: 1, group: "a", terms: RequestTerms())
        }
    }

    @Test("what was spent on a request before it came counts for its caller's turn, from a least time on")
    func spent() throws {
        for (milliseconds, first) in [(9, UInt64(1)), (10, 2)] {
            var batcher = TestBatcher(policy: policy(batch: 1))
            _ = try batcher.enqueue(0, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
            var terms = RequestTerms(caller: Caller(name: "pictures"))
            terms.spent = .milliseconds(milliseconds)
            _ = try batcher.enqueue(1, rows: 1, group: "a", terms: terms, at: .zero)
            _ = try batcher.enqueue(2, rows: 1, group: "a", terms: RequestTerms(caller: Caller(name: "b")), at: .zero)
            let next = batcher.finished(0, at: .milliseconds(1))
            #expect(
                next == [.complete(0), .run(.init(id: 1, group: "a", slices: [.init(ticket: first, rows: 0..<1)]))])
        }
    }

    @Test("rows of different groups never share a batch")
    func groups() throws {
        var batcher = TestBatcher(policy: policy())
        _ = try batcher.enqueue(0, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        _ = try batcher.enqueue(1, rows: 1, group: "b", terms: RequestTerms(), at: .zero)
        _ = try batcher.enqueue(2, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        _ = try batcher.enqueue(3, rows: 1, group: "b", terms: RequestTerms(), at: .zero)
        let actions = batcher.finished(0, at: .zero)
        #expect(
            actions == [
                .complete(0),
                .run(
                    .init(id: 1, group: "b", slices: [.init(ticket: 1, rows: 0..<1), .init(ticket: 3, rows: 0..<1)])),
            ])
    }

    @Test("requests take turns, and the small ones of a turn share a batch")
    func turns() throws {
        var batcher = TestBatcher(policy: policy(batch: 2))
        _ = try batcher.enqueue(1, rows: 5, group: "a", terms: RequestTerms(), at: .zero)
        _ = try batcher.enqueue(2, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        _ = try batcher.enqueue(3, rows: 3, group: "a", terms: RequestTerms(), at: .zero)
        var order: [[TestBatcher.RequestSlice]] = []
        for id in 0..<6 {
            for case .run(let batch) in batcher.finished(UInt64(id), at: .seconds(id + 1)) {
                order.append(batch.slices)
            }
            if batcher.isIdle { break }
        }
        #expect(
            order == [
                [.init(ticket: 2, rows: 0..<1), .init(ticket: 3, rows: 0..<1)],
                [.init(ticket: 1, rows: 2..<4)], [.init(ticket: 3, rows: 1..<3)], [.init(ticket: 1, rows: 4..<5)],
            ])
        #expect(batcher.isIdle)
    }

    @Test("a batch that is not full waits for the delay, a full one does not")
    func delay() throws {
        var batcher = TestBatcher(policy: policy(batch: 2, delay: .milliseconds(5)))
        #expect(try batcher.enqueue(1, rows: 1, group: "a", terms: RequestTerms(), at: .zero).isEmpty)
        #expect(batcher.nextTick == .milliseconds(5))
        #expect(batcher.tick(at: .milliseconds(4)).isEmpty)
        #expect(batcher.tick(at: .milliseconds(5)).count == 1)
        _ = batcher.finished(0, at: .milliseconds(6))
        #expect(try batcher.enqueue(2, rows: 1, group: "a", terms: RequestTerms(), at: .milliseconds(7)).isEmpty)
        let full = try batcher.enqueue(3, rows: 1, group: "a", terms: RequestTerms(), at: .milliseconds(7))
        #expect(full.count == 1)
    }

    @Test("the queue takes as many rows as its limit, and refuses one more")
    func full() throws {
        var batcher = TestBatcher(policy: policy(batch: 1, queue: 3))
        _ = try batcher.enqueue(0, rows: 1, group: "a", terms: RequestTerms(), at: .zero)  // runs, so does not wait
        _ = try batcher.enqueue(1, rows: 3, group: "a", terms: RequestTerms(), at: .zero)
        #expect(throws: TestBatcher.Refusal.full(waiting: 3, limit: 3, retryAfter: .zero)) {
            _ = try batcher.enqueue(2, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        }
        _ = batcher.cancel(1, at: .zero)
        _ = try batcher.enqueue(2, rows: 3, group: "a", terms: RequestTerms(), at: .zero)
        #expect(batcher.waitingRows == 3)
    }

    @Test("a refusal says when the queue will be empty, by the measured rate")
    func retryAfter() throws {
        var batcher = TestBatcher(policy: policy(batch: 2, queue: 4, workers: 2))
        _ = try batcher.enqueue(0, rows: 2, group: "a", terms: RequestTerms(), at: .zero)
        _ = batcher.finished(0, at: .seconds(6))  // 3 s a row
        for ticket in 1...4 {
            _ = try batcher.enqueue(UInt64(ticket), rows: 2, group: "a", terms: RequestTerms(), at: .seconds(6))
        }
        // 4 rows wait and 4 run, 3 s each on 2 workers
        #expect(throws: TestBatcher.Refusal.full(waiting: 4, limit: 4, retryAfter: .seconds(12))) {
            _ = try batcher.enqueue(9, rows: 1, group: "a", terms: RequestTerms(), at: .seconds(6))
        }
    }

    @Test("a cancelled request is taken out before it runs")
    func cancelWaiting() throws {
        var batcher = TestBatcher(policy: policy())
        for ticket in 0...2 {
            _ = try batcher.enqueue(UInt64(ticket), rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        }
        #expect(batcher.cancel(1, at: .zero).isEmpty)
        #expect(
            batcher.finished(0, at: .zero)
                == [.complete(0), .run(.init(id: 1, group: "a", slices: [.init(ticket: 2, rows: 0..<1)]))])
    }

    @Test("a request cancelled while it runs is not completed")
    func cancelRunning() throws {
        var batcher = TestBatcher(policy: policy())
        _ = try batcher.enqueue(1, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        #expect(batcher.cancel(1, at: .zero).isEmpty)
        #expect(batcher.cancel(1, at: .zero).isEmpty)
        #expect(batcher.finished(0, at: .zero).isEmpty)
        #expect(batcher.isIdle)
    }

    @Test("requests expire at their deadline, waiting or running")
    func deadlines() throws {
        var batcher = TestBatcher(policy: policy())
        _ = try batcher.enqueue(1, rows: 1, group: "a", terms: RequestTerms(deadline: .seconds(2)), at: .zero)
        _ = try batcher.enqueue(2, rows: 1, group: "a", terms: RequestTerms(deadline: .seconds(1)), at: .zero)
        _ = try batcher.enqueue(3, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        #expect(batcher.nextTick == .seconds(1))
        #expect(batcher.tick(at: .milliseconds(999)).isEmpty)
        #expect(batcher.tick(at: .seconds(1)) == [.expire(2, finished: 0, of: 1)])
        #expect(batcher.waitingRows == 1)
        #expect(batcher.nextTick == .seconds(2))
        #expect(batcher.tick(at: .seconds(2)) == [.expire(1, finished: 0, of: 1)])
        #expect(batcher.nextTick == nil)
        #expect(
            batcher.finished(0, at: .seconds(3))
                == [.run(.init(id: 1, group: "a", slices: [.init(ticket: 3, rows: 0..<1)]))])
    }

    @Test("draining refuses what is new and finishes what is there without delay")
    func drain() throws {
        var batcher = TestBatcher(policy: policy(delay: .seconds(60)))
        #expect(try batcher.enqueue(1, rows: 1, group: "a", terms: RequestTerms(), at: .zero).isEmpty)
        #expect(batcher.drain(at: .zero).count == 1)
        #expect(throws: TestBatcher.Refusal.draining) {
            _ = try batcher.enqueue(2, rows: 1, group: "a", terms: RequestTerms(), at: .zero)
        }
        #expect(batcher.finished(0, at: .zero) == [.complete(1)])
        #expect(batcher.isIdle)
    }
}
