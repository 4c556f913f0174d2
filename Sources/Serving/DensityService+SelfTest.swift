import FlowCore
import FlowModels

/// Tests that a model has to pass before it serves.
extension DensityService {
    /// Tests weights that were loaded again for the model called `name`, as ``admit(_:as:drift:)`` tests those of a new one.
    /// - Throws: ``ServingError/selfTestFailed(model:reason:)``.
    func test(_ density: any ImageDensity, as name: String) async throws {
        try await selfTest(LoadedModel(density, name: name))
    }

    /// Tests both directions, side by side.
    func selfTest(_ model: LoadedModel) async throws {
        async let drawn: Void = testSampling(model)
        try await testDensity(model)
        try await drawn
    }

    private func testDensity(_ model: LoadedModel) async throws {
        let record = model.record
        let answer = try await logDensities(of: [DensityRow(pixels: record.check.pixels)], model: model)
        guard case .success(let value) = answer.results[0] else {
            throw ServingError.selfTestFailed(model: model.name, reason: "its check vector has no density")
        }
        let expected = record.check.logProb
        guard abs(value.logProb - expected) <= ModelFile.checkTolerance(dims: record.eventShape.dims) else {
            throw ServingError.selfTestFailed(
                model: model.name,
                reason: "its check vector has log_prob \(value.logProb), and should have \(expected)")
        }
    }

    /// Draws as much of an image as tells whether the inverse is the density's, and what a whole one will cost.
    private func testSampling(_ model: LoadedModel) async throws {
        let answer = try await answer(
            InverseTestWork.self, [InverseTest.pixels], by: model, terms: RequestTerms())
        guard case .success(let test) = answer.results[0] else {
            throw ServingError.selfTestFailed(model: model.name, reason: "it draws no image")
        }
        guard test.hasPassed else {
            throw ServingError.selfTestFailed(
                model: model.name,
                reason: "what it draws is \(test.error) from its latents, and should be no more than "
                    + "\(InverseTest.tolerance) from them")
        }
        lane(for: SamplingWork.order(on: model.density)).expect(
            LaneGroup(SamplingWork.self, on: model, cost: SamplingWork.cost(of: SampleRow(seed: 0, index: 0))),
            test.time / test.fraction)
    }
}
