import FlowCore
import FlowModels
import HTTPContent
import Serving

/// What a name of the Open Inference Protocol stands for: a loaded model and what is asked of it.
///
/// `NAME` scores images, `NAME:sample` draws them. Each has inputs, outputs and a configuration of its own, which clients read before they
/// infer, and a key's scope; no loaded model has a colon in its name.
struct InferenceModel: Sendable {
    enum Task: Sendable, CaseIterable {
        case score, sample

        /// What the names of the task end in.
        var suffix: String {
            switch self {
            case .score: ""
            case .sample: ":sample"
            }
        }

        /// Name of the task in metrics.
        var work: String {
            switch self {
            case .score: DensityWork.name
            case .sample: SamplingWork.name
            }
        }

        /// Scope that a key needs.
        var scope: Scope {
            switch self {
            case .score: .score
            case .sample: .sample
            }
        }
    }

    let model: LoadedModel
    let task: Task

    /// Name in the protocol, which is without the version.
    var name: String { Self.name(model.base, task) }
    /// Version in the protocol, where every model has one.
    var version: String { Self.version(model.version) }

    init(_ model: LoadedModel, _ task: Task) { (self.model, self.task) = (model, task) }

    /// Name in the protocol of what is asked of a model of that name.
    static func name(_ base: String, _ task: Task) -> String { base + task.suffix }

    /// Version in the protocol of a model with that version, or without one.
    static func version(_ number: Int?) -> String { String(number ?? 1) }

    /// The model that a path with the parameters `model` and, if there is one, `version` names.
    /// - Throws: ``ProblemKind/unknownModel`` for a name or a version that there is none of.
    init(_ path: PathParameters, in models: ModelSet) throws(Problem) {
        let name = path["model"]
        let task: Task = name.hasSuffix(Task.sample.suffix) ? .sample : .score
        guard let latest = try? models.model(named: String(name.dropLast(task.suffix.count))) else {
            throw Problem(.unknownModel, "model: no model called \(quoted(name)) is loaded")
        }
        self.init(latest, task)
        guard let version = path.value(of: "version"), version != self.version else { return }
        let versions = models.versions(of: latest.base)
        guard let model = versions.first(where: { Self.version($0.version) == version }) else {
            let known = Self.versions(of: latest, in: models).joined(separator: ", ")
            throw Problem(.unknownModel, "version: \(quoted(name)) has \(known), not \(quoted(version))")
        }
        self.init(model, task)
    }

    /// Versions of the name of `model`, the highest last.
    static func versions(of model: LoadedModel, in models: ModelSet) -> [String] {
        models.versions(of: model.base).map { version($0.version) }
    }

    /// Every name of the protocol, those of one model side by side.
    static func all(of models: ModelSet) -> [InferenceModel] {
        models.models.flatMap { model in Task.allCases.map { InferenceModel(model, $0) } }
    }

    /// Tensors that a request has.
    var inputs: [TensorDescription] {
        switch task {
        case .score: [TensorDescription(Self.image, .uint8, model.record.imageAxes)]
        case .sample: []
        }
    }

    /// Tensors that an answer can have, in the order in which it has them.
    var outputs: [TensorDescription] {
        let record = model.record
        switch task {
        case .score:
            var outputs = [TensorDescription(Self.logProb, .fp64), TensorDescription(Self.bitsPerDim, .fp64)]
            if record.calibration != nil { outputs.append(TensorDescription(Self.percentile, .fp64)) }
            if record.decision != nil {
                outputs += [TensorDescription(Self.pValue, .fp64), TensorDescription(Self.verdict, .bytes)]
            }
            return outputs
        case .sample:
            return [
                TensorDescription(Self.image, .uint8, record.imageAxes), TensorDescription(Self.logProb, .fp64),
                TensorDescription(Self.bitsPerDim, .fp64),
            ]
        }
    }

    static let image = "image"
    static let logProb = "log_prob"
    static let bitsPerDim = "bits_per_dim"
    static let percentile = "percentile"
    static let pValue = "p_value"
    static let verdict = "verdict"
}

extension ModelRecord {
    /// Axes of one image: height, width, channels.
    var imageAxes: [Int] { [eventShape.height, eventShape.width, eventShape.channels] }
}

/// Type of a tensor's elements.
enum TensorType: String, Sendable, CaseIterable {
    case uint8 = "UINT8"
    case fp32 = "FP32"
    case fp64 = "FP64"
    case bytes = "BYTES"

    /// Types that an image may come in.
    static let ofImages: [TensorType] = [.uint8, .fp32, .bytes]

    /// Bytes of an element; nil where each has its own length.
    var size: Int? {
        switch self {
        case .uint8: 1
        case .fp32: 4
        case .fp64: 8
        case .bytes: nil
        }
    }

    /// The name that configurations have for it.
    var configurationName: String { self == .bytes ? "TYPE_STRING" : "TYPE_\(rawValue)" }
}

/// Tensor as a model's metadata declares it.
struct TensorDescription: Sendable {
    let name: String
    let type: TensorType
    /// Axes of the part of one image; the tensor has one for the images in front of them.
    let axes: [Int]

    init(_ name: String, _ type: TensorType, _ axes: [Int] = []) {
        (self.name, self.type, self.axes) = (name, type, axes)
    }

    /// Entry of a model's metadata.
    var metadata: JSON {
        ["name": .string(name), "datatype": .string(type.rawValue), "shape": .integers([-1] + axes)]
    }

    /// Entry of a model's configuration.
    /// - Parameter isBatched: whether the axis of the images is left out, being that of the batch.
    func configuration(isBatched: Bool) -> JSON {
        var members: [JSON.Member] = [
            .init("name", .string(name)), .init("data_type", .string(type.configurationName)),
        ]
        if isBatched, axes.isEmpty {
            // a configuration needs an axis, and the tensor has none
            members += [.init("dims", .integers([1])), .init("reshape", ["shape": .integers([])])]
        } else {
            members.append(.init("dims", .integers(isBatched ? axes : [-1] + axes)))
        }
        return .object(members)
    }
}
