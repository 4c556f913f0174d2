import FlowCore
import Metrics

/// Metrics of the lanes of a service.
struct LaneMetrics: Sendable {
    /// Metrics of one lane.
    struct Lane: Sendable {
        let name: String
        let all: LaneMetrics
        let batchRows: Histogram
        let cancelled: Counter
        let expired: Counter

        /// What is counted of one kind of work on a model.
        func series(_ work: String, of model: String) -> Series {
            Series(
                rows: all.rows[work, model], failedRows: all.failedRows[work, model], wait: all.waits[name, model],
                computing: all.computing[name, model])
        }

        func refused(_ reason: String) { all.refused[name, reason].add() }
    }

    /// What is counted of one kind of work on a model.
    struct Series: Sendable {
        let rows: Counter
        let failedRows: Counter
        let wait: Histogram
        let computing: Histogram
    }

    private let rows: Labelled<Counter>
    private let failedRows: Labelled<Counter>
    private let waits: Labelled<Histogram>
    private let computing: Labelled<Histogram>
    private let batchRows: Labelled<Histogram>
    private let refused: Labelled<Counter>
    private let cancelled: Labelled<Counter>
    private let expired: Labelled<Counter>

    /// Declares the metrics in `set`.
    init(in set: MetricSet) {
        rows = set.counter("rows", "Rows that were computed, by kind of work and model.", labels: ["work", "model"])
        failedRows = set.counter(
            "failed_rows", "Rows that have no result, by kind of work and model.", labels: ["work", "model"])
        waits = set.histogram(
            "queue_wait_seconds", "Time from a request's entry into its lane until its first rows ran.",
            bounds: Histogram.times, labels: ["lane", "model"])
        computing = set.histogram(
            "batch_compute_seconds", "Time that a batch was computed.", bounds: Histogram.times,
            labels: ["lane", "model"])
        batchRows = set.histogram(
            "batch_rows", "Rows of a batch.", bounds: Histogram.rows, labels: ["lane"])
        refused = set.counter(
            "refused_requests", "Requests that a lane did not take, by reason.", labels: ["lane", "reason"])
        cancelled = set.counter(
            "cancelled_requests", "Requests whose client went away before their rows had run.", labels: ["lane"])
        expired = set.counter(
            "expired_requests", "Requests whose time limit passed in a lane.", labels: ["lane"])
    }

    /// Metrics of the lane for work of `order`.
    func lane(_ order: ExecutionOrder) -> Lane {
        let name = order.rawValue
        return Lane(
            name: name, all: self, batchRows: batchRows[name], cancelled: cancelled[name], expired: expired[name])
    }
}
