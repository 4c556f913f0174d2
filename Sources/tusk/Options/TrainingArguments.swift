public import ArgumentParser
public import FlowKernels
import FlowModels
public import FlowTraining

extension Activation: ExpressibleByArgument {}
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

/// Sizes of the flow.
struct ArchitectureArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Masked networks or couplings; of multi-scale flows couplings or steps at each scale. Default: \(FlowRegistry.defaults { "\($0.layers)" }).",
            valueName: "n"))
    var layers: Int?

    @Option(
        help: ArgumentHelp(
            "Hidden units of each, layer by layer; of flows of images channels of each residual block, multiples of 16. Default: \(FlowRegistry.defaults { $0.hidden.map(String.init).joined(separator: ",") }).",
            valueName: "n,n"))
    var hidden: String?

    @Option(help: "Between the linear maps of each: \(Activation.allCases.map(\.rawValue).joined(separator: ", ")).")
    var activation = Activation.relu

    @Flag(
        help: "Residual blocks of two linear maps each after the first; --hidden is then an odd number of equal sizes.")
    var residual = false

    @Option(help: ArgumentHelp("Bound of the log-scales of affine maps, nats.", valueName: "c"))
    var logScaleBound: Float = 5

    @OptionGroup var spline: SplineArguments

    @OptionGroup var convolution: ConvolutionArguments

    /// What is not given is the architecture's own.
    func hyperParameters(of architecture: any FlowArchitecture.Type) throws -> HyperParameters {
        let defaults = architecture.defaultSizes
        let layers = layers ?? defaults.layers
        try check("--layers", layers, in: 1...1024)
        let sizes = try hidden.map { try hiddenSizes($0) } ?? defaults.hidden
        try spline.check()
        try convolution.check()
        return HyperParameters(
            layers: layers, hidden: sizes, logScaleBound: logScaleBound, activation: activation, isResidual: residual,
            bins: spline.bins, tailBound: spline.tailBound, kernel: convolution.kernel ?? defaults.kernel,
            isGated: convolution.gated,
            scales: convolution.scales)
    }
}

/// What the flow sees: of a student it is what its teacher sees.
struct InputArguments: ParsableArguments {
    @Flag(help: "Learn a density for each class of the data, p(image | class), and of all of them their mixture.")
    var conditional = false

    @Option(help: "Values of a pixel are 0 to levels - 1.")
    var levels = 256

    @Option(help: "Margin of the logit map, above 0 and below 0.5.")
    var alpha = 1e-6
}

/// Sizes of hidden layers, the value of `option`.
func hiddenSizes(_ hidden: String, option: String = "--hidden") throws -> [Int] {
    let parts = hidden.split(separator: ",", omittingEmptySubsequences: false)
    let sizes = parts.compactMap { Int($0) }
    guard sizes.count == parts.count, (1...64).contains(sizes.count),
        sizes.allSatisfy({ (1...1 << 20).contains($0) })
    else {
        throw CommandError("\(option) \(hidden): 1 to 64 sizes of 1 to \(1 << 20), with commas, were expected")
    }
    return sizes
}

/// What nsf-coupling and nsf-autoregressive send each dimension through.
struct SplineArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Bins of each spline.", valueName: "n"))
    var bins = HyperParameters.defaultBins

    @Option(help: ArgumentHelp("Splines bend the range from -b to b, in standard deviations.", valueName: "b"))
    var tailBound = HyperParameters.defaultTailBound

    func check() throws {
        try tusk.check("--bins", bins, in: UnivariateTransform.binCounts)
        try tusk.check("--tail-bound", tailBound, in: 1e-3...1e6)
    }
}

/// Of flows of images, whose conditioners are convolutional networks: --hidden then gives the channels of each residual block.
struct ConvolutionArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Side of the convolutions of a flow of images. Default: \(FlowRegistry.defaults { "\($0.kernel)" }).",
            valueName: "n"))
    var kernel: Int?

    @Flag(help: "Gated residual blocks in a flow of images.")
    var gated = false

    @Option(help: ArgumentHelp("Scales of realnvp, glow and nsf-glow.", valueName: "n"))
    var scales = HyperParameters.defaultScales

    func check() throws {
        if let kernel, !HyperParameters.kernels.contains(kernel) {
            throw CommandError("--kernel is \(kernel); allowed is one of \(HyperParameters.kernels)")
        }
        try tusk.check("--scales", scales, in: HyperParameters.scaleCounts)
    }
}

/// How it is fitted; defaults as in ``TrainingOptions``.
struct TrainingArguments: ParsableArguments {
    @Option(help: "Passes over the training images at most.")
    var epochs = TrainingOptions().epochs

    @Option(help: "Images a step.")
    var batch = TrainingOptions().batch

    @Option(
        help: ArgumentHelp("Images of a step that are in memory at a time, less memory; 0: all.", valueName: "n"))
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

    @Option(help: ArgumentHelp("Peak learning rate of Adam.", valueName: "rate"))
    var learningRate = TrainingOptions().learningRate

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

    @Option(help: ArgumentHelp("Decay of the moving average of the weights, per step; 0: none.", valueName: "decay"))
    var ema = TrainingOptions().averageDecay

    @Option(help: ArgumentHelp("Stop after so many epochs without a better validation; 0: never.", valueName: "n"))
    var patience = TrainingOptions().patience

    @Flag(help: "Mirror half of the images left to right, anew each epoch.")
    var flips = false

    @Option(help: ArgumentHelp("Move images by up to so many pixels, anew each epoch.", valueName: "n"))
    var shift = TrainingOptions().shift

    @Option(
        help: ArgumentHelp(
            "Stop after so much training time; the learning rate then falls with the time.", valueName: "s"))
    var seconds: Double?

    @Option(
        help: ArgumentHelp(
            "What training time is: wall, or processor, of all threads together, which other work on the machine does not shorten.",
            valueName: "clock"))
    var clock = TrainingOptions().clock

    var options: TrainingOptions {
        var options = TrainingOptions()
        options.epochs = epochs
        options.batch = batch
        options.accumulatedBatch = accumulate
        options.reversible = reversible
        options.maxRollbacks = rollbacks
        options.seed = seed
        options.learningRate = learningRate
        options.learningRateFactors = learningRateOf
        options.warmupSteps = warmupSteps
        options.clipNorm = clip
        options.weightDecay = weightDecay
        options.dropout = dropout
        options.averageDecay = ema
        options.patience = patience
        options.horizontalFlips = flips
        options.shift = shift
        options.maxSeconds = seconds
        options.clock = clock
        return options
    }
}
