import HTTPContent
package import HTTPTypes
import HTTPWire
import Serving
import System

/// Service, options and stored answers that the routes work with.
package final class APIContext: Sendable {
    let service: DensityService
    let helpers: HelperPool
    let decoding: DecodingLane
    let options: APIOptions
    let administration: Administration
    let openAPI: StoredAnswer
    let openAPIJSON: StoredAnswer
    /// Files of the web page by their paths; none where it is off.
    let page: [String: PageAnswer]
    let requestMetrics: RequestMetrics
    let scoreMetrics: ScoreMetrics
    let inferenceMetrics: InferenceMetrics
    /// Time of the start by the monotonic clock.
    let started = monotonicNow()

    init(
        service: DensityService, helpers: HelperPool, decoding: DecodingLane, options: APIOptions,
        administration: Administration, openAPI: [UInt8], page: [PageFile]
    ) {
        self.service = service
        self.helpers = helpers
        self.decoding = decoding
        self.options = options
        self.administration = administration
        let coding = AnswerCoding(leastBytes: options.leastCodedBytes)
        self.openAPI = StoredAnswer(type: .yaml, coding) { openAPI }
        openAPIJSON = StoredAnswer(type: .json, coding) {
            try JSON(yaml: String(decoding: openAPI, as: UTF8.self)).encoded
        }
        self.page = Dictionary(uniqueKeysWithValues: page.map { ($0.path, PageAnswer($0, coding)) })
        requestMetrics = RequestMetrics(in: options.metrics, routes: Set(routes.flatMap { $0.paths }))
        scoreMetrics = ScoreMetrics(in: options.metrics)
        inferenceMetrics = InferenceMetrics(in: options.metrics)
    }

    /// Result of `body`, run on a helper thread when it works on many `bytes`, else here: to pass on a small job costs more
    /// than the job.
    func heavy<Output: Sendable>(
        bytes: Int, _ body: @escaping @Sendable () throws -> Output
    ) async throws -> Output {
        bytes > options.inlineBytes ? try await helpers.run(body) : try body()
    }

    /// The problem that `error` is to a client; what clients are not told of is reported.
    func problem(_ error: any Error) -> Problem {
        if let refusal = error as? RateRefusal { requestMetrics.count(refusal) }
        let problem = Problem(of: error) ?? Problem(.internal, "the request could not be answered")
        // A client that has gone away is nobody's failure, and a problem has said what it is.
        if problem.kind == .internal, !(error is Problem), !error.isClientGone {
            options.report(String(describing: error))
        }
        return problem
    }

    /// The answer that tells the client who sent `request` of `error`.
    func answer(to error: any Error, for request: ReceivedHead?) -> ServerResponse {
        answer(problem(error), for: request)
    }

    /// The answer that is `problem`, in the form of the protocol that `request` speaks.
    func answer(_ problem: Problem, for request: ReceivedHead?) -> ServerResponse {
        requestMetrics.count(problem.kind)
        return request?.isInference == true
            ? problem.inferenceResponse : problem.response(to: CurrentRequest.labels?.requestID)
    }

    /// Refuses more rows like `row` than can be done within the time limit, by the measured cost; `what` names them.
    /// - Throws: ``ProblemKind/imageCount``.
    func checkTime<Work: LaneWork>(
        _: Work.Type, like row: Work.Row, count: Int, by model: LoadedModel, _ what: String
    ) throws(Problem) {
        let limit = options.requestTimeout
        guard let most = service.mostRows(Work.self, like: row, by: model, within: limit), count > max(1, most) else {
            return
        }
        throw Problem(
            .imageCount,
            "\(count) \(what) would take longer than the time limit of \(limit / .seconds(1)) s by the measured cost; "
                + "at most \(most) fit in")
    }
}

extension Error {
    /// Whether the client has gone away.
    var isClientGone: Bool { self as? ServingError == .cancelled || self is CancellationError }
}

extension ServerResponse {
    static func json(_ value: JSON, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]) -> ServerResponse {
        var fields = fields
        fields[.contentType] = MediaType.json.description
        return ServerResponse(status: status, fields: fields, body: .bytes(value.encoded))
    }
}

extension HTTPField.Name {
    /// Identifier of a request, in it and in its answer.
    package static let requestID = HTTPField.Name("X-Request-Id")!
    static let serverTiming = HTTPField.Name("Server-Timing")!
    static let seed = HTTPField.Name("Tusk-Seed")!
}
