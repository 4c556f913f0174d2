import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `GET /v2/models/{model}`: tensors of a model.
struct InferenceModelRoute: Route {
    static let paths = InferenceModel.paths("")
    static let path = paths[0]
    static let method = HTTPRequest.Method.get
    static let access = Access.anyKey
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let models = try context.service.models
        let model = try InferenceModel(request.parameters, in: models)
        let versions = InferenceModel.versions(of: model.model, in: models)
        return .done(
            .inference([
                "name": .string(model.name), "versions": .array(versions.map(JSON.string)),
                "platform": .string(InferenceModel.platform),
                "inputs": .array(model.inputs.map(\.metadata)), "outputs": .array(model.outputs.map(\.metadata)),
            ]))
    }
}

/// `GET /v2/models/{model}/ready`: whether a model answers, for probes.
struct InferenceModelReadyRoute: Route {
    static let paths = InferenceModel.paths("/ready")
    static let path = paths[0]
    static let method = HTTPRequest.Method.get
    static let access = Access.anyone
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let models: ModelSet
        do throws(ServingError) {
            models = try context.service.modelsIfReady
        } catch {
            let problem = Problem(error)
            return .done(
                .inference(
                    ["name": .string(request.parameters["model"]), "ready": .bool(false)],
                    status: problem.kind.status, fields: problem.fields))
        }
        let model = try InferenceModel(request.parameters, in: models)
        return .done(.inference(["name": .string(model.name), "ready": .bool(true)]))
    }
}

/// `GET /v2/models/{model}/config`: how a model is batched, as Triton's configurations say it.
struct InferenceConfigurationRoute: Route {
    static let paths = InferenceModel.paths("/config")
    static let path = paths[0]
    static let method = HTTPRequest.Method.get
    static let access = Access.anyKey
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkNoQuery()
        let model = try InferenceModel(request.parameters, in: context.service.models)
        let isBatched = model.task == .score
        return .done(
            .inference([
                "name": .string(model.name), "platform": .string(InferenceModel.platform), "backend": "tusk",
                // all that there are, of which the highest answers for the name alone
                "version_policy": ["all": .object([])],
                // what is drawn has no input whose first axis could be that of a batch
                "max_batch_size": .integer(isBatched ? context.mostImages(of: model.model) : 0),
                "input": .array(model.inputs.map { $0.configuration(isBatched: isBatched) }),
                "output": .array(model.outputs.map { $0.configuration(isBatched: isBatched) }),
                "model_transaction_policy": ["decoupled": .bool(false)],
                "response_cache": ["enable": .bool(false)],
            ]))
    }
}

extension InferenceModel {
    /// Paths of a resource of a model: of the model, and of one of its versions.
    static func paths(_ end: String) -> [String] {
        ["/v2/models/{model}\(end)", "/v2/models/{model}/versions/{version}\(end)"]
    }

    /// Kind of program and file, `PROJECT_FORMAT` by the protocol.
    fileprivate static let platform = "tusk_safetensors"
}
