/// Error of a training or an evaluation.
public enum TrainingError: Error, Equatable, Sendable {
    /// A setting of the training is `value`; it must lie in `allowed`.
    case outOfRange(option: String, value: String, allowed: String)
    /// The `split` has no images.
    case noImages(split: String)
    /// None of the training images is of the class called `name`.
    case noImagesOfClass(name: String)
    /// The `split` has `count` images that can be used; it must have `least`.
    case tooFewImages(split: String, count: Int, least: Int)
    /// Training images, validation images and flow must agree in `property`.
    case mismatch(property: String, expected: String, actual: String)
    /// No parameter array's name has `pattern` in it; `example` is the name of one.
    case noParameter(pattern: String, example: String)
    /// One direction of the architecture is sequential, so that steps cannot compute activations again from their outputs.
    case notReversible(architecture: String)
    /// The teacher's densities are sequential, as its architecture has them.
    case sequentialTeacher(architecture: String)
    /// `quantity` became NaN or infinite, or exploded. Weights and optimiser are as they were before that step.
    case diverged(quantity: String, epoch: Int, step: Int)
    /// Somebody asked for an end before it was done.
    case interrupted
    /// The checkpoint is not whole; `reason` says what is wrong with it.
    case damagedCheckpoint(path: String, reason: String)
    /// The checkpoint was made with another value of `property`.
    case checkpointMismatch(property: String, checkpoint: String, now: String)
    /// The system refused to `operation` the file.
    case file(path: String, operation: String, reason: String)
}

extension TrainingError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .outOfRange(let option, let value, let allowed):
            "\(option) is \(value); it must be \(allowed)"
        case .noImages(let split):
            "there are no images in the \(split) split"
        case .noImagesOfClass(let name):
            "there are no training images of class \(name), which other splits or the list of classes have: give it some, or learn from the "
                + "others, by --class"
        case .tooFewImages(let split, let count, let least):
            "the \(split) split has \(count) images with a finite density; it must have \(least)"
        case .mismatch(let property, let expected, let actual):
            "\(property) differs: expected \(expected), found \(actual)"
        case .noParameter(let pattern, let example):
            "learning-rate-of \(pattern): no parameter array has that in its name; names are like \(example)"
        case .notReversible(let architecture):
            "reversible training computes activations again from what came after them, which needs couplings; "
                + "\(architecture) has a sequential direction"
        case .sequentialTeacher(let architecture):
            "the teacher's architecture is \(architecture), whose densities are sequential; "
                + "a teacher must have parallel ones, such as maf"
        case .diverged(let quantity, let epoch, let step):
            "training diverged: the \(quantity) at step \(step) (epoch \(epoch)); "
                + "try a lower learning rate or a longer warm-up"
        case .interrupted: "interrupted"
        case .damagedCheckpoint(let path, let reason):
            "\(path): not a whole checkpoint: \(reason)"
        case .checkpointMismatch(let property, let checkpoint, let now):
            "cannot resume: the checkpoint has \(property) \(checkpoint), this run \(now)"
        case .file(let path, let operation, let reason):
            "\(path): cannot \(operation): \(reason)"
        }
    }
}
