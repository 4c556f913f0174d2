import DensityAPI
import FlowCore
import FlowModels
import FoundationEssentials
import HTTPTypes
import Serving
import TestSupport
import Testing

private struct HealthJSON: Decodable {
    var status: String
    var live: Bool
    var ready: Bool
    var model: String?
    var version: String
    var uptimeSeconds: Double

    enum CodingKeys: String, CodingKey {
        case status
        case live
        case ready
        case model
        case version
        case uptimeSeconds = "uptime_seconds"
    }
}

@Suite("Status routes", .timeLimit(.minutes(15)))
struct StatusRouteTests {
    @Test("a ready service is live, ready, and says what it serves")
    func ready() async throws {
        let api = try await TestAPI()
        let answer = try await api.get("/health")
        let health: HealthJSON = try answer.decoded()
        #expect(answer.status == 200)
        #expect(health.status == "ready" && health.live && health.ready)
        #expect(health.model == "fake" && health.version == "1.2.3" && health.uptimeSeconds >= 0)
        #expect(try await api.get("/health/live").text == #"{"live":true}"#)
        #expect(try await api.get("/health/ready").text == #"{"ready":true}"#)
    }

    @Test("a service that loads is live and not ready, and answers nothing else")
    func loading() async throws {
        let api = try await TestAPI(isLoading: true)
        let answer = try await api.get("/health")
        let health: HealthJSON = try answer.decoded()
        #expect(answer.status == 503)
        #expect(health.status == "loading" && health.live && !health.ready && health.model == nil)
        #expect(try await api.get("/health/live").status == 200)
        let ready = try await api.get("/health/ready")
        _ = try ready.problem(503, "loading")
        #expect(ready.fields[.retryAfter] == "1")
        for path in ["/models", "/models/fake", "/sample"] { _ = try await api.get(path).problem(503, "loading") }
        _ = try await api.postJSON("/logprob", "{}").problem(503, "loading")
        #expect(try await api.get("/openapi.yaml").status == 200)
    }

    @Test("a service that drains is live and not ready")
    func draining() async throws {
        let api = try await TestAPI()
        await api.service.drain()
        let health: HealthJSON = try await api.get("/health").decoded()
        #expect(health.status == "draining" && !health.ready)
        _ = try await api.get("/health/ready").problem(503, "draining")
        #expect(try await api.get("/health/live").status == 200)
    }

    @Test("an image is refused when there is no memory to decode it")
    func decodeMemory() throws {
        try DecodeMemory.check(pixels: 1024 * 1024)
        for pixels in [1 << 44, .max] {
            let problem = try #require(throws: Problem.self) { try DecodeMemory.check(pixels: pixels) }
            #expect(problem.kind == .outOfMemory && problem.kind.type == "urn:tusk:problem:out-of-memory")
            #expect(problem.detail.contains("its \(pixels) pixels"))
        }
    }

    @Test("a service is live unless work runs and none has ended for the time", arguments: [0.0, 600])
    func stalled(timeout: Double) async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model, options: { $0.livenessTimeout = .seconds(timeout) })
        #expect(try await api.get("/health/live").status == 200)
        let live = try await api.holding(model) { try await api.get("/health/live") }
        let whole = try await api.holding(model) { try await api.get("/health") }
        let ready = try await api.holding(model) { try await api.get("/health/ready") }
        #expect(ready.status == 200)
        if timeout == 0 {
            #expect(try live.problem(503, "stalled").contains("none of it has ended; the limit is 0.0 s"))
            let health: HealthJSON = try whole.decoded()
            #expect(whole.status == 503 && health.status == "stalled" && !health.live && health.ready)
        } else {
            #expect(live.status == 200 && whole.status == 200)
        }
        #expect(try await api.get("/health/live").status == 200)
    }

    @Test("a service that is leaving is not ready, and answers all the same")
    func leaving() async throws {
        let api = try await TestAPI()
        api.service.failReadiness()
        let health: HealthJSON = try await api.get("/health").decoded()
        #expect(health.status == "draining" && health.live && !health.ready)
        _ = try await api.get("/health/ready").problem(503, "draining")
        #expect(try await api.get("/sample").status == 200)
        await api.service.drain()
        _ = try await api.get("/sample").problem(503, "draining")
    }

    @Test("models are described by their records")
    func models() async throws {
        struct Model: Decodable {
            struct Shape: Decodable, Equatable { var height: Int, width: Int, channels: Int }
            struct Calibration: Decodable { var count: Int, log_prob_quantiles: [Double] }
            var name: String, architecture: String, shape: Shape, dims: Int, classes: [String]
            struct Dequantizer: Decodable, Equatable { var layers: Int, hidden: [Int] }
            struct Preprocessing: Decodable { var dequantization: String, dequantizer: Dequantizer? }
            var preprocessing: Preprocessing
            var parameter_count: Int, training: [String: JSONScalar], calibration: Calibration
        }
        struct Models: Decodable { var `default`: String, models: [Model] }
        let quantiles = (0...100).map { Double($0) - 0.5 }
        let api = try await TestAPI(FakeDensity(calibration: quantiles))
        let models: Models = try await api.get("/models").decoded()
        #expect(models.default == "fake")
        #expect(models.models.map(\.name) == ["fake"])
        let model: Model = try await api.get("/models/fake").decoded()
        #expect(model.architecture == "maf" && model.dims == 6 && model.classes == ["elephant"])
        #expect(model.shape == .init(height: 2, width: 3, channels: 1))
        #expect(model.parameter_count == 123)
        #expect(model.training["best_epoch"] == .number(2))
        #expect(model.preprocessing.dequantization == "uniform" && model.preprocessing.dequantizer == nil)
        let learned = try await TestAPI(
            FakeDensity(calibration: quantiles, dequantizer: ["layers": 3, "hidden": [9, 7]]))
        let variational: Model = try await learned.get("/models/fake").decoded()
        #expect(variational.preprocessing.dequantization == "variational")
        #expect(variational.preprocessing.dequantizer == .init(layers: 3, hidden: [9, 7]))
        #expect(model.calibration.log_prob_quantiles == quantiles)
        #expect(try await api.get("/models/%66ake").status == 200)
    }

    /// A number, string or boolean.
    enum JSONScalar: Decodable, Equatable {
        case number(Double)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self = (try? container.decode(Double.self)).map(Self.number) ?? .other
        }
    }

    @Test("of several models a parameter picks one by its name, and the first answers where none is named")
    func severalModels() async throws {
        struct Models: Decodable {
            struct Model: Decodable { var name: String, dims: Int }
            var `default`: String, models: [Model]
        }
        let (first, other) = (
            FakeDensity(), FakeDensity(name: "other", shape: EventShape(height: 1, width: 2, channels: 1))
        )
        let api = try await TestAPI(first, more: [other])
        let models: Models = try await api.get("/models").decoded()
        #expect(models.default == "fake" && models.models.map(\.name) == ["fake", "other"])
        #expect(models.models.map(\.dims) == [6, 2])
        let health: HealthJSON = try await api.get("/health").decoded()
        #expect(health.ready && health.model == "fake")

        // Each has its own shape, so its own limits and its own answers.
        let (six, two) = (#"{"image": [1,1,1,1,1,1]}"#, #"{"image": [1,1]}"#)
        let calls = (first.densityCalls.count, other.densityCalls.count)
        #expect(try await api.postJSON("/logprob", six).decoded(as: DensityJSON.self).logProb == -6)
        let answer: DensityJSON = try await api.postJSON("/logprob?model=other", two).decoded()
        #expect(answer.logProb == -2 && answer.model == "other")
        #expect(first.densityCalls.count == calls.0 + 1 && other.densityCalls.count == calls.1 + 1)
        #expect(try await api.postJSON("/logprob?model=other", six).status == 422)
        let samples: SamplesJSON = try await api.get("/sample?model=other&count=2").decoded()
        #expect(samples.model == "other" && samples.samples.count == 2)
        // What comes of the same seed has another tag with another model.
        let tags = try await (api.get("/sample?seed=1"), api.get("/sample?seed=1&model=other"))
        #expect(tags.0.fields[.eTag] != tags.1.fields[.eTag])
    }

    @Test("a model that is not loaded is not found, by path and by parameter")
    func unknownModel() async throws {
        let api = try await TestAPI()
        #expect(try await api.get("/models/other").problem(404, "unknown-model").contains("\"other\""))
        #expect(try await api.get("/sample?model=other").problem(404, "unknown-model").contains("\"other\""))
        #expect(
            try await api.postJSON("/logprob?model=other", "{}").problem(404, "unknown-model").contains("\"other\""))
        #expect(try await api.get("/sample?model=fake").status == 200)
    }

    @Test("openapi.yaml is what was given")
    func openAPI() async throws {
        let answer = try await TestAPI().get("/openapi.yaml")
        #expect(answer.type == "application/yaml")
        #expect(answer.text == "openapi: 3.1.0\n")
    }
}

@Suite("Every answer", .timeLimit(.minutes(15)))
struct EveryAnswerTests {
    private let requestID = HTTPField.Name("X-Request-Id")!
    private let serverTiming = HTTPField.Name("Server-Timing")!

    @Test("a sane request id is echoed", arguments: ["a", "Abc-1._", String(repeating: "x", count: 128)])
    func echoed(_ id: String) async throws {
        for path in ["/health", "/sample", "/nowhere"] {
            let answer = try await TestAPI().request(.get, path, fields: [requestID: id])
            #expect(answer.fields[requestID] == id)
        }
    }

    @Test("another request id is replaced", arguments: ["", "a b", "ä", String(repeating: "x", count: 129), "a/b"])
    func replaced(_ id: String) async throws {
        let answer = try await TestAPI().request(.get, "/health", fields: [requestID: id])
        let own = try #require(answer.fields[requestID])
        #expect(own.count == 32 && own != id)
    }

    @Test("has a request id of its own: 32 hexadecimal digits, no two alike")
    func ownIDs() {
        let ids = (0..<10_000).map { _ in RequestID.random() }
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.utf8.count == 32 && $0.utf8.allSatisfy("0123456789abcdef".utf8.contains) })
    }

    @Test(
        "a path is of a pattern where all segments are",
        arguments: [
            ("/models/animals", true), ("/models/a%20b", true), ("/models", false), ("/models/animals/x", false),
            ("/models/animals/", false), ("//animals", false), ("/Models/animals", false), ("/model/animals", false),
        ])
    func matching(_ path: String, _ matches: Bool) throws {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        #expect((PathPattern("/models/{model}").match(segments) != nil) == matches)
    }

    @Test("has a request id and a timing", arguments: ["/health", "/sample", "/nowhere", "/sample?count=0"])
    func fields(_ path: String) async throws {
        let answer = try await TestAPI().get(path)
        #expect(answer.fields[requestID]?.count == 32)
        for name in ["queue;dur=", "batch;desc=", "compute;dur=", "decode;dur="] {
            #expect(answer.fields[serverTiming]?.contains(name) == true)
        }
    }

    @Test(
        "paths that are not there are not found",
        arguments: [
            "/nowhere", "/health/", "//health", "/models/a/b", "/logprob/x", "*", "/Health",
        ])
    func notFound(_ path: String) async throws {
        _ = try await TestAPI().get(path).problem(404, "not-found")
    }

    @Test(
        "a path that is not percent-encoded UTF-8 is refused", arguments: ["/models/%", "/models/%zz", "/models/%ff"])
    func badPath(_ path: String) async throws {
        _ = try await TestAPI().get(path).problem(400, "malformed-request")
        _ = try await TestAPI().get("/sample?seed=%f").problem(400, "malformed-request")
    }

    @Test(
        "another method is refused with those that are there",
        arguments: [
            ("/logprob", HTTPRequest.Method.get, "POST, OPTIONS"), ("/sample", .post, "GET, HEAD, OPTIONS"),
            ("/health", .delete, "GET, HEAD, OPTIONS"), ("/models/fake", .put, "GET, HEAD, OPTIONS"),
            ("/logprob", .head, "POST, OPTIONS"), ("/health", .patch, "GET, HEAD, OPTIONS"),
            ("/sample", .trace, "GET, HEAD, OPTIONS"), ("/health", .init("BREW")!, "GET, HEAD, OPTIONS"),
        ])
    func methods(_ path: String, _ method: HTTPRequest.Method, _ allow: String) async throws {
        let answer = try await TestAPI().request(method, path)
        _ = try answer.problem(405, "method-not-allowed")
        #expect(answer.fields[.allow] == allow)
    }

    @Test(
        "OPTIONS says which methods there are",
        arguments: [
            ("/logprob", "POST, OPTIONS"), ("/sample?count=0", "GET, HEAD, OPTIONS"),
            ("/models/any", "GET, HEAD, OPTIONS"), ("*", "GET, HEAD, POST, PUT, OPTIONS"),
        ])
    func options(_ path: String, _ allow: String) async throws {
        let answer = try await TestAPI().request(.options, path)
        #expect(answer.status == 204 && answer.body.isEmpty)
        #expect(answer.fields[.allow] == allow)
        _ = try await TestAPI().request(.options, "/nowhere").problem(404, "not-found")
    }

    @Test("the methods of OPTIONS * are those of all routes")
    func allMethods() async throws {
        let all = Set(routes.flatMap { $0.methods }).union([.options]).map(\.rawValue)
        let answer = try await TestAPI().request(.options, "*")
        #expect(answer.fields[.allow]?.split(separator: ", ").map(String.init).sorted() == all.sorted())
    }

    @Test(
        "an Accept that allows nothing is refused with what there is",
        arguments: [
            ("/health", "text/html", "application/json"), ("/openapi.yaml", "application/json", "application/yaml"),
            ("/sample", "text/*", "application/x-ndjson"), ("/models", "application/json;q=0", "application/json"),
        ])
    func notAcceptable(_ path: String, _ accept: String, _ offer: String) async throws {
        #expect(try await TestAPI().get(path, accept: accept).problem(406, "not-acceptable").contains(offer))
    }

    @Test("a full queue answers 429 with a time to come back")
    func full() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model, configure: { $0.maxQueueRows = 2 })
        model.hold()
        async let busy = api.postJSON("/logprob", #"{"image": [1,1,1,1,1,1]}"#)
        await eventually { model.densityCalls.count == 2 }
        async let waiting = api.postJSON("/logprob?samples=2", #"{"image": [1,1,1,1,1,1]}"#)
        await eventually { api.service.queuedRows == 2 }
        let refused = try await api.postJSON("/logprob", #"{"image": [1,1,1,1,1,1]}"#)
        #expect(try refused.problem(429, "queue-full").contains("2 of at most 2 rows"))
        #expect(Int(try #require(refused.fields[.retryAfter])).map { (1...60).contains($0) } == true)
        model.release()
        #expect(try await busy.status == 200)
        #expect(try await waiting.status == 200)
    }

    @Test("a request that waits too long is answered 504")
    func deadline() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model, options: { $0.requestTimeout = .milliseconds(20) })
        model.hold()
        _ = try await api.postJSON("/logprob", #"{"image": [1,1,1,1,1,1]}"#).problem(504, "deadline")
        let streamed = try await api.get("/sample", accept: "application/x-ndjson")
        _ = try streamed.problem(504, "deadline")
        model.release()
    }
}
