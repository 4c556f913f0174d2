/// Reason why the service did not answer. Rows that fail by themselves are ``RowFailure``s in their place instead.
public enum ServingError: Error, Equatable, Sendable {
    /// No model of that name is loaded.
    case unknownModel(String)
    /// `waiting` rows of `limit` are in the queue; trying again makes sense after `retryAfter`, by the measured rate.
    case queueFull(waiting: Int, limit: Int, retryAfter: Duration)
    /// By the measured cost of what waits and runs, the request would be done after `wait`, which is more than its deadline.
    case tooLate(wait: Duration, deadline: Duration)
    /// No model is ready yet.
    case loading
    /// The service finishes what it has, and takes nothing new.
    case draining
    /// Deadline of the request passed, or could not be kept any more, when so many of its rows had run.
    case deadlinePassed(finished: Int, of: Int)
    /// The weights of the model of that name were unused and given up, and could not be loaded again.
    case rests(String)
    /// The caller's task was cancelled.
    case cancelled
    /// Two models have the same name, or none was given.
    case badModelSet(reason: String)
    /// A model does not compute through the service what its file says.
    case selfTestFailed(model: String, reason: String)
}

/// Reason why one row has no result; others of its batch are not touched.
public enum RowFailure: Error, Equatable, Sendable {
    /// The density is not a finite number there.
    case notFinite
    /// The model refused the row; `reason` is for the log, not for clients.
    case refused(reason: String)
}

/// Timings of a request: where its time went.
public struct RequestTimings: Sendable, Equatable {
    /// Time from the request's arrival until a worker took the first of its rows.
    public var queue: Duration
    /// Time that the batches with rows of the request ran, added up.
    public var compute: Duration
    /// Rows of the largest batch with rows of the request, those of other requests included.
    public var batchRows: Int

    /// Timings of a request that nothing has run for, unless said otherwise.
    public init(queue: Duration = .zero, compute: Duration = .zero, batchRows: Int = 0) {
        self.queue = queue
        self.compute = compute
        self.batchRows = batchRows
    }
}
