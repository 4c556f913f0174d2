import FlowModels

/// Group of rows that may share a batch: those of one loaded model and one kind of work.
struct LaneGroup: Hashable, Sendable {
    let model: LoadedModel.ID
    let work: ObjectIdentifier

    init<Work: LaneWork>(_: Work.Type, on model: LoadedModel) {
        self.model = model.id
        work = ObjectIdentifier(Work.self)
    }
}

/// The requests of a ``LaneGroup`` that have not left their lane, whatever the kind of their work.
protocol GroupRequests: Sendable {
    var isEmpty: Bool { get }

    /// Takes a request out, and tells those of its batches that run.
    /// - Returns: what tells the request that it is over, to be called without a lock, and once; nil when it had left.
    func remove(_ ticket: UInt64) -> RequestEnd?

    /// Takes all requests out.
    func removeAll() -> [RequestEnd]

    /// Runs those rows of a batch that are still wanted, and delivers the results.
    ///
    /// - Parameter now: when a thread took the batch, in the lane's time.
    func run(_ batch: Batcher<LaneGroup>.Batch, at now: Duration, threads: (any IdleThreads)?)
}

/// Tells a request that it is over: all rows are delivered, or the error says why not.
typealias RequestEnd = @Sendable (ServingError?) -> Void
