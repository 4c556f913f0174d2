public import FlowCore
import FlowLayers

/// All that a density needs beside its tensors: the JSON document in the model file's `__metadata__`.
///
/// Keys are snake_case in the file and over HTTP.
public struct ModelRecord: Sendable, Codable, Equatable {
    /// Layout of the file: 1, where masked matrices are whole, or 2, where they are without what their masks hold at zero. A
    /// newer one than ``currentFormatVersion`` is refused.
    public var formatVersion: Int
    /// What the numbers mean: dequantization stream, order of maps, parametrisation.
    public var mathematicsVersion: Int
    /// `[A-Za-z0-9._-]{1,64}`; names the model in requests and seeds its dequantization noise.
    public var name: String
    /// Name in the registry, such as `maf`.
    public var architecture: String
    /// Sizes of the flow; one that is missing has its field's standard value.
    public var sizes: Sizes
    public var eventShape: EventShape
    /// Values of one dimension of a discrete image are `0 ..< levels`; 2 to 256.
    public var levels: Int
    /// `uniform` or `variational`.
    public var dequantization: String
    /// Sizes of the ``Dequantizer`` that draws the noise of a variational dequantization, else nil.
    public var dequantizer: Sizes?
    /// `α` of the logit map; see `Preprocessing`.
    public var logitAlpha: Double
    /// Names of the classes in the training data.
    public var classes: [String]
    /// Fraction of the training images in each class: the mixture's weights of a class-conditional density, else nil.
    public var classPrior: [Double]?
    /// Numbers of the flow that no mask holds at zero.
    public var parameterCount: Int
    public var training: TrainingRecord?
    public var heldOut: HeldOutRecord?
    public var calibration: Calibration?
    public var check: CheckVector

    public static let currentFormatVersion = 2
    public static let currentMathematicsVersion = 1

    enum CodingKeys: String, CodingKey {
        case formatVersion = "format_version"
        case mathematicsVersion = "mathematics_version"
        case name
        case architecture
        case sizes = "hyper_parameters"
        case eventShape = "event_shape"
        case levels
        case dequantization
        case dequantizer
        case logitAlpha = "logit_alpha"
        case classes
        case classPrior = "class_prior"
        case parameterCount = "parameter_count"
        case training
        case heldOut = "held_out"
        case calibration
        case check
    }

    public init(
        formatVersion: Int = ModelRecord.currentFormatVersion,
        mathematicsVersion: Int = ModelRecord.currentMathematicsVersion, name: String, architecture: String,
        sizes: Sizes, eventShape: EventShape, levels: Int, dequantization: String,
        dequantizer: Sizes? = nil, logitAlpha: Double, classes: [String], classPrior: [Double]? = nil,
        parameterCount: Int,
        training: TrainingRecord? = nil,
        heldOut: HeldOutRecord? = nil, calibration: Calibration? = nil, check: CheckVector
    ) {
        self.formatVersion = formatVersion
        self.mathematicsVersion = mathematicsVersion
        self.name = name
        self.architecture = architecture
        self.sizes = sizes
        self.eventShape = eventShape
        self.levels = levels
        self.dequantization = dequantization
        self.dequantizer = dequantizer
        self.logitAlpha = logitAlpha
        self.classes = classes
        self.classPrior = classPrior
        self.parameterCount = parameterCount
        self.training = training
        self.heldOut = heldOut
        self.calibration = calibration
        self.check = check
    }
}

extension ModelRecord {
    /// ``dequantization`` with such a dequantizer, or without one.
    public static func dequantization(_ dequantizer: Sizes?) -> String {
        dequantizer == nil ? "uniform" : "variational"
    }

    /// Whether there is a density for each class, `p(y | class)`, and `p(y)` is their mixture.
    public var isConditional: Bool { sizes.classes > 0 }

    /// ``sizes`` as they stand in model files and over HTTP: the architecture's own, and standard values of those that every
    /// file of format 2 has, whatever its architecture.
    public var recordedSizes: Sizes {
        var recorded = Sizes()
        let own = FlowRegistry.architecture(named: architecture)?.fields ?? []
        for field in Self.fieldsOfEveryFile + own { recorded[field.name] = field.standardValue }
        return recorded.overridden(by: sizes)
    }

    /// Sizes that programs of format 2 ask of every file; later ones stand in files of the architectures that have them.
    private static let fieldsOfEveryFile: [any SizeDescription] = [
        FlowFields.activation, VectorFields.residual, FlowFields.classes, AffineTransform.logScaleBound,
        SplineTransform.bins, SplineTransform.tailBound, ImageFields.kernel, ImageFields.gated, MultiScale.scales,
    ]
}

/// How the model was trained.
public struct TrainingRecord: Sendable, Codable, Equatable {
    /// SHA-256, hexadecimal, of the training images' levels in order.
    public var dataHash: String
    public var split: String
    public var images: Int
    public var horizontalFlips: Bool
    public var seed: UInt64
    /// Epochs run, and the one whose weights were kept.
    public var epochs: Int
    public var bestEpoch: Int
    public var batch: Int
    public var wallSeconds: Double
    /// Of a fine-tuning the model that it started from, else nil.
    public var start: StartingRecord?

    enum CodingKeys: String, CodingKey {
        case dataHash = "data_hash"
        case split
        case images
        case horizontalFlips = "horizontal_flips"
        case seed
        case epochs
        case bestEpoch = "best_epoch"
        case batch
        case wallSeconds = "wall_seconds"
        case start
    }

    public init(
        dataHash: String, split: String, images: Int, horizontalFlips: Bool, seed: UInt64, epochs: Int,
        bestEpoch: Int, batch: Int, wallSeconds: Double, start: StartingRecord? = nil
    ) {
        self.dataHash = dataHash
        self.split = split
        self.images = images
        self.horizontalFlips = horizontalFlips
        self.seed = seed
        self.epochs = epochs
        self.bestEpoch = bestEpoch
        self.batch = batch
        self.wallSeconds = wallSeconds
        self.start = start
    }
}

/// The model that a fine-tuning started from.
public struct StartingRecord: Sendable, Codable, Equatable {
    public var name: String
    /// SHA-256, hexadecimal, of the flow's parameters as float32, little-endian, in their order.
    public var parameterHash: String

    enum CodingKeys: String, CodingKey {
        case name
        case parameterHash = "parameter_hash"
    }

    public init(name: String, parameterHash: String) {
        self.name = name
        self.parameterHash = parameterHash
    }
}

/// Density of images that the training never saw.
public struct HeldOutRecord: Sendable, Codable, Equatable {
    public var split: String
    public var count: Int
    /// Mean over images, and the mean's standard error.
    public var bitsPerDim: Double
    public var bitsPerDimStandardError: Double

    enum CodingKeys: String, CodingKey {
        case split
        case count
        case bitsPerDim = "bits_per_dim"
        case bitsPerDimStandardError = "bits_per_dim_standard_error"
    }

    public init(split: String, count: Int, bitsPerDim: Double, bitsPerDimStandardError: Double) {
        self.split = split
        self.count = count
        self.bitsPerDim = bitsPerDim
        self.bitsPerDimStandardError = bitsPerDimStandardError
    }
}

/// An input and its log-density, verified at every load.
public struct CheckVector: Sendable, Codable, Equatable {
    /// `D` levels.
    public var pixels: [UInt8]
    /// `log p(y)` of draw 0, nats.
    public var logProb: Double

    enum CodingKeys: String, CodingKey {
        case pixels
        case logProb = "log_prob"
    }

    public init(pixels: [UInt8], logProb: Double) {
        self.pixels = pixels
        self.logProb = logProb
    }
}
