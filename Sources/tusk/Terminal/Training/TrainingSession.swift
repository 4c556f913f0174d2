import ArgumentParser
import DataSets
import FlowCore
import FlowKernels
import FlowModels
import FlowTraining
import Glibc
import Imaging
import System

/// Options that say what a training writes and how it runs, which `train`, `finetune` and `distill` have in common.
struct TrainingSession: ParsableArguments {
    @Option(help: "Split to learn from; the validation split chooses the epoch.")
    var split: Split = .train

    @Option(help: "Only the first so many training images.")
    var limit: Int?

    @Option(
        help: ArgumentHelp(
            "Classes whose images an epoch has several times, by name or number, such as elephant=3; may be repeated.",
            valueName: "class=times"))
    var `repeat`: [ClassRepeat] = []

    @Option(help: ArgumentHelp("Model file to write, by custom ending in .safetensors.", valueName: "file"))
    var output: String

    @Option(help: "Name of the model in requests: A-Z, a-z, 0-9, '.', '_', '-'.")
    var name: String

    @Option(
        name: .customLong("class-name"),
        help: ArgumentHelp("Name of the class for the record, where the data has only numbers; may be repeated."))
    var classNames: [String] = []

    @Option(
        help: ArgumentHelp("Type of the tensors in the model file: float32, bfloat16 or float16.", valueName: "type"))
    var filePrecision: TensorPrecision = .float32

    /// The name of ``filePrecision`` before a model could compute in a precision of its own.
    @Option(name: .customLong("precision"), help: .hidden)
    var formerPrecision: String?

    @Flag(help: "Continue from the checkpoint, if there is one.")
    var resume = false

    @Option(help: ArgumentHelp("Seconds between checkpoints.", valueName: "seconds"))
    var checkpointInterval = 30.0

    @Option(
        help: ArgumentHelp(
            "Most memory that the training may need, MiB; default: what the machine has available.", valueName: "n"))
    var maxMemory: Int?

    @Option(help: ArgumentHelp("Threads; never change the result.", valueName: "n"))
    var threads = Processors.count

    private var base: String {
        output.hasSuffix(".safetensors") ? String(output.dropLast(".safetensors".count)) : output
    }
    private var checkpoint: String { base + ".checkpoint" }
    /// Whether the training begins with a checkpoint.
    private var isResumed: Bool { unsafe resume && access(checkpoint, F_OK) == 0 }

    /// All options of the training, theirs and this session's.
    /// - Throws: `TrainingError` for the first that makes no sense.
    func options(_ training: TrainingArguments) throws -> TrainingOptions {
        var options = training.options
        options.repeats = `repeat`
        try options.validate()
        return options
    }

    func check() throws {
        guard formerPrecision == nil else {
            throw CommandError(
                "--precision is what a model computes in, of serve, evaluate and bench; the type of the tensors in the file is "
                    + "--file-precision")
        }
        guard ModelRecord.isValidName(name) else {
            throw CommandError("--name \(name): 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-' are allowed")
        }
        try tusk.check("--threads", threads, in: 1...1024)
        try tusk.check("--checkpoint-interval", checkpointInterval, in: 0...1e9)
        let folder = output.contains("/") ? String(output[..<output.lastIndex(of: "/")!]) + "/" : "."
        guard unsafe access(folder, W_OK) == 0 else {
            throw CommandError("--output \(output): the folder does not exist or cannot be written")
        }
    }

    /// The images to learn from, one at least, and those to validate with.
    func images(of data: DataArguments, levels: Int) throws -> (train: ImageDataSet, validation: ImageDataSet) {
        var train = try data.load(split, levels: levels)
        if let limit {
            try tusk.check("--limit", limit, in: 1...Int.max)
            train = train.limited(to: limit)
        }
        let validation = try data.load(.validation, levels: levels)
        guard train.count > 0 else { throw TrainingError.noImages(split: split.rawValue) }
        return (train, validation)
    }

    /// The architecture of that name.
    static func architecture(named name: String) throws -> any FlowArchitecture.Type {
        guard let architecture = FlowRegistry.architecture(named: name) else {
            throw CommandError("--architecture \(name): known are \(FlowRegistry.names)")
        }
        return architecture
    }

    /// Parameters of such a flow of the images and its dequantizer, and numbers in their arrays, masked zeros among them.
    private static func counts<Flow: FlowArchitecture>(
        _: Flow.Type, shape: EventShape, _ sizes: Sizes, _ dequantizer: Sizes?
    ) throws -> (parameters: Int, ofDequantizer: Int, elements: Int) {
        let counted = dequantizer.map { Dequantizer.parameterCount(shape: shape, sizes: $0) } ?? 0
        guard let ofDequantizer = counted, ofDequantizer <= maxElements else {
            throw CommandError(
                "--dequantizer-layers and --dequantizer-hidden ask for more than \(grouped(maxElements)) parameters")
        }
        guard let elements = Flow.elementCount(shape: shape, sizes: sizes),
            elements <= maxElements,
            let parameters = Flow.parameterCount(shape: shape, sizes: sizes)
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
        return (parameters, ofDequantizer, elements + ofDequantizer)
    }

    /// Estimate of the memory that the training will need.
    /// - Throws: ``CommandError`` when that is more than there is; before anything large is allocated.
    private func memory<Flow: FlowArchitecture>(
        _: Flow.Type, _ sizes: Sizes, _ dequantizer: Sizes?, _ elements: Int, _ shape: EventShape,
        _ options: TrainingOptions
    ) throws -> MemoryEstimate {
        if let maxMemory { try tusk.check("--max-memory", maxMemory, in: 1...1 << 40) }
        let base = residentMemory() ?? 0
        let limit = maxMemory.map { $0 << 20 } ?? memoryLimit(resident: base) ?? Int.max
        func checkFits(_ estimate: MemoryEstimate) throws {
            guard estimate.total > limit else { return }
            throw CommandError(
                "the training needs about \(grouped(estimate.total >> 20)) MiB, \(grouped(estimate.tapes >> 20)) of them for "
                    + "the activations of a step; \(maxMemory == nil ? "available" : "--max-memory") is "
                    + "\(grouped(limit >> 20)). A smaller --accumulate or --batch, or --reversible, needs less")
        }
        var estimate = MemoryEstimate.parameters(elements, base: base, isResumed: isResumed)
        try checkFits(estimate)
        let flow = try Flow(shape: shape, sizes: sizes, seed: nil)
        estimate = estimate.adding(
            flow, dequantizer: try dequantizer.map { try Dequantizer(shape: shape, sizes: $0, seed: nil) },
            options: options, threads: threads)
        try checkFits(estimate)
        return estimate
    }

    /// Trains to the end and writes the model; or says why it ends before that.
    func run<Flow: FlowArchitecture>(_ trainer: Trainer<Flow>, classes: [String]) throws {
        let classes = classNames.isEmpty ? classes : classNames
        if isResumed {
            try trainer.resume(from: checkpoint)
            Terminal.line(
                "resumed     after \(trainer.progress.epoch) epochs, \(trainer.progress.step) steps, "
                    + duration(trainer.progress.seconds))
        }
        let interruption = Interruption()
        var console = TrainingConsole(
            options: trainer.options, goal: trainer.goal, images: trainer.imagesPerEpoch,
            interactive: Terminal.isInteractive,
            start: trainer.progress)
        let end: TrainingEnd
        do {
            end = try trainer.run(
                checkpoint: (checkpoint, checkpointInterval), isInterrupted: { interruption.isRequested }
            ) { event in
                console.show(event)
                if case .epoch = event {
                    try writeFile(
                        Array(curveCSV(trainer.progress.curve, goal: trainer.goal).utf8), to: base + ".csv")
                }
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

    private func finish<Flow: FlowArchitecture>(_ trainer: Trainer<Flow>, classes: [String]) throws {
        let model = try trainer.model(
            name: name, classes: classes, trainSplit: split.rawValue, validationSplit: Split.validation.rawValue,
            precision: filePrecision)
        try namingFile(output) { try ModelFile.write(model, to: output, precision: filePrecision) }
        try writeFile(
            encodePNG(curvePlot(trainer.progress.curve, title: name, goal: trainer.goal)), to: base + ".png")
        guard let heldOut = model.record.heldOut, let best = trainer.progress.best else { return }
        Terminal.line(
            "\(output): epoch \(best.epoch), validation \(fixed(heldOut.bitsPerDim, 4)) ± "
                + "\(fixed(heldOut.bitsPerDimStandardError, 4)) bits/dim over \(grouped(heldOut.count)) images, "
                + duration(trainer.progress.seconds))
    }

    /// Says what the training will be, and what memory it takes.
    ///
    /// - Parameter more: a line on what else is special about this training, after its first one.
    /// - Throws: ``CommandError`` when there is not so much memory, or the sizes are too large.
    func announce<Flow: FlowArchitecture>(
        _ architecture: Flow.Type, _ sizes: Sizes, dequantizer: Sizes? = nil,
        _ train: ImageDataSet, _ validation: ImageDataSet, _ options: TrainingOptions, more: String? = nil
    ) throws {
        let (parameters, ofDequantizer, elements) = try Self.counts(
            architecture, shape: train.shape, sizes, dequantizer)
        let memory = try memory(
            architecture, sizes, dequantizer, elements, train.shape, options)
        let steps = (try train.entries(repeating: options.repeats).count + options.batch - 1) / options.batch
        var how: [String] = []
        if options.horizontalFlips { how.append("flips") }
        if options.shift > 0 { how.append("shifts up to \(options.shift)") }
        if options.dropout > 0 { how.append("dropout \(options.dropout)") }
        for factor in options.learningRateFactors {
            how.append("learning rate of \(factor.pattern) times \(factor.factor)")
        }
        for own in options.repeats { how.append("\(own.name) \(own.times) times") }
        if let maxSeconds = options.maxSeconds { how.append("at most \(duration(maxSeconds))") }
        Terminal.line(
            """
            data        \(grouped(train.count)) images (\(split.rawValue)), \(grouped(validation.count)) to validate, \
            \(train.shape), \(train.levels) levels
            model       \(architecture.architectureName), \(architecture.description(of: sizes)), \(grouped(parameters)) \
            parameters
            """)
        if let dequantizer {
            let sizes = dequantizer.description(of: Dequantizer.fields)
            Terminal.line("noise       variational, \(sizes), \(grouped(ofDequantizer)) parameters")
        }
        if let more { Terminal.line(more) }
        Terminal.line(
            """
            training    \(options.epochs) epochs of \(steps) steps, seed \(options.seed)\
            \(how.map { ", " + $0 }.joined()), \(threads) threads
            memory      about \(grouped(memory.total >> 20)) MiB: \(grouped(memory.base >> 20)) for the program and the images, \
            \(grouped(memory.parameters >> 20)) for weights, averages and gradient, \(grouped(memory.tapes >> 20)) for the \
            activations of a step
            output      \(output), \(base).csv, \(base).png, \(checkpoint)
            """)
    }
}

/// Most numbers in the arrays of a flow, 16 GiB of weights.
private let maxElements = 1 << 32
