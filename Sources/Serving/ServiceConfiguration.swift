public import FlowModels
import System

/// Sizes of a ``DensityService``.
public struct ServiceConfiguration: Sendable {
    /// Most rows of one batch of the parallel lane.
    public var maxBatchRows = 64
    /// Time that a batch that is not full waits for more rows while a worker is free.
    public var maxBatchDelay = Duration.zero
    /// Time of a worker that a batch takes by its measured cost, at most, but for one row.
    public var maxBatchTime = Duration.milliseconds(50)
    /// Wait of the oldest request from which on a lane is overloaded, and serves the newest first.
    public var patience = Duration.seconds(1)
    /// Most rows that wait in one lane; more are refused.
    public var maxQueueRows = 16_384
    /// Number of threads of each lane.
    public var threads = Processors.count
    /// Most rows of one request that the sequential lane runs before it is another request's turn.
    public var sequentialBlockRows = 16
    /// Added to the nice value of the sequential lane's threads, 0 to 19.
    public var sequentialNiceness: Int32 = 10

    /// Rate of alarms of drift without drift, over the whole life of a stream of images.
    public var driftAlarm = AlarmRate("0.01")!

    /// The defaults.
    public init() {}
}
