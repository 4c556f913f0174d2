import DensityAPI
import HTTPTypes
import Serving
import TestSupport
import Testing

@Suite("Routes of models", .timeLimit(.minutes(15)))
struct ModelRouteTests {
    private static let image = #"{"image":[1,1,1,1,1,1]}"#

    private func api() async throws -> TestAPI { try await TestAPI(more: [FakeDensity(name: "other")]) }

    @Test("the path picks a model as the query does")
    func paths() async throws {
        let api = try await api()
        for (path, model) in [
            ("/logprob", "fake"), ("/logprob?model=other", "other"), ("/models/other/logprob", "other"),
            ("/models/fake/logprob", "fake"), ("/models/other/logprob?model=other", "other"),
        ] {
            let answer = try await api.postJSON(path, Self.image)
            #expect(try answer.decoded(as: DensityJSON.self).model == model)
        }
        for path in ["/models/other/sample?seed=1", "/sample?seed=1&model=other"] {
            #expect(try await api.get(path).decoded(as: SamplesJSON.self).model == "other")
        }
        let plain = try await api.get("/sample?seed=1&model=other")
        #expect(try await api.get("/models/other/sample?seed=1").body == plain.body)
    }

    @Test("two names, or one that no model has, are refused")
    func refusals() async throws {
        let api = try await api()
        for path in ["/models/other/logprob?model=fake", "/models/other/logprob?model="] {
            let detail = try await api.postJSON(path, Self.image).problem(422, "parameter")
            #expect(detail.hasSuffix("and the path names \"other\""))
        }
        _ = try await api.get("/models/other/sample?model=fake").problem(422, "parameter")
        _ = try await api.postJSON("/models/none/logprob", Self.image).problem(404, "unknown-model")
        _ = try await api.get("/models/none/sample").problem(404, "unknown-model")
        _ = try await api.get("/models/none/logprob").problem(405, "method-not-allowed")
    }

    @Test("what administrators are told of a model that stays as it was")
    func unchanged() async throws {
        let api = try await api()
        for (error, status, kind, detail) in [
            (
                ModelExchangeError.failed(file: "a.safetensors", reason: "it is damaged"), 409, "model-unchanged",
                "model: a.safetensors: it is damaged"
            ),
            (.isDefault("fake"), 409, "model-unchanged", "model: fake is the default model, which is not unloaded"),
            (
                .overMemory(file: "a.safetensors", need: 3 << 20, used: 1 << 19, limit: 3_200_000), 409, "model-memory",
                "model: a.safetensors: loading it takes about 3.0 MiB of memory; 0.5 MiB of at most 3.1 MiB are used"
            ),
            (.unknown("x"), 404, "unknown-model", "model: no file holds a model called x"),
        ] {
            api.admin.modelError.change { $0 = error }
            for action in ["load", "unload"] {
                let answer = try await api.request(.post, "/admin/models/fake/\(action)", on: .unixSocket)
                #expect(try answer.problem(status, kind) == detail)
            }
        }
        api.admin.modelError.change { $0 = nil }
        let body = try await api.request(.post, "/admin/models/fake/load", body: [1], on: .unixSocket)
        _ = try body.problem(413, "body-too-large")
    }
}
