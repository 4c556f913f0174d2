public import DataSets
public import FlowCore
import FlowLayers
public import FlowModels
import System

/// A model that another one is distilled from.
public struct Teacher: Sendable {
    /// Record of the model.
    public let record: ModelRecord
    /// Density of the model's flow.
    let density: FlowDensity
    /// SHA-256, hexadecimal, of all parameters of the flow.
    let hash: String

    /// Takes a model whose density takes one parallel pass.
    /// - Throws: ``TrainingError/sequentialTeacher(architecture:)`` for any other.
    public init(_ model: any ImageDensity) throws {
        record = model.record
        guard model.densityOrder == .parallel, let flow = (model as? DensityModel)?.flow else {
            throw TrainingError.sequentialTeacher(architecture: record.architecture)
        }
        density = FlowDensity(flow)
        hash = flow.parameterHash
    }
}

extension Trainer where Flow: ReversibleArchitecture {
    /// Starts a training that lowers the divergence of the flow from a teacher, `KL(flow ‖ teacher)`, by samples of the flow:
    /// probability density distillation.
    ///
    /// Preprocessing and classes are the teacher's. The training images give the start of
    /// the standardisation, the number of samples an epoch, and their classes; the validation is that of any training.
    ///
    /// Source: van den Oord et al., *Parallel WaveNet* (2017), §4, arXiv:1711.10433, without its further losses.
    /// - Throws: ``TrainingError`` when options or data make no sense or the images are not what the teacher knows.
    public convenience init(
        distilling teacher: Teacher, sizes: Sizes, train: ImageDataSet, validation: ImageDataSet,
        options: TrainingOptions, threads: Int
    ) throws {
        let record = teacher.record
        guard train.shape == record.eventShape else {
            throw TrainingError.mismatch(
                property: "shape of the training images", expected: "\(record.eventShape)", actual: "\(train.shape)")
        }
        var sizes = sizes
        sizes.classes = record.sizes.classes
        if record.isConditional { try Self.checkClasses(of: train, against: record) }
        try self.init(
            sizes: sizes, train: train, validation: validation,
            preprocessing: Preprocessing(levels: record.levels, logitAlpha: record.logitAlpha), options: options,
            threads: threads, teacher: teacher.hash
        ) { Distillation(teacher: teacher.density, train: $0) }
    }
}

extension Bijection {
    /// SHA-256, hexadecimal, of all parameters in visiting order.
    var parameterHash: String {
        var bytes: [UInt8] = []
        var shared = self
        shared.visitParameters { _, values in
            for value in values {
                for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift)) }
            }
        }
        return SHA256.hex(bytes)
    }
}
