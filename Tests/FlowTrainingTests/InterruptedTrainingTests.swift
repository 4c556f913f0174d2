import DataSets
import FlowModels
import FlowTraining
import Foundation
import Testing

@Suite("Training that is disturbed")
struct InterruptedTrainingTests {
    @Test("a disk that cannot be written for a moment costs a warning, and the next checkpoint has all")
    func disk() throws {
        let folder = try TemporaryFolder()
        let (place, away) = (folder.file("disk"), folder.file("away"))
        let file = place + "/a.checkpoint"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let trainer = try pairTrainer(CheckpointTests.options)
        var failed: [Int] = []
        var written: [Int] = []
        func observe(_ event: TrainingEvent) throws {
            switch event {
            case .step where trainer.progress.step == 5: try FileManager.default.moveItem(atPath: place, toPath: away)
            case .step where trainer.progress.step == 9: try FileManager.default.moveItem(atPath: away, toPath: place)
            case .checkpointFailed(.file(let path, "write", _)):
                #expect(path == file && !trainer.isSaved)
                failed.append(trainer.progress.step)
            case .checkpoint: written.append(trainer.progress.step)
            default: break
            }
        }
        let end = try trainer.run(checkpoint: (file, 0), observe: observe)
        #expect(end == .allEpochs && failed == [5, 6, 7, 8] && written.prefix(6) == [0, 1, 2, 3, 4, 9])
        #expect(trainer.isSaved)
        let other = try pairTrainer(CheckpointTests.options)
        try other.resume(from: file)
        #expect(other.isSaved && other.isFinished && other.progress == trainer.progress)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place) == ["a.checkpoint"])
    }

    @Test("a first checkpoint that cannot be written is an error at once, and one at an interruption is told")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        let nowhere = folder.file("none/a.checkpoint")
        #expect(throws: TrainingError.file(path: nowhere, operation: "write", reason: "No such file or directory")) {
            _ = try pairTrainer(CheckpointTests.options).run(checkpoint: (nowhere, 1e9))
        }
        var options = CheckpointTests.options
        options.maxRollbacks = 0  // which need a checkpoint at the start
        let trainer = try pairTrainer(options)
        #expect(
            try trainer.run(checkpoint: (nowhere, 1e9), isInterrupted: { trainer.progress.step == 2 }) == .interrupted)
        #expect(!trainer.isSaved)
    }

    /// Seven steps an epoch; a validation of one thread has two slices.
    @Test(
        "an end that is asked for in the midst of a validation comes before its next slice, and costs nothing",
        arguments: [1, 2])
    func validation(slice: Int) throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let whole = try pairTrainer(CheckpointTests.options, threads: 1)
        _ = try whole.run()
        let first = try pairTrainer(CheckpointTests.options, threads: 1)
        var asked = 0
        let end = try first.run(
            checkpoint: (file, 1e9),
            isInterrupted: {
                if first.progress.step == 7 { asked += 1 }
                return asked == slice
            })
        #expect(
            end == .interrupted && first.progress.step == 7 && first.progress.epoch == 0 && first.progress.curve.isEmpty
        )
        let second = try pairTrainer(CheckpointTests.options, threads: 1)
        try second.resume(from: file)
        #expect(try second.run() == .allEpochs)
        #expect(parameters(second.flow) == parameters(whole.flow))
        #expect(CheckpointTests.curve(second) == CheckpointTests.curve(whole))
        #expect(parameters(try #require(second.bestFlow)) == parameters(try #require(whole.bestFlow)))

        #expect(throws: TrainingError.interrupted) {
            _ = try whole.model(
                name: "m", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32,
                isInterrupted: { true })
        }
    }

    @Test("where time is up, a slice of the validation images is enough for the epoch, and for the model")
    func time() throws {
        var options = CheckpointTests.options
        options.epochs = 1_000_000
        options.maxSeconds = 0.001
        let trainer = try pairTrainer(options, threads: 1)
        var cut: [Int] = []
        let end = try trainer.run(observe: { event in
            if case .step = event { usleep(2000) }
            if case .validationCut(let images, let all) = event { cut += [images, all] }
        })
        #expect(end == .outOfTime && cut == [64, 100] && trainer.progress.epoch == 1 && trainer.isFinished)
        let record = try trainer.model(
            name: "m", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32
        ).record
        #expect(record.heldOut?.count == 64 && record.calibration?.logProbQuantiles.count == 101)
        // what was validated short and what was validated whole are compared by what both have
        #expect(isBetterInCommon([-3], than: [-4, -1]) && !isBetterInCommon([-5], than: [-4, -4]))
        #expect(isBetterInCommon([-3, -9], than: [-4]) && !isBetterInCommon([-4, -1], than: [-4]))
    }

    @Test("a training whose time was estimated ends with the same bits")
    func estimate() throws {
        let plain = try pairTrainer(CheckpointTests.options)
        let estimated = try pairTrainer(CheckpointTests.options)
        let time = try estimated.estimateTime()
        #expect(time.stepsPerEpoch == 7 && time.step > 0 && time.validation > 0)
        #expect(estimated.progress.seconds > 0 && estimated.progress.step == 0)
        _ = try plain.run()
        _ = try estimated.run()
        #expect(parameters(plain.flow) == parameters(estimated.flow))
        #expect(CheckpointTests.curve(plain) == CheckpointTests.curve(estimated))

        let round = TimeEstimate(step: 2, stepsPerEpoch: 10, validation: 5, evaluation: 50)
        #expect(round.epoch == 25 && round.seconds(epochs: 4) == 150 && round.epochs(in: 150) == 4)
        #expect(round.epochs(in: 10) == 0)
        // a checkpoint of 1 s each 10 s, so that nine tenths are left, and one at each end
        var saving = round
        (saving.checkpoint, saving.checkpointInterval) = (1, 10)
        #expect(abs(saving.seconds(epochs: 9) - (250 + 52)) < 1e-9 && abs(saving.epochs(in: 302) - 9) < 1e-9)
        // one behind every step
        saving.checkpointInterval = 0
        #expect(abs(saving.seconds(epochs: 4) - (150 + 52)) < 1e-9)
    }

    @Test("stops early by itself, as long as nobody says otherwise")
    func patience() throws {
        var options = TrainerTests.options(epochs: 50)
        options.learningRate = 1e-5  // the fragile flow's density does not depend on its parameter
        let trainer = try fragileTrainer(options)
        #expect(try trainer.run() == .noImprovement && trainer.progress.epoch == 31)
        options.patience = 0
        #expect(try fragileTrainer(options).run() == .allEpochs)
    }
}
