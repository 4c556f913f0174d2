import ArgumentParser
import FlowCore
import FlowKernels
import FlowModels
import FlowTraining
import Glibc
import Imaging

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Learns a density from images, by maximum likelihood.",
        discussion: """
            Beside the model FILE.safetensors it writes FILE.csv and FILE.png, the training curve, and \
            FILE.checkpoint, from which --resume continues after Ctrl-C or a kill. The weights that are kept are \
            averages over the training, those of the epoch whose validation was best.
            """)

    @OptionGroup(title: "Data") var data: DataArguments
    @OptionGroup(title: "Model") var shape: ArchitectureArguments
    @OptionGroup(title: "Training") var training: TrainingArguments

    @Option(help: "Split to learn from; the validation split chooses the epoch.")
    var split: Split = .train

    @Option(help: "Only the first so many training images.")
    var limit: Int?

    @Option(help: ArgumentHelp("Model file to write, by custom ending in .safetensors.", valueName: "file"))
    var output: String

    @Option(help: "Name of the model in requests: A-Z, a-z, 0-9, '.', '_', '-'.")
    var name: String

    @Option(
        name: .customLong("class-name"),
        help: ArgumentHelp("Name of the class for the record, where the data has only numbers; may be repeated."))
    var classNames: [String] = []

    @Option(help: ArgumentHelp("float32, bfloat16 or float16.", valueName: "type"))
    var precision: TensorPrecision = .float32

    @Flag(help: "Continue from the checkpoint, if there is one.")
    var resume = false

    @Option(help: ArgumentHelp("Seconds between checkpoints.", valueName: "seconds"))
    var checkpointInterval = 30.0

    @Option(
        help: ArgumentHelp(
            "Most memory that the training may need, MiB; default: what the machine has available.", valueName: "n"))
    var maxMemory: Int?

    @Option(help: ArgumentHelp("Threads; never change the result.", valueName: "n"))
    var threads = processorCount

    private var base: String {
        output.hasSuffix(".safetensors") ? String(output.dropLast(".safetensors".count)) : output
    }
    private var checkpoint: String { base + ".checkpoint" }

    func run() throws {
        keepFreedMemory()
        guard ModelRecord.isValidName(name) else {
            throw CommandError("--name \(name): 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-' are allowed")
        }
        try check("--threads", threads, in: 1...1024)
        try check("--checkpoint-interval", checkpointInterval, in: 0...1e9)
        try checkOutputFolder()
        let options = training.options
        try options.validate()
        guard let architecture = FlowRegistry.architecture(named: shape.architecture) else {
            let known = FlowRegistry.architectures.map { $0.architectureName }.joined(separator: ", ")
            throw CommandError("--architecture \(shape.architecture): known are \(known)")
        }
        var train = try data.load(split, levels: shape.levels)
        if let limit {
            try check("--limit", limit, in: 1...Int.max)
            train = train.limited(to: limit)
        }
        let validation = try data.load(.validation, levels: shape.levels)
        try run(architecture, train: train, validation: validation, options: options)
    }

    private func checkOutputFolder() throws {
        let folder = output.contains("/") ? String(output[..<output.lastIndex(of: "/")!]) + "/" : "."
        guard unsafe access(folder, W_OK) == 0 else {
            throw CommandError("--output \(output): the folder does not exist or cannot be written")
        }
    }

    private func run<Flow: FlowArchitecture>(
        _ architecture: Flow.Type, train: ImageDataSet, validation: ImageDataSet, options: TrainingOptions
    ) throws {
        var hyperParameters = try shape.hyperParameters()
        if shape.conditional {
            guard !train.classes.isEmpty else { throw CommandError("--conditional needs data with classes") }
            hyperParameters.classes = train.classes.count
        }
        guard train.count > 0 else { throw TrainingError.noImages(split: split.rawValue) }
        guard let elements = Flow.elementCount(shape: train.shape, hyperParameters: hyperParameters),
            elements <= maxElements,
            let parameters = Flow.parameterCount(shape: train.shape, hyperParameters: hyperParameters)
        else {
            throw CommandError(
                "--layers and --hidden ask for more than \(grouped(maxElements)) parameters, masked zeros among them")
        }
        let limit = ModelFile.elementLimit(parameters: parameters)
        guard elements <= limit else {
            throw CommandError(
                "--layers and --hidden ask for \(grouped(elements)) numbers, of which masks leave \(grouped(parameters)); "
                    + "at most \(grouped(limit)) are allowed for so few")
        }
        let memory = try memory(Flow.self, hyperParameters, elements, train, validation, options)
        announce(Flow.self, hyperParameters, parameters, train, validation, options, memory)
        let trainer = try Trainer<Flow>(
            hyperParameters: hyperParameters, train: train, validation: validation,
            preprocessing: Preprocessing(levels: shape.levels, logitAlpha: shape.alpha), options: options,
            threads: threads)
        if resume, unsafe access(checkpoint, F_OK) == 0 {
            try trainer.resume(from: checkpoint)
            Terminal.line(
                "resumed     after \(trainer.progress.epoch) epochs, \(trainer.progress.step) steps, "
                    + duration(trainer.progress.seconds))
        }
        try fit(trainer, images: train.count, classes: classNames.isEmpty ? train.classes : classNames)
    }

    /// What the training will need.
    /// - Throws: ``CommandError`` when that is more than there is; before anything large is allocated.
    private func memory<Flow: FlowArchitecture>(
        _: Flow.Type, _ sizes: HyperParameters, _ parameters: Int, _ train: ImageDataSet, _ validation: ImageDataSet,
        _ options: TrainingOptions
    ) throws -> MemoryEstimate {
        if let maxMemory { try check("--max-memory", maxMemory, in: 1...1 << 40) }
        let limit = maxMemory.map { $0 << 20 } ?? availableMemory() ?? Int.max
        func checkFits(_ estimate: MemoryEstimate) throws {
            guard estimate.total > limit else { return }
            throw CommandError(
                "the training needs about \(grouped(estimate.total >> 20)) MiB, \(grouped(estimate.tapes >> 20)) of them for "
                    + "the activations of a step; \(maxMemory == nil ? "available" : "--max-memory") is "
                    + "\(grouped(limit >> 20)). A smaller --accumulate or --batch, or --reversible, needs less")
        }
        let images = train.count + validation.count
        var estimate = MemoryEstimate.parameters(parameters, images: images, dims: train.shape.dims)
        try checkFits(estimate)
        let flow = try Flow(shape: train.shape, hyperParameters: sizes, seed: nil)
        estimate = estimate.adding(flow, options: options, threads: threads)
        try checkFits(estimate)
        return estimate
    }

    private func fit<Flow: FlowArchitecture>(_ trainer: Trainer<Flow>, images: Int, classes: [String]) throws {
        let interruption = Interruption()
        var console = TrainingConsole(
            options: trainer.options, images: images, interactive: Terminal.isInteractive, start: trainer.progress)
        let end: TrainingEnd
        do {
            end = try trainer.run(
                checkpoint: (checkpoint, checkpointInterval), isInterrupted: { interruption.isRequested }
            ) { event in
                console.show(event)
                if case .epoch = event { try writeCurve(trainer.progress.curve) }
            }
        } catch let error as TrainingError {
            guard case .diverged = error, trainer.bestFlow != nil else { throw error }
            try finish(trainer, classes: classes)
            throw CommandError("\(error). \(output) holds the best weights before that")
        }
        switch end {
        case .interrupted:
            if Terminal.isInteractive { Terminal.line("") }
            Terminal.line("interrupted after \(trainer.progress.step) steps; --resume continues from \(checkpoint)")
            throw ExitCode(Interruption.exitCode)
        case .allEpochs: break
        case .noImprovement: Terminal.line("stopped: no better validation for \(trainer.options.patience) epochs")
        case .outOfTime: Terminal.line("stopped: the time is up")
        }
        try finish(trainer, classes: classes)
    }

    private func writeCurve(_ curve: [CurvePoint]) throws {
        try writeFile(Array(curveCSV(curve).utf8), to: base + ".csv")
    }

    private func finish<Flow: FlowArchitecture>(_ trainer: Trainer<Flow>, classes: [String]) throws {
        let model = try trainer.model(
            name: name, classes: classes, trainSplit: split.rawValue, validationSplit: Split.validation.rawValue,
            precision: precision)
        try ModelFile.write(model, to: output, precision: precision)
        try writeFile(encodePNG(curvePlot(trainer.progress.curve, title: name)), to: base + ".png")
        guard let heldOut = model.record.heldOut, let best = trainer.progress.best else { return }
        Terminal.line(
            "\(output): epoch \(best.epoch), validation \(fixed(heldOut.bitsPerDim, 4)) ± "
                + "\(fixed(heldOut.bitsPerDimStandardError, 4)) bits/dim over \(grouped(heldOut.count)) images, "
                + duration(trainer.progress.seconds))
    }

    private func announce(
        _ architecture: (some FlowArchitecture).Type, _ sizes: HyperParameters, _ parameters: Int,
        _ train: ImageDataSet,
        _ validation: ImageDataSet, _ options: TrainingOptions, _ memory: MemoryEstimate
    ) {
        let steps = (train.count + options.batch - 1) / options.batch
        var how: [String] = []
        if options.horizontalFlips { how.append("flips") }
        if options.shift > 0 { how.append("shifts up to \(options.shift)") }
        for factor in options.learningRateFactors {
            how.append("learning rate of \(factor.pattern) times \(factor.factor)")
        }
        if let maxSeconds = options.maxSeconds { how.append("at most \(duration(maxSeconds))") }
        let sides = "\(train.shape.height)x\(train.shape.width)x\(train.shape.channels)"
        Terminal.line(
            """
            data        \(grouped(train.count)) images (\(split.rawValue)), \(grouped(validation.count)) to validate, \
            \(sides), \(train.levels) levels
            model       \(architecture.architectureName), \(architecture.description(of: sizes)), \(grouped(parameters)) \
            parameters
            training    \(options.epochs) epochs of \(steps) steps, seed \(options.seed)\
            \(how.map { ", " + $0 }.joined()), \(threads) threads
            memory      about \(grouped(max(1, memory.total >> 20))) MiB: \(grouped(memory.parameters >> 20)) for weights, averages and \
            gradient, \(grouped(memory.tapes >> 20)) for the activations of a step, \(grouped(memory.data >> 20)) for images
            output      \(output), \(base).csv, \(base).png, \(checkpoint)
            """)
    }
}

/// 16 GiB of weights.
private let maxElements = 1 << 32
