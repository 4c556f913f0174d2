import Serving
import TestSupport
import Testing

@Suite("Decoding lane", .timeLimit(.minutes(15)))
struct DecodingLaneTests {
    private struct Failure: Error, Equatable {}
    private let a = Caller(name: "a")
    private let b = Caller(name: "b")

    private func lane(maxRequests: Int = 100, shortWork: Int = 10) -> DecodingLane {
        var policy = DecodingPolicy()
        policy.threads = 1
        policy.maxRequests = maxRequests
        policy.shortWork = shortWork
        return DecodingLane(policy: policy)
    }

    @Test("the results are those of the steps, in order")
    func results() async throws {
        let results = try await lane().run(for: a, deadline: nil, steps: [1, 100, 2]) { step, _ in step * 10 }
        #expect(results == [0, 10, 20])
    }

    @Test("the watch is told of each step while it runs")
    func watch() async throws {
        let watch = WorkWatch()
        let lane = DecodingLane(watch: watch)
        let running = try await lane.run(for: a, deadline: nil, steps: [1, 100]) { _, _ in watch.progress.running }
        #expect(running == [1, 1])
        await eventually { watch.progress.running == 0 }
        #expect(watch.progress.ended == 2 && watch.standstill == nil)
    }

    @Test("a step that fails is the last, with its error")
    func failure() async throws {
        let lane = lane()
        let begun = Locked<[Int]>([])
        await #expect(throws: Failure()) {
            try await lane.run(for: a, deadline: nil, steps: [100, 100, 100]) { step, _ in
                begun.change { $0.append(step) }
                if step == 1 { throw Failure() }
            }
        }
        #expect(begun.value == [0, 1])
        #expect(try await lane.run(for: a, deadline: nil, steps: [100]) { step, _ in step } == [0])
    }

    /// Waits, on the lane's thread, until the work is wanted no more.
    @Sendable private static func untilStopped(_: Int, _ stop: DecodingStop) {
        while !stop.isStopped { pause() }
    }

    @Test("cancelling a task ends it at once, stops the step that runs, and frees the thread")
    func cancellation() async throws {
        let lane = lane()
        let running = Locked(false)
        let task = Task {
            try await lane.run(for: a, deadline: nil, steps: [100, 100]) { step, stop in
                running.change { $0 = true }
                Self.untilStopped(step, stop)
            }
        }
        await eventually { running.value }
        task.cancel()
        await #expect(throws: ServingError.cancelled) { try await task.value }
        #expect(try await lane.run(for: b, deadline: nil, steps: [100]) { step, _ in step } == [0])
    }

    @Test("a task that is cancelled before it comes runs nothing")
    func cancelledBefore() async throws {
        let lane = lane()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await lane.run(for: a, deadline: nil, steps: [100]) { step, stop in Self.untilStopped(step, stop)
            }
        }
        task.cancel()
        await #expect(throws: ServingError.cancelled) { try await task.value }
    }

    @Test("a deadline that passes ends what runs, and what waits behind it")
    func deadline() async throws {
        let lane = lane()
        let soon = ContinuousClock.now + .milliseconds(50)
        let tasks = (0..<2).map { _ in
            Task { try await lane.run(for: a, deadline: soon, steps: [100], Self.untilStopped) }
        }
        for task in tasks { await #expect(throws: DecodingRefusal.deadlinePassed) { try await task.value } }
    }

    @Test("a short step is done while a long one holds the other thread, and a full lane refuses")
    func shortBesideLong() async throws {
        let lane = lane(maxRequests: 2)
        let running = Locked(false)
        let long = Task {
            try await lane.run(for: a, deadline: nil, steps: [100]) { step, stop in
                running.change { $0 = true }
                Self.untilStopped(step, stop)
            }
        }
        await eventually { running.value }
        #expect(try await lane.run(for: b, deadline: nil, steps: [10]) { step, _ in step } == [0])
        let waiting = Task { try await lane.run(for: b, deadline: nil, steps: [100]) { step, _ in step } }
        await eventually {
            do {
                _ = try await lane.run(for: b, deadline: nil, steps: [10]) { step, _ in step }
                return false
            } catch { return error as? DecodingRefusal == .full(requests: 2, limit: 2, retryAfter: .zero) }
        }
        long.cancel()
        #expect(try await waiting.value == [0])
        _ = await long.result
    }
}
