/// Whether something gets on: in each window of time some bytes must move. Bytes that moved fast earn no time for
/// later, so that nobody can hold a connection for long with what was cheap to send.
struct ProgressWindow: Sendable {
    private var start: Nanoseconds = 0
    private var bytes = 0

    mutating func begin(at now: Nanoseconds) {
        start = now
        bytes = 0
    }

    mutating func add(_ count: Int) {
        bytes += count
    }

    /// Time when ``renew(at:length:rate:)`` is due.
    func deadline(length: Duration) -> Nanoseconds { start &+ length.nanoseconds }

    /// Ends a window and begins the next, if at least `rate` bytes a second moved, and one at all.
    /// - Returns: whether so many moved.
    mutating func renew(at now: Nanoseconds, length: Duration, rate: Int) -> Bool {
        let seconds = Double(length.nanoseconds) / 1e9
        guard bytes > 0, Double(bytes) >= Double(rate) * seconds else { return false }
        begin(at: now)
        return true
    }
}
