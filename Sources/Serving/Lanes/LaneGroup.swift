import FlowModels

/// Group of rows that may share a batch: those of one loaded model, one kind of work and one cost.
struct LaneGroup: Hashable, Sendable {
    let model: LoadedModel.ID
    let work: ObjectIdentifier
    let cost: Int

    /// - Parameter cost: ``LaneWork/cost(of:)`` of the rows.
    init<Work: LaneWork>(_: Work.Type, on model: LoadedModel, cost: Int) {
        self.model = model.id
        work = ObjectIdentifier(Work.self)
        self.cost = cost
    }
}

/// The requests of a ``LaneGroup`` that have not left their lane, whatever the kind of their work.
///
/// Closures over ``TypedRequests`` rather than a protocol: they are formed where the kind is known, so what they do is compiled
/// for it, while a witness of a generic class looks its types up at run time, which cost a tenth of a small `/logprob`.
struct GroupRequests: Sendable {
    /// The ``TypedRequests``, for one who knows the kind.
    let typed: any AnyObject & Sendable
    let isEmpty: @Sendable () -> Bool

    /// Takes the request of a ticket out, and tells those batches of it that run.
    /// - Returns: what tells the request that it is over, to be called without a lock, and once; nil when it had left.
    let remove: @Sendable (UInt64) -> RequestEnd?

    /// Takes all requests out.
    let removeAll: @Sendable () -> [RequestEnd]

    /// Runs those rows of a batch that are still wanted, and delivers the results. The instant is when a thread took the batch,
    /// in the lane's time.
    let run: @Sendable (Batcher<LaneGroup>.Batch, Duration, (any IdleThreads)?) -> Void

    init<Work: LaneWork>(_ requests: TypedRequests<Work>) {
        typed = requests
        isEmpty = { requests.isEmpty }
        remove = { requests.remove($0) }
        removeAll = { requests.removeAll() }
        run = { requests.run($0, at: $1, threads: $2) }
    }
}

/// Tells a request that it is over: all rows are delivered, or the error says why not.
typealias RequestEnd = @Sendable (ServingError?) -> Void
