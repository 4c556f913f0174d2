import DataSets
import FlowCore
import FlowKernels
import FlowModels
import FlowTraining
import System

/// What is said of a training before it begins.
extension TrainingSession {
    /// Says what the training will be, and what memory it takes.
    ///
    /// - Parameters:
    ///   - more: a line on what else is special about this training, after its first one.
    ///   - smaller: what makes the flow smaller, for who has not enough memory.
    ///   - reversible: whether `--reversible` is an option for such a training.
    /// - Throws: ``CommandError`` when there is not so much memory, or the sizes are too large.
    func announce<Flow: FlowArchitecture>(
        _ architecture: Flow.Type, _ sizes: Sizes, dequantizer: Sizes? = nil,
        _ train: ImageDataSet, _ validation: ImageDataSet, _ options: TrainingOptions, more: String? = nil,
        smaller: String = "fewer --layers or a smaller --hidden", reversible: Bool = true
    ) throws {
        let (parameters, ofDequantizer, elements) = try Self.counts(
            architecture, shape: train.shape, sizes, dequantizer)
        let images = try train.entries(repeating: options.repeats).count
        let memory = try MemoryPlan(
            limit: maxMemory.map { $0 << 20 }, isResumed: isResumed, smaller: smaller, allowsReversible: reversible,
            threads: threads
        ).estimate(
            architecture, sizes, dequantizer, elements: elements, live: parameters + ofDequantizer, train.shape,
            options,
            images: images)
        let steps = options.steps(of: images)
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
            memory      about \(memory.words)
            output      \(output), \(curve), \(plot), \(checkpoint)
            """)
    }

    /// Says what is left of a training that was resumed, and how long what is left will take.
    /// - Returns: the estimate; nil where nothing is left.
    /// - Throws: what the trainer's passes throw.
    func announceTime<Flow: FlowArchitecture>(of trainer: Trainer<Flow>) throws -> TimeEstimate? {
        let (options, done) = (trainer.options, trainer.progress)
        let epochs = Double(options.epochs - done.epoch) - Double(done.epochImages) / Double(trainer.imagesPerEpoch)
        if isResumed {
            Terminal.line(
                "resumed     after \(done.epoch) epochs, \(done.step) steps, \(duration(done.seconds)); "
                    + (trainer.isFinished
                        ? "no epoch is left"
                        : "\(grouped(options.epochs - done.epoch)) epochs are left"
                            + (options.maxSeconds.map { ", at most \(duration($0 - done.seconds))" } ?? "")))
        }
        if trainer.isFinished { return nil }
        let time = try trainer.estimateTime(checkpoint: (checkpoint, checkpointInterval))
        let all = time.seconds(epochs: epochs)
        let unit = options.clock == .processor ? " of processor time" : ""
        let parts =
            "a step \(shortTime(time.step)), a validation \(shortTime(time.validation)), "
            + "the evaluation at the end \(shortTime(time.evaluation))"
        guard let maxSeconds = options.maxSeconds, all > maxSeconds - done.seconds else {
            Terminal.line("time        about \(shortTime(all))\(unit): \(parts)")
            return time
        }
        let possible = time.epochs(in: maxSeconds - done.seconds)
        let enough =
            possible < 1
            ? "less than an epoch takes" : "enough for about \(fixed(possible, possible < 10 ? 1 : 0)) epochs"
        Terminal.line("time        \(shortTime(maxSeconds - done.seconds))\(unit), \(enough): \(parts)")
        return time
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
}

/// Most numbers in the arrays of a flow, 16 GiB of weights.
private let maxElements = 1 << 32

/// Text of a time as short as it may be: `1:02:03`, `42 s`, `0.85 s`, `3 ms`.
private func shortTime(_ seconds: Double) -> String {
    switch seconds {
    case 60...: duration(seconds)
    case 10...: "\(fixed(seconds, 0)) s"
    case 0.1...: "\(fixed(seconds, 2)) s"
    default: "\(fixed(max(0, seconds) * 1000, seconds < 0.01 ? 1 : 0)) ms"
    }
}
