import ArgumentParser
import DataSets
import FlowKernels
import FlowModels
import FlowTraining

struct Finetune: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Goes on training a model, with the same images or others.",
        discussion: """
            The training starts at the model's weights; architecture, sizes, levels, alpha, dequantizer and classes are its own. \
            With --add-blocks the networks of a flow of images become deeper; what is added changes nothing before it is trained. \
            A learning rate below that of the first training keeps what was learned. What is written, and how it continues, is as \
            in train. The model's file is not changed.
            """)

    @OptionGroup var model: ModelArguments
    @OptionGroup(title: "Data") var data: DataArguments

    @Option(
        help: ArgumentHelp(
            "Residual blocks to add to every network of a flow of images, of as many channels as the others.",
            valueName: "n"))
    var addBlocks = 0

    @OptionGroup(title: "Training") var training: TrainingArguments
    @OptionGroup var session: TrainingSession

    mutating func run() throws {
        session = session.named(after: data.data)
        try session.exclusively {
            keepFreedMemory()
            try check("--add-blocks", addBlocks, in: 0...1024)
            let options = try session.options(training)
            let start = try model.load()
            let images = try session.images(of: data, levels: start.record.levels)
            // each by itself: where a split has other classes, the trainer says so
            func named(_ set: ImageDataSet) -> ImageDataSet {
                let names = start.record.classes
                return start.record.isConditional && set.hasClasses(names) ? set.named(classes: names) : set
            }
            let (train, validation) = (named(images.train), named(images.validation))
            let architecture = try TrainingSession.architecture(named: start.record.architecture)
            try run(architecture, from: start, train: train, validation: validation, options: options)
        }
    }

    private func run<Flow: FlowArchitecture>(
        _ architecture: Flow.Type, from start: any ImageDensity, train: ImageDataSet, validation: ImageDataSet,
        options: TrainingOptions
    ) throws {
        let record = start.record
        let before = record.heldOut.map { ", held out \(fixed($0.bitsPerDim, 4)) bits/dim (\($0.split))" } ?? ""
        try session.announce(
            architecture, record.sizes.addingBlocks(addBlocks), dequantizer: record.dequantizer, train,
            validation, options, more: "start       \(record.name)\(before)", smaller: "a smaller model")
        let trainer = try Trainer<Flow>(
            finetuning: start, addingBlocks: addBlocks, train: train, validation: validation, options: options,
            threads: session.threads)
        try session.run(trainer, classes: train.classes)
    }
}
