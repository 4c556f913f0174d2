import Dispatch
import FlowModels
import Synchronization

/// Parts of a batch that several threads take, one after the other, until there are none left.
final class SharedWork: Sendable {
    private let parts: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic(0)
    private let helpedNanoseconds = Atomic(0)
    private let unfinished: Atomic<Int>
    private let isDone = DispatchSemaphore(value: 0)

    init(parts: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.parts = parts
        self.body = body
        unfinished = Atomic(parts)
    }

    /// Whether there are parts that no thread has taken.
    var hasMore: Bool { next.load(ordering: .relaxed) < parts }

    /// Time that threads took for it but the one that has the batch.
    var helpedTime: Duration { .nanoseconds(helpedNanoseconds.load(ordering: .relaxed)) }

    /// Takes parts over on a thread that has nothing else to do, for as long as `goesOn`.
    func help(while goesOn: () -> Bool) {
        let start = ContinuousClock.now
        while hasMore, goesOn(), takePart() {}
        helpedNanoseconds.wrappingAdd(Int(start.duration(to: .now) / .nanoseconds(1)), ordering: .relaxed)
    }

    /// Takes all parts over that nobody else has.
    func run() {
        while takePart() {}
    }

    /// - Returns: false when there was none left.
    private func takePart() -> Bool {
        let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard part < parts else { return false }
        body(part)
        if unfinished.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { isDone.signal() }
        return true
    }

    /// Returns when every part has run; for one thread, once.
    func wait() { isDone.wait() }
}

/// Threads of a lane that are idle while a batch runs, and the time that they gave it.
final class BatchHelpers: IdleThreads {
    private let lane: Lane
    private let nanoseconds = Atomic(0)

    init(_ lane: Lane) { self.lane = lane }

    /// Time that helpers took, added up.
    var time: Duration { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }

    /// All of the lane's: those that are busy when a batch begins may be free before it ends.
    package var available: Int { lane.workers }

    package func run(parts: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let work = SharedWork(parts: parts, body)
        lane.state.withLock { $0.shared.append(work) }
        for _ in 1..<min(parts, lane.workers) { lane.signal.signal() }
        work.run()
        lane.state.withLock { state in state.shared.removeAll { $0 === work } }
        work.wait()
        nanoseconds.wrappingAdd(Int(work.helpedTime / .nanoseconds(1)), ordering: .relaxed)
    }
}
