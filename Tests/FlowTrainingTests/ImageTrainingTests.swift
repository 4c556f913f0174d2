import DataSets
import FlowCore
import FlowModels
import TestSupport
import Testing

@testable import FlowTraining

/// What holds for flows of vectors holds for flows of images, whose gradients come about in other code.
@Suite("Training of flows of images")
struct ImageTrainingTests {
    private static let types: [any FlowArchitecture.Type] = [
        SplineConvolutionalFlow.self, RealNVPFlow.self, SplineGlowFlow.self,
    ]

    private func images(_ count: Int, seed: UInt64) -> ImageDataSet {
        // four pixels that go in pairs, so that a squeeze finds even sides
        let pairs = PairImages.set(count: 2 * count, seed: seed)
        return ImageDataSet(
            shape: EventShape(height: 2, width: 2, channels: 1), levels: 256, pixels: pairs.pixels,
            labels: (0..<count).map { $0 % 2 }, classes: ["even", "odd"])
    }

    private func trainer<Flow: FlowArchitecture>(
        _: Flow.Type, threads: Int = 1, accumulate: Int = 0, dropout: Double = 0, reversible: Bool = false
    ) throws -> Trainer<Flow> {
        var options = CheckpointTests.options
        options.epochs = 2
        options.batch = 48
        options.accumulatedBatch = accumulate
        options.dropout = dropout
        options.reversible = reversible
        return try Trainer<Flow>(
            sizes: [
                "layers": 2, "hidden": [16], "log_scale_bound": 3, "classes": 2, "bins": 4, "gated": true, "scales": 1,
            ],
            train: images(100, seed: 1), validation: images(20, seed: 2),
            preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3), options: options, threads: threads)
    }

    @Test("threads do not change a bit, and parts of a step little", arguments: types.indices)
    func threads(_ index: Int) throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type) throws {
            let (one, three) = try (trainer(type), trainer(type, threads: 3))
            let parts = try trainer(type, accumulate: 16)
            for trainer in [one, three, parts] { _ = try trainer.run() }
            #expect(parameters(one.flow) == parameters(three.flow))
            #expect(one.progress.curve.map(\.validationBitsPerDim) == three.progress.curve.map(\.validationBitsPerDim))
            let gaps = zip(one.progress.curve, parts.progress.curve).map {
                abs($0.validationBitsPerDim - $1.validationBitsPerDim)
            }
            #expect(gaps.allSatisfy { $0 < 1e-3 })
        }
        try check(Self.types[index])
    }

    @Test("a training that was stopped and resumed ends with the same bits", arguments: types.indices)
    func resume(_ index: Int) throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type) throws {
            let folder = try TemporaryFolder()
            let file = folder.file("a.checkpoint")
            let (whole, first, second) = try (trainer(type), trainer(type), trainer(type))
            _ = try whole.run()
            #expect(
                try first.run(checkpoint: (file, 1e9), isInterrupted: { first.progress.step == 2 }) == .interrupted)
            try second.resume(from: file)
            _ = try second.run()
            #expect(parameters(second.flow) == parameters(whole.flow))
            #expect(parameters(second.flow) != parameters(first.flow))
        }
        try check(Self.types[index])
    }

    @Test("every thread has a part of a small batch, unless a dequantizer's vectors are cut with it")
    func parts() throws {
        let flow = try trainer(SplineGlowFlow.self).flow
        #expect(flow.partRows == 1)
        #expect(BatchDivision(rows: 16, of: flow, atATime: 0, threads: 3).blocks == [[[0..<6, 6..<12, 12..<16]]])
        #expect(BatchDivision(rows: 2, of: flow, atATime: 0, threads: 3).blocks == [[[0..<1, 1..<2]]])
        let dequantizer = try Dequantizer(
            shape: EventShape(height: 2, width: 2, channels: 1), sizes: [:], seed: 1)
        let both = Fitted(flow: flow, dequantizer: dequantizer)
        #expect(both.partRows == 16 && Fitted(flow: flow, dequantizer: nil).partRows == 1)
        #expect(BatchDivision(rows: 40, of: both, atATime: 0, threads: 3).blocks == [[[0..<16, 16..<32, 32..<40]]])
    }

    @Test("dropout is another training, which neither threads nor a resumption change", arguments: types.indices)
    func dropout(_ index: Int) throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type) throws {
            let folder = try TemporaryFolder()
            let file = folder.file("a.checkpoint")
            func made(threads: Int = 1) throws -> Trainer<Flow> {
                try trainer(type, threads: threads, dropout: 0.3)
            }
            let (without, one, three) = try (trainer(type), made(), made(threads: 3))
            let (first, second) = try (made(), made())
            for trainer in [without, one, three] { _ = try trainer.run() }
            #expect(parameters(one.flow) == parameters(three.flow))
            #expect(parameters(one.flow) != parameters(without.flow))
            _ = try first.run(checkpoint: (file, 1e9), isInterrupted: { first.progress.step == 2 })
            #expect(
                throws: TrainingError.checkpointMismatch(property: "dropout", checkpoint: "0.3", now: "0")
            ) { try trainer(type).resume(from: file) }
            try second.resume(from: file)
            _ = try second.run()
            #expect(parameters(second.flow) == parameters(one.flow))
        }
        try check(Self.types[index])
    }

    /// Noise around one of two levels, by the class.
    private func grounds(_ count: Int, seed: UInt64) -> ImageDataSet {
        var random = RandomStream(seed: seed, stream: 0)
        let pixels = (0..<count).flatMap { image in
            (0..<9).map { _ in UInt8((image % 2 == 0 ? 60 : 180) + 12 * random.normal()) }
        }
        return ImageDataSet(
            shape: EventShape(height: 3, width: 3, channels: 1), levels: 256, pixels: pixels,
            labels: (0..<count).map { $0 % 2 }, classes: ["dark", "bright"])
    }

    @Test("a belief learns the class beside the density, and threads, parts and a resumption do not change a bit of it")
    func belief() throws {
        func made(threads: Int = 1, epochs: Int = 20) throws -> Trainer<SplineConvolutionalFlow> {
            var options = CheckpointTests.options
            (options.epochs, options.batch, options.learningRate) = (epochs, 32, 1e-2)
            return try Trainer(
                sizes: ["layers": 1, "hidden": [16], "kernel": 3, "classes": 2, "bins": 4, "belief": [16]],
                train: grounds(160, seed: 1), validation: grounds(40, seed: 2),
                preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3), options: options, threads: threads)
        }
        let trainer = try made()
        let other = try made(threads: 3)
        for trainer in [trainer, other] { _ = try trainer.run() }
        #expect(parameters(trainer.flow) == parameters(other.flow))
        let model = try trainer.model(
            name: "grounds", classes: ["dark", "bright"], trainSplit: "train", validationSplit: "validation",
            precision: .float32)
        #expect(model.record.infersClass && model.record.parameterCount == trainer.flow.parameterCount)
        let test = grounds(40, seed: 3)
        let evaluation = try Evaluation(of: test, split: "test", under: model, threads: 1)
        #expect(evaluation.accuracy == 1)
        // the first pixel tells the class: what is lost beside it is about ln 2 nats
        let given = try (0..<test.count).map { i in
            try model.logDensities(
                of: [DensityRow(pixels: Array(test[i]), classIndex: test.labels![i])], isCancelled: { false })[0]
        }
        let lost = given.reduce(0, +) / Double(test.count) - evaluation.logProb
        #expect(lost > -0.5 && lost < 2, "\(lost) nats")
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let (first, second) = (try made(epochs: 2), try made(epochs: 2))
        let whole = try made(epochs: 2)
        _ = try whole.run()
        _ = try first.run(checkpoint: (file, 1e9), isInterrupted: { first.progress.step == 3 })
        try second.resume(from: file)
        _ = try second.run()
        #expect(parameters(second.flow) == parameters(whole.flow))
    }

    @Test("dropout is refused where activations are computed again, and where there are no blocks")
    func dropoutRefused() throws {
        let again = TrainingError.outOfRange(
            option: "dropout", value: "0.3", allowed: "0 where activations are computed again from their outputs")
        #expect(throws: again) { try trainer(RealNVPFlow.self, dropout: 0.3, reversible: true) }
        let none = FlowError.outOfRange(
            argument: "dropout", value: "0.3", allowed: "0 with maf, whose networks are not convolutional")
        #expect(throws: none) { try trainer(MaskedAutoregressiveFlow.self, dropout: 0.3) }
    }
}
