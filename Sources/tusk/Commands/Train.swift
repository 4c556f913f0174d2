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
        help: ArgumentHelp(
            "One of \(FlowRegistry.names). Default: chosen by the images and the time, with its sizes and the settings below; it is "
                + "said which.", valueName: "name"))
    var architecture: String?

    @OptionGroup(title: "Model") var sizes: SizeArguments<TrainedSizes>
    @OptionGroup(title: "Model") var input: InputArguments
    @OptionGroup(title: "Dequantization") var dequantization: DequantizationArguments
    @OptionGroup(title: "Training") var training: TrainingArguments
    @OptionGroup var session: TrainingSession

    mutating func run() throws {
        session = session.named(after: data.data)
        try session.exclusively {
            keepFreedMemory()
            // what makes no sense is said before the images are read
            _ = try session.options(training)
            _ = try architecture.map(TrainingSession.architecture(named:))
            let levels = input.levels ?? PreparedSet.levels(in: data.data) ?? 256
            let (train, validation) = try session.images(of: data, levels: levels)
            let plan = try plan(for: train)
            try run(plan.architecture, plan, train: train, validation: validation)
        }
    }

    private func run<Flow: FlowArchitecture>(
        _ architecture: Flow.Type, _ plan: TrainingPlan, train: ImageDataSet, validation: ImageDataSet
    ) throws {
        let (sizes, options) = (plan.sizes, plan.options)
        let dequantizer = try dequantization.sizes()
        try session.announce(architecture, sizes, dequantizer: dequantizer, train, validation, options)
        let trainer = try Trainer<Flow>(
            sizes: sizes, train: train, validation: validation,
            preprocessing: Preprocessing(levels: train.levels, logitAlpha: plan.logitAlpha),
            dequantizer: dequantizer, options: options, threads: session.threads)
        try session.run(trainer, classes: train.classes)
    }
}
