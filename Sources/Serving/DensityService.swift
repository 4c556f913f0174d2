import FlowCore
public import FlowModels
public import Metrics
import Synchronization

/// Service that computes for requests what the loaded models can do, each kind of ``LaneWork``, on threads of its own.
///
/// Work of a direction that is ``ExecutionOrder/parallel`` is batched across requests in one lane; work that is
/// ``ExecutionOrder/sequential`` runs in another, at a lower priority, in blocks, so that it holds up no batch.
public final class DensityService: Sendable {
    package let registry: ModelRegistry
    let parallel: Lane
    let sequential: Lane
    private let driftAlarm: AlarmRate
    /// Loads the weights of a model that rests again.
    let loadWeights = Mutex<(@Sendable (LoadedModel) async throws -> any ImageDensity)?>(nil)
    /// Watch over the work of both lanes, and of what else feeds it.
    public let watch = WorkWatch()

    /// Starts the threads; models come with ``load(_:)``.
    /// - Parameter metrics: set in which the service declares what it counts.
    public init(configuration: ServiceConfiguration = ServiceConfiguration(), metrics: MetricSet = MetricSet()) {
        func policy(maxBatchRows: Int, delay: Duration, reservesWorker: Bool) -> BatchPolicy {
            var policy = BatchPolicy(
                maxBatchRows: maxBatchRows, maxBatchDelay: delay, maxQueueRows: configuration.maxQueueRows,
                workers: configuration.threads, reservesWorker: reservesWorker)
            policy.maxBatchTime = configuration.maxBatchTime
            policy.patience = configuration.patience
            return policy
        }
        registry = ModelRegistry(whenAbsent: { [metrics] in metrics.end("model", $0) })
        let lanes = LaneMetrics(in: metrics)
        // What a caller may not have of the parallel lane helps with its batches, and is free at once for others.
        parallel = Lane(
            policy: policy(
                maxBatchRows: configuration.maxBatchRows, delay: configuration.maxBatchDelay, reservesWorker: true),
            metrics: lanes.lane(.parallel), watch: watch)
        driftAlarm = configuration.driftAlarm
        sequential = Lane(
            policy: policy(maxBatchRows: configuration.sequentialBlockRows, delay: .zero, reservesWorker: false),
            niceness: configuration.sequentialNiceness, metrics: lanes.lane(.sequential), watch: watch)
        declareLanes(in: metrics)
        declareDrift(in: metrics)
        declareModels(in: metrics)
    }

    deinit {
        parallel.stop()
        sequential.stop()
    }

    // MARK: - Models

    /// The models, unless they are still being loaded or the service is draining.
    /// - Throws: ``ServingError/loading``, ``ServingError/draining``.
    public var models: ModelSet {
        get throws(ServingError) { try registry.models }
    }

    /// The models, if load balancers should send new requests here: not after ``failReadiness()``.
    /// - Throws: ``ServingError/loading``, ``ServingError/draining``.
    public var modelsIfReady: ModelSet {
        get throws(ServingError) { try registry.modelsIfReady }
    }

    /// Warms every model up, tests it by its check vector through the lanes, and becomes ready when all have passed. The
    /// first is the default. Models are called as their records say.
    ///
    /// - Parameter drift: states of drift by the models' names, of which the one of the model's calibration images and of the
    ///   service's rate goes on.
    /// - Throws: ``ServingError/badModelSet(reason:)``, ``ServingError/selfTestFailed(model:reason:)``; then the
    ///   service goes on loading.
    public func load(_ models: [any ImageDensity], drift: [String: [DriftMartingale.State]] = [:]) async throws {
        try await load(models.map { ($0.record.name, $0) }, drift: drift)
    }

    /// Does what ``load(_:drift:)`` does, with models under the names that they are given.
    package func load(
        _ models: [(name: String, density: any ImageDensity)], drift: [String: [DriftMartingale.State]]
    ) async throws {
        guard !models.isEmpty else { throw ServingError.badModelSet(reason: "no model was given") }
        var names: Set<String> = []
        for (name, _) in models where !names.insert(name).inserted {
            throw ServingError.badModelSet(reason: "two models are called \(name)")
        }
        for (name, density) in models {
            try await admit(density, as: registry.begin(name), drift: drift[name] ?? [])
        }
        registry.open()
    }

    /// Warms a model up and tests it; then it serves under its name, in the place of what did. A generation that fails is given up, and what
    /// serves goes on.
    /// - Parameters:
    ///   - id: generation that ``ModelRegistry/begin(_:)`` began.
    ///   - drift: states of which the one of the model's calibration images goes on; before them goes that of what serves.
    /// - Throws: ``ServingError/badModelSet(reason:)``, ``ServingError/selfTestFailed(model:reason:)``, ``ServingError/draining``.
    package func admit(
        _ density: any ImageDensity, as id: LoadedModel.ID, drift: [DriftMartingale.State] = []
    ) async throws {
        do {
            let monitor = try monitor(of: density.record, as: registry.name(of: id), drift)
            let model = try registry.loaded(density, as: id, drift: monitor)
            for lane in [parallel, sequential] { lane.metrics.begin(model.name) }
            try await selfTest(model)
            try registry.passed(model)
        } catch {
            registry.failed(id)
            throw error
        }
    }

    /// The watch over the images of a model with this record: of the one that serves under `name`, where that is of the same calibration
    /// images, else a new one.
    private func monitor(of record: ModelRecord, as name: String, _ states: [DriftMartingale.State]) throws
        -> DriftMonitor?
    {
        guard let reference = record.decision?.driftReference(alarm: driftAlarm) else { return nil }
        let old = registry.served.first { $0.name == name }?.drift
        if let old, old.reference.digest == reference.digest { return old }
        let state = states.first { $0.reference == reference.digest }
        guard let monitor = DriftMonitor(reference, continuing: state) else {
            throw ServingError.badModelSet(
                reason: "the state of drift of \(name) has numbers that no test has")
        }
        return monitor
    }

    /// Ends readiness, so that no new requests are sent here, but answers those that come all the same. A service that was
    /// never ready becomes so no more.
    public func failReadiness() { registry.failReadiness() }

    /// Refuses new requests from now on, and returns when those it has are done; then the models are given up.
    public func drain() async {
        registry.close()
        await parallel.drain()
        await sequential.drain()
        registry.leaveAll()
    }

    /// States of drift by the models' names, for a later ``load(_:drift:)``.
    public var driftStates: [String: DriftMartingale.State] {
        Dictionary(
            uniqueKeysWithValues: registry.served.compactMap { model in
                model.drift.map { (model.name, $0.test.state) }
            })
    }

    // MARK: - Work

    /// Results of all rows, once they have run, or as soon as the task is cancelled or the deadline has passed.
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/tooLate(wait:deadline:)``,
    ///   ``ServingError/draining``, ``ServingError/deadlinePassed(finished:of:)``, ``ServingError/cancelled``.
    package func answer<Work: LaneWork>(
        _: Work.Type, _ rows: [Work.Row], by model: LoadedModel, terms: RequestTerms
    ) async throws -> RowAnswer<Work.Output> {
        guard !rows.isEmpty else { return RowAnswer(results: [], timings: RequestTimings()) }
        var terms = terms
        let hold = try await hold(model, for: &terms, rows: rows.count)
        defer { withExtendedLifetime(hold) {} }
        let lane = lane(for: Work.order(on: model.density))
        let ticket = lane.newTicket()
        return try await withTaskCancellationHandler { [terms] in
            try await withCheckedThrowingContinuation { continuation in
                let sink = RowSink<Work.Output>.collecting(rows: rows.count, for: continuation)
                do throws(ServingError) {
                    try lane.submit(Work.self, ticket, rows, to: model, terms: terms, sink: sink)
                } catch {
                    sink.finish(error)
                }
                // The handler below may have run before there was anything to cancel.
                if Task.isCancelled { lane.cancel(ticket) }
            }
        } onCancel: {
            lane.cancel(ticket)
        }
    }

    /// Results of the rows in blocks, in order, each as soon as it and those before it have run. The stream throws
    /// ``ServingError/deadlinePassed(finished:of:)`` and ``ServingError/draining``; whoever stops iterating cancels the rest.
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/draining``, ``ServingError/rests(_:)``.
    package func blocks<Work: LaneWork>(
        _: Work.Type, _ rows: [Work.Row], by model: LoadedModel, terms: RequestTerms
    ) async throws -> AsyncThrowingStream<RowBlock<Work.Output>, any Error> {
        let (stream, continuation) = AsyncThrowingStream<RowBlock<Work.Output>, any Error>.makeStream()
        guard !rows.isEmpty else {
            continuation.finish()
            return stream
        }
        var terms = terms
        let hold = try await hold(model, for: &terms, rows: rows.count)
        let lane = lane(for: Work.order(on: model.density))
        let ticket = lane.newTicket()
        // Before the rows are handed over, since whoever ends the stream asks for it once.
        continuation.onTermination = { reason in
            withExtendedLifetime(hold) {}
            if case .cancelled = reason { lane.cancel(ticket) }
        }
        try lane.submit(
            Work.self, ticket, rows, to: model, terms: terms, sink: .ordering(for: continuation))
        return stream
    }

    /// Refuses what ``answer(_:_:by:terms:)`` would refuse now of `count` rows that cost as much as `row`, and takes nothing.
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/tooLate(wait:deadline:)``,
    ///   ``ServingError/draining``.
    package func check<Work: LaneWork>(
        _: Work.Type, like row: Work.Row, count: Int, by model: LoadedModel, terms: RequestTerms
    ) throws(ServingError) {
        try lane(for: Work.order(on: model.density)).check(Work.self, like: row, count: count, on: model, terms: terms)
    }

    /// Number of rows that wait, in both lanes.
    public var queuedRows: Int { parallel.load.queuedRows + sequential.load.queuedRows }

    /// Rows like `row` of the largest request that can be done within `deadline` while nothing else is there, by the measured cost; nil
    /// before anything was measured.
    package func mostRows<Work: LaneWork>(
        _: Work.Type, like row: Work.Row, by model: LoadedModel, within deadline: Duration
    ) -> Int? {
        lane(for: Work.order(on: model.density)).mostRows(
            of: LaneGroup(Work.self, on: model, cost: Work.cost(of: row)), within: deadline)
    }

    func lane(for order: ExecutionOrder) -> Lane {
        switch order {
        case .parallel: parallel
        case .sequential: sequential
        }
    }
}
