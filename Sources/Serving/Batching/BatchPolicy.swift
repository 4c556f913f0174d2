/// Rules by which a lane puts rows into batches, the same for the life of a ``Batcher``.
package struct BatchPolicy: Sendable {
    /// Whether requests share batches.
    package enum Sharing: Sendable {
        /// Rows of different requests share a batch, oldest first.
        case shared
        /// A batch holds rows of one request, and requests take turns.
        case apart
    }

    /// Whether requests share batches.
    package var sharing: Sharing
    /// Most rows of one batch.
    package var maxBatchRows: Int
    /// Time that a batch that is not full waits for more rows while a worker is free; nothing waits with
    /// ``Sharing/apart``.
    package var maxBatchDelay: Duration
    /// Most rows that wait; those of running batches are not counted.
    package var maxQueueRows: Int
    /// Most batches that run at a time.
    package var workers: Int

    package init(sharing: Sharing, maxBatchRows: Int, maxBatchDelay: Duration, maxQueueRows: Int, workers: Int) {
        precondition(maxBatchRows > 0 && maxBatchDelay >= .zero && maxQueueRows > 0 && workers > 0)
        self.sharing = sharing
        self.maxBatchRows = maxBatchRows
        self.maxBatchDelay = maxBatchDelay
        self.maxQueueRows = maxQueueRows
        self.workers = workers
    }
}
