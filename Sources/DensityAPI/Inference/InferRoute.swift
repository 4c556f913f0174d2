import FlowCore
import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving

/// `POST /v2/models/{model}/infer`: scores of images, or images that are drawn, as tensors.
struct InferRoute: Route {
    static let paths = InferenceModel.paths("/infer")
    static let path = paths[0]
    static let method = HTTPRequest.Method.post
    static let access = Access.oneOf([.score, .sample])
    /// Most bytes of a body without images.
    private static let samplingLimit = 64 << 10
    /// Names of the parameters that every request may have.
    private static let termParameters = ["timeout", "priority"]
    let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What the head of a request says.
    struct Ask: Sendable {
        var model: InferenceModel
        var header: InferenceHeader
        var terms: RequestTerms
        var caller: Caller
        var rates: RequestRates
    }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let model = try InferenceModel(request.parameters, in: context.service.models)
        try request.require(model.task.scope)
        let ask = Ask(
            model: model, header: try InferenceHeader(request.fields),
            terms: try RequestTerms(request, options: context.options), caller: request.caller, rates: request.rates)
        let service = context.service
        switch model.task {
        case .score:
            try service.check(
                DensityWork.self, like: DensityRow(pixels: []), count: 1, by: model.model, terms: ask.terms)
            let reader = LogProbBodyReader(input: ImageInput(record: model.model.record), options: context.options)
            return .body(limit: reader.inferenceLimit, lengthRequired: false) { body in
                try await context.inferenceMetrics.timed(model) { try await scored(body, ask) }
            }
        case .sample:
            return .body(limit: Self.samplingLimit, lengthRequired: false) { body in
                try await context.inferenceMetrics.timed(model) { try await drawn(body, ask) }
            }
        }
    }

    /// The parameters of a request.
    /// - Throws: ``ProblemKind/parameter`` for one that is not known.
    func query(of request: InferenceRequest, known: [String]) throws -> Query {
        do throws(QueryError) {
            return try Query(request.parameters, known: known + Self.termParameters)
        } catch {
            guard case .unknown(let name, let known) = error else { throw error }
            let names = (known + ["binary_data_output"]).joined(separator: ", ")
            throw Problem(.parameter, "parameters: unknown \(quoted(name)): known are \(names)")
        }
    }
}

extension LogProbBodyReader {
    /// Bytes of a number as text at most: a sign, 17 digits, a point, an exponent, a comma, a blank.
    private static let bytesPerNumber = 26

    /// Most bytes of a body of tensors: what the largest request needs, in JSON.
    fileprivate var inferenceLimit: Int {
        let numbers = options.maxRequestRows * input.shape.dims
        return min(options.maxBodyBytes, max(options.maxImageBytes, numbers * Self.bytesPerNumber + 64 << 10))
    }
}
