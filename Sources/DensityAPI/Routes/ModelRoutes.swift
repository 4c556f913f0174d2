import FlowCore
import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `GET /models`: what is loaded, the default first.
struct ModelsRoute: Route {
    static let path = "/models"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyKey
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        let store = try context.service.models
        return .done(
            .json([
                "default": .string(store.defaultModel.name),
                "models": .array(store.models.map { describe($0, context) }),
            ]).tagged())
    }
}

/// `GET /models/{model}`: one of the models that are loaded.
struct ModelRoute: Route {
    static let path = "/models/{model}"
    static let method = HTTPRequest.Method.get
    static let access = Access.anyKey
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        try request.checkPlain(offering: .json)
        return .done(
            .json(describe(try context.service.models.model(named: request.parameters["model"]), context)).tagged())
    }
}

/// The record of a model, without its check vector.
private func describe(_ model: LoadedModel, _ context: APIContext) -> JSON {
    let record = model.record
    return [
        "name": .string(model.name),
        "architecture": .string(record.architecture),
        "hyper_parameters": describe(
            record.recordedSizes, FlowRegistry.fields.filter { $0.name != FlowFields.classes.name }),
        "shape": [
            "height": .integer(record.eventShape.height), "width": .integer(record.eventShape.width),
            "channels": .integer(record.eventShape.channels),
        ],
        "dims": .integer(record.eventShape.dims),
        "classes": .array(record.classes.map(JSON.string)),
        "class_prior": record.classPrior.map { .array($0.map(JSON.number)) } ?? .null,
        "preprocessing": [
            "levels": .integer(record.levels), "dequantization": .string(record.dequantization),
            "dequantizer": record.dequantizer.map { describe($0, Dequantizer.fields) } ?? .null,
            "logit_alpha": .number(record.logitAlpha),
        ],
        "execution": [
            "logprob": .string(model.density.densityOrder.rawValue),
            "sample": .string(model.density.samplingOrder.rawValue),
        ],
        "limits": limits(of: model, context),
        "parameter_count": .integer(record.parameterCount),
        "format_version": .integer(record.formatVersion),
        "mathematics_version": .integer(record.mathematicsVersion),
        "training": record.training.map(describe) ?? .null,
        "held_out": record.heldOut.map(describe) ?? .null,
        "calibration": record.calibration.map(describe) ?? .null,
        "decision": record.decision.map(describe) ?? .null,
        "evaluation": record.evaluation.map(describe) ?? .null,
    ]
}

extension APIContext {
    /// Most images of a request that `model` scores: the API's limit, and what is done within the time limit by the measured cost.
    func mostImages(of model: LoadedModel) -> Int {
        let images = service.mostRows(
            DensityWork.self, like: DensityRow(pixels: []), by: model, within: options.requestTimeout)
        return max(1, min(options.maxRequestRows, images ?? .max))
    }
}

/// The largest requests that are taken: the API's limits, and what is done within the time limit by the measured cost.
private func limits(of model: LoadedModel, _ context: APIContext) -> JSON {
    let (service, options) = (context.service, context.options)
    let samples = service.mostRows(
        SamplingWork.self, like: SampleRow(seed: 0, index: 0), by: model, within: options.requestTimeout)
    return [
        "images": .integer(context.mostImages(of: model)),
        "samples": .integer(max(1, min(options.maxSampleCount, samples ?? .max))),
    ]
}

/// Values of the fields that have one.
private func describe(_ sizes: Sizes, _ fields: [any SizeDescription]) -> JSON {
    .object(
        fields.compactMap { field in
            sizes[field.name].map { JSON.Member(field.name, JSON($0)) }
        })
}

extension JSON {
    fileprivate init(_ size: SizeValue) {
        self =
            switch size {
            case .integer(let value): .integer(value)
            case .real(let value): .number(Double(value))
            case .integers(let values): .integers(values)
            case .flag(let value): .bool(value)
            case .word(let value): .string(value)
            }
    }
}

private func describe(_ training: TrainingRecord) -> JSON {
    var members: [JSON.Member] = [
        .init("data_hash", .string(training.dataHash)), .init("split", .string(training.split)),
        .init("images", .integer(training.images)), .init("horizontal_flips", .bool(training.horizontalFlips)),
        .init("seed", .unsigned(training.seed)), .init("epochs", .integer(training.epochs)),
        .init("best_epoch", .integer(training.bestEpoch)), .init("batch", .integer(training.batch)),
        .init("wall_seconds", .number(training.wallSeconds)),
    ]
    if let skipped = training.skippedImages { members.append(.init("skipped_images", .integer(skipped))) }
    if let start = training.start {
        let origin: JSON = ["name": .string(start.name), "parameter_hash": .string(start.parameterHash)]
        members.append(.init("start", origin))
    }
    members.append(.init("curve", training.curve.map { .array($0.map(describe)) } ?? .null))
    return .object(members)
}

private func describe(_ heldOut: HeldOutRecord) -> JSON {
    [
        "split": .string(heldOut.split), "count": .integer(heldOut.count),
        "bits_per_dim": .number(heldOut.bitsPerDim),
        "bits_per_dim_standard_error": heldOut.bitsPerDimStandardError.map(JSON.number) ?? .null,
    ]
}

private func describe(_ calibration: Calibration) -> JSON {
    [
        "split": .string(calibration.split), "count": .integer(calibration.count),
        "log_prob_quantiles": .array(calibration.logProbQuantiles.map(JSON.number)),
    ]
}

private func describe(_ decision: DecisionRecord) -> JSON {
    [
        "split": .string(decision.split), "fitted": .integer(decision.fitted), "count": .integer(decision.count),
        "alarm": .number(decision.alarm.value), "evidence": .array(decision.evidence.map(JSON.string)),
        "class_counts": decision.classes.map { decisions in
            .array(decisions.map { $0.map { .integer($0.count) } ?? .null })
        } ?? .null,
    ]
}

private func describe(_ point: TrainingCurvePoint) -> JSON {
    [
        "seconds": .number(point.seconds), "epochs": .number(point.epochs),
        "train_bits_per_dim": .number(point.trainBitsPerDim),
        "validation_bits_per_dim": .number(point.validationBitsPerDim),
    ]
}

private func describe(_ evaluation: EvaluationRecord) -> JSON {
    [
        "split": .string(evaluation.split), "count": .integer(evaluation.count),
        "bits_per_dim": .number(evaluation.bitsPerDim),
        "bits_per_dim_standard_error": evaluation.bitsPerDimStandardError.map(JSON.number) ?? .null,
        "flagged": .array(
            evaluation.flagged.map { ["alarm": .number($0.alarm), "fraction": .number($0.fraction)] }),
        "outliers": .array(
            evaluation.outliers.map { set in
                [
                    "name": .string(set.name), "count": .integer(set.count), "auroc": .number(set.areaUnderROC),
                    "caught": set.caught.map(JSON.number) ?? .null,
                ]
            }),
    ]
}
