import DataSets
import FlowCore
import FlowModels
import System

/// Estimate of the time that a training takes, in seconds of its clock, made of some of its work before it starts.
public struct TimeEstimate: Sendable, Equatable {
    /// Seconds of a step.
    public var step: Double
    /// Steps of an epoch.
    public var stepsPerEpoch: Int
    /// Seconds of the validation after an epoch.
    public var validation: Double
    /// Seconds of the evaluation of the model at the end.
    public var evaluation: Double

    package init(step: Double, stepsPerEpoch: Int, validation: Double, evaluation: Double) {
        self.step = step
        self.stepsPerEpoch = stepsPerEpoch
        self.validation = validation
        self.evaluation = evaluation
    }

    /// Seconds of an epoch with its validation.
    public var epoch: Double { step * Double(stepsPerEpoch) + validation }

    /// Returns the seconds of so many epochs, which may end in a part of one, and of the evaluation at the end.
    public func seconds(epochs: Double) -> Double { epochs * epoch + evaluation }

    /// Returns the number of epochs that so many seconds leave time for, the evaluation at the end included; at least 0.
    public func epochs(in seconds: Double) -> Double { max(0, seconds - evaluation) / epoch }
}

extension Trainer {
    /// Computes the gradient of some images and the density of others, and drops both, to see how long the training will take: few
    /// images where that takes long, at most those of a step and of a slice a thread. The training goes on as if it had not been
    /// asked, but for the time, which counts.
    /// - Throws: what the passes throw.
    public func estimateTime() throws -> TimeEstimate {
        startClock()
        defer { tick() }
        let steps = (imagesPerEpoch + options.batch - 1) / options.batch
        let order = Self.order(of: imagesPerEpoch, options: options, epoch: progress.epoch)
        let batch = (imagesPerEpoch + steps - 1) / steps
        let gradient = try secondsPerImage(of: batch) { _ = try computeGradient(order.prefix($0)) }

        let engine = FlowEngine(fitted.flow)
        let noise: NoiseSource = fitted.dequantizer.map { .learned(FlowEngine($0.map)) } ?? .uniform
        let rows = min(validation.data.count, threads * validationRows)
        let density = try secondsPerImage(of: rows) { count in
            _ = try sumLogProbs(count.divided(into: min(threads, count)), engine, noise)
        }
        let all = density * Double(validation.data.count)
        return TimeEstimate(
            step: gradient * Double(batch), stepsPerEpoch: steps, validation: all,
            evaluation: all * Double(max(1, sizes.classes)))
    }

    /// Seconds that `work` takes with some images, over their count: with few, and with more, up to `count`, while that is so fast
    /// that it says little.
    private func secondsPerImage(of count: Int, _ work: (Int) throws -> Void) rethrows -> Double {
        var images = min(count, threads * leastMeasuredImages)
        var isRepeated = false
        while true {
            let start = options.clock.now
            try work(images)
            // a clock may not move in so short a time
            let seconds = max(options.clock.now - start, 1e-9)
            if seconds >= enoughSeconds || images == count && isRepeated { return seconds / Double(images) }
            // the first time counts the first use of memory
            isRepeated = images == count
            images = min(count, 4 * images)
        }
    }

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

/// Number of images a thread with which a measurement begins.
private let leastMeasuredImages = 16
/// Seconds from which on a measurement says enough.
private let enoughSeconds = 0.1
