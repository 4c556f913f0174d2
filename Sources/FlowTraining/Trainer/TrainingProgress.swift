/// One line of the training curve.
public struct CurvePoint: Sendable, Codable, Equatable {
    /// Epochs finished.
    public var epoch: Int
    /// Steps taken.
    public var step: Int
    /// What the training lowers: the mean over the epoch's images, each under the weights of its own step, as augmented; of
    /// a distillation the divergence from the teacher, over as many samples.
    public var trainBitsPerDim: Double
    /// Mean over the validation images, under the averaged weights.
    public var validationBitsPerDim: Double
    /// Learning rate of the epoch's last step.
    public var learningRate: Double
    /// Training time so far, validation included.
    public var seconds: Double
}

/// How far a training is. Together with the arrays of the optimiser this is all of its state.
public struct TrainingProgress: Sendable, Codable, Equatable {
    /// Epochs finished; one that ``TrainingOptions/maxSeconds`` cut short counts.
    public internal(set) var epoch = 0
    /// Steps taken in the epoch under way.
    public internal(set) var stepInEpoch = 0
    /// Steps taken in all.
    public internal(set) var step = 0
    /// What the training raises, summed over the ``epochImages`` images seen in the epoch under way, nats: `log p(y)`, or of a
    /// distillation `log p(x) − log q(x)` of as many samples.
    public internal(set) var epochLogProb = 0.0
    public internal(set) var epochImages = 0
    /// The epoch that was best so far: of a distillation that of the least divergence, else that of the best validation.
    public internal(set) var best: CurvePoint?
    /// Training time by ``TrainingOptions/clock``, validations included.
    public internal(set) var seconds = 0.0
    /// The same by the clock on the wall.
    public internal(set) var wallSeconds = 0.0
    /// One point an epoch.
    public internal(set) var curve: [CurvePoint] = []
    /// Times that the training went back to a checkpoint because it diverged; each halved the learning rate.
    public internal(set) var rollbacks = 0
    /// Moving average of the gradient's norm over the last hundred steps or so, nats per dimension.
    var gradientNorm = 0.0

    /// What the learning rate of the schedule is multiplied with.
    var learningRateScale: Double {
        var scale = 1.0
        for _ in 0..<rollbacks { scale /= 2 }
        return scale
    }
}

/// News for whoever watches.
public enum TrainingEvent: Sendable {
    /// A step is done.
    case step(StepReport)
    /// An epoch and its validation are done.
    case epoch(CurvePoint)
    /// The state is safe in the checkpoint file.
    case checkpoint
    /// The training diverged, and goes on from the checkpoint of `step` with `learningRateScale` times the learning rate.
    case rollback(reason: TrainingError, step: Int, learningRateScale: Double)
}

public struct StepReport: Sendable {
    /// Epoch under way, counted from 1.
    public var epoch: Int
    /// Images seen in this epoch, and how many it has.
    public var images: Int
    public var imagesPerEpoch: Int
    /// Mean over this epoch so far.
    public var trainBitsPerDim: Double
    public var learningRate: Double
    /// Norm of the gradient before clipping, nats per dimension.
    public var gradientNorm: Double
    /// Training time so far.
    public var seconds: Double
}

/// Why a training stopped.
public enum TrainingEnd: Sendable, Equatable {
    case allEpochs
    /// No better validation for ``TrainingOptions/patience`` epochs.
    case noImprovement
    case outOfTime
    /// Somebody asked for it; the checkpoint can be resumed.
    case interrupted
}
