public import FlowCore
import FlowLayers

/// All that a density needs beside its tensors: the JSON document in the model file's `__metadata__`.
///
/// Keys are snake_case in the file and over HTTP.
public struct ModelRecord: Sendable, Codable, Equatable {
    /// Layout of the file: 1, where masked matrices are whole, or 2, where they are without what their masks hold at zero. A
    /// newer one than ``currentFormatVersion`` is refused.
    public var formatVersion: Int
    /// Version of what the numbers mean: dequantization stream, order of maps, parametrisation.
    public var mathematicsVersion: Int
    /// Name of the model in requests, which seeds its dequantization noise too: `[A-Za-z0-9._-]{1,64}`.
    public var name: String
    /// Name of the architecture in the registry, such as `maf`.
    public var architecture: String
    /// Sizes of the flow; one that is missing has its field's standard value.
    public var sizes: Sizes
    /// Height, width and channels of an image.
    public var eventShape: EventShape
    /// Number of values of a dimension of a discrete image, `0 ..< levels`; 2 to 256.
    public var levels: Int
    /// Kind of dequantization, `uniform` or `variational`.
    public var dequantization: String
    /// Sizes of the ``Dequantizer`` that draws the noise of a variational dequantization, else nil.
    public var dequantizer: Sizes?
    /// `α` of the logit map, in `(0, 0.5)`; see ``Preprocessing``.
    public var logitAlpha: Double
    /// Names of the classes in the training data.
    public var classes: [String]
    /// Fraction of the training images in each class: the mixture's weights of a class-conditional density, else nil.
    public var classPrior: [Double]?
    /// Number of parameters of the flow and its dequantizer that no mask holds at zero.
    public var parameterCount: Int
    /// Training that made the model; nil where the file does not say.
    public var training: TrainingRecord?
    /// Density of images that the training never saw; nil where the file does not say.
    public var heldOut: HeldOutRecord?
    /// Quantiles of the log-densities of held-out images; nil where the file does not say.
    public var calibration: Calibration?
    /// Background model of the training images, for the evidence; nil where the file does not say.
    public var background: BackgroundModel?
    /// What verdicts need; nil where the file does not say.
    public var decision: DecisionRecord?
    /// Figures on images that neither training nor calibration saw; nil where the file does not say.
    public var evaluation: EvaluationRecord?
    /// An image and its log-density, verified at every load.
    public var check: CheckVector

    /// Version of the file's layout that is written, the newest that is read.
    public static let currentFormatVersion = 2
    /// Version of what the numbers mean that is written, the newest that is read.
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
        case background
        case decision
        case evaluation
        case check
    }

    public init(
        formatVersion: Int = ModelRecord.currentFormatVersion,
        mathematicsVersion: Int = ModelRecord.currentMathematicsVersion, name: String, architecture: String,
        sizes: Sizes, eventShape: EventShape, levels: Int, dequantization: String,
        dequantizer: Sizes? = nil, logitAlpha: Double, classes: [String], classPrior: [Double]? = nil,
        parameterCount: Int,
        training: TrainingRecord? = nil,
        heldOut: HeldOutRecord? = nil, calibration: Calibration? = nil, background: BackgroundModel? = nil,
        decision: DecisionRecord? = nil, evaluation: EvaluationRecord? = nil,
        check: CheckVector
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
        self.background = background
        self.decision = decision
        self.evaluation = evaluation
        self.check = check
    }
}

extension ModelRecord {
    /// Returns the ``dequantization`` with a dequantizer of such sizes, or with none.
    public static func dequantization(_ dequantizer: Sizes?) -> String {
        dequantizer == nil ? "uniform" : "variational"
    }

    /// Whether there is a density for each class, `p(y | class)`.
    public var isConditional: Bool { sizes.classes > 0 }

    /// Whether such a density tells the class by itself, so that `p(y)` takes one pass; else `p(y)` is the mixture of all classes.
    public var infersClass: Bool {
        guard isConditional, case .integers(let channels)? = sizes[CausalFields.belief.name] else { return false }
        return !channels.isEmpty
    }

    /// Whether ``calibration`` is of the density given this class, or given none: it is the mixture's where there is a density for
    /// each class.
    public func calibrates(classIndex: Int?) -> Bool { classIndex == nil || !isConditional }

    /// What verdicts on the density given this class need, or given none; nil where the file does not say.
    public func decision(givenClass classIndex: Int?) -> DecisionRecord? {
        guard let classIndex, isConditional else { return decision }
        return decision?.classes?[classIndex]
    }

    /// ``sizes`` as they stand in model files and over HTTP: the architecture's own, and standard values of those that every
    /// file of format 2 has, whatever its architecture. One that the architecture has had only later stands there where it is not what a file
    /// without it means, so that older programs read what they can.
    public var recordedSizes: Sizes {
        var recorded = Sizes()
        let own = FlowRegistry.architecture(named: architecture)?.fields ?? []
        for field in Self.fieldsOfEveryFile + own { recorded[field.name] = field.standardValue }
        recorded = recorded.overridden(by: sizes)
        let everywhere = Self.fieldsOfEveryFile.map { $0.name }
        for field in own where !field.isRequired && !everywhere.contains(field.name) {
            if recorded[field.name] == field.standardValue { recorded[field.name] = nil }
        }
        return recorded
    }

    /// Sizes that programs of format 2 ask of every file; later ones stand in files of the architectures that have them.
    private static let fieldsOfEveryFile: [any SizeDescription] = [
        FlowFields.activation, VectorFields.residual, FlowFields.classes, AffineTransform.logScaleBound,
        SplineTransform.bins, SplineTransform.tailBound, ImageFields.kernel, ImageFields.gated, MultiScale.scales,
    ]
}

/// Training of a model, as its record has it.
public struct TrainingRecord: Sendable, Codable, Equatable {
    /// SHA-256, hexadecimal, of the training images: shape, number of levels, labels and values.
    public var dataHash: String
    /// Split that was trained on, such as `train`.
    public var split: String
    /// Number of training images.
    public var images: Int
    /// Number of files and images of the data that could not be read and were skipped; nil for none.
    public var skippedImages: Int?
    /// Whether images were mirrored left to right at random.
    public var horizontalFlips: Bool
    /// Seed of the training.
    public var seed: UInt64
    /// Number of epochs that were run.
    public var epochs: Int
    /// Epoch whose weights were kept, counted from 1.
    public var bestEpoch: Int
    /// Images a step.
    public var batch: Int
    /// Training time by the wall clock, seconds.
    public var wallSeconds: Double
    /// Model that a fine-tuning started from; else nil.
    public var start: StartingRecord?
    /// How the training went, at most ``Swift/Array/mostPoints`` points in their order; nil where the file does not say.
    public var curve: [TrainingCurvePoint]?

    enum CodingKeys: String, CodingKey {
        case dataHash = "data_hash"
        case split
        case images
        case skippedImages = "skipped_images"
        case horizontalFlips = "horizontal_flips"
        case seed
        case epochs
        case bestEpoch = "best_epoch"
        case batch
        case wallSeconds = "wall_seconds"
        case start
        case curve
    }

    public init(
        dataHash: String, split: String, images: Int, skippedImages: Int? = nil, horizontalFlips: Bool, seed: UInt64,
        epochs: Int,
        bestEpoch: Int, batch: Int, wallSeconds: Double, start: StartingRecord? = nil,
        curve: [TrainingCurvePoint]? = nil
    ) {
        self.dataHash = dataHash
        self.split = split
        self.images = images
        self.skippedImages = skippedImages
        self.horizontalFlips = horizontalFlips
        self.seed = seed
        self.epochs = epochs
        self.bestEpoch = bestEpoch
        self.batch = batch
        self.wallSeconds = wallSeconds
        self.start = start
        self.curve = curve
    }
}

/// Model that a fine-tuning started from.
public struct StartingRecord: Sendable, Codable, Equatable {
    /// Name of that model.
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
    /// Split that the images are from, such as `validation`.
    public var split: String
    /// Number of images.
    public var count: Int
    /// Mean bits per dimension over the images.
    public var bitsPerDim: Double
    /// Standard error of ``bitsPerDim``, bits per dimension.
    public var bitsPerDimStandardError: Double?

    enum CodingKeys: String, CodingKey {
        case split
        case count
        case bitsPerDim = "bits_per_dim"
        case bitsPerDimStandardError = "bits_per_dim_standard_error"
    }

    public init(split: String, count: Int, bitsPerDim: Double, bitsPerDimStandardError: Double?) {
        self.split = split
        self.count = count
        self.bitsPerDim = bitsPerDim
        self.bitsPerDimStandardError = bitsPerDimStandardError
    }
}

/// An input and its log-density, verified at every load.
public struct CheckVector: Sendable, Codable, Equatable {
    /// Levels of the image, `[D]`, row-major `[height, width, channels]`.
    public var pixels: [UInt8]
    /// Log-density `log p(y)` of draw 0, nats.
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
