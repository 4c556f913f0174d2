public import DataSets
import FlowCore
public import FlowModels

/// Start of a fine-tuning: the weights of a model, and what the record is to say of it.
struct StartingPoint<Flow: FlowArchitecture> {
    var fitted: Fitted<Flow>
    var record: StartingRecord
}

extension Trainer {
    /// Starts a training from the weights of a model, by the same images or by others. Architecture, sizes, preprocessing,
    /// dequantizer and classes are the model's; averages and moments start anew.
    ///
    /// - Parameters:
    ///   - blocks: residual blocks to add to every conditioner of a flow of images, behind those that it has, as in Chen et al.,
    ///     *Net2Net* (2016), §2.3, arXiv:1511.05641: the density is the model's until the first step.
    ///   - threads: never changes the result.
    /// - Throws: ``TrainingError`` when options or data make no sense, the images are not what the model knows, or its flow is not
    ///   a `Flow`; `FlowError` for blocks that cannot be added.
    public convenience init(
        finetuning model: any ImageDensity, addingBlocks blocks: Int = 0, train: ImageDataSet, validation: ImageDataSet,
        options: TrainingOptions, threads: Int
    ) throws {
        let record = model.record
        guard let model = model as? DensityModel, var flow = model.flow as? Flow else {
            throw TrainingError.mismatch(
                property: "architecture", expected: Flow.architectureName, actual: record.architecture)
        }
        guard train.shape == record.eventShape else {
            throw TrainingError.mismatch(
                property: "shape of the training images", expected: "\(record.eventShape)", actual: "\(train.shape)")
        }
        if record.isConditional { try Self.checkClasses(of: train, against: record) }
        try flow.appendBlocks(blocks, seed: options.seed)
        let start = StartingPoint(
            fitted: Fitted(flow: flow, dequantizer: model.dequantizer),
            record: StartingRecord(name: record.name, parameterHash: model.flow.parameterHash))
        try self.init(
            sizes: record.sizes.addingBlocks(blocks), train: train, validation: validation,
            preprocessing: Preprocessing(levels: record.levels, logitAlpha: record.logitAlpha),
            dequantizer: record.dequantizer, options: options, threads: threads, start: start
        ) { MaximumLikelihood(train: $0) }
    }

    /// Checks that the classes of the images are a model's, by their names or by their numbers alone.
    /// - Throws: ``TrainingError/mismatch(property:expected:actual:)``.
    static func checkClasses(of train: ImageDataSet, against record: ModelRecord) throws {
        guard train.hasClasses(record.classes) else {
            throw TrainingError.mismatch(
                property: "classes of the training images", expected: "\(record.classes)", actual: "\(train.classes)")
        }
    }
}
