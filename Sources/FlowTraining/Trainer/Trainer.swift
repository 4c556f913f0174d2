public import DataSets
public import FlowCore
public import FlowModels
import System

/// Fits a flow to images by maximum likelihood, or to another model by distillation.
///
/// A step lowers `−log p(y)/D`, nats per dimension, averaged over a batch; in a distillation `(log q(x) − log p(x))/D`, with the
/// teacher's density `p`. Every epoch has its own order, augmentation and dequantization noise, all of them functions of the seed,
/// the epoch and the image alone, so that a resumed training continues as if it had never stopped.
public final class Trainer<Flow: FlowArchitecture> {
    /// Settings of the training.
    public let options: TrainingOptions
    /// State of the training beside its arrays.
    public internal(set) var progress = TrainingProgress()
    /// Flow under training, with its weights of the last step.
    public var flow: Flow { fitted.flow }

    /// Flow and dequantizer under training.
    var fitted: Fitted<Flow>
    /// A value for each of the architecture's fields.
    let sizes: Sizes
    /// Map between levels and the flow's input.
    let preprocessing: Preprocessing
    /// Preparation of the training images.
    let train: RowPreparation
    /// Preparation of the validation images.
    let validation: RowPreparation
    /// Number of threads, 1 or more.
    let threads: Int
    /// Identity that a checkpoint must have to be continued.
    let identity: CheckpointIdentity
    let objective: any Objective<Flow>
    /// Number of images of an epoch, repeated ones as often as they come.
    public var imagesPerEpoch: Int { train.entries.count }
    /// Number of validation images.
    public var validationImages: Int { validation.data.count }
    /// Whether there is no step left to take, by the options.
    public var isFinished: Bool { reasonToStop() != nil }
    /// Quantity that the training lowers.
    public var goal: TrainingGoal { objective.goal }
    /// Optimiser with its moments and the averaged weights.
    var optimizer: Adam
    /// Averaged weights of the best epoch so far, arrays in visiting order.
    var bestWeights: [[Float]]?

    var gradient: BatchGradient
    /// Factor of the learning rate of each parameter array; empty for 1 everywhere.
    private let rateFactors: [Double]
    /// Moment when time was last added to the progress, by the training's clock and by that of the wall, seconds.
    private var ticked: (clock: Double, wall: Double)
    /// Training time when a checkpoint was last written, or could not be, seconds.
    private var secondsWhenSaved = 0.0
    /// Progress that a checkpoint has; nil before the first.
    private var saved: TrainingProgress?
    /// Training time of the last step over its images, seconds; nil before the first.
    private(set) var stepSecondsPerImage: Double?

    /// Starts a training of a flow of `sizes` with initial weights.
    ///
    /// - Parameters:
    ///   - dequantizer: sizes of the dequantizer that is learned with the flow; nil for uniform dequantization.
    ///   - threads: never changes the result.
    /// - Throws: ``TrainingError`` when options or data make no sense; what the architecture throws.
    public convenience init(
        sizes: Sizes, train: ImageDataSet, validation: ImageDataSet,
        preprocessing: Preprocessing, dequantizer: Sizes? = nil, options: TrainingOptions, threads: Int
    ) throws {
        try self.init(
            sizes: sizes, train: train, validation: validation, preprocessing: preprocessing,
            dequantizer: dequantizer, options: options, threads: threads
        ) { MaximumLikelihood(train: $0) }
    }

    /// Starts a training with any objective.
    ///
    /// - Parameters:
    ///   - teacher: hash of the model that is distilled.
    ///   - start: start of a fine-tuning, with a dequantizer if there are sizes for one.
    ///   - objective: makes the objective, given the preparation of the training images.
    /// - Throws: ``TrainingError`` when options or data make no sense; what the architecture throws.
    init(
        sizes: Sizes, train: ImageDataSet, validation: ImageDataSet,
        preprocessing: Preprocessing, dequantizer dequantizerSizes: Sizes? = nil, options: TrainingOptions,
        threads: Int, teacher: String? = nil, start: StartingPoint<Flow>? = nil,
        objective: (RowPreparation) -> any Objective<Flow>
    ) throws {
        try options.validate()
        try Self.check(train: train, validation: validation, preprocessing: preprocessing)
        let sizes = try sizes.resolved(by: Flow.fields)
        if sizes.classes > 0 { try Self.checkLabels(train, validation, classes: sizes.classes) }
        self.options = options
        self.sizes = sizes
        self.preprocessing = preprocessing
        self.threads = max(1, threads)
        identity = CheckpointIdentity(
            architecture: Flow.architectureName, sizes: sizes, eventShape: train.shape,
            levels: preprocessing.levels, dequantizer: dequantizerSizes, logitAlpha: preprocessing.logitAlpha,
            trainHash: try train.contentHash, validationHash: try validation.contentHash, options: options,
            teacher: teacher,
            start: start?.record)
        func prepare(_ data: ImageDataSet, _ entries: [Int]? = nil) -> RowPreparation {
            RowPreparation(
                data: data, entries: entries, preprocessing: preprocessing, options: options,
                classes: sizes.classes)
        }
        self.train = prepare(train, try train.entries(repeating: options.repeats))
        self.validation = prepare(validation)
        guard self.train.entries.count <= TrainingStream.maxEntries else {
            throw TrainingError.outOfRange(
                option: "number of training images, repeated ones too", value: "\(self.train.entries.count)",
                allowed: "1 to \(TrainingStream.maxEntries)")
        }
        self.objective = objective(self.train)
        var fitted: Fitted<Flow>
        if let start {
            fitted = start.fitted
        } else {
            var flow = try Flow(shape: train.shape, sizes: sizes, seed: options.seed)
            let first = Self.order(of: self.train.entries.count, options: options, epoch: 0).prefix(
                initializationImages)
            // a dequantizer's noise is uniform at the start
            try flow.initialize(from: self.train.training(first, epoch: 0, noise: .uniform).x)
            fitted = Fitted(
                flow: flow,
                dequantizer: try dequantizerSizes.map {
                    try Dequantizer(shape: train.shape, sizes: $0, seed: options.seed)
                })
        }
        try fitted.flow.setDropout(Float(options.dropout))
        let flow = fitted.flow
        if options.reversible, flow.forwardOrder == .sequential || flow.inverseOrder == .sequential {
            throw TrainingError.notReversible(architecture: Flow.architectureName)
        }
        guard !options.reversible || self.objective.goal == .likelihood else {
            throw TrainingError.outOfRange(
                option: "reversible", value: "true", allowed: "false where a teacher is distilled")
        }
        guard !options.reversible || options.dropout == 0 else {
            throw TrainingError.outOfRange(
                option: "dropout", value: "\(options.dropout)",
                allowed: "0 where activations are computed again from their outputs")
        }
        self.fitted = fitted
        optimizer = Adam(flow: fitted)
        ticked = (options.clock.now, TrainingClock.wall.now)
        let infos = optimizer.moments.map(\.info)
        gradient = BatchGradient(infos: infos)
        rateFactors =
            options.learningRateFactors.isEmpty
            ? [] : try LearningRateFactor.factors(options.learningRateFactors, of: infos.map(\.name))
    }

    /// Checks that there are images, of the same shape and of the levels of the preprocessing.
    /// - Throws: ``TrainingError/noImages(split:)`` or ``TrainingError/mismatch(property:expected:actual:)``.
    private static func check(train: ImageDataSet, validation: ImageDataSet, preprocessing: Preprocessing) throws {
        for (set, split) in [(train, "training"), (validation, "validation")] {
            if set.count == 0 { throw TrainingError.noImages(split: split) }
            if set.levels != preprocessing.levels {
                throw TrainingError.mismatch(
                    property: "levels of the \(split) images", expected: "\(preprocessing.levels)",
                    actual: "\(set.levels)")
            }
        }
        if train.shape != validation.shape {
            throw TrainingError.mismatch(
                property: "shape of the validation images", expected: "\(train.shape)", actual: "\(validation.shape)")
        }
    }

    /// Checks that there are images of every class to learn from, and the same classes to validate.
    /// - Throws: ``TrainingError/mismatch(property:expected:actual:)``.
    private static func checkLabels(_ train: ImageDataSet, _ validation: ImageDataSet, classes: Int) throws {
        for (set, split) in [(train, "training"), (validation, "validation")] {
            guard set.labels != nil, set.classes == train.classes, set.classes.count == classes else {
                throw TrainingError.mismatch(
                    property: "number of classes of the \(split) images", expected: "\(classes)",
                    actual: "\(set.classes.count)")
            }
        }
        let present = Set(train.labels ?? [])
        if let absent = train.classes.indices.first(where: { !present.contains($0) }) {
            throw TrainingError.noImagesOfClass(name: train.classes[absent])
        }
    }

    /// Flow with the averaged weights of the best epoch so far, that of the best validation or, in a distillation, of the least
    /// divergence; nil before the first.
    public var bestFlow: Flow? { best?.flow }

    /// Flow and dequantizer with the averaged weights of the best epoch so far; nil before the first.
    var best: Fitted<Flow>? {
        bestWeights.map { weights in
            var best = fitted
            best.setParameters(zip(optimizer.moments, weights).map { $0.info.whole(of: $1) })
            return best
        }
    }

    /// Trains until the options say stop, `isInterrupted` turned true or the loss is no longer finite.
    ///
    /// - Parameters:
    ///   - checkpoint: file that takes the whole state every `interval` seconds of training time, at an interruption and at the end.
    ///     The first must be written; where a later one cannot be, the training goes on, and tries again after the next interval.
    ///   - isInterrupted: looked at before each step and each slice of a validation.
    ///   - observe: called with every event, on this thread.
    /// - Returns: why the training stopped.
    /// - Throws: ``TrainingError/diverged(quantity:epoch:step:)`` without a checkpoint, or after as many rollbacks as the
    ///   options allow; ``TrainingError/file(path:operation:reason:)``; what `observe` throws.
    public func run(
        checkpoint: (path: String, interval: Double)? = nil,
        isInterrupted: () -> Bool = { false },
        observe: (TrainingEvent) throws -> Void = { _ in }
    ) throws -> TrainingEnd {
        startClock()
        secondsWhenSaved = progress.seconds
        // something to go back to before the first interval is over
        if options.maxRollbacks > 0, let checkpoint {
            try writeCheckpoint(to: checkpoint.path)
            try observe(.checkpoint)
        }
        var end = reasonToStop()
        while end == nil {
            do {
                if try runEpoch(checkpoint, isInterrupted, observe) { return .interrupted }
            } catch let error as TrainingError {
                guard case .diverged = error, let checkpoint, progress.rollbacks < options.maxRollbacks else {
                    throw error
                }
                try rollBack(to: checkpoint.path)
                try save(checkpoint, observe)
                try observe(
                    .rollback(reason: error, step: progress.step, learningRateScale: progress.learningRateScale))
            }
            end = reasonToStop()
        }
        try save(checkpoint, observe)
        return end!  // by the loop's condition
    }

    /// Path of the checkpoint, and the seconds between two writings.
    private typealias Saving = (path: String, interval: Double)

    private func save(_ checkpoint: Saving?, _ observe: (TrainingEvent) throws -> Void) throws {
        guard let checkpoint else { return }
        secondsWhenSaved = progress.seconds
        do {
            try writeCheckpoint(to: checkpoint.path)
        } catch let error as TrainingError {
            // a disk that is full for a moment must not cost a training
            return try observe(.checkpointFailed(reason: error))
        }
        try observe(.checkpoint)
    }

    /// Whether a checkpoint has all steps that were taken.
    public var isSaved: Bool { saved == progress }

    /// Remembers that a checkpoint has the state of now.
    func noteSaved() { saved = progress }

    /// Trains through the rest of the epoch under way.
    /// - Returns: whether it was interrupted.
    private func runEpoch(
        _ checkpoint: Saving?, _ isInterrupted: () -> Bool, _ observe: (TrainingEvent) throws -> Void
    ) throws -> Bool {
        let order = Self.order(of: imagesPerEpoch, options: options, epoch: progress.epoch)
        let batches = order.count.divided(into: options.steps(of: order.count))
        while progress.stepInEpoch < batches.count, !isOutOfTime {
            if isInterrupted() {
                try save(checkpoint, observe)
                return true
            }
            let report = try step(order[batches[progress.stepInEpoch]], of: batches.count)
            try observe(.step(report))
            if let checkpoint, progress.seconds - secondsWhenSaved >= checkpoint.interval {
                try save(checkpoint, observe)
            }
        }
        guard let images = try finishEpoch(stepsPerEpoch: batches.count, isInterrupted) else {
            try save(checkpoint, observe)
            return true
        }
        if images < validation.data.count { try observe(.validationCut(images: images, of: validation.data.count)) }
        try observe(.epoch(progress.curve[progress.curve.count - 1]))
        return false
    }

    /// Goes back to the checkpoint, with half the learning rate.
    private func rollBack(to path: String) throws {
        let rollbacks = progress.rollbacks + 1
        try resume(from: path)
        progress.rollbacks = rollbacks
        startClock()
    }

    /// Lets training time begin now.
    func startClock() { ticked = (options.clock.now, TrainingClock.wall.now) }

    /// Training time so far, seconds.
    var secondsNow: Double { progress.seconds + options.clock.now - ticked.clock }

    /// Adds the time since the last call to the progress.
    func tick() {
        let now = (clock: options.clock.now, wall: TrainingClock.wall.now)
        progress.seconds += now.clock - ticked.clock
        progress.wallSeconds += now.wall - ticked.wall
        ticked = now
    }

    private func reasonToStop() -> TrainingEnd? {
        if progress.epoch > 0, let end = endOfSteps, progress.seconds >= end { return .outOfTime }
        if progress.epoch >= options.epochs { return .allEpochs }
        if options.patience > 0, let best = progress.best, progress.epoch - best.epoch >= options.patience {
            return .noImprovement
        }
        return nil
    }

    /// Returns the entries of an epoch in its order.
    static func order(of count: Int, options: TrainingOptions, epoch: Int) -> [Int] {
        var source = TrainingStream.order.source(seed: options.seed, epoch: epoch)
        return source.permutation(of: count)
    }

    private func learningRate(step: Int, stepsPerEpoch: Int) -> Double {
        let bySteps = Double(step) / Double(options.epochs * stepsPerEpoch)
        let byTime = endOfSteps.map { progress.seconds / $0 } ?? 0
        return LearningRateSchedule(peak: options.learningRate, warmupSteps: options.warmupSteps)
            .rate(step: step, progress: max(bySteps, byTime)) * progress.learningRateScale
    }

    /// Takes one step with some entries of the epoch.
    /// - Throws: ``TrainingError/diverged(quantity:epoch:step:)``, with weights and optimiser as they were; what the passes throw.
    private func step(_ images: ArraySlice<Int>, of stepsPerEpoch: Int) throws -> StepReport {
        let logProb = try computeGradient(images)
        guard logProb.isFinite else { throw diverged("training loss is not finite") }
        let rate = learningRate(step: progress.step, stepsPerEpoch: stepsPerEpoch)
        let settings = Adam.Settings(
            learningRate: rate, clipNorm: options.clipNorm, weightDecay: options.weightDecay,
            averageDecay: options.averageDecay, factors: rateFactors)
        guard gradient.norm.isFinite else { throw diverged("gradient is not finite") }
        // early steps have no average to compare with
        if progress.step >= explosionSteps, gradient.norm > explosionFactor * progress.gradientNorm {
            throw diverged("gradient's norm is \(explosionFactor) times its average")
        }
        let weight = 1 / Double(min(progress.step + 1, explosionSteps))
        progress.gradientNorm += weight * (gradient.norm - progress.gradientNorm)
        optimizer.step(&fitted, gradient: gradient, settings: settings, threads: threads)
        progress.step += 1
        progress.stepInEpoch += 1
        progress.epochLogProb += logProb
        progress.epochImages += images.count
        let before = progress.seconds
        tick()
        stepSecondsPerImage = (progress.seconds - before) / Double(images.count)
        return StepReport(
            epoch: progress.epoch + 1, images: progress.epochImages, imagesPerEpoch: imagesPerEpoch,
            trainBitsPerDim: trainBitsPerDim, learningRate: rate, gradientNorm: gradient.norm, seconds: progress.seconds
        )
    }

    /// Computes the gradient of the loss of some entries of the epoch under way.
    /// - Returns: the sum over the images of what the training raises, nats.
    /// - Throws: what the passes throw.
    func computeGradient(_ images: ArraySlice<Int>) throws -> Double {
        let batch = BatchDivision(
            rows: images.count, of: fitted, atATime: options.accumulatedBatch, threads: threads)
        func part(_ rows: Range<Int>) -> ArraySlice<Int> { images.dropFirst(rows.lowerBound).prefix(rows.count) }
        return
            (options.reversible
            ? try gradient.computeReversing(of: fitted, batch, threads: threads) {
                try train.training(
                    part($0), epoch: progress.epoch, noise: fitted.dequantizer.map { .learning($0) } ?? .uniform)
            }
            : try gradient.compute(of: fitted, batch, threads: threads) { rows, weight in
                try objective.pass(part(rows), epoch: progress.epoch, through: fitted, weight: weight)
            }).reduce(0, +)
    }

    private func diverged(_ quantity: String) -> TrainingError {
        .diverged(quantity: quantity, epoch: progress.epoch + 1, step: progress.step + 1)
    }

    private var trainBitsPerDim: Double {
        // in a divergence the change of volume to the levels of an image cancels
        bitsPerDim(
            logProb: progress.epochLogProb / Double(progress.epochImages), dims: flow.dims,
            levels: goal == .divergence ? 1 : preprocessing.levels)
    }

    /// Validates, and adds the epoch to the curve.
    /// - Returns: how many images were validated with; nil, with nothing changed, when that was interrupted.
    /// - Throws: ``TrainingError/diverged(quantity:epoch:step:)``; what the passes throw.
    private func finishEpoch(stepsPerEpoch: Int, _ isInterrupted: () -> Bool) throws -> Int? {
        guard let sums = try validate(isInterrupted) else { return nil }
        let images = min(sums.count * validationRows, validation.data.count)
        let validationBitsPerDim = bitsPerDim(
            logProb: sums.reduce(0, +) / Double(images), dims: flow.dims, levels: preprocessing.levels)
        guard validationBitsPerDim.isFinite else { throw diverged("validation loss is not finite") }
        let before = progress.seconds
        tick()
        progress.validationSecondsPerImage = (progress.seconds - before) / Double(images)
        let point = CurvePoint(
            epoch: progress.epoch + 1, step: progress.step, trainBitsPerDim: trainBitsPerDim,
            validationBitsPerDim: validationBitsPerDim,
            learningRate: learningRate(step: max(0, progress.step - 1), stepsPerEpoch: stepsPerEpoch),
            seconds: progress.seconds)
        progress.curve.append(point)
        if progress.best.map({ isBetter(point, $0, sums) }) ?? true {
            progress.best = point
            progress.bestValidation = sums
            bestWeights = optimizer.moments.map(\.average)
        }
        progress.epoch += 1
        progress.stepInEpoch = 0
        progress.epochLogProb = 0
        progress.epochImages = 0
        return images
    }
}

/// Multiple of its average beyond which a gradient's norm is taken for a divergence.
private let explosionFactor = 1000.0
/// Number of steps that the gradient's norm is averaged over.
private let explosionSteps = 100
/// Most images for the data-dependent initialisation.
private let initializationImages = 1024
/// Number of validation images of a task.
let validationRows = 64
