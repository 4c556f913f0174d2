import FlowCore
import Serving
import Testing

@Suite("Batcher under random interleavings")
struct BatcherInterleavingTests {
    @Test("every accepted row runs at most once and every request leaves exactly once", arguments: 0..<200)
    func interleaving(seed: UInt64) throws {
        var run = Interleaving(seed: seed)
        for _ in 0..<300 { run.step() }
        run.end()
    }
}

/// One random run of a batcher beside the plainest possible account of what it may do.
private struct Interleaving {
    struct Request {
        var group: Int
        var rows: Int
        var deadline: Duration?
        var started = 0
        var finished = 0
    }

    var random: RandomStream
    let policy: BatchPolicy
    var batcher: Batcher<Int>
    var now = Duration.zero
    var requests: [UInt64: Request] = [:]
    var running: [Batcher<Int>.Batch] = []
    var nextTicket: UInt64 = 0

    init(seed: UInt64) {
        random = RandomStream(seed: seed, stream: 0)
        policy = BatchPolicy(
            maxBatchRows: Int.random(in: 1...8, using: &random),
            maxBatchDelay: seed % 4 < 2 ? .zero : .milliseconds(3),
            maxQueueRows: Int.random(in: 5...40, using: &random),
            workers: Int.random(in: 1...3, using: &random))
        batcher = Batcher(policy: policy)
    }

    var waiting: Int { requests.values.reduce(0) { $0 + $1.rows - $1.started } }

    mutating func step() {
        now += .milliseconds(Int.random(in: 0...2, using: &random))
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5: enqueue()
        case 5..<8 where !running.isEmpty:
            let batch = running.remove(at: Int.random(in: 0..<running.count, using: &random))
            for slice in batch.slices { requests[slice.ticket]?.finished += slice.rows.count }
            account(batcher.finished(batch.id, at: now))
        case 8:
            guard let ticket = requests.keys.sorted().randomElement(using: &random) else { return }
            requests[ticket] = nil
            account(batcher.cancel(ticket, at: now))
        default:
            account(batcher.tick(at: now))
            #expect(batcher.nextTick.map { $0 > now } ?? true, "the tick left something to do")
        }
        check()
    }

    mutating func enqueue() {
        let rows = Int.random(in: 1...12, using: &random)
        let deadline: Duration? =
            Bool.random(using: &random) ? .milliseconds(Int.random(in: 1...40, using: &random)) : nil
        let request = Request(
            group: Int.random(in: 0..<3, using: &random), rows: rows, deadline: deadline.map { now + $0 })
        nextTicket += 1
        do throws(Batcher<Int>.Refusal) {
            let before = waiting
            let actions = try batcher.enqueue(
                nextTicket, rows: rows, group: request.group, terms: RequestTerms(deadline: deadline), at: now)
            #expect(before + rows <= policy.maxQueueRows)
            requests[nextTicket] = request
            account(actions)
        } catch {
            switch error {
            case .full: #expect(waiting + rows > policy.maxQueueRows)
            case .late(let wait, let limit): #expect(limit == deadline && wait > limit)
            case .draining: Issue.record("refused for a draining that nobody asked for")
            }
        }
    }

    mutating func account(_ actions: [Batcher<Int>.Action]) {
        for action in actions {
            switch action {
            case .run(let batch):
                #expect((1...policy.maxBatchRows).contains(batch.rows))
                for slice in batch.slices {
                    #expect(requests[slice.ticket]?.group == batch.group, "left or of another group")
                    #expect(requests[slice.ticket]?.started == slice.rows.lowerBound, "a row twice or out of order")
                    requests[slice.ticket]?.started = slice.rows.upperBound
                }
                running.append(batch)
                #expect(running.count <= policy.workers)
            case .complete(let ticket):
                let request = requests.removeValue(forKey: ticket)
                #expect(request != nil && request?.finished == request?.rows)
            case .expire(let ticket, let finished, let rows):
                guard let request = requests.removeValue(forKey: ticket), let deadline = request.deadline else {
                    Issue.record("expired without a deadline")
                    continue
                }
                #expect(finished == request.finished && rows == request.rows)
                let left = batcher.cost(of: request.group).seconds(rows: request.rows - request.started) ?? 0
                #expect(deadline <= now || now + .seconds(left / Double(policy.workers)) > deadline)
            }
        }
    }

    func check() {
        #expect(batcher.waitingRows == waiting)
        #expect(waiting <= policy.maxQueueRows)
        #expect(batcher.runningBatches == running.count)
        if policy.maxBatchDelay == .zero {
            #expect(waiting == 0 || running.count == policy.workers, "work waits while a worker is free")
        }
    }

    mutating func end() {
        account(batcher.drain(at: now))
        while let batch = running.popLast() {
            for slice in batch.slices { requests[slice.ticket]?.finished += slice.rows.count }
            now += .milliseconds(1)
            account(batcher.finished(batch.id, at: now))
        }
        #expect(requests.isEmpty, "someone still waits")
        #expect(batcher.isIdle)
    }
}
