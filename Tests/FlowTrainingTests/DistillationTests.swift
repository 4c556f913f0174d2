import DataSets
import FlowCore
import FlowKernels
import FlowLayers
import FlowModels
import FlowTraining
import TestSupport
import Testing

@Suite("Distillation")
struct DistillationTests {
    private static let sizes: Sizes = ["layers": 2, "hidden": [16], "log_scale_bound": 3]

    private func teacher(epochs: Int = 12) throws -> DensityModel {
        var options = TrainerTests.options(epochs: epochs)
        options.learningRate = 1e-2
        let trainer = try pairTrainer(options, train: PairImages.set(count: 600, seed: 1))
        _ = try trainer.run()
        return try trainer.model(
            name: "teacher", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32)
    }

    private func student<Flow: ReversibleArchitecture>(
        of model: any ImageDensity, as _: Flow.Type = InverseAutoregressiveFlow.self, options: TrainingOptions,
        threads: Int = 2
    ) throws -> Trainer<Flow> {
        try Trainer(
            distilling: Teacher(model), sizes: Self.sizes, train: PairImages.set(count: 600, seed: 1),
            validation: PairImages.set(count: 100, seed: 2), options: options, threads: threads)
    }

    /// Central differences of a mean of a few values in float32, weights moved along a random direction.
    @Test("the gradient of the divergence equals finite differences, for students of every kind")
    func gradient() throws {
        let density = FlowDensity(try teacher(epochs: 1).flow)
        func check<Flow: ReversibleArchitecture>(_ type: Flow.Type) throws {
            var sizes = Self.sizes
            sizes["activation"] = "tanh"
            var flow = try Flow(shape: PairImages.shape, sizes: sizes, seed: 3)
            var random = RandomStream(seed: 4, stream: 0)
            flow.visitParameters { _, values in for i in values.indices { values[i] += 0.2 * random.normal() } }
            flow.restoreStructuralZeros()
            let z = standardNormals(rows: 9, dims: 2, seed: 5, stream: 6)
            let (_, tape) = try reverseDivergence(of: flow, from: density, z, context: nil, weight: 1.0 / 9)
            let gradients = flow.gradients(of: [tape])
            func loss(_ flow: Flow) throws -> Double {
                let values = try reverseDivergence(of: flow, from: density, z, context: nil, weight: 1).values
                return -values.reduce(0, +) / 9
            }
            for target in gradients.indices {
                let direction = gradients[target].map { $0 == 0 ? 0 : random.normal() }
                func moved(_ by: Float) -> Flow {
                    var arrays = flow.parameters()
                    for i in arrays[target].indices { arrays[target][i] += by * direction[i] }
                    var copy = flow
                    copy.setParameters(arrays)
                    return copy
                }
                let numeric = try (loss(moved(1e-3)) - loss(moved(-1e-3))) / 2e-3
                let analytic = zip(gradients[target], direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                #expect(
                    abs(analytic - numeric) < 1e-2 * max(1, abs(numeric)),
                    "\(Flow.architectureName), array \(target): \(analytic), \(numeric)")
            }
        }
        for type in FlowRegistry.architectures.compactMap({ $0 as? any ReversibleArchitecture.Type }) {
            try check(type)
        }
    }

    @Test("a student comes to its teacher's density, which stays as it is")
    func learns() throws {
        let model = try teacher()
        let before = parameters(model.flow)
        var options = TrainerTests.options(epochs: 12)
        options.learningRate = 1e-2
        let trainer = try student(of: model, options: options)
        #expect(trainer.goal == .divergence)
        #expect(try trainer.run() == .allEpochs)
        #expect(parameters(model.flow) == before)
        let best = try #require(trainer.progress.best)
        #expect(best.trainBitsPerDim < 0.02)
        #expect(best.trainBitsPerDim == trainer.progress.curve.map(\.trainBitsPerDim).min())
        let distilled = try trainer.model(
            name: "student", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32)
        let held = try #require(distilled.record.heldOut?.bitsPerDim)
        let teachers = try #require(model.record.heldOut?.bitsPerDim)
        // of dependent pixels, so near to it only with their dependence
        #expect(abs(held - teachers) < 0.05, "\(held) \(teachers)")
        #expect(teachers < PairImages.independent - 0.2)
        #expect(distilled.densityOrder == .sequential && distilled.samplingOrder == .parallel)
    }

    @Test("a student knows its teacher's classes")
    func conditional() throws {
        let pairs = PairImages.set(count: 800, seed: 1)
        let labels = (0..<800).map { $0 % 2 }
        let pixels = pairs.pixels.enumerated().map { i, level in
            labels[i / 2] == 1 && i % 2 == 1 ? 255 - level : level
        }
        let set = ImageDataSet(
            shape: pairs.shape, levels: 256, pixels: pixels, labels: labels, classes: ["up", "down"])
        var options = TrainerTests.options(epochs: 12)
        options.learningRate = 1e-2
        var sizes = Self.sizes
        sizes.classes = 2
        let first = try Trainer<MaskedAutoregressiveFlow>(
            sizes: sizes, train: set, validation: set,
            preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3), options: options, threads: 2)
        _ = try first.run()
        let model = try first.model(
            name: "teacher", classes: ["up", "down"], trainSplit: "train", validationSplit: "validation",
            precision: .float32)
        let second = try Trainer<InverseAutoregressiveFlow>(
            distilling: Teacher(model), sizes: Self.sizes, train: set, validation: set, options: options,
            threads: 2)
        _ = try second.run()
        let distilled = try second.model(
            name: "student", classes: ["up", "down"], trainSplit: "train", validationSplit: "validation",
            precision: .float32)
        #expect(distilled.record.classPrior == [0.5, 0.5])
        // "down" falls with the first pixel, "up" rises
        for (c, sign) in [(0, 1.0), (1, -1.0)] {
            let drawn = try distilled.sample(
                (0..<400).map { SampleRow(seed: 1, index: UInt64($0), classIndex: c) }, isCancelled: { false })
            let a = drawn.map { Double($0.pixels[0]) - 128 }
            let b = drawn.map { Double($0.pixels[1]) - 128 }
            #expect(sign * zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } > 0)
        }

        let others = ImageDataSet(
            shape: pairs.shape, levels: 256, pixels: pixels, labels: labels, classes: ["left", "right"])
        #expect(throws: TrainingError.self) {
            _ = try Trainer<InverseAutoregressiveFlow>(
                distilling: Teacher(model), sizes: Self.sizes, train: others, validation: others,
                options: options, threads: 1)
        }
    }

    @Test("threads do not change a bit, and a resumed distillation ends the same, with its own teacher alone")
    func resumed() throws {
        let model = try teacher(epochs: 2)
        let options = TrainerTests.options(epochs: 2)
        let whole = try student(of: model, options: options, threads: 1)
        _ = try whole.run()
        let folder = try TemporaryFolder()
        let path = folder.file("student.checkpoint")
        let interrupted = try student(of: model, options: options, threads: 3)
        var steps = 0
        let end = try interrupted.run(
            checkpoint: (path, 1e9), isInterrupted: { steps == 7 },
            observe: { if case .step = $0 { steps += 1 } })
        #expect(end == .interrupted)
        let other = try student(of: teacher(epochs: 1), options: options)
        let refusal = try #require(throws: TrainingError.self) { try other.resume(from: path) }
        guard case .checkpointMismatch("hash of the teacher", _, _) = refusal else {
            Issue.record("\(refusal)")
            return
        }
        let resumed = try student(of: model, options: options, threads: 2)
        try resumed.resume(from: path)
        _ = try resumed.run()
        #expect(parameters(resumed.flow) == parameters(whole.flow))
        #expect(resumed.progress.curve.map(\.trainBitsPerDim) == whole.progress.curve.map(\.trainBitsPerDim))
    }

    @Test("a held-out image that a student's solve overflows at counts as the least probable, and ends no training")
    func overflow() throws {
        let trainer = try student(of: teacher(epochs: 1), options: TrainerTests.options(epochs: 1))
        #expect(trainer.heldOutLogProbs([.nan, 5, -.infinity]) == [-1e90, 5, -1e90])
        let likelihood = try pairTrainer(TrainerTests.options(epochs: 1))
        #expect(likelihood.heldOutLogProbs([5, -.infinity]) == [5, -.infinity])
        // the check vector is of the student's own kind
        _ = try trainer.run()
        let model = try trainer.model(
            name: "student", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32)
        let drawn = try model.sample([SampleRow(seed: 0, index: 0)], isCancelled: { false })[0]
        #expect(model.record.check.pixels == drawn.pixels)
        let row = DensityRow(pixels: drawn.pixels)
        #expect(try model.densities(of: [row], isCancelled: { false })[0].logProb == model.record.check.logProb)
    }

    @Test("teachers with sequential densities, and images of another shape, are refused")
    func refusals() throws {
        let model = try teacher(epochs: 1)
        let trainer = try student(of: model, options: TrainerTests.options(epochs: 1))
        _ = try trainer.run()
        let sequential = try trainer.model(
            name: "student", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32)
        #expect(throws: TrainingError.sequentialTeacher(architecture: "iaf")) { try Teacher(sequential) }
        let wide = ImageDataSet(
            shape: EventShape(height: 1, width: 3, channels: 1), levels: 256, pixels: [1, 2, 3])
        let refusal = try #require(throws: TrainingError.self) {
            _ = try Trainer<InverseAutoregressiveFlow>(
                distilling: Teacher(model), sizes: Self.sizes, train: wide, validation: wide,
                options: TrainingOptions(), threads: 1)
        }
        guard case .mismatch("shape of the training images", _, _) = refusal else {
            Issue.record("\(refusal)")
            return
        }
    }
}
