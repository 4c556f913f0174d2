import FlowCore
import Metrics

/// Metrics of the lanes of a service.
struct LaneMetrics: Sendable {
    /// Metrics of one lane.
    struct Lane: Sendable {
        let name: String
        fileprivate let all: LaneMetrics
        let batchRows: Histogram

        /// What is counted of one kind of work on a model.
        func series(_ work: String, of model: String) -> Series {
            Series(
                rows: all.rows[work, model], failedRows: all.failedRows[work, model], wait: all.waits[name, model],
                computing: all.computing[name, model], lane: self, model: model)
        }

        /// Counts a request for `model` that was not taken.
        func refused(_ reason: Refusal, of model: String) { all.refused[name, reason.rawValue, model].add() }

        /// Begins at 0 what is counted of requests for `model` that get no answer: the first one is to be seen to come.
        func begin(_ model: String) {
            for reason in Refusal.allCases { _ = all.refused[name, reason.rawValue, model] }
            _ = (all.cancelled[name, model], all.expired[name, model])
        }
    }

    /// Reason why a lane does not take a request.
    enum Refusal: String, CaseIterable {
        case queueFull = "queue_full"
        case tooLate = "too_late"
        case draining
    }

    /// What is counted of one kind of work on a model.
    struct Series: Sendable {
        let rows: Counter
        let failedRows: Counter
        let wait: Histogram
        let computing: Histogram
        fileprivate let lane: Lane
        fileprivate let model: String

        /// Counts a request that ended with `error`, or with all its rows.
        func ended(_ error: ServingError?) {
            switch error {
            case .cancelled: lane.all.cancelled[lane.name, model].add()
            case .deadlinePassed: lane.all.expired[lane.name, model].add()
            default: break
            }
        }
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
            "refused_requests", "Requests that a lane did not take, by reason and model.",
            labels: ["lane", "reason", "model"])
        cancelled = set.counter(
            "cancelled_requests", "Requests whose client went away before their rows had run.",
            labels: ["lane", "model"])
        expired = set.counter(
            "expired_requests", "Requests whose time limit passed in a lane.", labels: ["lane", "model"])
    }

    /// Metrics of the lane for work of `order`.
    func lane(_ order: ExecutionOrder) -> Lane {
        let name = order.rawValue
        return Lane(name: name, all: self, batchRows: batchRows[name])
    }
}
