import DataSets
import FlowCore
import FlowModels
import FlowTraining
import Glibc
import TestSupport
import Testing

@Suite("Trainer")
struct TrainerTests {
    static func options(epochs: Int) -> TrainingOptions {
        var options = TrainingOptions()
        options.epochs = epochs
        options.batch = 32
        options.warmupSteps = 5
        options.learningRate = 5e-3
        options.averageDecay = 0.9
        return options
    }

    @Test("learns the density of dependent pixels to within 0.06 bits/dim of their entropy, and never below it")
    func learns() throws {
        var options = Self.options(epochs: 12)
        options.learningRate = 1e-2
        let trainer = try Trainer<MaskedAutoregressiveFlow>(
            sizes: ["layers": 2, "hidden": [16], "log_scale_bound": 3],
            train: PairImages.set(count: 1000, seed: 1), validation: PairImages.set(count: 500, seed: 2),
            preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3), options: options, threads: 2)
        #expect(try trainer.run() == .allEpochs)
        let best = try #require(trainer.progress.best)
        #expect(best.validationBitsPerDim < PairImages.entropy + 0.06)
        // the standard error over 500 images is 0.03
        #expect(best.validationBitsPerDim > PairImages.entropy - 0.09)
        #expect(PairImages.entropy + 0.06 < PairImages.independent - 0.2)
    }

    @Test("a class-conditional flow learns what classes differ in")
    func conditional() throws {
        // the same pairs, those of the second class reflected: the mixture has two ridges, each class one
        let sets = (1...2).map { seed in
            let pairs = PairImages.set(count: 1000, seed: UInt64(seed))
            let labels = (0..<1000).map { $0 % 2 }
            let pixels = pairs.pixels.enumerated().map { i, level in
                labels[i / 2] == 1 && i % 2 == 1 ? 255 - level : level
            }
            return ImageDataSet(
                shape: pairs.shape, levels: 256, pixels: pixels, labels: labels, classes: ["up", "down"])
        }
        var options = Self.options(epochs: 12)
        options.learningRate = 1e-2
        let trainer = try Trainer<MaskedAutoregressiveFlow>(
            sizes: ["layers": 2, "hidden": [16], "log_scale_bound": 3, "classes": 2], train: sets[0],
            validation: sets[1], preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3), options: options,
            threads: 2)
        #expect(try trainer.run() == .allEpochs)
        #expect(try #require(trainer.progress.best).validationBitsPerDim < PairImages.entropy + 0.09)
        let model = try trainer.model(
            name: "pairs", classes: ["up", "down"], trainSplit: "train", validationSplit: "validation",
            precision: .float32)
        #expect(model.record.classPrior == [0.5, 0.5])
        let densities = try model.densities(
            of: try (0..<200).map { DensityRow(pixels: try sets[1][$0]) }, isCancelled: { false })
        let right = densities.enumerated().count { i, density in
            (density.classLogProbs[1] > density.classLogProbs[0]) == (i % 2 == 1)
        }
        // the ridges cross at b = 128 or so, where nobody can tell
        #expect(right > 120, "\(right) of 200")
        let some = sets[1].limited(to: 200)
        let evaluation = try Evaluation(of: some, split: "validation", under: model, threads: 2)
        #expect(evaluation.accuracy == Double(right) / 200)
    }

    @Test("labels that a class-conditional flow needs are asked for")
    func labels() throws {
        let plain = PairImages.set(count: 20, seed: 1)
        let labelled = ImageDataSet(
            shape: plain.shape, levels: 256, pixels: plain.pixels, labels: Array(repeating: 0, count: 20),
            classes: ["a", "b"])
        for set in [plain, labelled] {
            #expect(throws: TrainingError.self) {
                _ = try Trainer<MaskedAutoregressiveFlow>(
                    sizes: ["layers": 1, "hidden": [4], "log_scale_bound": 3, "classes": 2], train: set,
                    validation: set, preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3),
                    options: Self.options(epochs: 1), threads: 1)
            }
        }
    }

    @Test("threads do not change a bit")
    func threads() throws {
        var options = Self.options(epochs: 2)
        options.batch = 80
        options.horizontalFlips = true
        let one = try pairTrainer(options, threads: 1)
        let four = try pairTrainer(options, threads: 4)
        _ = try one.run()
        _ = try four.run()
        #expect(parameters(one.flow) == parameters(four.flow))
        #expect(one.progress.curve.map(\.validationBitsPerDim) == four.progress.curve.map(\.validationBitsPerDim))
    }

    @Test("another seed is another training")
    func seeds() throws {
        var options = Self.options(epochs: 1)
        let first = try pairTrainer(options)
        options.seed = 1
        let second = try pairTrainer(options)
        _ = try first.run()
        _ = try second.run()
        #expect(parameters(first.flow) != parameters(second.flow))
    }

    @Test("every image is seen once an epoch, in batches that are no larger than asked")
    func batches() throws {
        let trainer = try pairTrainer(Self.options(epochs: 1))
        var seen: [Int] = []
        _ = try trainer.run(observe: { event in
            if case .step(let report) = event { seen.append(report.images) }
        })
        #expect(seen.count == 7)  // 200 images in batches of 32 at most
        #expect(seen.last == 200)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { (28...32).contains($1 - $0) })
    }

    @Test("stops when the validation has not improved for as long as patience lasts")
    func earlyStopping() throws {
        var options = Self.options(epochs: 50)
        options.patience = 3
        options.learningRate = 1e-5  // the fragile flow's density does not depend on its parameter
        let trainer = try fragileTrainer(options)
        #expect(try trainer.run() == .noImprovement)
        #expect(trainer.progress.best?.epoch == 1)
        #expect(trainer.progress.epoch == 4)
    }

    @Test("stops when the time is up, after one step at least, with a validation")
    func time() throws {
        var options = Self.options(epochs: 1_000_000)
        options.maxSeconds = 0.001
        let trainer = try pairTrainer(options)
        #expect(try trainer.run() == .outOfTime)
        #expect(trainer.progress.step >= 1)
        #expect(trainer.progress.curve.count == trainer.progress.epoch)
        #expect(trainer.bestFlow != nil)
    }

    @Test("processor time ends a training, which keeps the time of the wall beside it")
    func processorTime() throws {
        var options = Self.options(epochs: 1_000_000)
        options.maxSeconds = 0.05
        options.clock = .processor
        let trainer = try pairTrainer(options)
        var hasSlept = false
        let end = try trainer.run(observe: { event in
            guard !hasSlept, case .step = event else { return }
            hasSlept = true
            usleep(200_000)
        })
        #expect(end == .outOfTime)
        #expect(trainer.progress.wallSeconds >= 0.2)
        // Up to half of the time is kept for the validation and the evaluation to come.
        #expect(trainer.progress.seconds >= 0.025)
        #expect(trainer.progress.curve.count == trainer.progress.epoch)
    }

    @Test("a loss that is not finite ends the training and leaves the weights before it and the best ones")
    func divergence() throws {
        var options = Self.options(epochs: 50)
        options.warmupSteps = 0
        options.learningRate = 0.009  // 2 steps an epoch; past 0.05 after step 6
        options.averageDecay = 0
        let trainer = try fragileTrainer(options)
        let error = try #require(throws: TrainingError.self) { try trainer.run() }
        guard case .diverged(_, let epoch, let step) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(epoch == 3 || epoch == 4)
        #expect(trainer.progress.step <= step)
        #expect(trainer.flow.level[0].isFinite)
        let best = try #require(trainer.bestFlow)
        #expect(best.level[0] <= FragileFlow.limit)
    }

    /// What a run with checkpoints went through: the scales of its rollbacks, and how it ended.
    private func rollbacks(epochs: Int, limit: Int) throws -> (scales: [Double], end: TrainingEnd?) {
        let folder = try TemporaryFolder()
        var options = Self.options(epochs: epochs)
        options.warmupSteps = 0
        options.learningRate = 0.009
        options.averageDecay = 0
        options.maxRollbacks = limit
        let trainer = try fragileTrainer(options)
        var scales: [Double] = []
        do {
            let end = try trainer.run(
                checkpoint: (folder.file("fragile.checkpoint"), 1e9),
                observe: { event in
                    if case .rollback(_, let step, let scale) = event {
                        #expect(step == 0, "the only checkpoint is the first")
                        #expect(trainer.flow.level == [0])
                        scales.append(scale)
                    }
                })
            return (scales, end)
        } catch TrainingError.diverged {
            return (scales, nil)
        }
    }

    @Test("a divergence goes back to the checkpoint with half the learning rate, so often and no oftener")
    func rollback() throws {
        // 2 steps an epoch along a cosine: 0.009 moves past 0.05 in 8 epochs, half of it does not
        let recovered = try rollbacks(epochs: 8, limit: 5)
        #expect(recovered.scales == [0.5] && recovered.end == .allEpochs)
        let lost = try rollbacks(epochs: 100, limit: 2)
        #expect(lost.scales == [0.5, 0.25] && lost.end == nil)
        #expect(try rollbacks(epochs: 8, limit: 0).end == nil)
    }

    @Test("a gradient summed over parts of a step is that of the whole step")
    func accumulation() throws {
        var options = Self.options(epochs: 2)
        let whole = try pairTrainer(options)
        options.accumulatedBatch = 16
        let parts = try pairTrainer(options)
        _ = try whole.run()
        _ = try parts.run()
        for (a, b) in zip(whole.progress.curve, parts.progress.curve) {
            #expect(abs(a.trainBitsPerDim - b.trainBitsPerDim) < 1e-4)
            #expect(abs(a.validationBitsPerDim - b.validationBitsPerDim) < 1e-4)
        }
        #expect(parameters(whole.flow) != parameters(parts.flow), "sums in another order")
    }

    struct BadOption: Sendable, CustomTestStringConvertible {
        var name: String
        var change: @Sendable (inout TrainingOptions) -> Void
        var testDescription: String { name }

        static let all = [
            BadOption(name: "epochs") { $0.epochs = 0 },
            BadOption(name: "epochs") { $0.epochs = TrainingOptions.maxEpochs + 1 },
            BadOption(name: "batch") { $0.batch = 0 },
            BadOption(name: "batch") { $0.batch = TrainingOptions.maxBatch + 1 },
            BadOption(name: "accumulate") { $0.accumulatedBatch = -1 },
            BadOption(name: "rollbacks") { $0.maxRollbacks = -1 },
            BadOption(name: "rollbacks") { $0.maxRollbacks = 1001 },
            BadOption(name: "learning-rate") { $0.learningRate = 0 },
            BadOption(name: "learning-rate") { $0.learningRate = .nan },
            BadOption(name: "warmup-steps") { $0.warmupSteps = -1 },
            BadOption(name: "clip") { $0.clipNorm = -1 },
            BadOption(name: "weight-decay") { $0.weightDecay = -1 },
            BadOption(name: "dropout") { $0.dropout = -0.1 },
            BadOption(name: "dropout") { $0.dropout = 0.91 },
            BadOption(name: "ema") { $0.averageDecay = 1 },
            BadOption(name: "patience") { $0.patience = -1 },
            BadOption(name: "shift") { $0.shift = 256 },
            BadOption(name: "seconds") { $0.maxSeconds = 0 },
        ]
    }

    @Test("settings that make no sense are refused by name", arguments: BadOption.all)
    func badOptions(_ bad: BadOption) throws {
        var options = TrainingOptions()
        bad.change(&options)
        let error = try #require(throws: TrainingError.self) { try options.validate() }
        guard case .outOfRange(bad.name, _, _) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test("settings at their limits are accepted")
    func limits() throws {
        var options = TrainingOptions()
        options.epochs = TrainingOptions.maxEpochs
        options.batch = TrainingOptions.maxBatch
        options.shift = 255
        options.dropout = 0.9
        options.clipNorm = 0
        options.averageDecay = 0
        try options.validate()
    }

    @Test("empty sets, other levels and other shapes are refused")
    func badData() throws {
        let good = PairImages.set(count: 10, seed: 1)
        let none = PairImages.set(count: 0, seed: 1)
        let wide = ImageDataSet(
            shape: EventShape(height: 1, width: 3, channels: 1), levels: 256, pixels: [1, 2, 3])
        let coarse = ImageDataSet(shape: PairImages.shape, levels: 16, pixels: [1, 2])
        for (train, validation) in [(none, good), (good, none), (good, wide), (good, coarse), (coarse, good)] {
            #expect(throws: TrainingError.self) {
                _ = try Trainer<MaskedAutoregressiveFlow>(
                    sizes: ["layers": 1, "hidden": [4], "log_scale_bound": 3], train: train,
                    validation: validation, preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3),
                    options: TrainingOptions(), threads: 1)
            }
        }
    }
}

/// Parameter arrays in visiting order.
func parameters(_ flow: some Bijection) -> [[Float]] {
    var arrays: [[Float]] = []
    var flow = flow
    flow.visitParameters { _, values in arrays.append(values) }
    return arrays
}
