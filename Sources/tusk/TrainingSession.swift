import ArgumentParser
import FlowCore
import FlowKernels
import FlowModels
import FlowTraining
import Glibc
import Imaging

/// What a training writes and how it runs: what `train` and `distill` have in common.
struct TrainingSession: ParsableArguments {
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

    @Option(help: ArgumentHelp("Threads; never change the result.", valueName: "n"))
    var threads = processorCount

    private var base: String {
        output.hasSuffix(".safetensors") ? String(output.dropLast(".safetensors".count)) : output
    }
    private var checkpoint: String { base + ".checkpoint" }

    func check() throws {
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
            let known = FlowRegistry.architectures.map { $0.architectureName }.joined(separator: ", ")
            throw CommandError("--architecture \(name): known are \(known)")
        }
        return architecture
    }

    /// Parameters of such a flow of the images.
    static func parameterCount<Flow: FlowArchitecture>(
        _: Flow.Type, shape: EventShape, _ hyperParameters: HyperParameters
    ) throws -> Int {
        guard let parameters = Flow.parameterCount(shape: shape, hyperParameters: hyperParameters),
            parameters <= maxParameters
        else {
            throw CommandError("--layers and --hidden ask for more than \(grouped(maxParameters)) parameters")
        }
        return parameters
    }

    /// Trains to the end and writes the model; or says why it ends before that.
    func run<Flow: FlowArchitecture>(_ trainer: Trainer<Flow>, images: Int, classes: [String]) throws {
        let classes = classNames.isEmpty ? classes : classNames
        if resume, unsafe access(checkpoint, F_OK) == 0 {
            try trainer.resume(from: checkpoint)
            Terminal.line(
                "resumed     after \(trainer.progress.epoch) epochs, \(trainer.progress.step) steps, "
                    + duration(trainer.progress.seconds))
        }
        let interruption = Interruption()
        var console = TrainingConsole(
            options: trainer.options, goal: trainer.goal, images: images, interactive: Terminal.isInteractive,
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
            precision: precision)
        try ModelFile.write(model, to: output, precision: precision)
        try writeFile(
            encodePNG(curvePlot(trainer.progress.curve, title: name, goal: trainer.goal)), to: base + ".png")
        guard let heldOut = model.record.heldOut, let best = trainer.progress.best else { return }
        Terminal.line(
            "\(output): epoch \(best.epoch), validation \(fixed(heldOut.bitsPerDim, 4)) ± "
                + "\(fixed(heldOut.bitsPerDimStandardError, 4)) bits/dim over \(grouped(heldOut.count)) images, "
                + duration(trainer.progress.seconds))
    }

    /// - Parameter more: a line on what else is special about this training, after its first one.
    func announce(
        _ architecture: String, _ sizes: HyperParameters, _ parameters: Int, _ train: ImageDataSet,
        _ validation: ImageDataSet, _ options: TrainingOptions, more: String? = nil
    ) {
        let steps = (train.count + options.batch - 1) / options.batch
        // weights, two moments, two averages and the gradient, 4 bytes each
        let bytes = 4 * parameters * 6 + (train.count + validation.count) * train.shape.dims
        var how: [String] = []
        if options.horizontalFlips { how.append("flips") }
        if options.shift > 0 { how.append("shifts up to \(options.shift)") }
        if let maxSeconds = options.maxSeconds { how.append("at most \(duration(maxSeconds))") }
        let sides = "\(train.shape.height)x\(train.shape.width)x\(train.shape.channels)"
        Terminal.line(
            """
            data        \(grouped(train.count)) images (\(split.rawValue)), \(grouped(validation.count)) to validate, \
            \(sides), \(train.levels) levels
            model       \(architecture), \(sizes.layers) layers of \(sizes.hidden), \(sizes.activation.rawValue)\
            \(sizes.isResidual ? ", residual" : "")\
            \(sizes.classes > 0 ? ", \(sizes.classes) classes" : ""), \(grouped(parameters)) parameters
            """)
        if let more { Terminal.line(more) }
        Terminal.line(
            """
            training    \(options.epochs) epochs of \(steps) steps, seed \(options.seed)\
            \(how.map { ", " + $0 }.joined()), \(threads) threads
            memory      about \(grouped(max(1, bytes >> 20))) MiB, and the activations of a batch
            output      \(output), \(base).csv, \(base).png, \(checkpoint)
            """)
    }
}

/// 16 GiB of weights.
private let maxParameters = 1 << 32
