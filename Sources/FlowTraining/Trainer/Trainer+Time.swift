import DataSets
import FlowModels

extension Trainer {
    /// Seconds that a validation image takes, by the last validation or, before the first, by the steps, which do some three times as
    /// much with an image; nil before the first step.
    private var validationSecondsPerImage: Double? {
        progress.validationSecondsPerImage ?? stepSecondsPerImage.map { $0 / 2 }
    }

    /// Seconds that are kept for the evaluation of the model at the end, a density of every image for each class: no more than a
    /// quarter of all.
    private func secondsOfEvaluation(_ maxSeconds: Double) -> Double {
        let images = Double(validation.data.count * max(1, sizes.classes))
        return min(images * (validationSecondsPerImage ?? 0), maxSeconds / 4)
    }

    /// Training time at which the validation of the last epoch ends, if need be early, seconds; nil without a limit.
    var endOfValidation: Double? { options.maxSeconds.map { $0 - secondsOfEvaluation($0) } }

    /// Training time at which no more step is taken, so that the validation and the evaluation of the model end in time, seconds; nil
    /// without a limit. The validation, too, gets no more than a quarter of all.
    var endOfSteps: Double? {
        options.maxSeconds.map { maxSeconds in
            let validation = min(Double(validation.data.count) * (validationSecondsPerImage ?? 0), maxSeconds / 4)
            return maxSeconds - secondsOfEvaluation(maxSeconds) - validation
        }
    }

    /// Whether the epoch under way ends here, for time.
    var isOutOfTime: Bool {
        // at least one step, so that there is something to validate
        endOfSteps.map { progress.epochImages > 0 && progress.seconds >= $0 } ?? false
    }
}
