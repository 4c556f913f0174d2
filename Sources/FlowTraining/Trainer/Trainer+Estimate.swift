import DataSets
import FlowCore
import FlowModels
import System

extension Trainer {
    /// Does some of the training's work, and drops it, to see how long the training will take: gradients and updates of a step,
    /// densities of a validation, scores of the evaluation at the end, and the checkpoint that the training begins with. The training
    /// goes on as if it had not been asked, but for the time, which counts.
    ///
    /// - Parameter checkpoint: file that the training will write every `interval` seconds; nil for none.
    /// - Throws: what the passes throw; ``TrainingError/file(path:operation:reason:)``.
    public func estimateTime(checkpoint: (path: String, interval: Double)? = nil) throws -> TimeEstimate {
        startClock()
        defer { tick() }
        let work = WorkMeasurement(options)
        let epochs = Double(options.epochs - progress.epoch)
        let steps = options.steps(of: imagesPerEpoch)
        let order = Self.order(of: imagesPerEpoch, options: options, epoch: progress.epoch)
        let batch = options.largestStep(of: imagesPerEpoch)
        let gradients = try work.seconds(of: batch, times: epochs * Double(steps), least: threads) {
            _ = try computeGradient(order.prefix($0))
        }
        let update = optimizer.secondsOfStep(of: fitted, gradient: gradient, work, threads: threads)
        var time = TimeEstimate(
            step: gradients + update, stepsPerEpoch: steps,
            validation: try secondsOfValidation(work, times: epochs), evaluation: try secondsOfEvaluation(work))
        if let checkpoint {
            time.checkpoint = try work.seconds { try writeCheckpoint(to: checkpoint.path) }
            time.checkpointInterval = checkpoint.interval
        }
        return time
    }

    /// Measures ``validate(_:)``, of which there will be `times`.
    private func secondsOfValidation(_ work: WorkMeasurement, times: Double) throws -> Double {
        var packed: (engine: FlowEngine, noise: NoiseSource)?
        let packing = work.secondsAgain { packed = validationEngines() }
        let (engine, noise) = packed!  // just made
        let slices = validation.data.count.blocks(of: validationRows)
        let rounds = slices.rounds(of: threads)
        let density = try work.seconds(
            of: min(validation.data.count, threads * validationRows), times: rounds * times, least: threads
        ) {
            _ = try sumLogProbs(slices.first($0, threads: threads), engine, noise)
        }
        return packing + density * rounds
    }

    /// Measures the evaluation in ``model(name:classes:trainSplit:validationSplit:precision:isInterrupted:)``.
    private func secondsOfEvaluation(_ work: WorkMeasurement) throws -> Double {
        var made: DensityModel?
        let making = try work.seconds {
            made = try unscoredModel(of: fitted, name: "estimate", classes: [], trainSplit: "", bestEpoch: 0)
        }
        let model = made!  // just made
        let slices = validation.data.count.blocks(of: evaluationRows)
        let rounds = slices.rounds(of: threads)
        let scores = try work.seconds(of: min(validation.data.count, threads * evaluationRows), times: rounds, least: 1)
        {
            _ = try self.scores(of: slices.first($0, threads: threads), under: model)
        }
        return making + scores * rounds
    }
}

extension Blocks {
    /// Returns how often as much work as that of the first `threads` blocks has to be done for all blocks, so many at a time.
    fileprivate func rounds(of threads: Int) -> Double {
        let longest = count.blocks(of: threads).reduce(0) { sum, round in sum + self[round.lowerBound].count }
        return Double(longest) / Double(self[0].count)
    }

    /// Returns the first `items` in blocks of as many threads: blocks of this kind where they are whole.
    fileprivate func first(_ items: Int, threads: Int) -> [Range<Int>] {
        let whole = prefix(threads)
        return items == whole.reduce(0) { $0 + $1.count }
            ? Array(whole) : items.divided(into: Swift.min(threads, items))
    }
}
