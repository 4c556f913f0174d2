import FlowCore
public import FlowModels
public import Metrics
import Synchronization
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

    public init() {}
}

/// Log-densities of the rows of one request, in their order.
public struct DensityAnswer: Sendable {
    public var results: [Result<RowDensity, RowFailure>]
    public var timings: RequestTimings
}

/// Some images of a request, in their order.
public struct SampleBlock: Sendable {
    /// Position of the first one within the request.
    public var first: Int
    public var images: [Result<DrawnImage, RowFailure>]
    /// As far as the request has come.
    public var timings: RequestTimings
}

/// Computes log-densities and samples of the loaded models, on threads of its own.
///
/// Work of a direction that is ``ExecutionOrder/parallel`` is batched across requests in one lane; work that is
/// ``ExecutionOrder/sequential`` runs in another, at a lower priority, in blocks, so that it holds up no batch.
public final class DensityService: Sendable {
    private enum State {
        case loading
        case ready(ModelStore)
        /// Answers as before, and says that it will not for long.
        case leaving(ModelStore)
        case draining
    }

    private let state = Mutex(State.loading)
    private let parallel: Lane
    private let sequential: Lane

    /// Starts the threads; models come with ``load(_:)``.
    /// - Parameter metrics: gets what the service counts.
    public init(configuration: ServiceConfiguration = ServiceConfiguration(), metrics: MetricSet = MetricSet()) {
        parallel = Lane(
            policy: BatchPolicy(
                sharing: .shared, maxBatchRows: configuration.maxBatchRows,
                maxBatchDelay: configuration.maxBatchDelay, maxQueueRows: configuration.maxQueueRows,
                workers: configuration.threads))
        sequential = Lane(
            policy: BatchPolicy(
                sharing: .apart, maxBatchRows: configuration.sequentialBlockRows, maxBatchDelay: .zero,
                maxQueueRows: configuration.maxQueueRows, workers: configuration.threads),
            niceness: configuration.sequentialNiceness)
        metrics.declare("queued_rows", "Rows that wait, in both lanes.", .gauge) { [parallel, sequential] in
            parallel.queuedRows + sequential.queuedRows
        }
    }

    deinit {
        parallel.stop()
        sequential.stop()
    }

    /// The models, unless they are still being loaded or the service is draining.
    /// - Throws: ``ServingError/loading``, ``ServingError/draining``.
    public var models: ModelStore {
        get throws(ServingError) {
            switch state.withLock(\.self) {
            case .ready(let store), .leaving(let store): return store
            case .loading: throw .loading
            case .draining: throw .draining
            }
        }
    }

    /// The models, if load balancers should send new requests here: not after ``failReadiness()``.
    /// - Throws: ``ServingError/loading``, ``ServingError/draining``.
    public var modelsIfReady: ModelStore {
        get throws(ServingError) {
            if case .leaving = state.withLock(\.self) { throw .draining }
            return try models
        }
    }

    /// Warms every model up, tests it by its check vector through the lanes, and becomes ready.
    ///
    /// - Throws: ``ServingError/badModelSet(reason:)``, ``ServingError/selfTestFailed(model:reason:)``; then the
    ///   service goes on loading.
    public func load(_ models: [any ImageDensity]) async throws {
        let store = try ModelStore(models)
        for model in store.models { try await selfTest(model) }
        state.withLock { state in
            if case .loading = state { state = .ready(store) }
        }
    }

    /// Log-densities of `rows`, which are images of `model`'s shape and levels.
    ///
    /// Returns when all have run, or as soon as the task is cancelled or `deadline` has passed.
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/draining``,
    ///   ``ServingError/deadlinePassed``, ``ServingError/cancelled``.
    public func logDensities(
        of rows: [DensityRow], model: any ImageDensity, deadline: Duration? = nil
    ) async throws -> DensityAnswer {
        guard !rows.isEmpty else { return DensityAnswer(results: [], timings: RequestTimings()) }
        let lane = lane(for: model.densityOrder)
        let ticket = lane.newTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let sink = DensitySink(rows: rows.count, continuation: continuation)
                do throws(ServingError) {
                    try lane.submit(ticket, .density(rows), to: model, deadline: deadline, sink: sink)
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

    /// Draws `rows`; the blocks come in order, each as soon as it and those before it have run. The stream throws
    /// ``ServingError/deadlinePassed`` and ``ServingError/draining``; whoever stops iterating cancels the rest.
    ///
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/draining``.
    public func sample(
        _ rows: [SampleRow], model: any ImageDensity, deadline: Duration? = nil
    ) throws(ServingError) -> AsyncThrowingStream<SampleBlock, any Error> {
        let (stream, continuation) = AsyncThrowingStream<SampleBlock, any Error>.makeStream()
        guard !rows.isEmpty else {
            continuation.finish()
            return stream
        }
        let lane = lane(for: model.samplingOrder)
        let ticket = lane.newTicket()
        try lane.submit(
            ticket, .sampling(rows), to: model, deadline: deadline, sink: SampleSink(continuation: continuation))
        continuation.onTermination = { reason in
            if case .cancelled = reason { lane.cancel(ticket) }
        }
        return stream
    }

    /// Is not ready from now on, so that no new requests are sent here, but answers those that come all the same. A
    /// service that was never ready becomes so no more.
    public func failReadiness() {
        state.withLock { state in
            switch state {
            case .loading: state = .draining
            case .ready(let store): state = .leaving(store)
            case .leaving, .draining: break
            }
        }
    }

    /// Refuses new requests from now on, and returns when those it has are done.
    public func drain() async {
        state.withLock { $0 = .draining }
        await parallel.drain()
        await sequential.drain()
    }

    /// Rows that wait, in both lanes.
    public var queuedRows: Int { parallel.queuedRows + sequential.queuedRows }

    private func lane(for order: ExecutionOrder) -> Lane {
        switch order {
        case .parallel: parallel
        case .sequential: sequential
        }
    }

    private func selfTest(_ model: any ImageDensity) async throws {
        let record = model.record
        let answer = try await logDensities(of: [DensityRow(pixels: record.check.pixels)], model: model)
        guard case .success(let value) = answer.results[0] else {
            throw ServingError.selfTestFailed(model: record.name, reason: "its check vector has no density")
        }
        let expected = record.check.logProb
        guard abs(value.logProb - expected) <= ModelFile.checkTolerance(dims: record.eventShape.dims) else {
            throw ServingError.selfTestFailed(
                model: record.name,
                reason: "its check vector has log_prob \(value.logProb), and should have \(expected)")
        }
        for try await block in try sample([SampleRow(seed: 0, index: 0)], model: model) {
            guard case .success(let image) = block.images[0], image.pixels.count == record.eventShape.dims else {
                throw ServingError.selfTestFailed(model: record.name, reason: "it draws no image")
            }
        }
    }
}
