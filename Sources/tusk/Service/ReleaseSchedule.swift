/// Schedule by which freed memory is given back to the system: once no request has been under way for a time, after some
/// were; a pure value, without a clock. Instants are durations since one fixed, arbitrary moment.
struct ReleaseSchedule: Sendable {
    /// What the caller must do.
    enum Step: Equatable, Sendable {
        case nothing
        /// Call ``look(requests:at:)`` after this time.
        case look(after: Duration)
        /// Give freed memory back.
        case release
    }

    /// Time without a request.
    let quiet: Duration
    /// Instant at which a request ended last; nil when none has since the last release.
    private var lastEnd: Duration?
    private var isLooking = false

    init(quiet: Duration) { self.quiet = quiet }

    /// Notes that a request ended, or other work that may have freed memory.
    mutating func ended(at now: Duration) -> Step {
        lastEnd = max(lastEnd ?? now, now)
        guard !isLooking else { return .nothing }
        isLooking = true
        return .look(after: quiet)
    }

    /// Decides, when it is time to, by the number of `requests` that are under way.
    mutating func look(requests: Int, at now: Duration) -> Step {
        guard requests == 0 else { return .look(after: quiet) }
        let rest = (lastEnd ?? now) + quiet - now
        guard rest <= .zero else { return .look(after: rest) }
        lastEnd = nil
        isLooking = false
        return .release
    }
}
