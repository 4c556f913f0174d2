import FlowCore
import FlowModels
import Metrics
import Serving
import System
import TestSupport
import Testing

@Suite("Model catalog", .timeLimit(.minutes(5)))
struct ModelCatalogTests {
    /// Files that tests write: a model, or why it cannot be read.
    private final class Files: Sendable {
        private struct File {
            var contents: Result<FakeDensity, ModelFileError>
            var stamp: FileStamp
        }

        private let files = Locked<[(name: String, file: File)]>([])
        private let writes = Locked(0)
        /// Called while a file is read.
        let whileReading = Locked<(@Sendable () -> Void)?>(nil)
        /// Names that files' models are served by, beside those of their records.
        let names = Locked<[String: ServedName]>([:])
        /// Bytes that loading takes beside what the model takes.
        let extra = Locked(0)

        func write(_ name: String, _ contents: Result<FakeDensity, ModelFileError>) {
            writes.change { $0 += 1 }
            let file = File(
                contents: contents, stamp: FileStamp(size: 1, modified: writes.value, changed: 0, number: 0))
            files.change { files in
                guard let place = files.firstIndex(where: { $0.name == name }) else {
                    return files.append((name, file))
                }
                files[place].file = file
            }
        }

        func remove(_ name: String) { files.change { $0.removeAll { $0.name == name } } }

        func sources() -> [ModelSource] {
            files.value.map(\.name).map { name in
                @Sendable func file() throws -> File {
                    guard let file = self.files.value.first(where: { $0.name == name })?.file else {
                        throw ModelFileError.unreadable(reason: "gone")
                    }
                    return file
                }
                return ModelSource(
                    place: "/secret/\(name)", file: name, given: self.names.value[name],
                    stamp: { try? file().stamp },
                    recordName: { try file().contents.get().record.name },
                    read: { admit in
                        let density = try file().contents.get()
                        try admit(density.record, density.memoryBytes + self.extra.value)
                        self.whileReading.value?()
                        return density
                    })
            }
        }
    }

    private struct Setup {
        let files = Files()
        let metrics = MetricSet()
        let service: DensityService
        let catalog: ModelCatalog

        init(_ models: FakeDensity..., memory: Int = .max) {
            var configuration = ServiceConfiguration()
            configuration.threads = 1
            service = DensityService(configuration: configuration, metrics: metrics)
            catalog = ModelCatalog(service: service, memory: memory, metrics: metrics) { [files] in files.sources() }
            for model in models { files.write("\(model.record.name).safetensors", .success(model)) }
        }

        func state(_ file: String) throws -> ModelState {
            try #require(catalog.states.first { $0.file == file })
        }

        func served(_ name: String? = nil) throws -> LoadedModel { try service.models.model(named: name) }

        /// Values of a metric by its labels' values.
        func values(_ metric: String) -> [String: Int] {
            let series = metrics.readings.first { $0.name == metric }?.series ?? []
            return Dictionary(
                uniqueKeysWithValues: series.map { one in
                    (one.labels.map(\.value).joined(separator: " "), Int(one.value.number))
                })
        }
    }

    private static let damaged = ModelFileError.damaged

    @Test("at the start all are served, the default first")
    func start() async throws {
        let setup = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"))
        #expect(try await setup.catalog.start(default: "b").map(\.name) == ["b", "a"])
        #expect(try setup.served().name == "b")
        let states = setup.catalog.states
        #expect(states.map(\.name) == ["a", "b"] && states.map(\.isDefault) == [false, true])
        #expect(states.allSatisfy { $0.phase == .serving && $0.memory == 492 && $0.loaded != nil && $0.failure == nil })
        #expect(setup.values("model_loads") == ["completed": 2, "failed": 0, "over_memory": 0])
        #expect(setup.values("model_memory_bytes") == ["a": 492, "b": 492])
        let phases = setup.values("model_phase")
        #expect(phases["a serving"] == 1 && phases["a testing"] == 0 && phases.count == 10)
    }

    @Test("what the start refuses is said with the place")
    func startRefusals() async throws {
        let unknown = Setup(FakeDensity(name: "a"))
        await #expect(throws: ModelExchangeError.unknown("x")) { try await unknown.catalog.start(default: "x") }
        let twice = Setup(FakeDensity(name: "a"))
        twice.files.write("b.safetensors", .success(FakeDensity(name: "a")))
        await #expect(
            throws: ModelExchangeError.failed(
                file: "/secret/b.safetensors",
                reason: "its model is called a, as is that of /secret/a.safetensors")
        ) { try await twice.catalog.start() }
        let broken = Setup(FakeDensity(name: "a"))
        broken.files.write("b.safetensors", .failure(Self.damaged))
        await #expect(
            throws: ModelExchangeError.failed(file: "/secret/b.safetensors", reason: "\(Self.damaged)")
        ) { try await broken.catalog.start() }
        let large = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"), memory: 983)
        await #expect(
            throws: ModelExchangeError.overMemory(file: "/secret/b.safetensors", need: 492, used: 492, limit: 983)
        ) { try await large.catalog.start() }
        #expect(throws: ServingError.loading) { try large.service.models }
    }

    @Test("a file that is read again takes the place of the old generation, which goes with its last holder")
    func exchange() async throws {
        let setup = Setup(FakeDensity(name: "a"))
        _ = try await setup.catalog.start()
        var held: LoadedModel? = try setup.served()
        let next = FakeDensity(name: "a", memoryBytes: 1000)
        setup.files.write("a.safetensors", .success(next))
        let state = try await setup.catalog.load("a")
        #expect(state.phase == .serving && state.leaving == 1 && state.memory == 1492)
        #expect(try setup.served().density as? FakeDensity === next)
        #expect(held?.density as? FakeDensity !== next)
        held = nil
        await eventually { (try? setup.state("a.safetensors").leaving) == 0 }
        #expect(try setup.state("a.safetensors").memory == 1000)
        #expect(next.densityCalls.count == 1, "it was tested")
    }

    @Test("a file that cannot be taken leaves the old model, and says why")
    func failures() async throws {
        let setup = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"))
        _ = try await setup.catalog.start()
        let old = try setup.served("b").id
        let cases: [(Result<FakeDensity, ModelFileError>, String)] = [
            (.failure(Self.damaged), "\(Self.damaged)"),
            (.success(FakeDensity(name: "b", checkOffset: 1)), "its check vector has log_prob "),
            (.success(FakeDensity(name: "b", inverseError: 1)), "what it draws is 1.0 from its latents"),
            (.success(FakeDensity(name: "c")), "it holds a model called c now, and b is still served"),
            (.success(FakeDensity(name: "a")), "it holds a model called a now"),
        ]
        for (contents, reason) in cases {
            setup.files.write("b.safetensors", contents)
            let error = await #expect(throws: ModelExchangeError.self) { try await setup.catalog.load("b") }
            guard case .failed("b.safetensors", let told)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(told.hasPrefix(reason))
            let state = try setup.state("b.safetensors")
            #expect(state.failure?.reason == told && state.phase == .serving && state.incoming == nil)
            #expect(try setup.served("b").id == old)
        }
        #expect(setup.values("model_loads") == ["completed": 2, "failed": cases.count, "over_memory": 0])
        setup.files.write("b.safetensors", .success(FakeDensity(name: "b")))
        #expect(try await setup.catalog.load("b").failure == nil)
        #expect(try setup.served("b").id != old)
        await #expect(throws: ModelExchangeError.unknown("x")) { try await setup.catalog.load("x") }
    }

    @Test("a model of the folder is found by its file's name, or by the name in the file; two of one name are refused")
    func finding() async throws {
        let setup = Setup(FakeDensity(name: "a"))
        _ = try await setup.catalog.start()
        setup.files.write("b.safetensors", .success(FakeDensity(name: "b")))
        setup.files.write("other.safetensors", .success(FakeDensity(name: "c")))
        for name in ["b", "c"] {
            #expect(try await setup.catalog.load(name).name == name)
            #expect(try setup.served(name).name == name)
        }
        #expect(try setup.state("other.safetensors").name == "c")
        setup.files.write("twin.safetensors", .success(FakeDensity(name: "b")))
        #expect(
            try await setup.catalog.refresh() == [
                "twin.safetensors: its model is called b, as is that of b.safetensors"
            ])
        setup.files.write("d.safetensors", .failure(Self.damaged))
        await #expect(
            throws: ModelExchangeError.failed(file: "d.safetensors", reason: "\(Self.damaged)")
        ) { try await setup.catalog.load("d") }
    }

    @Test("the budget holds for what is served, what leaves and what loading takes")
    func budget() async throws {
        let setup = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"), memory: 2000)
        _ = try await setup.catalog.start()
        var held: LoadedModel? = try setup.served("b")
        setup.files.write("b.safetensors", .success(FakeDensity(name: "b", memoryBytes: 1000)))
        _ = try await setup.catalog.load("b")
        // 492 of a, 1000 of b and 492 of the b that is held
        setup.files.write("c.safetensors", .success(FakeDensity(name: "c", memoryBytes: 17)))
        let refusal = ModelExchangeError.overMemory(file: "c.safetensors", need: 17, used: 1984, limit: 2000)
        await #expect(throws: refusal) { try await setup.catalog.load("c") }
        #expect(try setup.state("c.safetensors").failure?.reason == "\(refusal)")
        #expect(setup.values("model_loads")["over_memory"] == 1)
        _ = held?.name
        held = nil
        await eventually { (try? setup.state("b.safetensors").leaving) == 0 }
        setup.files.extra.change { $0 = 492 }
        await #expect(
            throws: ModelExchangeError.overMemory(file: "c.safetensors", need: 509, used: 1492, limit: 2000)
        ) { try await setup.catalog.load("c") }
        // more than its header said
        setup.files.extra.change { $0 = -500 }
        setup.files.write("c.safetensors", .success(FakeDensity(name: "c", memoryBytes: 509)))
        await #expect(
            throws: ModelExchangeError.overMemory(file: "c.safetensors", need: 509, used: 1492, limit: 2000)
        ) { try await setup.catalog.load("c") }
        setup.files.write("c.safetensors", .success(FakeDensity(name: "c", memoryBytes: 17)))
        setup.files.extra.change { $0 = 491 }
        #expect(try await setup.catalog.load("c").memory == 17)
    }

    @Test("an unloaded model leaves with its last holder and its series end; it comes back by name alone")
    func unload() async throws {
        let setup = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"))
        _ = try await setup.catalog.start()
        var held: LoadedModel? = try setup.served("b")
        #expect(setup.values("rows").keys.contains("density b"))
        try await setup.catalog.unload("b")
        #expect(throws: ServingError.unknownModel("b")) { try setup.served("b") }
        #expect(try setup.state("b.safetensors").phase == .leaving)
        #expect(setup.values("model_phase")["b leaving"] == 1)
        _ = held?.name
        held = nil
        await eventually { (try? setup.state("b.safetensors").phase) == .absent }
        for metric in ["rows", "model_phase", "model_memory_bytes", "queue_wait_seconds"] {
            #expect(!setup.values(metric).keys.contains { $0.contains("b") && !$0.contains("a") }, "\(metric)")
        }
        #expect(try await setup.catalog.refresh() == [])
        #expect(throws: ServingError.unknownModel("b")) { try setup.served("b") }
        await #expect(throws: ServingError.unknownModel("b")) { try await setup.catalog.unload("b") }
        #expect(try await setup.catalog.load("b").phase == .serving)
        await #expect(throws: ModelExchangeError.isDefault("a")) { try await setup.catalog.unload("a") }
    }

    @Test("a refresh takes what is new, changed or failed, and gives up what is gone but for the default")
    func refresh() async throws {
        let setup = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"))
        _ = try await setup.catalog.start()
        let (a, b) = try (setup.served("a").id, setup.served("b").id)
        #expect(try await setup.catalog.refresh() == [])
        #expect(try setup.served("a").id == a && setup.served("b").id == b, "unchanged files are not read")
        setup.files.write("b.safetensors", .success(FakeDensity(name: "b")))
        setup.files.write("c.safetensors", .failure(Self.damaged))
        #expect(try await setup.catalog.refresh() == ["c.safetensors: \(Self.damaged)"])
        #expect(try setup.served("a").id == a && setup.served("b").id != b)
        #expect(try setup.state("c.safetensors").name == nil)
        #expect(try await setup.catalog.refresh() == ["c.safetensors: \(Self.damaged)"], "tried again")
        for file in ["a", "b", "c"] { setup.files.remove("\(file).safetensors") }
        let reason = "the file is gone; its model is the default, which is not unloaded"
        #expect(try await setup.catalog.refresh() == ["a.safetensors: \(reason)"])
        #expect(setup.catalog.states.map(\.file) == ["a.safetensors"])
        #expect(try setup.service.models.models.map(\.id) == [a])
        #expect(try setup.state("a.safetensors").failure?.reason == reason)
    }

    @Test("a watch takes a file that it has found twice as it is, and tries none twice")
    func watch() async throws {
        let setup = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"))
        _ = try await setup.catalog.start()
        var seen = try await setup.catalog.look([:])
        func look() async throws { seen = try await setup.catalog.look(seen) }
        let b = try setup.served("b").id
        setup.files.write("b.safetensors", .success(FakeDensity(name: "b")))
        setup.files.write("c.safetensors", .failure(Self.damaged))
        try await look()
        #expect(try setup.served("b").id == b, "it may still be written")
        setup.files.write("b.safetensors", .success(FakeDensity(name: "b")))
        try await look()
        #expect(try setup.served("b").id == b, "it was written to meanwhile")
        #expect(try setup.state("c.safetensors").failure != nil)
        for _ in 0..<3 { try await look() }
        #expect(try setup.served("b").id != b)
        #expect(setup.values("model_loads") == ["completed": 3, "failed": 1, "over_memory": 0])
        setup.files.remove("b.safetensors")
        try await look()
        _ = try setup.served("b")
        try await look()
        #expect(throws: ServingError.unknownModel("b")) { try setup.served("b") }

        let polls = Locked(0)
        let task = Task { await setup.catalog.watch(every: .seconds(1)) { _ in polls.change { $0 += 1 } } }
        setup.files.write("d.safetensors", .success(FakeDensity(name: "d")))
        await eventually { (try? setup.served("d")) != nil }
        task.cancel()
        await task.value
        #expect(polls.value >= 2)
    }

    @Test("a service that drains while a model is loaded serves it no more, and holds it no longer")
    func draining() async throws {
        let setup = Setup(FakeDensity(name: "a"))
        _ = try await setup.catalog.start()
        weak var next: FakeDensity?
        let service = setup.service
        do {
            let density = FakeDensity(name: "a")
            next = density
            setup.files.write("a.safetensors", .success(density))
        }
        setup.files.whileReading.change { hook in
            hook = {
                service.registry.close()
                service.registry.leaveAll()
            }
        }
        await #expect(throws: (any Error).self) { try await setup.catalog.load("a") }
        setup.files.whileReading.change { $0 = nil }
        await service.drain()
        await #expect(throws: ServingError.draining) { try await setup.catalog.load("a") }
        #expect(service.registry.lives.isEmpty && service.registry.memory == 0)
        setup.files.remove("a.safetensors")
        await eventually { next == nil }
    }

    @Test("versions of a name stand side by side; the name means the highest, and loads and unloads them all")
    func versions() async throws {
        let setup = Setup()
        for version in [2, 10] {
            setup.files.names.change { $0["a/\(version).safetensors"] = ServedName("a", version: version) }
            setup.files.write("a/\(version).safetensors", .success(FakeDensity(name: "other")))
        }
        setup.files.write("b.safetensors", .success(FakeDensity(name: "b")))
        #expect(try await setup.catalog.start().map(\.name) == ["a@10", "a@2", "b"])
        #expect(try setup.served().name == "a@10" && setup.served("a").record.name == "other")
        #expect(setup.values("model_memory_bytes") == ["a@2": 492, "a@10": 492, "b": 492])

        // a new version takes the place of the default, and its fault holds up no other
        setup.files.names.change { $0["a/11.safetensors"] = ServedName("a", version: 11) }
        setup.files.write("a/11.safetensors", .failure(Self.damaged))
        let (second, tenth) = (try setup.served("a@2").id, try setup.served("a@10").id)
        await #expect(
            throws: ModelExchangeError.failed(file: "a/11.safetensors", reason: "\(Self.damaged)")
        ) { try await setup.catalog.load("a") }
        #expect(try setup.served("a@2").id != second && setup.served("a@10").id != tenth)
        setup.files.write("a/11.safetensors", .success(FakeDensity()))
        #expect(try await setup.catalog.refresh() == [])
        #expect(try setup.served().name == "a@11")
        #expect(setup.catalog.states.filter(\.isDefault).map(\.name) == ["a@11"])
        #expect(try await setup.catalog.load("a").name == "a@11")

        try await setup.catalog.unload("a@11")
        #expect(try setup.served().name == "a@10")
        await #expect(throws: ModelExchangeError.isDefault("a")) { try await setup.catalog.unload("a") }
        setup.files.remove("a/10.safetensors")
        #expect(try await setup.catalog.refresh() == [])
        #expect(try setup.served().name == "a@2")
        await #expect(throws: ModelExchangeError.isDefault("a@2")) { try await setup.catalog.unload("a@2") }
        await #expect(throws: ServingError.unknownModel("a@10")) { try await setup.catalog.unload("a@10") }
        #expect(try await setup.catalog.load("a").name == "a@11", "what was unloaded comes back by its name")

        let pinned = Setup(FakeDensity(name: "b"))
        for version in [1, 2] {
            pinned.files.names.change { $0["\(version)"] = ServedName("a", version: version) }
            pinned.files.write("\(version)", .success(FakeDensity()))
        }
        _ = try await pinned.catalog.start(default: "a@1")
        #expect(try pinned.served().name == "a@1")
        try await pinned.catalog.unload("a@2")
        await #expect(throws: ModelExchangeError.isDefault("a")) { try await pinned.catalog.unload("a") }
    }

    @Test("a model that nobody uses rests, and is loaded again for whoever asks; one loads it for all who wait")
    func resting() async throws {
        let setup = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"))
        _ = try await setup.catalog.start()
        let model = try setup.served("b")
        let row = DensityRow(pixels: [1, 2, 3, 4, 5, 6])
        let before = try await setup.service.logDensities(of: [row], model: model).results
        setup.catalog.rest(after: .seconds(3600))
        #expect(try setup.state("b.safetensors").phase == .serving)
        weak let weights = model.density as? FakeDensity
        setup.files.write("b.safetensors", .success(FakeDensity(name: "b")))
        setup.catalog.rest(after: .zero)
        #expect(weights == nil, "its memory is free")
        let state = try setup.state("b.safetensors")
        #expect(state.phase == .resting && state.memory == 0)
        #expect(setup.values("model_phase")["b resting"] == 1 && setup.values("model_phase")["b serving"] == 0)
        #expect(setup.values("model_memory_bytes")["b"] == 0)
        #expect(try setup.served("b") === model && model.density.densityOrder == .parallel)

        let reads = Locked(0)
        setup.files.whileReading.change { $0 = { reads.change { $0 += 1 } } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    let answer = try await setup.service.logDensities(of: [row], model: model)
                    #expect(answer.results == before)
                }
            }
            try await group.waitForAll()
        }
        #expect(reads.value == 1)
        #expect(try setup.state("b.safetensors").phase == .serving && setup.state("b.safetensors").memory == 492)

        // a stream holds the weights to its end
        let samples = (0..<3).map { SampleRow(seed: 1, index: UInt64($0)) }
        var stream: AsyncThrowingStream<SampleBlock, any Error>? = try await setup.service.sample(samples, model: model)
        setup.catalog.rest(after: .zero)
        #expect(try setup.state("b.safetensors").phase == .serving)
        if let stream { for try await _ in stream {} }
        stream = nil
        await eventually {
            setup.catalog.rest(after: .zero)
            return (try? setup.state("b.safetensors").phase) == .resting
        }
    }

    @Test("what keeps a model from being loaded again is said, and a changed file takes its place")
    func wakingFails() async throws {
        let setup = Setup(FakeDensity(name: "a"), FakeDensity(name: "b"), memory: 1000)
        _ = try await setup.catalog.start()
        let model = try setup.served("b")
        let rows = [DensityRow(pixels: [1, 2, 3, 4, 5, 6])]
        setup.catalog.rest(after: .zero)
        setup.files.write("b.safetensors", .failure(Self.damaged))
        await #expect(throws: ServingError.rests("b")) { try await setup.service.logDensities(of: rows, model: model) }
        #expect(try setup.state("b.safetensors").failure?.reason == "\(Self.damaged)")
        #expect(try setup.state("b.safetensors").phase == .resting)

        setup.files.write("b.safetensors", .success(FakeDensity(name: "b")))
        setup.files.extra.change { $0 = 509 }
        await #expect(throws: ServingError.rests("b")) { try await setup.service.logDensities(of: rows, model: model) }
        #expect(try setup.state("b.safetensors").failure?.reason.contains("of memory; 0.0 MiB of at most") == true)
        #expect(setup.values("model_loads")["over_memory"] == 1)
        setup.files.extra.change { $0 = 0 }

        let (begun, goesOn) = (Locked(false), Locked(false))
        setup.files.whileReading.change { hook in
            hook = {
                begun.change { $0 = true }
                while !goesOn.value {}
            }
        }
        let waiting = Task { try await setup.service.logDensities(of: rows, model: model) }
        await eventually { begun.value }
        var terms = RequestTerms()
        terms.deadline = .milliseconds(20)
        await #expect(throws: ServingError.deadlinePassed(finished: 0, of: 1)) {
            try await setup.service.logDensities(of: rows, model: model, terms: terms)
        }
        waiting.cancel()
        await #expect(throws: ServingError.cancelled) { try await waiting.value }
        goesOn.change { $0 = true }
        setup.files.whileReading.change { $0 = nil }
        #expect(try await setup.service.logDensities(of: rows, model: model).results.count == 1)

        await eventually {
            setup.catalog.rest(after: .zero)
            return (try? setup.state("b.safetensors").phase) == .resting
        }
        let next = FakeDensity(name: "b", classes: ["lion"], memoryBytes: 100)
        setup.files.write("b.safetensors", .success(next))
        await #expect(throws: ServingError.rests("b")) { try await setup.service.logDensities(of: rows, model: model) }
        #expect(try setup.served("b").id != model.id, "the next request gets what the file holds now")
    }

    @Test("models rest by themselves after their time")
    func restingByItself() async throws {
        let setup = Setup(FakeDensity(name: "a"))
        _ = try await setup.catalog.start()
        let task = Task { await setup.catalog.letRest(after: .milliseconds(1)) { try? await Task.sleep(for: $0) } }
        await eventually { (try? setup.state("a.safetensors").phase) == .resting }
        task.cancel()
        await task.value
        #expect(try await setup.service.logDensities(of: [], model: setup.served()).results.isEmpty)
        #expect(try setup.state("a.safetensors").phase == .resting, "nothing was computed")
    }

    @Test("what is asked for at once is done one after the other")
    func turns() async throws {
        let setup = Setup(FakeDensity(name: "a"), memory: 3 * 492)
        _ = try await setup.catalog.start()
        let states = try await withThrowingTaskGroup(of: ModelState.self) { group in
            for _ in 0..<20 { group.addTask { try await setup.catalog.load("a") } }
            var states: [ModelState] = []
            for try await state in group { states.append(state) }
            return states
        }
        #expect(states.count == 20 && states.allSatisfy { $0.phase == .serving })
        #expect(setup.values("model_loads")["completed"] == 21)
    }
}
