import Synchronization

/// Progress of the batches of all lanes: how many run, how many have ended, and since when none has; a pure value, without a
/// clock. Instants are durations since one fixed, arbitrary moment.
package struct WorkProgress: Sendable {
    /// Number of batches that have begun and not ended.
    package private(set) var running = 0
    /// Number of batches that have ended, well or not.
    package private(set) var ended = 0
    /// Instant at which a batch ended last or, if that was later, at which one began when none ran.
    private var moved = Duration.zero

    package init() {}

    /// Notes that a batch begins.
    package mutating func begin(at now: Duration) {
        if running == 0 { moved = max(moved, now) }
        running += 1
    }

    /// Notes that a batch has ended.
    package mutating func end(at now: Duration) {
        precondition(running > 0, "a batch ends once")
        running -= 1
        ended += 1
        // Threads come here a little out of order.
        moved = max(moved, now)
    }

    /// Time for which batches have been running and none has ended; nil while none runs.
    package func standstill(at now: Duration) -> Duration? {
        running > 0 ? max(.zero, now - moved) : nil
    }
}

/// Watch that the lanes of a service feed, and that says whether their work gets on.
package final class WorkWatch: Sendable {
    private let state = Mutex(WorkProgress())
    private let origin = ContinuousClock.now

    package init() {}

    /// Notes that a batch begins.
    func begin() { state.withLock { $0.begin(at: now) } }

    /// Notes that a batch has ended.
    func end() { state.withLock { $0.end(at: now) } }

    /// The progress until now.
    package var progress: WorkProgress { state.withLock(\.self) }

    /// Time for which batches have been running and none has ended; nil while none runs.
    package var standstill: Duration? { progress.standstill(at: now) }

    private var now: Duration { origin.duration(to: .now) }
}

extension DensityService {
    /// Time for which batches have been running, in whichever lane, and none has ended; nil while none runs.
    public var standstill: Duration? { watch.standstill }
}
