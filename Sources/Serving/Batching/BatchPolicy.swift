/// How a lane puts rows into batches; stays the same for the life of a ``Batcher``.
package struct BatchPolicy: Sendable {
    /// Rows of one batch, at most.
    package var maxBatchRows: Int
    /// Time of a worker that one batch takes by the measured cost, at most, but for a single row, and for rows that are cheap
    /// beside what any batch costs.
    package var maxBatchTime = Duration.milliseconds(50)
    /// Time that larger requests may add to the batch of a smaller one, at least; else as much as the smaller one's own.
    package var leastFillTime = Duration.milliseconds(5)
    /// How long a batch that is not full waits for more rows while a worker is free.
    package var maxBatchDelay: Duration
    /// Rows that wait, at most; those of running batches are not counted.
    package var maxQueueRows: Int
    /// Batches that run at a time.
    package var workers: Int
    /// Wait of the longest waiting request from which on the lane is overloaded, and runs the newest first.
    package var patience = Duration.seconds(1)
    /// Whether one worker, where there are several, is left to other callers than one; those that are free help with batches that
    /// have parts enough.
    package var reservesWorker: Bool
    /// Time of a worker from which on a batch is helped with: waking another thread costs too much for less.
    package var leastHelpedTime = Duration.milliseconds(1)
    /// Time of a worker from which on batches that have parts enough run one after the other, each on all workers, rather than side by
    /// side: for less, waking the other workers costs more than it brings to who waits.
    package var leastSerialTime = Duration.milliseconds(10)
    /// Time spent on a request before it came from which on it counts for its caller's turn.
    package var leastSpentTime = Duration.milliseconds(10)
    /// Parts of rows for each thread that computes them, at least.
    package static let partsPerThread = 2

    package init(
        maxBatchRows: Int, maxBatchDelay: Duration, maxQueueRows: Int, workers: Int, reservesWorker: Bool = false
    ) {
        precondition(maxBatchRows > 0 && maxBatchDelay >= .zero && maxQueueRows > 0 && workers > 0)
        self.maxBatchRows = maxBatchRows
        self.maxBatchDelay = maxBatchDelay
        self.maxQueueRows = maxQueueRows
        self.workers = workers
        self.reservesWorker = reservesWorker
    }

    /// Whether free workers help with a batch that takes one `seconds`.
    package func helps(seconds: Double) -> Bool { reservesWorker && seconds >= leastHelpedTime / .seconds(1) }

    /// Workers that compute a batch of so many parts while nothing else is there; one before anything was measured.
    package func workers(parts: Int, seconds: Double?) -> Int {
        guard let seconds, helps(seconds: seconds) else { return 1 }
        return min(max(1, parts / Self.partsPerThread), workers)
    }

    /// Workers that a batch of so many parts keeps from beginning another.
    func demand(parts: Int, seconds: Double?) -> Int {
        guard let seconds, seconds >= leastSerialTime / .seconds(1) else { return 1 }
        return workers(parts: parts, seconds: seconds)
    }

    /// Batches of one caller that run at a time, at most.
    var callerBatches: Int { reservesWorker ? max(1, workers - 1) : workers }
}
