/// Settings of a training. Two runs with equal options, data and sizes end with the same bits, on however many threads they run,
/// unless ``maxSeconds`` is set: then the clock has a say in the learning rate.
public struct TrainingOptions: Sendable, Codable, Equatable {
    /// Most passes over the training images.
    public var epochs = 100
    /// Most images of a step whose passes through the flow are in memory at a time; 0 for all of them, or in flows of images for as
    /// few as keep the threads busy. Fewer than the flow's own sums go over change the last bits of the result.
    public var accumulatedBatch = 0
    /// Whether the activations of one stage of the flow are in memory at a time, those of the others being computed again from
    /// their outputs: constant memory for any number of couplings, and a step costs five passes in place of three.
    public var reversible = false
    /// Most times that a diverged training goes back to its checkpoint, with half the learning rate, before it gives up.
    public var maxRollbacks = 5
    /// Images a step. An epoch is divided into batches of nearly equal size, none larger than this.
    public var batch = 128
    /// Seed of the shuffling, augmentation, dequantization and initial weights.
    public var seed: UInt64 = 0
    /// Peak of the learning rate.
    public var learningRate = 1e-3
    /// Factors of the learning rate for some of the parameter arrays; of several that match, the last counts.
    public var learningRateFactors: [LearningRateFactor] = []
    /// Steps over which the learning rate rises linearly to its peak.
    public var warmupSteps = 100
    /// Largest Euclidean norm of the gradient of the loss, nats per dimension; a longer one is scaled down to it.
    /// 0 turns clipping off.
    public var clipNorm = 1.0
    /// Decoupled weight decay of matrices; biases and scales are left alone.
    public var weightDecay = 0.0
    /// Fraction of the activations inside residual blocks that a step leaves out, in flows of images.
    public var dropout = 0.0
    /// Decay of the moving average of the weights, per step; 0 keeps the last weights themselves.
    public var averageDecay = 0.999
    /// Epochs without a better validation, or in a distillation without a lower divergence, before the training stops; 0 never stops
    /// early. The standard is that of Papamakarios et al., *Masked Autoregressive Flow* (2017), supplement, arXiv:1705.07057.
    public var patience = 30
    /// Whether each image is mirrored left to right with probability one half, drawn anew each epoch.
    public var horizontalFlips = false
    /// Most pixels by which each image is moved in each direction, drawn anew each epoch; level 0 comes in.
    public var shift = 0
    /// Classes whose images an epoch has several times.
    public var repeats: [ClassRepeat] = []
    /// Training time within which the training ends, its last validation and the evaluation of the model included, seconds. What is
    /// under way then is finished: a step, or a slice of the validation images. Resumed time counts.
    public var maxSeconds: Double?
    /// Clock that measures the training time.
    public var clock = TrainingClock.wall

    /// Standard settings.
    public init() {}

    /// Returns the number of steps of an epoch of so many images, 1 or more.
    public func steps(of images: Int) -> Int { (images - 1) / batch + 1 }
    /// Returns the number of images of the largest step of an epoch of so many images.
    func largestStep(of images: Int) -> Int { (images - 1) / steps(of: images) + 1 }

    /// Checks every setting.
    /// - Throws: ``TrainingError/outOfRange(option:value:allowed:)`` for the first setting that makes no sense.
    public func validate() throws {
        try Self.check("epochs", epochs, in: 1...Self.maxEpochs)
        try Self.check("batch", batch, in: 1...Self.maxBatch)
        try Self.check("accumulate", accumulatedBatch, in: 0...Self.maxBatch)
        try Self.check("rollbacks", maxRollbacks, in: 0...1000)
        try Self.check("learning-rate", learningRate, in: 1e-12...1e3)
        for factor in learningRateFactors {
            try Self.check("learning-rate-of \(factor.pattern)", factor.factor, in: 0...1e6)
        }
        try Self.check("warmup-steps", warmupSteps, in: 0...1_000_000_000)
        try Self.check("clip", clipNorm, in: 0...1e30)
        try Self.check("weight-decay", weightDecay, in: 0...1e3)
        try Self.check("dropout", dropout, in: 0...0.9)
        try Self.check("ema", averageDecay, in: 0...0.999_999_9)
        try Self.check("patience", patience, in: 0...Self.maxEpochs)
        try Self.check("shift", shift, in: 0...255)
        for own in repeats { try Self.check("repeat \(own.name)", own.times, in: ClassRepeat.allowedTimes) }
        if let maxSeconds { try Self.check("seconds", maxSeconds, in: 0.001...1e9) }
    }

    /// Most epochs: they have 24 bits in the key of a random stream.
    public static let maxEpochs = 1 << 24 - 1
    /// Most images a step.
    public static let maxBatch = 1 << 20

    /// Checks one setting.
    /// - Throws: ``TrainingError/outOfRange(option:value:allowed:)``.
    static func check<Value: Comparable>(
        _ option: String, _ value: Value, in range: ClosedRange<Value>
    ) throws {
        guard range.contains(value) else {
            throw TrainingError.outOfRange(
                option: option, value: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
    }
}
