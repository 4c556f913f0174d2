import Dispatch
import FlowModels
import Synchronization

/// Parts of a batch that several threads take, one after the other, until there are none left.
final class SharedWork: Sendable {
    /// Whether it is of a batch that others give way to.
    let isFirstTurn: Bool
    private let parts: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic(0)
    private let helpedNanoseconds = Atomic(0)
    private let unfinished: Atomic<Int>
    private let isDone = DispatchSemaphore(value: 0)

    init(parts: Int, isFirstTurn: Bool, _ body: @escaping @Sendable (Int) -> Void) {
        self.isFirstTurn = isFirstTurn
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

    /// Takes all parts over that nobody else has, `between` one and the next.
    func run(_ between: () -> Void) {
        while takePart() {
            if hasMore { between() }
        }
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
    private let isFirstTurn: Bool
    private let nanoseconds = Atomic(0)
    private let hasGivenWay = Atomic(false)

    init(_ lane: Lane, isFirstTurn: Bool) {
        self.lane = lane
        self.isFirstTurn = isFirstTurn
    }

    /// Time that helpers took, added up, less that which the batch's own thread gave to another batch.
    var time: Duration { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }

    /// All of the lane's: those that are busy when a batch begins may be free before it ends.
    package var available: Int { lane.workers }

    package func run(parts: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let work = SharedWork(parts: parts, isFirstTurn: isFirstTurn, body)
        lane.state.withLock { $0.shared.append(work) }
        for _ in 1..<min(parts, lane.workers) { lane.signal.signal() }
        work.run(giveWay)
        lane.state.withLock { state in state.shared.removeAll { $0 === work } }
        work.wait()
        nanoseconds.wrappingAdd(Int(work.helpedTime / .nanoseconds(1)), ordering: .relaxed)
    }

    /// Does what is left of a first turn before the next part of this batch, which is not one; once, so that however many callers
    /// come, the batch ends.
    private func giveWay() {
        guard !isFirstTurn, !hasGivenWay.load(ordering: .relaxed),
            let other = lane.state.withLock(\.firstTurn)
        else { return }
        hasGivenWay.store(true, ordering: .relaxed)
        let start = ContinuousClock.now
        other.help { true }
        nanoseconds.wrappingSubtract(Int(start.duration(to: .now) / .nanoseconds(1)), ordering: .relaxed)
    }
}
