import DensityAPI
import FlowCore
import FlowModels
import HTTPTypes
import Serving
import TestSupport
import Testing

/// The JSON of every answer beside the schemas of openapi.yaml. Together the answers have every property.
@Suite("openapi.yaml's schemas", .timeLimit(.minutes(15)))
struct SchemaTests {
    private typealias Operation = Contract.Operation

    @Test("are those of the answers: every property is sent by some answer, and no answer has another")
    func properties() async throws {
        let contract = try Contract()
        let answers = try await Self.answers()
        var documented: Set<String> = []
        var seen: Set<String> = []
        for (operation, statuses) in contract.operations {
            for status in statuses {
                let content = try contract.response(status, of: operation)["content"]
                guard let schema = content?["application/json"]?["schema"],
                    schema["$ref"]?.string != "#/components/schemas/InferenceError",  // ContractTests has these
                    schema["contentMediaType"] == nil  // a document whose schema is another's
                else { continue }
                let place = "\(operation.method) \(operation.path) \(status)"
                documented.formUnion(try contract.places(in: schema, at: place))
                let some = answers.filter { $0.operation == operation && $0.answer.status == status }
                #expect(!some.isEmpty, "\(place): no answer")
                for (_, answer) in some {
                    let value = try YAML.read(answer.text)
                    #expect(try contract.faults(of: value, in: schema, at: place, seen: &seen) == [])
                }
            }
        }
        #expect(documented.subtracting(seen).sorted() == [])
        #expect(documented.count > 60)
    }

    @Test("are those of the lines of a stream")
    func lines() async throws {
        let contract = try Contract()
        let schema = try YAML.read("{ $ref: \"#/components/schemas/SampleLine\" }")
        var seen: Set<String> = []
        let answer = try await Self.conditional().get("/sample?count=3", accept: "application/x-ndjson")
        let lines = answer.text.split(separator: "\n")
        #expect(lines.count == 3)
        for line in lines {
            #expect(try contract.faults(of: YAML.read(String(line)), in: schema, at: "", seen: &seen) == [])
        }
        #expect(try contract.places(in: schema, at: "").subtracting(seen).sorted() == [])
    }

    @Test("are those of the lines of scores")
    func scoreLines() async throws {
        let contract = try Contract()
        let schema = try YAML.read("{ $ref: \"#/components/schemas/ScoreLine\" }")
        var seen: Set<String> = []
        let body = Array("[1,1,1,1,1,1]\n[1]\n".utf8)
        let answer = try await TestAPI().post("/logprob", type: "application/x-ndjson", body)
        #expect(answer.text.split(separator: "\n").count == 2)
        let cut = try await TestAPI().post("/sample", type: nil, [])
        for line in answer.text.split(separator: "\n") + [cut.text[...]] {
            #expect(try contract.faults(of: YAML.read(String(line)), in: schema, at: "", seen: &seen) == [])
        }
    }

    @Test("refuse what they do not name, what is missing and what is of another type")
    func checker() throws {
        let contract = try Contract()
        let schema = try YAML.read("{ $ref: \"#/components/schemas/Problem\" }")
        func faults(_ json: String) throws -> [String] {
            var seen: Set<String> = []
            return try contract.faults(of: YAML.read(json), in: schema, at: "", seen: &seen)
        }
        let whole = #"{"type":"urn:tusk:problem:parameter","title":"a","status":422,"detail":"b","error":"b"}"#
        #expect(try faults(whole) == [])
        #expect(try faults(whole.replacing(#","error":"b""#, with: "")).count == 1)
        #expect(try faults(whole.replacing("422", with: "200")).count == 1)
        #expect(try faults(whole.replacing("422", with: "\"422\"")).count == 1)
        #expect(try faults(whole.replacing("parameter", with: "other")).count == 1)
        #expect(try faults(whole.replacing("}", with: #","more":1}"#)).count == 1)
    }

    private static let calibration = (0...100).map { Double($0) - 3000 }

    private static func conditional() async throws -> TestAPI {
        try await TestAPI(
            FakeDensity(
                classes: ["bear", "elephant"], calibration: calibration, isConditional: true,
                dequantizer: ["layers": 2, "hidden": [8]],
                start: StartingRecord(name: "older", parameterHash: String(repeating: "0", count: 64))))
    }

    /// Bodies of the routes of latents that have every form of answer together.
    private static let latentBodies = [
        ("/encode", #"{"image":[1,1,1,1,1,1]}"#), ("/encode", "[[1,1,1,1,1,1],[1]]"),
        ("/decode", #"{"latents":[[1,1,1.5,1,1,1],[1]]}"#), ("/decode?states=true", #"{"latent":[1,1,1.5,1,1,1]}"#),
        ("/interpolate", "[[1,1,1,1,1,1],[2,2,2,2,2,2]]"),
        ("/complete", #"{"image":[1,1,1,1,1,1],"mask":[0,0,1,1,1,1]}"#),
        ("/complete", #"{"image":[1,1,1,1,1,1],"mask":[1,1,0,1,1,1]}"#),
    ]

    /// Answers in JSON of every operation that has one.
    private static func answers() async throws -> [(operation: Contract.Operation, answer: Answer)] {
        let plain = try await TestAPI(FakeDensity(calibration: calibration, decision: .test()))
        let conditional = try await conditional()
        let loading = try await TestAPI(isLoading: true)
        var answers: [(operation: Contract.Operation, answer: Answer)] = []
        func add(_ path: String, _ answer: Answer, method: String = "GET") {
            answers.append((Operation(path: path, method: method), answer))
        }
        func density(_ api: TestAPI, _ query: String, _ body: String) async throws {
            add("/logprob", try await api.postJSON("/logprob\(query)", body), method: "POST")
            add(
                "/models/{model}/logprob", try await api.postJSON("/models/fake/logprob\(query)", body), method: "POST")
        }
        let image = "[1,1,1,1,1,1]"
        for api in [plain, conditional] {
            for query in ["", "?samples=2", "?class=elephant", "?detail=none"] {
                try await density(api, query, "{\"image\":\(image)}")
                try await density(api, query, "[\(image),[1]]")
            }
            for (path, body) in latentBodies {
                let isDecoding = path.hasPrefix("/decode")
                let query =
                    api.model.record.isConditional && isDecoding
                    ? (path.contains("?") ? "&" : "?") + "class=elephant" : ""
                add(
                    String(path.prefix { $0 != "?" }), try await api.postJSON(path + query, body), method: "POST")
            }
            add("/sample", try await api.get("/sample?count=2"))
            add("/models/{model}/sample", try await api.get("/models/fake/sample"))
            add("/models", try await api.get("/models"))
            add("/models/{model}", try await api.get("/models/fake"))
        }
        let odd = Array(repeating: "[200,1,1,1,1,1]", count: 64).joined(separator: ",")
        add("/typicality", try await plain.postJSON("/typicality", "[\(odd)]"), method: "POST")
        try await density(plain, "", "[\(odd)]")
        add(
            "/logprob",
            try await plain.post(
                "/logprob", type: "multipart/form-data; boundary=xyz", multipart([png(gray(1)), [1]])),
            method: "POST")
        let classes = ["bear", "elephant"]
        let decided = try await TestAPI(
            FakeDensity(classes: classes, decision: .test(classes: 2), isConditional: true))
        for query in ["?detail=pixels", "?class=bear", ""] {
            try await density(decided, query, "{\"image\":\(image)}")
        }
        let inferring = try await TestAPI(FakeDensity(classes: classes, isConditional: true, infersClass: true))
        for query in ["", "?posterior=true"] { try await density(inferring, query, "{\"image\":\(image)}") }
        add("/models", try await inferring.get("/models"))
        add("/models", try await decided.get("/models"))
        add("/models/{model}", try await decided.get("/models/fake"))
        add(
            "/complete", try await plain.postJSON("/complete", #"{"image":[9,1,1,1,1,1],"mask":[0,0,1,1,1,1]}"#),
            method: "POST")
        try await density(plain, "?detail=evidence&alarm=0.05", "{\"image\":\(image)}")
        for api in [plain, loading] { add("/health", try await api.get("/health")) }
        let model = FakeDensity()
        let stalled = try await TestAPI(model, options: { $0.livenessTimeout = .zero })
        add("/health", try await stalled.holding(model) { try await stalled.get("/health") })
        add("/health/live", try await plain.get("/health/live"))
        add("/health/ready", try await plain.get("/health/ready"))
        let routes: [(HTTPRequest.Method, String, String)] = [
            (.get, "/admin/status", ""), (.post, "/admin/reload", ""), (.put, "/admin/log-level", "?level=debug"),
            (.post, "/admin/models/{model}/load", ""), (.post, "/admin/models/{model}/unload", ""),
            (.get, "/drift", ""), (.post, "/admin/drift/reset", ""),
        ]
        for (method, path, query) in routes {
            let target = path.replacing("{model}", with: "fake") + query
            add(path, try await plain.request(method, target, on: .unixSocket), method: method.rawValue)
        }
        plain.admin.modelStates.change { states in
            states = [
                ModelState(
                    file: "bad.safetensors", phase: .absent, isDefault: false, memory: 0, leaving: 0,
                    failure: ModelState.Failure(time: 0, reason: "it is a folder")),
                ModelState(
                    name: "fake", file: "fake.safetensors", phase: .serving, incoming: .testing, isDefault: true,
                    loaded: 0, memory: 492, leaving: 1),
            ]
        }
        add("/admin/models", try await plain.request(.get, "/admin/models", on: .unixSocket))
        try await addInferences(of: plain, &answers)
        let unready: [(path: String, TestAPI, TestAPI)] = [
            ("/v2/health/ready", plain, loading), ("/v2/models/{model}/ready", plain, loading),
            ("/v2/models/{model}/versions/{version}/ready", plain, loading),
        ]
        for (path, ready, not) in unready {
            let own = path.replacing("{model}", with: "fake").replacing("{version}", with: "1")
            add(path, try await ready.get(own))
            add(path, try await not.get(own))
        }
        add("/v2/health/live", try await plain.get("/v2/health/live"))
        add("/v2/health/live", try await stalled.holding(model) { try await stalled.get("/v2/health/live") })
        return answers
    }

    /// Answers of the Open Inference Protocol that are no errors.
    private static func addInferences(
        of api: TestAPI, _ answers: inout [(operation: Contract.Operation, answer: Answer)]
    ) async throws {
        for end in ["load", "unload"] {
            let answer = try await api.request(.post, "/v2/repository/models/fake/\(end)", on: .unixSocket)
            answers.append((Operation(path: "/v2/repository/models/{model}/\(end)", method: "POST"), answer))
        }
        for path in ["/v2", "/v2/models/stats"] {
            answers.append((Operation(path: path, method: "GET"), try await api.get(path)))
        }
        let index = try await api.request(.post, "/v2/repository/index")
        answers.append((Operation(path: "/v2/repository/index", method: "POST"), index))
        for path in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
            let body =
                #"{"id":"a","inputs":[{"name":"image","datatype":"UINT8","shape":[1,2,3],"data":[1,1,1,1,1,1]}]}"#
            for (name, body) in [("fake", body), ("fake:sample", #"{"inputs":[]}"#)] {
                let own = path.replacing("{model}", with: name).replacing("{version}", with: "1")
                for end in ["", "/config", "/stats"] {
                    answers.append((Operation(path: path + end, method: "GET"), try await api.get(own + end)))
                }
                let answer = try await api.postJSON(own + "/infer", body)
                answers.append((Operation(path: path + "/infer", method: "POST"), answer))
            }
        }
    }
}
