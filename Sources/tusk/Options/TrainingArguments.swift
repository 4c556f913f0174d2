public import ArgumentParser
public import FlowTraining

extension TrainingClock: ExpressibleByArgument {}

extension LearningRateFactor: ExpressibleByArgument {
    public init?(argument: String) {
        let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let factor = Double(parts[1]) else { return nil }
        self.init(pattern: String(parts[0]), factor: factor)
    }
}

extension ClassRepeat: ExpressibleByArgument {
    public init?(argument: String) {
        // a class's name may have the sign in it
        guard let sign = argument.lastIndex(of: "="), sign > argument.startIndex,
            let times = Int(argument[argument.index(after: sign)...])
        else { return nil }
        self.init(name: String(argument[..<sign]), times: times)
    }
}

/// Options that say what the flow sees; a student sees what its teacher does.
struct InputArguments: ParsableArguments {
    @Flag(help: "Learn a density for each class of the data, p(image | class), and of all of them their mixture.")
    var conditional = false

    @Option(help: "Values of a pixel are 0 to levels - 1. Default: those of a prepared set, or 256.")
    var levels: Int?

    @Option(
        help: ArgumentHelp(
            "Margin of the logit map, above 0 and below 0.5. Default: \(InputDefaults.logitAlpha), or by the images where train chooses.",
            valueName: "alpha"))
    var alpha: Double?
}

/// Options that say how a flow is fitted; defaults as in ``TrainingOptions``.
struct TrainingArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Passes over the training images at most.\(Self.standard(TrainingOptions().epochs))", valueName: "n"))
    var epochs: Int?

    @Option(help: ArgumentHelp("Images a step.\(Self.standard(TrainingOptions().batch))", valueName: "n"))
    var batch: Int?

    @Option(
        help: ArgumentHelp(
            "Most images of a step that are in memory at a time, less memory; 0: all, of flows of images as few as are as fast.",
            valueName: "n"))
    var accumulate = TrainingOptions().accumulatedBatch

    @Flag(
        help: ArgumentHelp(
            "Keep the activations of one coupling at a time and compute the others' again from their outputs: memory no longer grows with --layers, and a step takes up to two thirds longer."
        ))
    var reversible = false

    @Option(
        help: ArgumentHelp(
            "Times that a diverged training goes back to its checkpoint with half the learning rate.", valueName: "n"))
    var rollbacks = TrainingOptions().maxRollbacks

    @Option(help: "Keys order, augmentation, noise and initial weights.")
    var seed = TrainingOptions().seed

    @Option(
        help: ArgumentHelp(
            "Peak learning rate of Adam.\(Self.standard(TrainingOptions().learningRate))", valueName: "rate"))
    var learningRate: Double?

    @Option(
        help: ArgumentHelp(
            "Factor of the learning rate for the parameter arrays with these components in their names, as tusk inspect --tensors lists them, such as biases=2 or standardize=0; may be repeated.",
            valueName: "pattern=factor"))
    var learningRateOf: [LearningRateFactor] = []

    @Option(help: ArgumentHelp("Steps to the peak learning rate.", valueName: "n"))
    var warmupSteps = TrainingOptions().warmupSteps

    @Option(help: ArgumentHelp("Largest norm of the gradient, nats per dimension; 0: any.", valueName: "norm"))
    var clip = TrainingOptions().clipNorm

    @Option(help: ArgumentHelp("Decoupled weight decay of the matrices.", valueName: "rate"))
    var weightDecay = TrainingOptions().weightDecay

    @Option(
        help: ArgumentHelp(
            "Share of the activations inside of residual blocks that a step leaves out, in flows of images; for few images.",
            valueName: "share"))
    var dropout = TrainingOptions().dropout

    @Option(
        help: ArgumentHelp(
            "Decay of the moving average of the weights, per step; 0: none.\(Self.standard(TrainingOptions().averageDecay))",
            valueName: "decay"))
    var ema: Double?

    @Option(
        help: ArgumentHelp(
            "Stop after so many epochs without a better validation, in distill without a lower divergence; 0: never.",
            valueName: "n"))
    var patience = TrainingOptions().patience

    @Flag(help: "Mirror half of the images left to right, anew each epoch.")
    var flips = false

    @Option(help: ArgumentHelp("Move images by up to so many pixels, anew each epoch.", valueName: "n"))
    var shift = TrainingOptions().shift

    @Option(
        help: ArgumentHelp(
            "Be done after so much training time, the last validation and the evaluation of the model included; the learning rate then falls with the time.",
            valueName: "s"))
    var seconds: Double?

    @Option(
        help: ArgumentHelp(
            "What training time is: wall, or processor, of all threads together, which other work on the machine does not shorten.",
            valueName: "clock"))
    var clock = TrainingOptions().clock

    /// What the help says of a default that a choice takes the place of.
    private static func standard(_ value: some CustomStringConvertible) -> String {
        " Default: \(value), or by the images where train chooses."
    }

    /// Settings as they are said, over `base`.
    func options(over base: TrainingOptions = TrainingOptions()) -> TrainingOptions {
        var options = base
        if let epochs { options.epochs = epochs }
        if let batch { options.batch = batch }
        options.accumulatedBatch = accumulate
        options.reversible = reversible
        options.maxRollbacks = rollbacks
        options.seed = seed
        if let learningRate { options.learningRate = learningRate }
        options.learningRateFactors += learningRateOf.filter { !options.learningRateFactors.contains($0) }
        options.warmupSteps = warmupSteps
        options.clipNorm = clip
        options.weightDecay = weightDecay
        options.dropout = dropout
        if let ema { options.averageDecay = ema }
        options.patience = patience
        options.horizontalFlips = flips
        options.shift = shift
        if let seconds { options.maxSeconds = seconds }
        options.clock = clock
        return options
    }
}
