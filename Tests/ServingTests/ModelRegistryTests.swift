import FlowModels
import Serving
import TestSupport
import Testing

@Suite("Model registry")
struct ModelRegistryTests {
    private func serve(_ density: FakeDensity, in registry: ModelRegistry) throws -> LoadedModel.ID {
        let id = try registry.begin(density.record.name)
        try registry.passed(try registry.loaded(density, as: id))
        return id
    }

    @Test("models are served in the order in which they were begun, once it is open; the first is the default")
    func order() throws {
        let registry = ModelRegistry()
        let names = ["c", "a", "b"]
        for name in names { _ = try serve(FakeDensity(name: name), in: registry) }
        #expect(throws: ServingError.loading) { try registry.models }
        registry.open()
        let set = try registry.models
        #expect(set.models.map(\.record.name) == names)
        #expect(set.defaultModel === set.models[0])
        #expect(try set.model(named: nil) === set.models[0])
        for model in set.models { #expect(try set.model(named: model.record.name) === model) }
        #expect(throws: ServingError.unknownModel("d")) { try set.model(named: "d") }
    }

    @Test("an exchange gives new requests the new generation, and leaves the old one to those that hold it")
    func exchange() throws {
        let registry = ModelRegistry()
        let first = try serve(FakeDensity(), in: registry)
        registry.open()
        var held: LoadedModel? = try registry.models.defaultModel
        #expect(held?.id == first)

        let second = try registry.begin("fake")
        #expect(throws: ServingError.badModelSet(reason: "a model called fake is being loaded already")) {
            try registry.begin("fake")
        }
        let next = try registry.loaded(FakeDensity(), as: second)
        #expect(try registry.models.defaultModel.id == first)
        try registry.passed(next)
        #expect(try registry.models.defaultModel.id == second && next.id == second)
        #expect(registry.life(of: "fake").leaving == [first])

        _ = held?.record
        held = nil
        #expect(registry.life(of: "fake").leaving.isEmpty, "nobody holds it")
        #expect(registry.life(of: "fake").serving == second)
    }

    @Test("what fails on its way changes nothing for what serves", arguments: [false, true])
    func failure(isLoaded: Bool) throws {
        let registry = ModelRegistry()
        let first = try serve(FakeDensity(), in: registry)
        registry.open()
        weak var density: FakeDensity?
        let second = try registry.begin("fake")
        if isLoaded {
            let failing = FakeDensity()
            density = failing
            _ = try registry.loaded(failing, as: second)
        }
        registry.failed(second)
        #expect(try registry.models.models.map(\.id) == [first])
        #expect(registry.life(of: "fake").incoming == nil && density == nil)
        #expect(registry.life(of: "fake").leaving.isEmpty)
        registry.failed(second)
        #expect(try serve(FakeDensity(), in: registry) != second)
    }

    @Test("a first generation that fails leaves no trace")
    func firstFailure() throws {
        let registry = ModelRegistry()
        registry.failed(try registry.begin("a"))
        #expect(registry.life(of: "a").phase == .absent)
        _ = try serve(FakeDensity(name: "b"), in: registry)
        registry.open()
        #expect(try registry.models.models.map(\.record.name) == ["b"])
    }

    @Test("a model is served under the name that its generation was begun for")
    func names() throws {
        let registry = ModelRegistry()
        let model = try registry.loaded(FakeDensity(name: "b"), as: registry.begin("a@3"))
        #expect(model.name == "a@3" && model.base == "a" && model.version == 3 && model.record.name == "b")
        try registry.passed(model)
        registry.open()
        #expect(try registry.models.model(named: "a@3") === model)
        #expect(try registry.models.model(named: "a") === model)
        #expect(throws: ServingError.unknownModel("b")) { try registry.models.model(named: "b") }
    }

    @Test("a name alone means the model without a version, else the highest version; the default keeps to its name")
    func versions() throws {
        let registry = ModelRegistry()
        func serve(_ name: String) throws {
            try registry.passed(try registry.loaded(FakeDensity(), as: registry.begin(name)))
        }
        func named(_ name: String?) throws -> String { try registry.models.model(named: name).name }
        for name in ["a@2", "b", "a@10"] { try serve(name) }
        registry.setDefault("a")
        registry.open()
        #expect(try named(nil) == "a@10" && named("a") == "a@10" && named("a@2") == "a@2" && named("b") == "b")
        #expect(try registry.models.models.map(\.name) == ["a@10", "a@2", "b"])
        #expect(try registry.models.versions(of: "a").map(\.version) == [2, 10])
        #expect(!registry.needs(["a@10"]) && !registry.needs(["b"]) && registry.needs(["a@2", "a@10"]))
        try serve("a@11")
        #expect(try named(nil) == "a@11")
        for name in ["a@11", "a@10"] { try registry.leave(name) }
        #expect(try named(nil) == "a@2" && registry.needs(["a@2"]))
        try serve("a")
        #expect(try named("a") == "a" && named("a@2") == "a@2")
        registry.setDefault("a@2")
        #expect(try named(nil) == "a@2" && registry.needs(["a@2"]), "one version, whatever else there is")
    }

    @Test(
        "names with versions are read, and nothing else is taken for one",
        arguments: [
            ("a", "a", nil), ("a.b-c_D@1", "a.b-c_D", 1), ("a@999999999", "a", 999_999_999), ("a@1000000000", nil, nil),
            ("a@0", nil, nil), ("a@01", nil, nil), ("a@+1", nil, nil), ("a@-1", nil, nil), ("a@", nil, nil),
            ("@1", nil, nil),
            ("a@1@2", nil, nil), ("a b", nil, nil), ("", nil, nil), ("a:sample", nil, nil), ("a@１", nil, nil),
        ] as [(String, String?, Int?)])
    func servedNames(text: String, base: String?, version: Int?) {
        let name = ServedName(text)
        #expect(name?.base == base && name?.version == version)
        if base != nil { #expect(name?.description == text) }
    }

    @Test("what comes after its name was given up is let go of")
    func givenUp() throws {
        let registry = ModelRegistry()
        _ = try serve(FakeDensity(name: "a"), in: registry)
        let (loading, testing) = (try registry.begin("b"), try registry.begin("c"))
        let tested = try registry.loaded(FakeDensity(name: "c"), as: testing)
        registry.open()
        registry.leaveAll()
        weak var late: FakeDensity?
        do {
            let density = FakeDensity(name: "b")
            late = density
            #expect(throws: ServingError.badModelSet(reason: "the model was given up while it was being loaded")) {
                try registry.loaded(density, as: loading)
            }
        }
        #expect(late == nil)
        #expect(throws: ServingError.badModelSet(reason: "c was given up while it was being loaded")) {
            try registry.passed(tested)
        }
        for name in ["a", "b"] { #expect(registry.life(of: name).phase == .absent) }
        #expect(registry.life(of: "c").phase == .leaving)
        registry.failed(testing)
        withExtendedLifetime(tested) {}
    }

    @Test("readiness fails before requests are refused, and neither comes back")
    func access() throws {
        let registry = ModelRegistry()
        _ = try serve(FakeDensity(), in: registry)
        #expect(throws: ServingError.loading) { try registry.modelsIfReady }
        registry.open()
        _ = try registry.modelsIfReady
        registry.failReadiness()
        #expect(throws: ServingError.draining) { try registry.modelsIfReady }
        _ = try registry.models
        registry.open()
        #expect(throws: ServingError.draining) { try registry.modelsIfReady }
        registry.close()
        #expect(throws: ServingError.draining) { try registry.models }
        registry.failReadiness()
        registry.open()
        #expect(throws: ServingError.draining) { try registry.models }
        let never = ModelRegistry()
        never.failReadiness()
        #expect(throws: ServingError.draining) { try never.models }
    }

    @Test("a name that is given up, or whose first generation fails, is told of once it is absent")
    func absence() throws {
        let absent = Locked<[String]>([])
        let registry = ModelRegistry(whenAbsent: { name in absent.change { $0.append(name) } })
        registry.failed(try registry.begin("a"))
        #expect(absent.value == ["a"])
        _ = try serve(FakeDensity(name: "b"), in: registry)
        registry.open()
        var held: LoadedModel? = try registry.models.defaultModel
        try registry.leave("b")
        #expect(throws: ServingError.unknownModel("b")) { try registry.leave("b") }
        #expect(absent.value == ["a"] && registry.memory == 492)
        #expect(registry.lives.map(\.memory) == [492])
        _ = held?.name
        held = nil
        #expect(absent.value == ["a", "b"] && registry.memory == 0 && registry.lives.isEmpty)
    }

    @Test("nothing begins after the registry was closed")
    func closed() throws {
        let registry = ModelRegistry()
        let begun = try registry.begin("a")
        registry.close()
        #expect(throws: ServingError.draining) { try registry.begin("b") }
        registry.failed(begun)
        #expect(registry.lives.isEmpty)
    }
}
