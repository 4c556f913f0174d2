/// What closed a batch, so that it has no more rows than it has.
package enum BatchClosing: String, CaseIterable, Sendable {
    /// The most rows of a batch.
    case rows
    /// The most time of a batch, by the measured cost.
    case time
    /// Nothing more waited that could share it.
    case empty
    /// What waited was larger than those in it, or would have ended it after a deadline in it.
    case others
}

/// What waits in a lane, and what runs.
package struct LaneLoad: Equatable, Sendable {
    /// Requests of which nothing has run.
    package var queuedRequests = 0
    /// Requests of which something runs or has run, and that are not done.
    package var runningRequests = 0
    /// Rows that wait.
    package var queuedRows = 0
    /// Rows of the batches that run.
    package var runningRows = 0

    package init(queuedRequests: Int = 0, runningRequests: Int = 0, queuedRows: Int = 0, runningRows: Int = 0) {
        self.queuedRequests = queuedRequests
        self.runningRequests = runningRequests
        self.queuedRows = queuedRows
        self.runningRows = runningRows
    }
}
