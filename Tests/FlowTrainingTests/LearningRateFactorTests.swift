import FlowCore
import FlowModels
import FlowTraining
import Testing

@Suite("Learning-rate groups")
struct LearningRateFactorTests {
    private func trainer(_ factors: [LearningRateFactor], epochs: Int = 2) throws -> Trainer<MaskedAutoregressiveFlow> {
        var options = CheckpointTests.options
        options.epochs = epochs
        options.learningRateFactors = factors
        return try pairTrainer(options)
    }

    private func named(_ flow: MaskedAutoregressiveFlow) -> [String: [Float]] {
        var flow = flow
        var arrays: [String: [Float]] = [:]
        flow.visitParameters { info, values in arrays[info.name] = values }
        return arrays
    }

    @Test("arrays with a factor of 0 stay where they are, the others move; the last that matches counts")
    func still() throws {
        let trainer = try trainer([
            LearningRateFactor(pattern: "layers", factor: 0),
            LearningRateFactor(pattern: "layers.1.biases.1", factor: 3),
        ])
        let before = named(trainer.flow)
        _ = try trainer.run()
        // and the averages, of which a model is made
        for flow in [trainer.flow, try #require(trainer.bestFlow)] {
            for (name, values) in named(flow) {
                let moves = !name.hasPrefix("layers") || name.hasPrefix("layers.1.biases.1")
                #expect((values != before[name]) == moves, "\(name)")
            }
        }
    }

    @Test("a factor of 1 changes no bit, another does")
    func one() throws {
        let (plain, same) = try (trainer([]), trainer([LearningRateFactor(pattern: "layers", factor: 1)]))
        let other = try trainer([LearningRateFactor(pattern: "biases", factor: 0.5)])
        for trainer in [plain, same, other] { _ = try trainer.run() }
        #expect(parameters(plain.flow) == parameters(same.flow))
        #expect(parameters(plain.flow) != parameters(other.flow))
    }

    @Test("a resumed training ends with the same bits, and must have the same groups")
    func resume() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let factors = [LearningRateFactor(pattern: "standardize", factor: 0.1)]
        let (whole, first, second) = try (trainer(factors), trainer(factors), trainer(factors))
        _ = try whole.run()
        _ = try first.run(checkpoint: (file, 1e9), isInterrupted: { first.progress.step == 5 })
        try second.resume(from: file)
        _ = try second.run()
        #expect(parameters(second.flow) == parameters(whole.flow))
        #expect(
            throws: TrainingError.checkpointMismatch(
                property: "learning-rate-of", checkpoint: "standardize=0.1", now: "none")
        ) { try trainer([]).resume(from: file) }
    }

    @Test("a pattern is whole components, and one that matches nothing is an error")
    func patterns() throws {
        for pattern in ["layer", "biases.9", "1.weight", ""] {
            #expect(throws: TrainingError.noParameter(pattern: pattern, example: "standardize.shift"), "\(pattern)") {
                try trainer([LearningRateFactor(pattern: pattern, factor: 2)])
            }
        }
        #expect(throws: TrainingError.self) { try trainer([LearningRateFactor(pattern: "layers", factor: -1)]) }
        #expect(throws: TrainingError.self) { try trainer([LearningRateFactor(pattern: "layers", factor: 1e7)]) }
        _ = try trainer([LearningRateFactor(pattern: "layers", factor: 1e6)])
    }
}
