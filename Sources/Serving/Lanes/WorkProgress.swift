import Synchronization

/// Progress of work, batches of lanes and steps of decoding: how much runs, how much has ended, and since when none has; a pure
/// value, without a clock. Instants are durations since one fixed, arbitrary moment.
package struct WorkProgress: Sendable {
    /// Number of pieces of work that have begun and not ended.
    package private(set) var running = 0
    /// Number of pieces of work that have ended, well or not.
    package private(set) var ended = 0
    /// Instant at which one ended last or, if that was later, at which one began when none ran.
    private var moved = Duration.zero

    package init() {}

    /// Notes that a piece of work begins.
    package mutating func begin(at now: Duration) {
        if running == 0 { moved = max(moved, now) }
        running += 1
    }

    /// Notes that a piece of work has ended.
    package mutating func end(at now: Duration) {
        precondition(running > 0, "work ends once")
        running -= 1
        ended += 1
        // Threads come here a little out of order.
        moved = max(moved, now)
    }

    /// Time for which work has been running and none of it has ended; nil while none runs.
    package func standstill(at now: Duration) -> Duration? {
        running > 0 ? max(.zero, now - moved) : nil
    }
}

/// Watch that the lanes of a service and its ``DecodingLane`` feed, and that says whether their work gets on.
public final class WorkWatch: Sendable {
    private let state = Mutex(WorkProgress())
    private let origin = ContinuousClock.now

    /// A watch over nothing yet.
    public init() {}

    /// Notes that a piece of work begins.
    func begin() { state.withLock { $0.begin(at: now) } }

    /// Notes that a piece of work has ended.
    func end() { state.withLock { $0.end(at: now) } }

    /// The progress until now.
    package var progress: WorkProgress { state.withLock(\.self) }

    /// Time for which work has been running and none of it has ended; nil while none runs.
    package var standstill: Duration? { progress.standstill(at: now) }

    private var now: Duration { origin.duration(to: .now) }
}

extension DensityService {
    /// Time for which batches have been running or images been decoded, and none of it has ended; nil while none runs.
    public var standstill: Duration? { watch.standstill }
}
