import HTTPContent
import HTTPTypes
import HTTPWire
import Metrics
import Serving

// The Open Inference Protocol (V2) over HTTP: kserve/open-inference-protocol, specification/protocol/inference_rest.md, with the extensions of
// Triton's docs/protocol that `GET /v2` names.

extension ReceivedHead {
    /// Whether `response` may have a content coding: of this protocol only a successful inference, since clients undo no other.
    func takesCoding(of response: ServerResponse) -> Bool {
        !isInference || response.status == .ok && path.hasSuffix("/infer")
    }
}

extension Problem {
    /// The problem as this protocol tells it: `{"error": …}`.
    var inferenceResponse: ServerResponse {
        .json(["error": .string(detail)], status: inferenceStatus, fields: fields)
    }

    /// Status by Triton's map of errors: what is wrong with a request is 400, what there is no room or no time for is 503; what HTTP itself
    /// refuses keeps its status, and so does what is beyond the client's own limits, since proxies take an instance out for 503.
    private var inferenceStatus: HTTPResponse.Status {
        switch kind {
        case .unsupportedMediaType, .notAcceptable: .badRequest
        case .rateLimited: kind.status
        default:
            switch kind.status {
            case .unprocessableContent, .conflict: .badRequest
            case .tooManyRequests, .gatewayTimeout: .serviceUnavailable
            default: kind.status
            }
        }
    }
}

extension ServerResponse {
    /// Answer of the protocol that is of now.
    static func inference(
        _ value: JSON, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]
    ) -> ServerResponse {
        .json(value, status: status, fields: fields + [.cacheControl: CachePolicy.never.rawValue])
    }
}

/// Times of the inferences of each model.
struct InferenceMetrics: Sendable {
    /// Name of the histogram, whose labels are `work`, `model` and `outcome`.
    static let name = "inference_seconds"
    private let seconds: Labelled<Histogram>

    /// Declares the metrics in `set`.
    init(in set: MetricSet) {
        seconds = set.histogram(
            Self.name, "Time of requests of the Open Inference Protocol, from the whole body to the answer.",
            bounds: Histogram.times, labels: ["work", "model", "outcome"])
    }

    /// Result of `body`, whose time is counted for `model`.
    func timed(
        _ model: InferenceModel, _ body: () async throws -> ServerResponse
    ) async throws -> ServerResponse {
        let start = ContinuousClock.now
        do {
            let answer = try await body()
            seconds[model.task.work, model.model.name, "success"].observe(start.duration(to: .now))
            return answer
        } catch {
            seconds[model.task.work, model.model.name, "failure"].observe(start.duration(to: .now))
            throw error
        }
    }
}
