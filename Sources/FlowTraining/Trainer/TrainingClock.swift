import Glibc

/// Clock that counts a training's seconds.
public enum TrainingClock: String, Sendable, Codable, CaseIterable {
    /// Wall-clock time.
    case wall
    /// Processor time of this process, all its threads added: other work on the machine makes a training of so many seconds end
    /// later, and no worse.
    case processor

    /// Seconds since some moment in the past.
    var now: Double {
        var time = timespec()
        // fails for clocks that the system does not have, and Linux has both
        _ = unsafe clock_gettime(self == .wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
