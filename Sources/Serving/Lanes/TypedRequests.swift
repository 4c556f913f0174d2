import FlowModels
import Metrics
import Synchronization

/// The requests of one loaded model and one kind of work. It holds the model until they have left; here alone the type of
/// the rows is known, so that a batch is of one type by construction.
final class TypedRequests<Work: LaneWork>: Sendable {
    struct Request: Sendable {
        var rows: [Work.Row]
        var sink: RowSink<Work.Output>
        /// In the lane's time.
        var arrived: Duration
        /// Timings so far; nil until the first batch starts.
        var timings: RequestTimings?
        fileprivate let gone = Flag()

        init(rows: [Work.Row], sink: RowSink<Work.Output>, arrived: Duration) {
            self.rows = rows
            self.sink = sink
            self.arrived = arrived
        }
    }

    /// Part of a batch that is still wanted.
    private struct Part {
        var ticket: UInt64
        var range: Range<Int>
        var request: Request
    }

    private let model: LoadedModel
    private let counted: LaneMetrics.Series
    private let requests = Mutex<[UInt64: Request]>([:])

    init(of model: LoadedModel, counted: LaneMetrics.Series) {
        self.model = model
        self.counted = counted
    }

    var isEmpty: Bool { requests.withLock { $0.isEmpty } }

    func add(_ ticket: UInt64, _ request: Request) { requests.withLock { $0[ticket] = request } }

    func remove(_ ticket: UInt64) -> RequestEnd? {
        requests.withLock { $0.removeValue(forKey: ticket) }.map(end)
    }

    func removeAll() -> [RequestEnd] {
        requests.withLock { requests in
            defer { requests = [:] }
            return Array(requests.values)
        }.map(end)
    }

    /// What tells `request` that it is over. Holds the model, whose last release should not come under the lane's lock.
    private func end(of request: Request) -> RequestEnd {
        request.gone.raise()
        return { [self] error in
            counted.ended(error)
            withExtendedLifetime(self) { request.sink.finish(error) }
        }
    }

    func run(_ batch: Batcher<LaneGroup>.Batch, at now: Duration, threads: (any IdleThreads)?) {
        let parts = parts(of: batch, at: now)
        guard !parts.isEmpty else { return }
        let start = ContinuousClock.now
        let flags = parts.map { $0.request.gone }
        let results = run(parts.flatMap { $0.request.rows[$0.range] }, threads) { flags.allSatisfy { $0.isRaised } }
        let took = start.duration(to: .now)
        counted.computing.observe(took)
        counted.rows.add(results.count)
        counted.failedRows.add(results.count { if case .failure = $0 { true } else { false } })
        deliver(results, to: parts, took: took)
    }

    /// Parts of `batch`, without the requests that left between its forming and now.
    private func parts(of batch: Batcher<LaneGroup>.Batch, at now: Duration) -> [Part] {
        requests.withLock { requests in
            batch.slices.compactMap { slice in
                guard var request = requests[slice.ticket] else { return nil }
                if request.timings == nil { counted.wait.observe(now - request.arrived) }
                var timings = request.timings ?? RequestTimings(queue: now - request.arrived)
                timings.batchRows = max(timings.batchRows, batch.rows)
                request.timings = timings
                requests[slice.ticket] = request
                return Part(ticket: slice.ticket, range: slice.rows, request: request)
            }
        }
    }

    /// Runs all rows together, and when that fails each alone, so that a bad row spoils only itself.
    private func run(
        _ rows: [Work.Row], _ threads: (any IdleThreads)?, isCancelled: @escaping @Sendable () -> Bool
    ) -> [Result<Work.Output, RowFailure>] {
        func run(_ rows: [Work.Row]) throws -> [Result<Work.Output, RowFailure>] {
            try Work.run(rows, on: model.density, threads: threads, isCancelled: isCancelled)
        }
        if let outputs = try? run(rows) {
            precondition(outputs.count == rows.count, "a model answers every row")
            return outputs
        }
        return rows.map { row in
            guard !isCancelled() else { return .failure(.refused(reason: "cancelled")) }
            do {
                return try run([row])[0]
            } catch {
                return .failure(.refused(reason: String(describing: error)))
            }
        }
    }

    private func deliver(_ results: [Result<Work.Output, RowFailure>], to parts: [Part], took: Duration) {
        var offset = 0
        for part in parts {
            let range = offset..<offset + part.range.count
            offset = range.upperBound
            let timings = requests.withLock { requests -> RequestTimings? in
                requests[part.ticket]?.timings?.compute += took
                return requests[part.ticket]?.timings
            }
            guard let timings else { continue }  // left while it ran
            part.request.sink.deliver(
                RowBlock(first: part.range.lowerBound, results: Array(results[range]), timings: timings))
        }
    }
}

/// Flag that a request left before its rows were done; running batches look at it.
private final class Flag: Sendable {
    private let value = Atomic(false)
    func raise() { value.store(true, ordering: .relaxed) }
    var isRaised: Bool { value.load(ordering: .relaxed) }
}
