import ArgumentParser
import DataSets
import FlowKernels
import FlowModels
import FlowTraining

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Learns a density from images, by maximum likelihood.",
        discussion: """
            Beside the model FILE.safetensors it writes FILE.csv and FILE.png, the training curve, and \
            FILE.checkpoint, from which --resume continues after Ctrl-C or a kill. The weights that are kept are \
            averages over the training, those of the epoch whose validation was best.
            """)

    @OptionGroup(title: "Data") var data: DataArguments

    @Option(
        help: ArgumentHelp("One of \(FlowRegistry.names).", valueName: "name"))
    var architecture: String

    @OptionGroup(title: "Model") var sizes: SizeArguments<TrainedSizes>
    @OptionGroup(title: "Model") var input: InputArguments
    @OptionGroup(title: "Dequantization") var dequantization: DequantizationArguments
    @OptionGroup(title: "Training") var training: TrainingArguments
    @OptionGroup var session: TrainingSession

    mutating func run() throws {
        session = session.named(after: data.data)
        try session.exclusively {
            keepFreedMemory()
            let options = try session.options(training)
            let architecture = try TrainingSession.architecture(named: architecture)
            let (train, validation) = try session.images(of: data, levels: input.levels)
            try run(architecture, train: train, validation: validation, options: options)
        }
    }

    private func run<Flow: FlowArchitecture>(
        _ architecture: Flow.Type, train: ImageDataSet, validation: ImageDataSet, options: TrainingOptions
    ) throws {
        var sizes = try sizes.sizes(of: architecture)
        if input.conditional {
            guard !train.classes.isEmpty else { throw CommandError("--conditional needs data with classes") }
            sizes.classes = train.classes.count
        }
        let dequantizer = try dequantization.sizes()
        try session.announce(architecture, sizes, dequantizer: dequantizer, train, validation, options)
        let trainer = try Trainer<Flow>(
            sizes: sizes, train: train, validation: validation,
            preprocessing: Preprocessing(levels: input.levels, logitAlpha: input.alpha),
            dequantizer: dequantizer, options: options, threads: session.threads)
        try session.run(trainer, classes: train.classes)
    }
}
