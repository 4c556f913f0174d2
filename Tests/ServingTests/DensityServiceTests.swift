import FlowModels
import Serving
import TestSupport
import Testing

private func service(_ change: (inout ServiceConfiguration) -> Void = { _ in }) -> DensityService {
    var configuration = ServiceConfiguration()
    configuration.threads = 1
    change(&configuration)
    return DensityService(configuration: configuration)
}

private func row(_ level: UInt8, draw: UInt32 = 0) -> DensityRow {
    DensityRow(pixels: Array(repeating: level, count: 6), draw: draw)
}

@Suite("Density service", .timeLimit(.minutes(15)))
struct DensityServiceTests {
    @Test("log-densities come back in the order of their rows")
    func order() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service { $0.maxBatchRows = 3 }
        let answer = try await service.logDensities(of: (0..<10).map { row($0) }, model: loaded)
        #expect(answer.results.map { try? $0.get().logProb } == (0..<10).map { -6 * Double($0) })
        #expect(answer.timings.batchRows == 3)
        #expect(model.densityCalls == [3, 3, 3, 1])
    }

    @Test("sixteen requests that wait behind a busy worker run as one batch")
    func oneBatch() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        // However long the first one was held.
        let service = service { $0.maxBatchTime = .seconds(600) }
        model.hold()
        async let busy = service.logDensities(of: [row(1)], model: loaded)
        await eventually { model.densityCalls == [1] }
        let values = try await withThrowingTaskGroup(of: Double.self) { group in
            for level in 0..<16 {
                group.addTask {
                    try await service.logDensities(of: [row(UInt8(level))], model: loaded).results[0].get().logProb
                }
            }
            await eventually { service.queuedRows == 16 }
            model.release()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values.sorted() == (0..<16).map { -6 * Double($0) }.sorted())
        #expect(model.densityCalls == [1, 16])
        _ = try await busy
    }

    @Test("rows of two models of one name never share a batch")
    func generations() async throws {
        let (old, new) = (FakeDensity(classes: ["a", "b"], isConditional: true), FakeDensity())
        let (loaded, next) = (LoadedModel(old), LoadedModel(new))
        let service = service()
        old.hold()
        async let busy = service.logDensities(of: [row(0)], model: loaded)
        await eventually { old.densityCalls == [2] }
        async let first = service.logDensities(of: [row(1)], model: loaded)
        await eventually { service.queuedRows == 1 }
        async let second = service.logDensities(of: [row(2)], model: next)
        await eventually { service.queuedRows == 2 }
        old.release()
        _ = try await busy
        #expect(try await first.results[0].get().classLogProbs == [-6, -7])
        #expect(try await second.results == [.success(RowDensity(logProb: -12))])
        #expect(old.densityCalls == [2, 2] && new.densityCalls == [1])
    }

    @Test("a request holds its model until its answer is done, and no longer")
    func holding() async throws {
        let service = service()
        weak var density: FakeDensity?
        let released = Locked(false)
        func ask() -> Task<DensityAnswer, any Error> {
            let model = FakeDensity()
            let loaded = LoadedModel(model) { _ in released.change { $0 = true } }
            density = model
            model.hold()
            return Task { try await service.logDensities(of: [row(1)], model: loaded) }
        }
        let task = ask()
        await eventually { density?.densityCalls == [1] }
        #expect(!released.value)
        density?.release()
        #expect(try await task.value.results == [.success(RowDensity(logProb: -6))])
        await eventually { released.value && density == nil }
    }

    @Test("a row that fails or is not finite does not touch the others of its batch")
    func isolation() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let answer = try await service().logDensities(
            of: [row(1), row(FakeDensity.poison), row(2), row(FakeDensity.void), row(3)], model: loaded)
        #expect(answer.results[0] == .success(RowDensity(logProb: -6)))
        #expect(answer.results[2] == .success(RowDensity(logProb: -12)))
        #expect(answer.results[3] == .failure(.notFinite))
        #expect(answer.results[4] == .success(RowDensity(logProb: -18)))
        guard case .failure(.refused(let reason)) = answer.results[1] else {
            Issue.record("the poisoned row has \(answer.results[1])")
            return
        }
        #expect(reason.contains("NaN"))
        #expect(model.densityCalls == [5, 1, 1, 1, 1, 1])
    }

    @Test("idle threads compute the classes of an image at the same time")
    func sharedClasses() async throws {
        let model = FakeDensity(classes: (0..<10).map { "c\($0)" }, isConditional: true)
        let loaded = LoadedModel(model)
        let service = service { $0.threads = 4 }
        model.hold()
        async let answer = service.logDensities(of: [row(1)], model: loaded)
        await eventually { model.densityCalls.count == 4 }  // none of them returns before all have begun
        #expect(model.densityCalls.sorted() == [2, 2, 2, 2], "the fifth pair is left for whoever is done first")
        model.release()
        let density = try await answer.results[0].get()
        #expect(abs(density.logProb - (-6 + FakeDensity.mixtureOffset(classes: 10))) < 1e-9)
        #expect(density.classLogProbs == (0..<10).map { -6 - Double($0) })
        // and again, with threads that have helped before
        #expect(try await service.logDensities(of: [row(1)], model: loaded).results[0].get() == density)
    }

    @Test("threads that have a batch of their own are not waited for")
    func busyThreads() async throws {
        let model = FakeDensity(classes: (0..<10).map { "c\($0)" }, isConditional: true)
        let loaded = LoadedModel(model)
        let service = service { $0.threads = 2 }
        model.hold()
        async let first = service.logDensities(of: [DensityRow(pixels: row(1).pixels, classIndex: 0)], model: loaded)
        await eventually { model.densityCalls == [1] }
        async let second = service.logDensities(of: [row(2)], model: loaded)
        await eventually { model.densityCalls.count == 2 }
        model.release()
        _ = try await (first, second)
        #expect(model.densityCalls.dropFirst().reduce(0, +) == 10)
    }

    @Test("a bad image in a shared batch fails alone")
    func sharedIsolation() async throws {
        let model = FakeDensity(classes: ["a", "b", "c", "d"], isConditional: true)
        let loaded = LoadedModel(model)
        let service = service { $0.threads = 3 }
        let answer = try await service.logDensities(of: [row(1), row(FakeDensity.poison), row(2)], model: loaded)
        #expect(try answer.results[0].get().classLogProbs == [-6, -7, -8, -9])
        guard case .failure(.refused) = answer.results[1] else {
            Issue.record("the poisoned row has \(answer.results[1])")
            return
        }
        #expect(try answer.results[2].get().classLogProbs == [-12, -13, -14, -15])
    }

    @Test("a cancelled request's shared parts are told, and the threads work on", .timeLimit(.minutes(15)))
    func cancelShared() async throws {
        let model = FakeDensity(classes: (0..<10).map { "c\($0)" }, isConditional: true)
        let loaded = LoadedModel(model)
        let service = service { $0.threads = 3 }
        model.hold()
        let task = Task { try await service.logDensities(of: [row(1)], model: loaded) }
        await eventually { model.densityCalls.count == 3 }
        task.cancel()
        await #expect(throws: ServingError.cancelled) { try await task.value }
        await eventually { model.cancelledCalls >= 3 }
        model.release()
        #expect(try await service.logDensities(of: [row(2)], model: loaded).results[0].get().classLogProbs[0] == -12)
    }

    @Test("a request may be cancelled anywhere on its way, and leaves nothing behind")
    func cancelAnywhere() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service { $0.threads = 2 }
        for step in 0..<20 {
            let density = Task { try await service.logDensities(of: [row(1), row(2)], model: loaded) }
            let stream = Task {
                var images = 0
                for try await block in try await service.sample(
                    (0..<3).map { SampleRow(seed: 1, index: $0) }, model: loaded)
                {
                    images += block.results.count
                }
                return images
            }
            for _ in 0..<step { await Task.yield() }
            density.cancel()
            stream.cancel()
            switch await density.result {
            case .success(let answer): #expect(answer.results.count == 2)
            case .failure(let error): #expect(error as? ServingError == .cancelled)
            }
            switch await stream.result {
            case .success(let images): #expect(images <= 3)
            case .failure(let error): #expect(error as? ServingError == .cancelled)
            }
        }
        await eventually { service.queuedRows == 0 }
        #expect(try await service.logDensities(of: [row(1)], model: loaded).results.count == 1)
    }

    @Test("a cancelled task's rows never run, and it returns at once")
    func cancelWaiting() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service()
        model.hold()
        async let busy = service.logDensities(of: [row(1)], model: loaded)
        await eventually { model.densityCalls == [1] }
        let waiting = Task { try await service.logDensities(of: [row(2), row(3)], model: loaded) }
        await eventually { service.queuedRows == 2 }
        waiting.cancel()
        await #expect(throws: ServingError.cancelled) { try await waiting.value }
        #expect(service.queuedRows == 0)
        model.release()
        _ = try await busy
        #expect(model.densityCalls == [1])
    }

    @Test("a task cancelled before it asks is refused, and nothing stays behind")
    func cancelledBefore() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service()
        model.hold()
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await service.logDensities(of: [row(1)], model: loaded)
        }
        await #expect(throws: ServingError.cancelled) { try await task.value }
        model.release()
        await service.drain()
    }

    @Test("a batch stops between blocks once nobody wants it")
    func cancelRunning() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service()
        model.hold()
        let task = Task { try await service.logDensities(of: [row(1)], model: loaded) }
        await eventually { model.densityCalls == [1] }
        task.cancel()
        await #expect(throws: ServingError.cancelled) { try await task.value }
        await eventually { model.cancelledCalls >= 1 }
    }

    @Test("a deadline is kept although the worker is busy")
    func deadline() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service()
        model.hold()
        async let busy = service.logDensities(of: [row(1)], model: loaded)
        await eventually { model.densityCalls == [1] }
        await #expect(throws: ServingError.deadlinePassed(finished: 0, of: 1)) {
            try await service.logDensities(
                of: [row(2)], model: loaded, terms: RequestTerms(deadline: .milliseconds(20)))
        }
        model.release()
        _ = try await busy
        #expect(model.densityCalls == [1])
    }

    @Test("a full queue refuses at once")
    func full() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service { $0.maxQueueRows = 2 }
        model.hold()
        async let busy = service.logDensities(of: [row(1)], model: loaded)
        await eventually { model.densityCalls == [1] }
        async let waiting = service.logDensities(of: [row(1), row(1)], model: loaded)
        await eventually { service.queuedRows == 2 }
        await #expect(throws: ServingError.queueFull(waiting: 2, limit: 2, retryAfter: .zero)) {
            try await service.logDensities(of: [row(2)], model: loaded)
        }
        model.release()
        _ = try await (busy, waiting)
    }

    @Test("samples come in order, in blocks, and are the same alone")
    func samples() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service {
            $0.threads = 3
            $0.sequentialBlockRows = 4
        }
        let rows = (0..<30).map { SampleRow(seed: 7, index: $0) }
        var images: [DrawnImage] = []
        for try await block in try await service.sample(rows, model: loaded) {
            #expect(block.first == images.count)
            #expect(block.results.count <= 4)
            images += try block.results.map { try $0.get() }
        }
        #expect(images == (try model.sample(rows, isCancelled: { false })))
    }

    @Test("sequential sampling does not hold up densities")
    func lanes() async throws {
        let (slow, quick) = (FakeDensity(name: "slow"), FakeDensity(name: "quick"))
        let service = service()
        slow.hold()
        let stream = try await service.sample([SampleRow(seed: 1, index: 0)], model: LoadedModel(slow))
        await eventually { slow.samplingCalls.count == 1 }
        #expect(
            try await service.logDensities(of: [row(1)], model: LoadedModel(quick)).results == [
                .success(RowDensity(logProb: -6))
            ])
        slow.release()
        for try await block in stream { #expect(block.results.count == 1) }
    }

    @Test("whoever stops iterating cancels the samples that are left")
    func stopIterating() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service { $0.sequentialBlockRows = 1 }
        model.hold(afterSamplingCalls: 1)
        let first = Locked(false)
        let task = Task {
            for try await _ in try await service.sample((0..<100).map { SampleRow(seed: 1, index: $0) }, model: loaded)
            {
                first.change { $0 = true }
            }
        }
        await eventually { first.value && model.samplingCalls.count == 2 }
        task.cancel()
        await eventually { service.queuedRows == 0 && model.cancelledCalls > 0 }
        model.release()
        await service.drain()
        #expect(model.samplingCalls.count == 2, "the first block and the held one")
    }

    @Test("loading tests each model by its check vector, then the service is ready")
    func ready() async throws {
        let service = service()
        #expect(throws: ServingError.loading) { try service.models }
        try await service.load([FakeDensity(name: "one"), FakeDensity(name: "two")])
        #expect(try service.models.model(named: nil).record.name == "one")
        #expect(try service.models.model(named: "two").record.name == "two")
        #expect(throws: ServingError.unknownModel("three")) { try service.models.model(named: "three") }
    }

    @Test("a model that misses its check vector is not served")
    func selfTest() async throws {
        let service = service()
        let model = FakeDensity(checkOffset: 1)
        let error = await #expect(throws: ServingError.self) { try await service.load([model]) }
        guard case .selfTestFailed("fake", _)? = error else {
            Issue.record("it was \(String(describing: error))")
            return
        }
        #expect(throws: ServingError.loading) { try service.models }
    }

    @Test("a model whose samples are not of its density is not served, and one that rounds is")
    func inverseTest() async throws {
        let service = service()
        let tolerance = InverseTest.tolerance
        let error = await #expect(throws: ServingError.self) {
            try await service.load([FakeDensity(inverseError: tolerance.nextUp)])
        }
        guard case .selfTestFailed("fake", let reason)? = error else {
            Issue.record("it was \(String(describing: error))")
            return
        }
        #expect(reason.contains("\(tolerance.nextUp)"))
        #expect(throws: ServingError.loading) { try service.models }
        try await service.load([FakeDensity(inverseError: tolerance)])
        #expect(try service.models.defaultModel.name == "fake")
    }

    @Test("what an image costs is known before one was drawn, by the part that the self-test draws")
    func expectedCost() async throws {
        let service = service()
        let model = FakeDensity()
        let sample = SampleRow(seed: 0, index: 0)
        let unknown = service.mostRows(SamplingWork.self, like: sample, by: LoadedModel(model), within: .seconds(1))
        #expect(unknown == nil)
        try await service.load([model])
        let loaded = try service.models.defaultModel
        // Half an image takes a microsecond.
        #expect(service.mostRows(SamplingWork.self, like: sample, by: loaded, within: .seconds(1)) == 500_000)
        #expect(model.samplingCalls.count == 1)
    }

    @Test("two models of one name are refused, and so is none")
    func names() async throws {
        await #expect(throws: ServingError.badModelSet(reason: "two models are called fake")) {
            try await service().load([FakeDensity(), FakeDensity()])
        }
        await #expect(throws: ServingError.badModelSet(reason: "no model was given")) {
            try await service().load([])
        }
    }

    @Test("draining finishes what runs and refuses the rest")
    func drain() async throws {
        let model = FakeDensity()
        let loaded = LoadedModel(model)
        let service = service()
        try await service.load([model])
        model.hold()
        async let busy = service.logDensities(of: [row(1)], model: loaded)
        await eventually { model.densityCalls.count == 2 }  // the self-test's and this one
        async let drained: Void = service.drain()
        await eventually { (try? service.models) == nil }
        #expect(throws: ServingError.draining) { try service.models }
        model.release()
        await drained
        #expect(try await busy.results == [.success(RowDensity(logProb: -6))])
        await #expect(throws: ServingError.draining) {
            try await service.logDensities(of: [row(1)], model: loaded)
        }
    }

    @Test("a drained service holds no model any more")
    func givenUp() async throws {
        let service = service()
        weak var density: FakeDensity?
        do {
            let models = [FakeDensity(name: "one"), FakeDensity(name: "two")]
            density = models[1]
            try await service.load(models)
        }
        #expect(try service.models.models.map(\.record.name) == ["one", "two"])
        #expect(density != nil)
        await service.drain()
        await eventually { density == nil }
    }
}
