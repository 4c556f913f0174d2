import System

/// Sizes of a ``DecodingLane``. Work is pixels times scans.
public struct DecodingPolicy: Sendable, Equatable {
    /// Most requests that wait to be decoded, or are.
    public var maxRequests = 256
    /// Threads that take any step. One more takes only short ones, so that none of those ever waits for a long one.
    public var threads = Processors.count
    /// Most work of a step that counts as short, a few tens of milliseconds.
    public var shortWork = 1 << 20
    /// Added to the nice value of the threads that take any step, 0 to 19: large pictures leave the processors to batches.
    public var niceness: Int32 = 10

    /// The defaults.
    public init() {}
}

/// Reason why a request is not decoded.
public enum DecodingRefusal: Error, Equatable, Sendable {
    /// The request's deadline passed before all of its steps had run.
    case deadlinePassed
    /// `requests` wait or are decoded, at most `limit` may; trying again makes sense after `retryAfter`.
    case full(requests: Int, limit: Int, retryAfter: Duration)
    /// Those before it, each in its turn, and the request itself would take until `wait` from now by the measured rate, and
    /// its deadline is in `left`.
    case late(wait: Duration, left: Duration)
}
