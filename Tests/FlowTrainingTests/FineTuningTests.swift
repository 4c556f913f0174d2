import DataSets
import FlowCore
import FlowModels
import TestSupport
import Testing

@testable import FlowTraining

@Suite("Fine-tuning")
struct FineTuningTests {
    private static let shape = EventShape(height: 2, width: 2, channels: 1)

    private func images(_ count: Int, seed: UInt64) -> ImageDataSet {
        let pairs = PairImages.set(count: 2 * count, seed: seed)
        return ImageDataSet(
            shape: Self.shape, levels: 256, pixels: pairs.pixels, labels: (0..<count).map { $0 % 4 == 0 ? 1 : 0 },
            classes: ["many", "few"])
    }

    private static var options: TrainingOptions {
        var options = TrainerTests.options(epochs: 3)
        options.learningRate = 1e-2
        return options
    }

    private func model<Flow: FlowArchitecture>(_: Flow.Type, isGated: Bool = true) throws -> DensityModel {
        let trainer = try Trainer<Flow>(
            sizes: [
                "layers": 2, "hidden": [16, 16], "log_scale_bound": 3, "classes": 2, "bins": 4, "gated": .flag(isGated),
                "scales": 1,
            ],
            train: images(120, seed: 1), validation: images(40, seed: 2),
            preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3), options: Self.options, threads: 2)
        _ = try trainer.run()
        return try trainer.model(
            name: "first", classes: ["many", "few"], trainSplit: "train", validationSplit: "validation",
            precision: .float32)
    }

    private func finetune<Flow: FlowArchitecture>(
        _: Flow.Type, _ model: DensityModel, blocks: Int, train: ImageDataSet? = nil, options: TrainingOptions = options
    ) throws -> Trainer<Flow> {
        try Trainer<Flow>(
            finetuning: model, addingBlocks: blocks, train: train ?? images(120, seed: 1),
            validation: images(40, seed: 2), options: options, threads: 2)
    }

    private func densities(_ flow: some FlowArchitecture) throws -> [Float] {
        let x = standardNormals(rows: 5, dims: 4, seed: 1, stream: 2)
        var context = Matrix(rows: 5, columns: 2)
        for r in 0..<5 { context[r, r % 2] = 1 }
        let (z, logDet, _) = try flow.forwardTaped(x, context: context)
        return z.elements + logDet
    }

    /// The arrays that a training changes.
    private func trained(_ flow: some FlowArchitecture) -> [[Float]] {
        var arrays: [[Float]] = []
        var shared = flow
        shared.visitParameters { info, values in if !info.isFixed { arrays.append(values) } }
        return arrays
    }

    @Test("added blocks change no bit of the density before they are trained, and are reached by the first step")
    func deeper() throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type, isGated: Bool) throws {
            let first = try model(type, isGated: isGated)
            let trainer = try finetune(type, first, blocks: 3)
            let before = trained(trainer.flow)
            #expect(trained(first.flow).count < before.count)
            #expect(try densities(trainer.flow) == densities(first.flow), "\(type)")
            let end = try trainer.run(isInterrupted: { trainer.progress.step == 2 })
            #expect(end == .interrupted)
            // in the first step the values of new blocks, in the second all else
            let after = trained(trainer.flow)
            #expect(zip(before, after).allSatisfy { $0 != $1 }, "\(type)")
        }
        for isGated in [true, false] { try check(SplineConvolutionalFlow.self, isGated: isGated) }
        try check(RealNVPFlow.self, isGated: false)
        try check(SplineGlowFlow.self, isGated: true)
    }

    @Test("a model goes on learning, and says what it started from")
    func goesOn() throws {
        let first = try model(SplineConvolutionalFlow.self)
        let trainer = try finetune(SplineConvolutionalFlow.self, first, blocks: 1)
        #expect(try trainer.run() == .allEpochs)
        let second = try trainer.model(
            name: "second", classes: ["many", "few"], trainSplit: "train", validationSplit: "validation",
            precision: .float32)
        let (before, after) = try (#require(first.record.heldOut), #require(second.record.heldOut))
        #expect(after.bitsPerDim < before.bitsPerDim - 0.05, "\(before.bitsPerDim), \(after.bitsPerDim)")
        #expect(second.record.sizes[FlowFields.hidden] == [16, 16, 16])
        #expect(second.record.training?.start?.name == "first")
        #expect(second.record.training?.start?.parameterHash == first.flow.parameterHash)
        #expect(second.record.classPrior == [0.75, 0.25])

        // without blocks too, and of flows that have none
        let vectors = try model(MaskedAutoregressiveFlow.self)
        let again = try finetune(MaskedAutoregressiveFlow.self, vectors, blocks: 0)
        #expect(parameters(again.flow) == parameters(vectors.flow))
        _ = try again.run()
        #expect(parameters(again.flow) != parameters(vectors.flow))
    }

    @Test("the dequantizer that was learned with a model goes on learning")
    func dequantizer() throws {
        let trainer = try Trainer<AffineCouplingFlow>(
            sizes: ["layers": 2, "hidden": [16], "log_scale_bound": 3], train: images(60, seed: 1),
            validation: images(20, seed: 2), preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3),
            dequantizer: ["layers": 2, "hidden": [8]], options: Self.options, threads: 2)
        _ = try trainer.run()
        let first = try trainer.model(
            name: "first", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32)
        let again = try finetune(AffineCouplingFlow.self, first, blocks: 0)
        let learned = try #require(first.dequantizer).parameters()
        #expect(again.fitted.dequantizer?.parameters() == learned)
        _ = try again.run()
        #expect(again.fitted.dequantizer?.parameters() != learned)
        let second = try again.model(
            name: "second", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32)
        #expect(second.record.dequantizer == first.record.dequantizer && second.record.dequantization == "variational")
    }

    @Test("a fine-tuning is resumed to the bit, from the same model alone")
    func resume() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let first = try model(SplineConvolutionalFlow.self)
        func finetuned(_ model: DensityModel) throws -> Trainer<SplineConvolutionalFlow> {
            try finetune(SplineConvolutionalFlow.self, model, blocks: 1)
        }
        let (whole, begun, resumed) = try (finetuned(first), finetuned(first), finetuned(first))
        _ = try whole.run()
        #expect(try begun.run(checkpoint: (file, 1e9), isInterrupted: { begun.progress.step == 5 }) == .interrupted)
        try resumed.resume(from: file)
        _ = try resumed.run()
        #expect(parameters(resumed.flow) == parameters(whole.flow))

        var other = first.flow
        other.visitParameters { info, values in if info.name == "standardize.shift" { values[0] += 1 } }
        let another = try finetuned(DensityModel(flow: other, record: first.record))
        #expect {
            try another.resume(from: file)
        } throws: {
            if case TrainingError.checkpointMismatch("hash of the model that it started from", _, _) = $0 {
                true
            } else {
                false
            }
        }
    }

    @Test("what does not fit the model is refused")
    func refusals() throws {
        let vectors = try model(MaskedAutoregressiveFlow.self)
        #expect(throws: FlowError.self) { try finetune(MaskedAutoregressiveFlow.self, vectors, blocks: 1) }
        #expect {
            try Trainer<RealNVPFlow>(
                finetuning: vectors, train: images(10, seed: 1), validation: images(10, seed: 2),
                options: Self.options, threads: 1)
        } throws: {
            $0 as? TrainingError == .mismatch(property: "architecture", expected: "realnvp", actual: "maf")
        }
        let wide = ImageDataSet(shape: PairImages.shape, levels: 256, pixels: [1, 2])
        #expect {
            try finetune(MaskedAutoregressiveFlow.self, vectors, blocks: 0, train: wide)
        } throws: {
            if case TrainingError.mismatch("shape of the training images", _, _) = $0 { true } else { false }
        }
        let renamed = images(20, seed: 1).named(classes: ["few", "many"])
        #expect {
            try finetune(MaskedAutoregressiveFlow.self, vectors, blocks: 0, train: renamed)
        } throws: {
            if case TrainingError.mismatch("classes of the training images", _, _) = $0 { true } else { false }
        }
    }
}

@Suite("Repeated classes")
struct ClassRepeatTests {
    private func images(_ labels: [Int]) -> ImageDataSet {
        ImageDataSet(
            shape: PairImages.shape, levels: 256, pixels: PairImages.set(count: labels.count, seed: 1).pixels,
            labels: labels, classes: ["many", "few"])
    }

    @Test("an epoch has the images of a class so many times; of several repeats of a class the last counts")
    func entries() throws {
        let set = images([0, 1, 0, 1])
        #expect(try set.entries(repeating: []) == [0, 1, 2, 3])
        #expect(try set.entries(repeating: [ClassRepeat(name: "few", times: 3)]) == [0, 1, 2, 3, 1, 1, 3, 3])
        #expect(try set.entries(repeating: [ClassRepeat(name: "0", times: 2)]) == [0, 1, 2, 3, 0, 2])
        let twice = [ClassRepeat(name: "few", times: 9), ClassRepeat(name: "1", times: 1)]
        #expect(try set.entries(repeating: twice) == [0, 1, 2, 3])
        #expect(throws: DataError.unknownClass(name: "none", classes: ["many", "few"])) {
            try set.entries(repeating: [ClassRepeat(name: "none", times: 2)])
        }
        #expect(throws: DataError.noLabels(name: "few")) {
            try PairImages.set(count: 3, seed: 1).entries(repeating: [ClassRepeat(name: "few", times: 2)])
        }
    }

    @Test("every time an image comes it has other noise and another place; its class and the prior stay")
    func training() throws {
        let set = images([0, 0, 0, 1])
        var options = TrainerTests.options(epochs: 2)
        options.shift = 1
        options.repeats = [ClassRepeat(name: "few", times: 5)]
        let preprocessing = try Preprocessing(levels: 256, logitAlpha: 1e-3)
        let rows = try RowPreparation(
            data: set, entries: set.entries(repeating: options.repeats), preprocessing: preprocessing,
            options: options, classes: 2)
        let prepared = try rows.training([3, 4, 5, 6, 7], epoch: 0, noise: .uniform)
        let different = Set((0..<5).map { [prepared.x[$0, 0], prepared.x[$0, 1]] })
        #expect(different.count == 5)
        #expect(prepared.context?.elements == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])

        let trainer = try Trainer<MaskedAutoregressiveFlow>(
            sizes: ["layers": 2, "hidden": [16], "log_scale_bound": 3, "classes": 2], train: set,
            validation: set, preprocessing: preprocessing, options: options, threads: 1)
        #expect(trainer.imagesPerEpoch == 8)
        var seen: [Int] = []
        _ = try trainer.run(observe: { if case .step(let report) = $0 { seen.append(report.images) } })
        #expect(seen == [8, 8])
        let record = try trainer.model(
            name: "m", classes: ["many", "few"], trainSplit: "train", validationSplit: "validation",
            precision: .float32
        ).record
        #expect(record.classPrior == [0.75, 0.25] && record.training?.images == 4)
    }

    @Test("1 to 100 times", arguments: [(0, false), (1, true), (100, true), (101, false)])
    func limits(_ times: Int, _ isAllowed: Bool) {
        var options = TrainingOptions()
        options.repeats = [ClassRepeat(name: "few", times: times)]
        let refused = TrainingError.outOfRange(option: "repeat few", value: "\(times)", allowed: "1 to 100")
        if isAllowed {
            #expect(throws: Never.self) { try options.validate() }
        } else {
            #expect(throws: refused) { try options.validate() }
        }
    }
}
