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
    /// Seconds of the writing of a checkpoint; 0 for none.
    public var checkpoint = 0.0
    /// Seconds from one checkpoint to the next.
    public var checkpointInterval = Double.infinity

    package init(step: Double, stepsPerEpoch: Int, validation: Double, evaluation: Double) {
        self.step = step
        self.stepsPerEpoch = stepsPerEpoch
        self.validation = validation
        self.evaluation = evaluation
    }

    /// Seconds of an epoch with its validation.
    public var epoch: Double { step * Double(stepsPerEpoch) + validation }

    /// Returns the seconds of so many epochs, which may end in a part of one, of the evaluation at the end, and of all checkpoints.
    public func seconds(epochs: Double) -> Double { epochs * epoch / fractionOfWork + atBothEnds }

    /// Returns the number of epochs that so many seconds leave time for, the evaluation at the end included; at least 0.
    public func epochs(in seconds: Double) -> Double { max(0, seconds - atBothEnds) * fractionOfWork / epoch }

    /// Seconds of the evaluation, and of the checkpoints before the first step and behind the last one.
    private var atBothEnds: Double { evaluation + 2 * checkpoint }

    /// Fraction of the time between the ends that no checkpoint is written in. The first step that ends after the interval is followed
    /// by one.
    private var fractionOfWork: Double { 1 - checkpoint / max(checkpointInterval, checkpoint + step) }
}

/// Measurement of work that grows with a number of items, by some of it.
struct WorkMeasurement {
    /// Clock of the training.
    let clock: TrainingClock
    /// Most seconds that the measurement of one kind of work is worth.
    let mostSeconds: Double

    init(_ options: TrainingOptions) {
        clock = options.clock
        mostSeconds = min(1, leastFraction * (options.maxSeconds ?? .infinity))
    }

    /// Seconds that `work` takes.
    func seconds(_ work: () throws -> Void) rethrows -> Double {
        let start = clock.now
        try work()
        // a clock may not move in so short a time
        return max(clock.now - start, 1e-9)
    }

    /// Seconds that `work` takes a second time, when its memory is there.
    func secondsAgain(_ work: () throws -> Void) rethrows -> Double {
        _ = try seconds(work)
        return try seconds(work)
    }

    /// Estimates the seconds that `work` takes with `count` items, which a training does `times` times.
    ///
    /// All items are tried, unless that takes long: then as many as take about as long as is worth it. What is measured is repeated,
    /// and its first time, which has its memory made, does not count.
    func seconds(of count: Int, times: Double, least: Int, _ work: (Int) throws -> Void) rethrows -> Double {
        var items = min(count, least)
        var last = try seconds { try work(items) }
        while true {
            let worth = min(mostSeconds, leastFraction * last * Double(count) / Double(items) * times)
            let more = min(count, max(items, min(16 * items, Int(Double(items) * worth / last))))
            if more > items {
                items = more
                last = try seconds { try work(items) }
                if items < count, last < worth / 2 { continue }
            }
            var (sum, repeats) = (0.0, 0)
            repeat {
                sum += try seconds { try work(items) }
                repeats += 1
            } while sum < worth || repeats < leastRepeats && sum < mostSeconds
            return sum / Double(repeats) * Double(count) / Double(items)
        }
    }
}

/// Fraction of all that a training does of a kind, or of the time that it is given, that a measurement is worth.
private let leastFraction = 0.02
/// Number of repeats that are counted, unless they take long.
private let leastRepeats = 2
