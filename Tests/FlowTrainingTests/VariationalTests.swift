import DataSets
import FlowCore
import FlowKernels
import FlowModels
import Glibc
import TestSupport
import Testing

@testable import FlowTraining

@Suite("Training with variational dequantization")
struct VariationalTests {
    private static let sizes: Sizes = ["layers": 2, "hidden": [12]]

    /// Two pixels of four levels, whose 16 probabilities are these 64ths, every image as often as it is probable.
    enum Discrete {
        static let weights = [16, 1, 1, 8, 1, 6, 1, 1, 1, 1, 10, 1, 8, 1, 1, 6]
        static let shape = EventShape(height: 1, width: 2, channels: 1)
        static func set(_ times: Int) -> ImageDataSet {
            let images = weights.enumerated().flatMap { image, weight in
                (0..<weight * times).flatMap { _ in [UInt8(image / 4), UInt8(image % 4)] }
            }
            return ImageDataSet(shape: shape, levels: 4, pixels: images)
        }
        /// Bits/dim; no density can do better on ``set(_:)``, which has just these frequencies (Gibbs' inequality).
        static var entropy: Double {
            weights.reduce(0) { $0 - Double($1) / 64 * log2(Double($1) / 64) } / 2
        }
    }

    private static func trainer(
        _ sizes: Sizes? = sizes, epochs: Int = 4, threads: Int = 2,
        factors: [LearningRateFactor] = [], set: ImageDataSet = Discrete.set(4)
    ) throws -> Trainer<MaskedAutoregressiveFlow> {
        var options = TrainerTests.options(epochs: epochs)
        options.learningRate = 1e-2
        options.learningRateFactors = factors
        return try Trainer(
            sizes: ["layers": 2, "hidden": [16], "log_scale_bound": 3], train: set,
            validation: Discrete.set(1), preprocessing: Preprocessing(levels: 4, logitAlpha: 1e-3),
            dequantizer: sizes, options: options, threads: threads)
    }

    private static func model(
        _ trainer: Trainer<MaskedAutoregressiveFlow>
    ) throws -> DensityModel {
        try trainer.model(
            name: "m", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32)
    }

    /// `−Σ [log p − log q]/(D · rows)`, and its gradient along a direction, for every array of flow and dequantizer.
    @Test("gradients equal finite differences", arguments: [0, 1])
    func gradients(seed: UInt64) throws {
        let shape = EventShape(height: 1, width: 3, channels: 1)
        var random = RandomStream(seed: seed, stream: 0)
        let set = ImageDataSet(shape: shape, levels: 8, pixels: (0..<60).map { _ in UInt8(random.uniform() * 8) })
        let preparation = RowPreparation(
            data: set, preprocessing: try Preprocessing(levels: 8, logitAlpha: 0.02), options: TrainingOptions(),
            classes: 0)
        // smooth activations, so that differences are derivatives
        var fitted = Fitted(
            flow: try MaskedAutoregressiveFlow(
                shape: shape,
                sizes: ["layers": 2, "hidden": [6], "log_scale_bound": 3, "activation": "tanh"], seed: 1),
            dequantizer: try Dequantizer(shape: shape, sizes: ["layers": 2, "hidden": [7]], seed: 2))
        fitted.dequantizer?.map = try AffineCouplingFlow(
            shape: shape,
            sizes: [
                "layers": 2, "hidden": [7], "log_scale_bound": 3, "activation": "tanh", "classes": .integer(shape.dims),
            ], seed: 2)
        fitted.visitParameters { info, values in
            for i in values.indices where info.reach == nil || values[i] != 0 { values[i] += 0.2 * random.normal() }
        }
        func compute(_ fitted: Fitted<MaskedAutoregressiveFlow>) throws -> (loss: Double, gradient: BatchGradient) {
            var gradient = BatchGradient(infos: Adam(flow: fitted).moments.map(\.info))
            let objective = MaximumLikelihood<MaskedAutoregressiveFlow>(train: preparation)
            let logProbs = try gradient.compute(
                of: fitted, BatchDivision(rows: 20, of: fitted, atATime: 16, threads: 2), threads: 2
            ) { part, weight in
                try objective.pass(Array(0..<20)[part], epoch: 3, through: fitted, weight: weight)
            }
            return (-logProbs.reduce(0, +) / 60, gradient)
        }
        let gradient = try compute(fitted).gradient
        let step: Float = 2e-3
        for (p, info) in Adam(flow: fitted).moments.map(\.info).enumerated() {
            let count = info.shape.reduce(1, *)
            let own = Array(gradient.values[gradient.offsets[p]..<gradient.offsets[p] + count])
            // what a mask holds at zero does not move
            let direction = own.map { $0 == 0 ? 0 : random.normal() }
            func loss(_ by: Float) throws -> Double {
                var arrays = fitted.parameters()
                for i in 0..<count { arrays[p][i] += by * direction[i] }
                var moved = fitted
                moved.setParameters(arrays)
                return try compute(moved).loss
            }
            let numeric = (try loss(step) - loss(-step)) / (2 * Double(step))
            let analytic = zip(own, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            #expect(
                abs(numeric - analytic) < 5e-3 * max(0.3, abs(analytic)), "\(info.name): \(numeric), \(analytic)")
            if info.name.hasPrefix("dequantizer") { #expect(own.contains { $0 != 0 }, "\(info.name)") }
        }
    }

    /// Inputs are computed again in single precision, through a few maps.
    @Test("reversible steps have the gradients of taped ones, of flow and dequantizer, and threads do not change a bit")
    func reversible() throws {
        let shape = EventShape(height: 1, width: 6, channels: 1)
        var random = RandomStream(seed: 1, stream: 0)
        let set = ImageDataSet(shape: shape, levels: 8, pixels: (0..<288).map { _ in UInt8(random.uniform() * 8) })
        let preparation = RowPreparation(
            data: set, preprocessing: try Preprocessing(levels: 8, logitAlpha: 0.02), options: TrainingOptions(),
            classes: 0)
        var fitted = Fitted(
            flow: try AffineCouplingFlow(
                shape: shape, sizes: ["layers": 3, "hidden": [12], "log_scale_bound": 3], seed: 1),
            dequantizer: try Dequantizer(shape: shape, sizes: Self.sizes, seed: 2))
        fitted.visitParameters { _, values in for i in values.indices { values[i] += 0.1 * random.normal() } }
        let dequantizer = try #require(fitted.dequantizer)
        let images = Array(0..<48)
        let objective = MaximumLikelihood<AffineCouplingFlow>(train: preparation)
        var taped = BatchGradient(infos: Adam(flow: fitted).moments.map(\.info))
        let own = try taped.compute(
            of: fitted, BatchDivision(rows: 48, of: fitted, atATime: 32, threads: 1), threads: 1
        ) { part, weight in
            try objective.pass(images[part], epoch: 1, through: fitted, weight: weight)
        }
        func reversing(threads: Int) throws -> (logProbs: [Double], values: [Float]) {
            var gradient = BatchGradient(infos: Adam(flow: fitted).moments.map(\.info))
            let logProbs = try gradient.computeReversing(
                of: fitted, BatchDivision(rows: 48, of: fitted, atATime: 32, threads: threads), threads: threads
            ) {
                try preparation.training(images[$0], epoch: 1, noise: .learning(dequantizer))
            }
            return (logProbs, gradient.values)
        }
        let reversed = try reversing(threads: 1)
        let size = taped.values.map(abs).max()!  // there are parameters
        #expect(zip(taped.values, reversed.values).allSatisfy { abs($0 - $1) <= 1e-4 * size })
        #expect(zip(own, reversed.logProbs).allSatisfy { abs($0 - $1) <= 1e-4 })
        #expect(try reversing(threads: 3) == reversed)
    }

    @Test("on a known distribution the bound stays above its entropy, tightens with draws, and beats uniform noise")
    func knownAnswer() throws {
        func bits(_ sizes: Sizes?) throws -> (one: Double, many: Double) {
            let trainer = try Self.trainer(sizes, epochs: 60)
            #expect(try trainer.run() == .allEpochs)
            let model = try Self.model(trainer)
            func bits(_ logProbs: [Double]) -> Double {
                Evaluation(model: model.record, split: "", draws: 1, logProbs: logProbs).bitsPerDim
            }
            let set = Discrete.set(1)
            // single draws, 64 of them an image, so that their own chance does not matter
            let single = try (0..<set.count).flatMap { image in
                try model.logDensities(
                    of: try (0..<64).map { DensityRow(pixels: try set[image], draw: $0) }, isCancelled: { false })
            }
            let many = try logDensities(of: set, under: model, draws: 64, threads: 2)
            return (bits(single), bits(many))
        }
        let (uniform, variational) = (try bits(nil), try bits(Self.sizes))
        for (one, many) in [uniform, variational] {
            #expect(Discrete.entropy < many && many < one)
        }
        #expect(variational.one < uniform.one - 0.02, "\(variational), \(uniform), \(Discrete.entropy)")
        #expect(variational.one - variational.many < uniform.one - uniform.many, "q is nearer to the posterior")
    }

    @Test("threads do not change a bit, and another kind of noise is another training")
    func threads() throws {
        let (one, four) = (try Self.trainer(threads: 1), try Self.trainer(threads: 4))
        let plain = try Self.trainer(nil)
        for trainer in [one, four, plain] { _ = try trainer.run() }
        #expect(one.fitted.parameters() == four.fitted.parameters())
        #expect(one.progress.curve.map(\.validationBitsPerDim) == four.progress.curve.map(\.validationBitsPerDim))
        #expect(parameters(one.flow) != parameters(plain.flow))
    }

    @Test("a training that was stopped and resumed ends with the same bits; with other noise it is not resumed")
    func resume() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let whole = try Self.trainer()
        #expect(try whole.run() == .allEpochs)
        let first = try Self.trainer()
        #expect(try first.run(checkpoint: (file, 1e9), isInterrupted: { first.progress.step == 13 }) == .interrupted)
        let second = try Self.trainer()
        try second.resume(from: file)
        #expect(try second.run() == .allEpochs)
        #expect(second.fitted.parameters() == whole.fitted.parameters())
        #expect(second.best?.parameters() == whole.best?.parameters())
        for (sizes, property) in [
            (nil, "dequantization"), (["layers": 3, "hidden": [12]], "dequantizer-layers"),
            (["layers": 2, "hidden": [13]], "dequantizer-hidden"),
        ] as [(Sizes?, String)] {
            let error = try #require(throws: TrainingError.self) { try Self.trainer(sizes).resume(from: file) }
            guard case .checkpointMismatch(property, _, _) = error else {
                Issue.record("\(property): \(error)")
                continue
            }
        }
    }

    @Test("a dequantizer that may not move leaves the noise uniform")
    func frozen() throws {
        let trainer = try Self.trainer(factors: [LearningRateFactor(pattern: "dequantizer", factor: 0)])
        let before = try #require(trainer.fitted.dequantizer).parameters()
        _ = try trainer.run()
        #expect(trainer.fitted.dequantizer?.parameters() == before)
        #expect(trainer.best?.dequantizer?.parameters() == before)
        let rows = RowPreparation(
            data: Discrete.set(1), preprocessing: trainer.preprocessing, options: trainer.options, classes: 0)
        let dequantizer = try #require(trainer.best?.dequantizer)
        let learned = try rows.validation(0..<20, noise: .learned(FlowEngine(dequantizer.map)))
        // the log-det of the logit alone is left
        for (x, logDet) in zip(0..<20, learned.logDet) {
            let noise = learned.x.elements[2 * x..<2 * x + 2].map { value -> Double in
                let s = 1 / (1 + exp(-Double(value)))
                return log(1 - 2e-3) - log(s * (1 - s))
            }
            #expect(abs(noise.reduce(0, +) - logDet) < 1e-4)
        }
    }

    @Test("passes that are remembered and passes that are not give the same rows")
    func passes() throws {
        let trainer = try Self.trainer()
        _ = try trainer.run()
        let dequantizer = try #require(trainer.fitted.dequantizer)
        let learning = try trainer.train.training([3, 1, 70], epoch: 1, noise: .learning(dequantizer))
        let learned = try trainer.train.training([3, 1, 70], epoch: 1, noise: .learned(FlowEngine(dequantizer.map)))
        #expect(learning.noise != nil && learned.noise == nil)
        for (a, b) in zip(learning.x.elements, learned.x.elements) { #expect(abs(a - b) < 1e-4) }
        for (a, b) in zip(learning.logDet, learned.logDet) { #expect(abs(a - b) < 1e-4) }
    }

    @Test("the model has the dequantizer and its record, and is held out, calibrated and checked with it")
    func record() throws {
        let trainer = try Self.trainer()
        _ = try trainer.run()
        let model = try Self.model(trainer)
        #expect(model.record.dequantization == "variational" && model.record.dequantizer == Self.sizes)
        #expect(model.dequantizer?.parameters() == trainer.best?.dequantizer?.parameters())
        #expect(model.record.parameterCount == trainer.fitted.parameterCount)
        let logProbs = try logDensities(of: Discrete.set(1), under: model, threads: 2)
        #expect(logProbs[0] == model.record.check.logProb)
        let evaluation = Evaluation(model: model.record, split: "validation", draws: 1, logProbs: logProbs)
        #expect(evaluation.bitsPerDim == model.record.heldOut?.bitsPerDim)
        #expect(model.record.calibration?.logProbQuantiles.first == logProbs.min())
        let bytes = try ModelFile.encode(model, precision: .float32)
        let loaded = unsafe try ModelFile.load(bytes.span.bytes)
        #expect(try logDensities(of: Discrete.set(1), under: loaded, threads: 1) == logProbs)
        #expect(loaded.record.parameterCount == trainer.fitted.parameterCount)
        // the trainer's own validation draws other noise for the same images
        let best = try #require(trainer.progress.best)
        #expect(abs(best.validationBitsPerDim - evaluation.bitsPerDim) < 0.2)
    }
}
