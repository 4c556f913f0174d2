import FlowCore
import HTTPContent
import HTTPTypes
import HTTPWire
import Metrics
import Serving

/// `GET /v2/models/stats`: statistics of all models.
struct AllInferenceStatisticsRoute: Route {
    static let path = "/v2/models/stats"
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.metrics)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        return .done(.statistics(of: InferenceModel.all(of: try context.service.models), context))
    }
}

/// `GET /v2/models/{model}/stats`: statistics of one.
struct InferenceStatisticsRoute: Route {
    static let paths = InferenceModel.paths("/stats")
    static let path = paths[0]
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.metrics)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let model = try InferenceModel(request.parameters, in: context.service.models)
        return .done(.statistics(of: [model], context))
    }
}

extension ServerResponse {
    /// Statistics of `models` by what `GET /metrics` counts. What is not counted took no time.
    fileprivate static func statistics(of models: [InferenceModel], _ context: APIContext) -> ServerResponse {
        let readings = context.options.metrics.readings(of: InferenceStatistics.names)
        let values = InferenceStatistics.Values(
            uniqueKeysWithValues: readings.map { reading in
                (reading.name, Dictionary(reading.series.map { (Set($0.labels), $0.value) }) { first, _ in first })
            })
        return .inference([
            "model_stats": .array(models.map { InferenceStatistics(of: $0, by: values).json })
        ])
    }
}

/// Statistics of a model of the protocol.
private struct InferenceStatistics {
    /// Values of metrics, by name and labels, since there may be many models.
    typealias Values = [String: [Set<MetricLabel>: MetricValue]]

    private let model: InferenceModel
    private let values: Values

    /// Metrics that the statistics come of.
    static let names: Set = [
        "rows", "failed_rows", "batch_compute_seconds", "queue_wait_seconds", InferenceMetrics.name,
    ]

    init(of model: InferenceModel, by values: Values) { (self.model, self.values) = (model, values) }

    var json: JSON {
        let density = model.model.density
        let work = MetricLabel("work", model.task.work)
        let lane =
            switch model.task {
            case .score: MetricLabel.lane(DensityWork.order(on: density))
            case .sample: MetricLabel.lane(SamplingWork.order(on: density))
            }
        let own = MetricLabel("model", model.model.name)
        let computing = value("batch_compute_seconds", [lane, own])
        let inferences = { (outcome: String) in
            value(InferenceMetrics.name, [work, own, MetricLabel("outcome", outcome)])
        }
        // perf_analyzer ends itself unless input and output were computed as often as the batches were.
        let uncounted: JSON = ["count": .integer(Int(computing?.number ?? 0)), "ns": .integer(0)]
        let times: [JSON.Member] = [
            .init("compute_input", uncounted), .init("compute_infer", Self.duration(computing)),
            .init("compute_output", uncounted),
        ]
        let rows = Int(value("rows", [work, own])?.number ?? 0) - Int(value("failed_rows", [work, own])?.number ?? 0)
        return [
            "name": .string(model.name), "version": .string(model.version), "last_inference": .integer(0),
            "inference_count": .integer(rows), "execution_count": .integer(Int(computing?.number ?? 0)),
            "inference_stats": .object(
                [
                    .init("success", Self.duration(inferences("success"))),
                    .init("fail", Self.duration(inferences("failure"))),
                    .init("queue", Self.duration(value("queue_wait_seconds", [lane, own]))),
                ] + times + [
                    .init("cache_hit", Self.duration(nil)), .init("cache_miss", Self.duration(nil)),
                ]),
            "response_stats": .object([]), "batch_stats": .array([]), "memory_usage": .array([]),
        ]
    }

    /// Value of the series of the metric `name` with `labels`; nil before it has one.
    private func value(_ name: String, _ labels: Set<MetricLabel>) -> MetricValue? { values[name]?[labels] }

    /// How often something was done, and how many nanoseconds it took; nil where nobody counts it.
    private static func duration(_ value: MetricValue?) -> JSON {
        guard case .histogram(let times)? = value else { return ["count": .integer(0), "ns": .integer(0)] }
        return ["count": .integer(times.count), "ns": .integer(Int((times.sum * 1e9).rounded()))]
    }
}

extension MetricLabel {
    /// Label of the lane for work of `order`.
    fileprivate static func lane(_ order: ExecutionOrder) -> MetricLabel { MetricLabel("lane", order.rawValue) }
}
