/// Bucket that fills at a ``Rate`` and holds its burst, as a pure state machine: the time is passed in.
///
/// What is taken may be more than the bucket holds, as long as it holds one token: it is then overdrawn, and the next has to wait until
/// that is made good. So a request larger than the burst is not refused for ever, and in any time `t` no more is taken than
/// `burst + rate · t`, and the largest take but one.
///
/// The level is exact: a token is as many units as its period has nanoseconds, so that each nanosecond gives a whole number of them,
/// ``Rate/count``. Neither level nor sums can overflow: the numbers are below 2⁶³ tokens of less than 2⁴² units, and 2⁶⁴ nanoseconds
/// of less than 2⁴⁰.
struct TokenBucket: Sendable {
    let rate: Rate
    /// Units that are left; negative when the bucket is overdrawn.
    private var level: Int128
    /// Time of ``level``, in nanoseconds of the caller's clock.
    private var time: UInt64

    private var unitsOfToken: Int128 { Int128(rate.period.nanoseconds) }
    private var capacity: Int128 { Int128(rate.burst) * unitsOfToken }

    /// A full bucket.
    init(_ rate: Rate, at now: UInt64) {
        self.rate = rate
        time = now
        level = Int128(rate.burst) * Int128(rate.period.nanoseconds)
    }

    /// Nanoseconds until something can be taken; nil when it can be taken now.
    mutating func wait(at now: UInt64) -> UInt64? {
        fill(until: now)
        let missing = unitsOfToken - level
        guard missing > 0 else { return nil }
        let count = Int128(rate.count)
        return UInt64(clamping: (missing + count - 1) / count)
    }

    /// Takes `amount` tokens, 0 or more.
    /// - Returns: Nanoseconds until they can be taken, as ``wait(at:)``; nil when they were.
    mutating func take(_ amount: Int, at now: UInt64) -> UInt64? {
        precondition(amount >= 0)
        if let wait = wait(at: now) { return wait }
        level -= Int128(amount) * unitsOfToken
        return nil
    }

    /// Puts back what was taken and not used, at the time of the last call.
    mutating func putBack(_ amount: Int) {
        precondition(amount >= 0)
        level = min(capacity, level + Int128(amount) * unitsOfToken)
    }

    /// Tokens that were taken beyond those that were there, a part of one as a whole; 0 when there were enough.
    var overdraft: Int {
        level >= 0 ? 0 : Int(clamping: (unitsOfToken - 1 - level) / unitsOfToken)
    }

    /// Adds what the time has given; a clock that goes backwards gives nothing until it is where it was.
    private mutating func fill(until now: UInt64) {
        guard now > time else { return }
        level = min(capacity, level + Int128(now - time) * Int128(rate.count))
        time = now
    }
}
