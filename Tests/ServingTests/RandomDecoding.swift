import Serving

/// A run of random events against a ``DecodingQueue``, which keeps count of what it was told.
struct RandomDecoding {
    private struct Step: Equatable {
        var ticket: UInt64
        var worker: DecodingQueue.Worker
    }

    private var state: UInt64
    private let policy: DecodingPolicy
    private var queue: DecodingQueue
    private var now = Duration.zero
    private var running: [Step] = []
    /// Steps of each request that has not ended, and how many were begun.
    private var open: [UInt64: (steps: [Int], begun: Int)] = [:]

    var lastTicket: UInt64 = 0
    /// Requests that were never taken.
    var refused = 0
    /// Requests that have ended, once each.
    var ended: Set<UInt64> = []
    var problems: [String] = []

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        var policy = DecodingPolicy()
        policy.threads = Int(seed % 3) + 1
        policy.maxRequests = 12
        policy.shortWork = 20_000
        self.policy = policy
        queue = DecodingQueue(policy: policy)
    }

    private mutating func random(_ count: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % count
    }

    mutating func event() {
        now += .milliseconds(random(20))
        switch random(10) {
        case 0...3: admit()
        case 4...7: finish()
        case 8:
            let ticket = UInt64(random(Int(lastTicket) + 1))
            perform(queue.leave(ticket))
            if open[ticket] != nil { end(ticket) }
        default: perform(queue.tick(at: now))
        }
        check(queue.count == open.count, "the queue holds \(queue.count) of \(open.count) requests")
        check(queue.count <= policy.maxRequests, "more requests than the limit")
        if running.count(where: { $0.worker == .any }) < policy.threads {
            check(
                open.values.count(where: { $0.begun < $0.steps.count }) <= running.count, "a step waits for no reason")
        }
    }

    /// Lets everything that is there end.
    mutating func drain() {
        while !running.isEmpty { finish() }
        check(queue.count == 0 && open.isEmpty, "requests are left over")
    }

    private mutating func admit() {
        lastTicket += 1
        let steps = (0...random(4)).map { _ in random(60_000) + 1 }
        let deadline = random(3) == 0 ? now + .milliseconds(random(300)) : nil
        do throws(DecodingRefusal) {
            let caller = Caller(name: "\(random(4))")
            let actions = try queue.admit(lastTicket, of: caller, steps: steps, deadline: deadline, at: now)
            open[lastTicket] = (steps, 0)
            perform(actions)
        } catch {
            refused += 1
        }
    }

    private mutating func finish() {
        guard !running.isEmpty else { return }
        let step = running.remove(at: random(running.count))
        perform(queue.finished(step.ticket, by: step.worker, took: .milliseconds(random(30)), at: now))
    }

    private mutating func perform(_ actions: [DecodingQueue.Action]) {
        for action in actions {
            switch action {
            case .run(let ticket, let step, let worker):
                guard let request = open[ticket] else {
                    problems.append("a step of a request that has ended")
                    continue
                }
                check(step == request.begun, "step \(step) is out of order")
                check(!running.contains { $0.ticket == ticket }, "two steps of one request run")
                open[ticket]?.begun += 1
                running.append(Step(ticket: ticket, worker: worker))
                check(
                    running.count { $0.worker == worker } <= (worker == .any ? policy.threads : 1),
                    "a worker has two steps")
                check(worker == .any || request.steps[step] <= policy.shortWork, "a long step on the short worker")
            case .complete(let ticket):
                check(open[ticket].map { $0.begun == $0.steps.count } ?? false, "complete before its last step")
                end(ticket)
            case .expire(let ticket), .refuse(let ticket, _): end(ticket)
            }
        }
    }

    private mutating func end(_ ticket: UInt64) {
        check(open.removeValue(forKey: ticket) != nil && ended.insert(ticket).inserted, "a request ends twice")
    }

    private mutating func check(_ holds: Bool, _ problem: String) {
        if !holds { problems.append(problem) }
    }
}
