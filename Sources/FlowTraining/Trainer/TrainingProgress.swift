/// Point of the training curve: what an epoch came to.
public struct CurvePoint: Sendable, Codable, Equatable {
    /// Number of epochs finished.
    public var epoch: Int
    /// Number of steps taken.
    public var step: Int
    /// What the training lowers, bits/dim: the mean over the epoch's images, each under the weights of its own step, as augmented;
    /// in a distillation the divergence from the teacher, over as many samples.
    public var trainBitsPerDim: Double
    /// Mean over the validation images, under the averaged weights, bits/dim.
    public var validationBitsPerDim: Double
    /// Learning rate of the epoch's last step.
    public var learningRate: Double
    /// Training time so far, validation included, seconds.
    public var seconds: Double
}

/// State of a training: with the arrays of the optimiser this is all of it.
public struct TrainingProgress: Sendable, Codable, Equatable {
    /// Number of epochs finished; one that ``TrainingOptions/maxSeconds`` cut short counts.
    public internal(set) var epoch = 0
    /// Number of steps taken in the epoch under way.
    public internal(set) var stepInEpoch = 0
    /// Number of steps taken in all.
    public internal(set) var step = 0
    /// What the training raises, summed over the ``epochImages`` images seen in the epoch under way, nats: `log p(y)`, or in a
    /// distillation `log p(x) − log q(x)` of as many samples.
    public internal(set) var epochLogProb = 0.0
    /// Number of images seen in the epoch under way.
    public internal(set) var epochImages = 0
    /// Best epoch so far: in a distillation that of the least divergence, else that of the best validation.
    public internal(set) var best: CurvePoint?
    /// Training time by ``TrainingOptions/clock``, validations included, seconds.
    public internal(set) var seconds = 0.0
    /// Training time by the wall clock, validations included, seconds.
    public internal(set) var wallSeconds = 0.0
    /// Training curve, one point an epoch.
    public internal(set) var curve: [CurvePoint] = []
    /// Number of times that the training went back to a checkpoint because it diverged; each halved the learning rate.
    public internal(set) var rollbacks = 0
    /// Sums of the log-densities of slices of the validation images in the ``best`` epoch, nats; fewer than all where time cut that
    /// validation short. Older checkpoints have none.
    var bestValidation: [Double]?
    /// Training time that a validation image took in the last validation, seconds; nil before the first.
    var validationSecondsPerImage: Double?
    /// Moving average of the gradient's norm over the last hundred steps or so, nats per dimension.
    var gradientNorm = 0.0

    /// Factor of the schedule's learning rate, halved by every rollback.
    var learningRateScale: Double {
        var scale = 1.0
        for _ in 0..<rollbacks { scale /= 2 }
        return scale
    }
}

/// Event of a training, told to its observer.
public enum TrainingEvent: Sendable {
    /// A step is done.
    case step(StepReport)
    /// An epoch and its validation are done.
    case epoch(CurvePoint)
    /// The state is safe in the checkpoint file.
    case checkpoint
    /// The state could not be written to the checkpoint file, which is as it was; the training goes on, and tries again later.
    case checkpointFailed(reason: TrainingError)
    /// The time was up, and the epoch was validated with so many images, the first of the validation images.
    case validationCut(images: Int, of: Int)
    /// The training diverged, and goes on from the checkpoint of `step` with `learningRateScale` times the learning rate.
    case rollback(reason: TrainingError, step: Int, learningRateScale: Double)
}

/// Report of one step.
public struct StepReport: Sendable {
    /// Epoch under way, counted from 1.
    public var epoch: Int
    /// Number of images seen in this epoch so far.
    public var images: Int
    /// Number of images that the epoch has.
    public var imagesPerEpoch: Int
    /// What the training lowers, the mean over this epoch so far, bits/dim.
    public var trainBitsPerDim: Double
    /// Learning rate of the step.
    public var learningRate: Double
    /// Norm of the gradient before clipping, nats per dimension.
    public var gradientNorm: Double
    /// Training time so far, seconds.
    public var seconds: Double
}

/// Reason why a training stopped.
public enum TrainingEnd: Sendable, Equatable {
    /// Every epoch was run.
    case allEpochs
    /// No epoch was better for ``TrainingOptions/patience`` epochs.
    case noImprovement
    /// The training time was used up.
    case outOfTime
    /// Somebody asked for it; the checkpoint can be resumed.
    case interrupted
}
