import System

/// Sizes of a ``DensityService``.
public struct ServiceConfiguration: Sendable {
    /// Rows of one batch of the parallel lane, at most.
    public var maxBatchRows = 64
    /// How long a batch that is not full waits for more rows while a worker is free.
    public var maxBatchDelay = Duration.zero
    /// Rows that wait in one lane, at most; more are refused.
    public var maxQueueRows = 2048
    /// Threads of each lane.
    public var threads = Processors.count
    /// Rows of one request that the sequential lane runs before it is another request's turn.
    public var sequentialBlockRows = 16
    /// Added to the nice value of the sequential lane's threads, 0 to 19.
    public var sequentialNiceness: Int32 = 10

    /// The defaults.
    public init() {}
}
