import ArgumentParser
import DataSets
import FlowCore
import FlowModels
import FlowTraining
import Imaging
import Glibc

extension TrainingSession {
    /// Trains to the end and writes the model; or says why it ends before that.
    func run<Flow: FlowArchitecture>(_ trainer: Trainer<Flow>, classes: [String]) throws {
        let classes = classNames.isEmpty ? classes : classNames
        let interruption = Interruption()
        if isResumed { try trainer.resume(from: checkpoint) }
        let time = try announceTime(of: trainer)
        var console = TrainingConsole(
            options: trainer.options, goal: trainer.goal, images: trainer.imagesPerEpoch,
            interactive: Terminal.isInteractive,
            start: trainer.progress, evaluation: time?.evaluation ?? 0)
        var curve = CurveWriter(path: curve, retryInterval: checkpointInterval)
        let end: TrainingEnd
        do {
            end = try trainer.run(
                checkpoint: (checkpoint, checkpointInterval), isInterrupted: { interruption.isRequested }
            ) { event in
                console.show(event)
                if case .epoch = event { curve.write(trainer.progress.curve, goal: trainer.goal) }
            }
        } catch let error as TrainingError {
            console.finish()
            curve.writeAtLast(trainer.progress.curve, goal: trainer.goal)
            guard case .diverged = error, trainer.bestFlow != nil else { throw error }
            try finish(trainer, classes: classes, interruption)
            throw CommandError("\(error). \(output) holds the best weights before that")
        }
        console.finish()
        curve.writeAtLast(trainer.progress.curve, goal: trainer.goal)
        if end == .interrupted {
            guard trainer.isSaved else {
                throw CommandError(
                    "interrupted after \(trainer.progress.step) steps, which \(checkpoint) does not have, for it could not be "
                        + "written; --resume continues from what it has")
            }
            Terminal.line("interrupted after \(trainer.progress.step) steps; --resume continues from \(checkpoint)")
            throw ExitCode(Interruption.exitCode)
        }
        Terminal.line("stopped: \(reason(end, trainer))")
        try waitUntilSaved(trainer, interruption)
        try finish(trainer, classes: classes, interruption)
    }

    private func reason<Flow: FlowArchitecture>(_ end: TrainingEnd, _ trainer: Trainer<Flow>) -> String {
        let options = trainer.options
        return switch end {
        case .allEpochs: options.epochs == 1 ? "its epoch is done" : "all \(grouped(options.epochs)) epochs are done"
        case .noImprovement:
            "no \(trainer.goal == .likelihood ? "better validation" : "lower divergence") for \(options.patience) epochs "
                + "(--patience)"
        case .outOfTime: "the time is up (--seconds)"
        case .interrupted: "interrupted"
        }
    }

    /// Writes the checkpoint, which could not be written at the end of the training, as often as it takes: the model is made of what
    /// would be lost with this process.
    private func waitUntilSaved<Flow: FlowArchitecture>(_ trainer: Trainer<Flow>, _ interruption: Interruption) throws {
        while !trainer.isSaved {
            let seconds = max(1, checkpointInterval)
            Terminal.line("tries again in \(fixed(seconds, 0)) s; Ctrl-C gives up")
            let end = ContinuousClock.now + .seconds(seconds)
            while ContinuousClock.now < end {
                guard !interruption.isRequested else {
                    throw CommandError(
                        "the last steps are in no checkpoint; --resume continues from what \(checkpoint) has")
                }
                usleep(50_000)
            }
            do {
                try trainer.writeCheckpoint(to: checkpoint)
            } catch let error as TrainingError {
                Terminal.warn("\(error)")
            }
        }
    }

    private func finish<Flow: FlowArchitecture>(
        _ trainer: Trainer<Flow>, classes: [String], _ interruption: Interruption
    ) throws {
        let model: DensityModel
        do {
            model = try trainer.model(
                name: name, classes: classes, trainSplit: split.rawValue,
                validationSplit: Split.validation.rawValue, precision: filePrecision,
                isInterrupted: { interruption.isRequested })
        } catch TrainingError.interrupted {
            Terminal.line("interrupted before the model was evaluated; --resume does so from \(checkpoint)")
            throw ExitCode(Interruption.exitCode)
        }
        try namingFile(output) { try ModelFile.write(model, to: output, precision: filePrecision) }
        try writeFile(encodePNG(curvePlot(trainer.progress.curve, title: name, goal: trainer.goal)), to: plot)
        guard let heldOut = model.record.heldOut, let best = trainer.progress.best else { return }
        let all = trainer.validationImages
        Terminal.line(
            "\(output): epoch \(best.epoch), validation "
                + "\(fixed(heldOut.bitsPerDim, plusMinus: heldOut.bitsPerDimStandardError, 4)) bits/dim over \(grouped(heldOut.count))"
                + (heldOut.count < all ? " of \(grouped(all))" : "") + " images, " + duration(trainer.progress.seconds))
        guard trainer.goal == .likelihood else { return }
        if let decision = model.record.decision {
            Terminal.line(
                "verdicts by \(grouped(decision.count)) of these images: rates of false alarms from 1/\(decision.count + 1) on; "
                    + "tusk calibrate takes more")
        } else {
            Terminal.line(
                "no verdicts, which need \(DecisionRecord.leastImages) held-out images; tusk calibrate adds them")
        }
    }
}

/// Writing of the curve, as often as somebody may look at it, and no more often than a disk likes.
private struct CurveWriter {
    let path: String
    /// Seconds after which a writing that failed is tried again.
    let retryInterval: Double
    private var next = ContinuousClock.now
    private var isWritten = true

    init(path: String, retryInterval: Double) {
        self.path = path
        self.retryInterval = max(Self.interval, retryInterval)
    }

    /// Seconds between two writings.
    private static let interval = 1.0

    mutating func write(_ curve: [CurvePoint], goal: TrainingGoal) {
        isWritten = false
        if ContinuousClock.now >= next { writeAtLast(curve, goal: goal) }
    }

    /// Writes what was not yet written. An error is only said: the checkpoint has the curve too.
    mutating func writeAtLast(_ curve: [CurvePoint], goal: TrainingGoal) {
        if isWritten { return }
        do {
            try writeFile(Array(curveCSV(curve, goal: goal).utf8), to: path)
            isWritten = true
        } catch {
            Terminal.warn("\(error)")
        }
        next = .now + .seconds(isWritten ? Self.interval : retryInterval)
    }
}
