import DataSets
import FlowCore
import FlowModels
import FlowTraining

/// What `tusk train` trains, and how: as its options say, and where these name no architecture as it was begun with or is chosen.
struct TrainingPlan {
    var architecture: any FlowArchitecture.Type
    var sizes: Sizes
    var logitAlpha: Double
    var options: TrainingOptions
}

extension Train {
    /// Plans the training of these images, and says what was chosen.
    /// - Throws: ``CommandError`` for options that do not go together; ``TrainingError`` for a checkpoint that cannot be read.
    func plan(for train: ImageDataSet) throws -> TrainingPlan {
        guard !input.conditional || !train.classes.isEmpty else {
            throw CommandError("--conditional needs data with classes")
        }
        let classes = input.conditional ? train.classes.count : 0
        if let architecture {
            let architecture = try TrainingSession.architecture(named: architecture)
            var sizes = try sizes.sizes(of: architecture)
            sizes.classes = classes
            return TrainingPlan(
                architecture: architecture, sizes: sizes, logitAlpha: input.alpha ?? InputDefaults.logitAlpha,
                options: try session.options(training))
        }
        var plan = session.isResumed ? try begun() : try chosen(for: train, classes: classes)
        plan.sizes = try sizes.sizes(of: plan.architecture, over: plan.sizes)
        plan.sizes.classes = classes
        plan.logitAlpha = input.alpha ?? plan.logitAlpha
        plan.options = try session.options(training, over: plan.options)
        return plan
    }

    private func chosen(for train: ImageDataSet, classes: Int) throws -> TrainingPlan {
        let seconds = training.seconds ?? TrainingChoice.standardSeconds
        let choice = TrainingChoice(
            try TrainingChoice.Question(
                train, classes: classes,
                processorSeconds: training.clock == .processor ? seconds : seconds * Double(session.threads)))
        for reason in choice.reasons { Terminal.line("choice      \(reason)") }
        var options = choice.options
        options.maxSeconds = seconds
        return TrainingPlan(
            architecture: try TrainingSession.architecture(named: choice.architecture), sizes: choice.sizes,
            logitAlpha: choice.logitAlpha, options: options)
    }

    /// The training that the checkpoint is of, whose threads and time may have been others.
    private func begun() throws -> TrainingPlan {
        let settings = try TrainingSettings(checkpoint: session.checkpoint)
        var options = TrainingOptions()
        options.batch = settings.options.batch
        options.learningRate = settings.options.learningRate
        options.learningRateFactors = settings.options.learningRateFactors
        options.averageDecay = settings.options.averageDecay
        options.epochs = settings.options.epochs
        options.maxSeconds = settings.options.maxSeconds
        return TrainingPlan(
            architecture: try TrainingSession.architecture(named: settings.architecture), sizes: settings.sizes,
            logitAlpha: settings.logitAlpha, options: options)
    }
}
