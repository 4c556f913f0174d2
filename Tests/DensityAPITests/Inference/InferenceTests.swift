import DensityAPI
import FlowModels
import FoundationEssentials
import HTTPTypes
import HTTPWire
import Imaging
import Serving
import TestSupport
import Testing

/// Body of a request of the Open Inference Protocol, and answers taken apart.
enum Inference {
    static let length = HTTPField.Name("Inference-Header-Content-Length")!

    /// A body of JSON and the bytes behind it, and its fields.
    static func binary(_ json: String, _ tensors: [UInt8]) -> (fields: HTTPFields, body: [UInt8]) {
        ([length: String(json.utf8.count)], Array(json.utf8) + tensors)
    }

    struct Tensor: Decodable, Equatable {
        struct Parameters: Decodable, Equatable {
            var size: Int?

            enum CodingKeys: String, CodingKey { case size = "binary_data_size" }
        }

        enum Data: Decodable, Equatable {
            case numbers([Double])
            case texts([String])

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let numbers = try? container.decode([Double].self) {
                    self = .numbers(numbers)
                } else {
                    self = .texts(try container.decode([String].self))
                }
            }
        }

        var name: String
        var datatype: String
        var shape: [Int]
        var parameters: Parameters?
        var data: Data?
    }

    struct Response: Decodable {
        struct Parameters: Decodable { var seed: UInt64? }

        var model: String
        var version: String
        var id: String?
        var parameters: Parameters?
        var outputs: [Tensor]

        enum CodingKeys: String, CodingKey {
            case model = "model_name"
            case version = "model_version"
            case id, parameters, outputs
        }
    }

    struct Failure: Decodable { var error: String }
}

extension Answer {
    /// The JSON of an answer, and the bytes behind it.
    func inference(sourceLocation: SourceLocation = #_sourceLocation) throws -> (Inference.Response, rest: [UInt8]) {
        #expect(status == 200, "\(text)", sourceLocation: sourceLocation)
        let count = fields[Inference.length].flatMap(Int.init) ?? body.count
        #expect(
            type == (fields[Inference.length] == nil ? "application/json" : "application/octet-stream"),
            sourceLocation: sourceLocation)
        let response = try JSONDecoder().decode(Inference.Response.self, from: Data(body[..<count]))
        return (response, Array(body[count...]))
    }

    /// Checks that this is an error by the protocol, and gives its text.
    func inferenceError(_ status: Int, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        #expect(self.status == status, "\(text)", sourceLocation: sourceLocation)
        #expect(type == "application/json", sourceLocation: sourceLocation)
        #expect(fields[.contentEncoding] == nil, sourceLocation: sourceLocation)
        let error = try decoded(as: Inference.Failure.self).error
        #expect(
            try text
                == String(decoding: JSONEncoder().encode(["error": error]), as: UTF8.self).replacing("\\/", with: "/"))
        return error
    }
}

extension TestAPI {
    /// A request for scores of an image, with these members of its tensor.
    func infer(
        _ tensor: String, parameters: String = "{}", more: String = "", model: String = "fake"
    ) async throws -> Answer {
        try await postJSON(
            "/v2/models/\(model)/infer",
            #"{"parameters":\#(parameters),"inputs":[{"name":"image",\#(tensor)}]\#(more)}"#)
    }
}

@Suite("Open Inference Protocol", .timeLimit(.minutes(15)))
struct InferenceTests {
    private static let ones = #""datatype":"UINT8","shape":[1,2,3],"data":[1,1,1,1,1,1]"#

    @Test("health is 200 with true, or 503 with false")
    func health() async throws {
        let (ready, loading) = try await (TestAPI(), TestAPI(isLoading: true))
        let cases = [
            (ready, "/v2/health/live", 200, #"{"live":true}"#),
            (ready, "/v2/health/ready", 200, #"{"ready":true,"live":true}"#),
            (loading, "/v2/health/live", 200, #"{"live":true}"#),
            (loading, "/v2/health/ready", 503, #"{"ready":false,"live":true}"#),
            (ready, "/v2/models/fake/ready", 200, #"{"name":"fake","ready":true}"#),
            (ready, "/v2/models/fake:sample/versions/1/ready", 200, #"{"name":"fake:sample","ready":true}"#),
            (loading, "/v2/models/fake/ready", 503, #"{"name":"fake","ready":false}"#),
        ]
        for (api, path, status, body) in cases {
            let answer = try await api.get(path)
            #expect(answer.status == status)
            #expect(answer.text == body)
            #expect(answer.type == "application/json")
        }
        let model = FakeDensity()
        let stalled = try await TestAPI(model, options: { $0.livenessTimeout = .zero })
        let answer = try await stalled.holding(model) { try await stalled.get("/v2/health/live") }
        #expect(answer.status == 503 && answer.text == #"{"live":false}"#)
    }

    @Test("versions of a name are found by it, which alone means the highest, and every answer says which it is of")
    func versions() async throws {
        let api = try await TestAPI(FakeDensity(name: "fake@2"), more: [FakeDensity(name: "fake@10")])
        #expect(try await api.get("/v2/models/fake").text.hasPrefix(#"{"name":"fake","versions":["2","10"],"#))
        #expect(try await api.get("/v2/models/fake/versions/2").status == 200)
        let unknown = try await api.get("/v2/models/fake:sample/versions/1").inferenceError(404)
        #expect(unknown == "version: \"fake:sample\" has 2, 10, not \"1\"")
        for (path, version) in [("fake", "10"), ("fake/versions/2", "2"), ("fake@2", "2"), ("fake%402", "2")] {
            let body = "{\"inputs\":[{\"name\":\"image\",\(Self.ones)}]}"
            let answer = try await api.request(.post, "/v2/models/\(path)/infer", body: Array(body.utf8))
            #expect(answer.text.hasPrefix(#"{"model_name":"fake","model_version":"\#(version)","#))
        }
        let index = try await api.request(.post, "/v2/repository/index").text
        for version in ["2", "10"] {
            #expect(index.contains(#"{"name":"fake","version":"\#(version)","state":"READY""#))
        }
        let statistics = try await api.get("/v2/models/fake/versions/2/stats").text
        #expect(statistics.contains(#""name":"fake","version":"2""#) && !statistics.contains(#""version":"10""#))
        #expect(try await api.postJSON("/logprob", #"{"image":[1,1,1,1,1,1]}"#).text.hasPrefix(#"{"model":"fake@2""#))
        let other = try await api.postJSON("/models/fake/logprob", #"{"image":[1,1,1,1,1,1]}"#)
        #expect(other.text.hasPrefix(#"{"model":"fake@10""#))
        #expect(try await api.get("/models/fake@2").text.contains(#""name":"fake@2""#))
        #expect(try await api.get("/models/fake@3").status == 404)
    }

    @Test("a model is found by its name, percent-encoded or not, and by its only version")
    func names() async throws {
        let api = try await TestAPI(more: [FakeDensity(name: "b.c-d")])
        for path in ["fake", "fake/versions/1", "f%61ke", "fake:sample", "fake%3Asample", "b.c-d:sample/versions/1"] {
            #expect(try await api.get("/v2/models/\(path)").status == 200)
            #expect(try await api.get("/v2/models/\(path)/config").status == 200)
        }
        let unknown = try await api.get("/v2/models/other").inferenceError(404)
        #expect(unknown == "model: no model called \"other\" is loaded")
        let version = try await api.get("/v2/models/fake/versions/7/ready").inferenceError(404)
        #expect(version == "version: \"fake\" has 1, not \"7\"")
        for path in ["/v2/nothing", "/v2/trace/setting", "/v2/logging", "/v2/systemsharedmemory/status", "/v2/"] {
            _ = try await api.get(path).inferenceError(404)
        }
        let method = try await api.request(.post, "/v2/health/live")
        #expect(try method.inferenceError(405).contains("GET, HEAD, OPTIONS"))
        #expect(method.fields[.allow] == "GET, HEAD, OPTIONS")
        #expect(try await api.get("/v2/health/live?x=1").inferenceError(400).contains("\"x\""))
    }

    @Test("metadata has the tensors that the model has, and its configuration the same with the batch's axis left out")
    func metadata() async throws {
        let plain = try await TestAPI().get("/v2/models/fake").text
        #expect(
            plain
                == #"{"name":"fake","versions":["1"],"platform":"tusk_safetensors","inputs":[{"name":"image","datatype":"UINT8","shape":[-1,2,3,1]}],"outputs":[{"name":"log_prob","datatype":"FP64","shape":[-1]},{"name":"bits_per_dim","datatype":"FP64","shape":[-1]}]}"#
        )
        let api = try await TestAPI(FakeDensity(calibration: (0...100).map { Double($0) - 3000 }, decision: .test()))
        let names = try await api.get("/v2/models/fake").text
        for name in ["percentile", "p_value", "verdict"] { #expect(names.contains("\"\(name)\"")) }
        let configuration = try await api.get("/v2/models/fake/config").text
        #expect(
            configuration.contains(
                #""max_batch_size":256,"input":[{"name":"image","data_type":"TYPE_UINT8","dims":[2,3,1]}]"#))
        #expect(
            configuration.contains(#"{"name":"verdict","data_type":"TYPE_STRING","dims":[1],"reshape":{"shape":[]}}"#))
        let sample = try await api.get("/v2/models/fake:sample/config").text
        #expect(
            sample.contains(
                #""max_batch_size":0,"input":[],"output":[{"name":"image","data_type":"TYPE_UINT8","dims":[-1,2,3,1]}"#)
        )
        let index = try await api.request(.post, "/v2/repository/index")
        #expect(index.text.contains(#"{"name":"fake:sample","version":"1","state":"READY","reason":""}"#))
        #expect(try await api.postJSON("/v2/repository/index", #"{"ready":true}"#).text == index.text)
        for body in ["[]", #"{"ready":1}"#, "{"] {
            _ = try await api.postJSON("/v2/repository/index", body).inferenceError(400)
        }
    }

    @Test("models are loaded and unloaded as administrators do it")
    func repository() async throws {
        let api = try await TestAPI()
        func ask(_ path: String, _ body: String = "{}") async throws -> Answer {
            try await api.request(.post, "/v2/repository/\(path)", body: Array(body.utf8), on: .unixSocket)
        }
        #expect(try await ask("models/fake/load").text == "{}")
        #expect(try await ask("models/fake/unload", #"{"parameters":{"unload_dependents":false}}"#).status == 200)
        for body in [#"{"parameters":{"config":"{}"}}"#, #"{"parameters":{"file:1/x":"AA=="}}"#] {
            #expect(try await ask("models/fake/load", body).inferenceError(400).contains("there are none here"))
        }
        _ = try await ask("models/other/load").inferenceError(404)
        api.admin.modelError.change { $0 = ModelExchangeError.failed(file: "a.safetensors", reason: "it is damaged") }
        #expect(try await ask("models/fake/load").inferenceError(400) == "model: a.safetensors: it is damaged")
        api.admin.modelStates.change {
            $0 = [
                ModelState(
                    name: "bad", file: "bad.safetensors", phase: .absent, isDefault: false, memory: 0, leaving: 0,
                    failure: ModelState.Failure(time: 0, reason: "it is damaged")),
                ModelState(
                    name: "new", file: "new.safetensors", phase: .absent, incoming: .loading, isDefault: false,
                    memory: 0, leaving: 0),
                ModelState(
                    name: "fake", file: "fake.safetensors", phase: .serving, isDefault: true, memory: 0, leaving: 0),
            ]
        }
        let index = try await ask("index").text
        #expect(index.contains(#"{"name":"bad","version":"1","state":"UNAVAILABLE","reason":"it is damaged"}"#))
        #expect(index.contains(#"{"name":"new:sample","version":"1","state":"LOADING","reason":""}"#))
        let ready = try await ask("index", #"{"ready":true}"#).text
        #expect(ready.contains("fake:sample") && !ready.contains("bad") && !ready.contains("new"))
        let open = try await api.request(.post, "/v2/repository/models/fake/load")
        _ = try open.inferenceError(403)
    }

    @Test("statistics are what was counted")
    func statistics() async throws {
        let api = try await TestAPI()
        let before = try await api.get("/v2/models/fake/stats").text
        #expect(before.contains(#""success":{"count":0,"ns":0}"#))
        _ = try await api.infer(#""datatype":"UINT8","shape":[3,2,3],"data":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"#)
        _ = try await api.infer(#""datatype":"UINT8","shape":[1,2,3],"data":[1]"#)
        let after = try await api.get("/v2/models/fake/stats").text
        // one by the model's own test, of one row
        #expect(after.contains(#""inference_count":4,"execution_count":2"#))
        #expect(after.contains(#""success":{"count":1,"ns":"#) && after.contains(#""fail":{"count":1,"ns":"#))
        #expect(
            after.contains(#""compute_input":{"count":2,"ns":0}"#) && after.contains(#""cache_hit":{"count":0,"ns":0}"#)
        )
        #expect(try await api.get("/v2/models/stats").text.contains(#""name":"fake:sample""#))
    }

    @Test("scores are those of /logprob, and the id comes back")
    func scores() async throws {
        let api = try await TestAPI(FakeDensity(calibration: (0...100).map { Double($0) - 100 }, decision: .test()))
        let expected = try await api.postJSON("/logprob", "[[1,1,1,1,1,1],[2,2,2,2,2,9]]")
            .decoded(as: DensityListJSON.self).results
        let two = #""datatype":"UINT8","shape":[2,2,3],"data":[1,1,1,1,1,1,2,2,2,2,2,9]"#
        let answer = try await api.infer(two, more: #","id":"é\"1","model_name":"passed over""#)
        let (response, _) = try answer.inference()
        #expect(response.model == "fake" && response.version == "1" && response.id == "é\"1")
        #expect(response.outputs.map(\.name) == ["log_prob", "bits_per_dim", "percentile", "p_value", "verdict"])
        #expect(response.outputs.allSatisfy { $0.shape == [2] })
        #expect(response.outputs[0].data == .numbers(expected.compactMap(\.logProb)))
        #expect(response.outputs[1].data == .numbers(expected.compactMap(\.bitsPerDim)))
        #expect(response.outputs[2].data == .numbers(expected.compactMap(\.percentile)))
        #expect(response.outputs[4].datatype == "BYTES")
        #expect(try await api.infer(Self.ones).inference().0.id == nil)
    }

    @Test(
        "the images are the same in every shape, type and form",
        arguments: [
            (#""datatype":"UINT8","shape":[1,2,3,1],"data":[0,1,2,3,4,5]"#, "{}"),
            (#""datatype":"UINT8","shape":[1,1,2,3],"data":[[[[0,1,2],[3,4,5]]]]"#, "{}"),
            (#""datatype":"UINT8","shape":[1,2,3],"data":[[[0,1,2],[3,4,5]]]"#, "{}"),
            (#""datatype":"UINT8","shape":[2,3],"data":[[0,1,2],[3,4,5]]"#, "{}"),
            (#""datatype":"FP32","shape":[1,2,3],"data":[0.0,1.0,2.0,3.0,4.0,5.0]"#, "{}"),
            (
                #""datatype":"FP32","shape":[1,2,3],"data":[0,0.003921568859368563,0.007843137718737125,0.0117647061124444,0.01568627543747425,0.019607843831181526]"#,
                #"{"scale":"unit"}"#
            ),
        ])
    func shapes(_ tensor: String, _ parameters: String) async throws {
        let (response, _) = try await TestAPI().infer(tensor, parameters: parameters).inference()
        #expect(response.outputs[0].data == .numbers([-15]))
    }

    @Test("pictures are strings: base64 in JSON, lengths and bytes behind it")
    func pictures() async throws {
        let api = try await TestAPI()
        let picture = try png(gray(7))
        let text = base64(picture)
        let (json, _) = try await api.infer(
            #""datatype":"BYTES","shape":[2,1],"data":[["\#(text)"],["data:image/png;base64,\#(text)"]]"#
        )
        .inference()
        #expect(json.outputs[0].data == .numbers([-42, -42]))
        let element = (0..<4).map { UInt8(picture.count >> ($0 * 8) & 255) } + picture
        let head =
            #"{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":\#(element.count)}}]}"#
        let request = Inference.binary(head, element)
        let (binary, _) = try await api.request(
            .post, "/v2/models/fake/infer", fields: request.fields, body: request.body
        )
        .inference()
        #expect(binary.outputs[0].data == .numbers([-42]))
        let fitted = try await api.infer(
            #""datatype":"BYTES","shape":[1],"data":["\#(base64(png(gray(7, width: 6, height: 4))))"]"#,
            parameters: #"{"fit":"stretch"}"#)
        #expect(try fitted.inference().0.outputs[0].data == .numbers([-42]))
        let bad = try await api.infer(#""datatype":"BYTES","shape":[2],"data":["\#(text)","AAAA"]"#)
        #expect(try bad.inferenceError(400).hasPrefix("image 2 of 2: image: "))
    }

    @Test("a body without JSON is one image's levels or a picture, and its answer is binary")
    func raw() async throws {
        let api = try await TestAPI()
        for body in try [[7, 7, 7, 7, 7, 7], png(gray(7))] {
            let answer = try await api.request(
                .post, "/v2/models/fake/infer", fields: [Inference.length: "0"], body: body)
            let (response, rest) = try answer.inference()
            #expect(response.outputs.map(\.parameters?.size) == [8, 8])
            #expect(rest.count == 16)
            #expect(Array(rest[..<8]) == doubles([-42]))
        }
        for body in [[], [1, 1, 1], Array(repeating: 1, count: 12)] as [[UInt8]] {
            let answer = try await api.request(
                .post, "/v2/models/fake/infer", fields: [Inference.length: "0"], body: body)
            #expect(try answer.inferenceError(400).contains("6 bytes"))
        }
    }

    private func doubles(_ values: [Double]) -> [UInt8] {
        values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } }
    }

    @Test("each output comes in the form that it is asked for in, and in that order")
    func forms() async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        let some = #","outputs":[{"name":"verdict","parameters":{"binary_data":true}},{"name":"log_prob"}]"#
        let (mixed, rest) = try await api.infer(Self.ones, more: some).inference()
        #expect(mixed.outputs.map(\.name) == ["verdict", "log_prob"])
        #expect(mixed.outputs[1].data == .numbers([-6]))
        let word = try #require(["typical", "unusual", "outlier"].first { rest.dropFirst(4).elementsEqual($0.utf8) })
        #expect(
            Array(rest[..<4]) == [UInt8(word.utf8.count), 0, 0, 0] && mixed.outputs[0].parameters?.size == rest.count)
        let own = #","outputs":[{"name":"log_prob","parameters":{"binary_data":false}},{"name":"bits_per_dim"}]"#
        let (all, bytes) = try await api.infer(Self.ones, parameters: #"{"binary_data_output":true}"#, more: own)
            .inference()
        #expect(all.outputs[0].data == .numbers([-6]) && all.outputs[1].data == nil && bytes.count == 8)
        let none = try await api.infer(Self.ones, parameters: #"{"detail":"none"}"#).inference().0
        #expect(none.outputs.map(\.name) == ["log_prob", "bits_per_dim"])
        let missing = try await api.infer(Self.ones, parameters: #"{"detail":"none"}"#, more: some)
        #expect(try missing.inferenceError(400).contains("verdict"))
    }

    @Test("a binary tensor follows the JSON, the least significant byte first")
    func binary() async throws {
        let head =
            #"{"inputs":[{"name":"image","datatype":"FP32","shape":[1,2,3],"parameters":{"binary_data_size":24}}]}"#
        let floats: [UInt8] = (0..<6).flatMap { index in
            (0..<4).map { UInt8(truncatingIfNeeded: Float(index).bitPattern >> UInt32($0 * 8)) }
        }
        let request = Inference.binary(head, floats)
        let (response, _) = try await TestAPI().request(
            .post, "/v2/models/fake/infer", fields: request.fields, body: request.body
        ).inference()
        #expect(response.outputs[0].data == .numbers([-15]))
    }

    @Test("samples and class are those of the parameters")
    func parameters() async throws {
        let api = try await TestAPI(FakeDensity(classes: ["bear", "elephant"], isConditional: true))
        let given = try await api.infer(Self.ones, parameters: #"{"class":"elephant","priority":2,"timeout":20000000}"#)
        #expect(try given.inference().0.outputs[0].data == .numbers([-7]))
        let expected = try await api.postJSON("/logprob?samples=4", #"{"image":[1,1,1,1,1,1]}"#).decoded(
            as: DensityJSON.self)
        let drawn = try await api.infer(Self.ones, parameters: #"{"samples":4}"#)
        #expect(try drawn.inference().0.outputs[0].data == .numbers([try #require(expected.logProb)]))
    }

    @Test("timeout is in microseconds")
    func timeout() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model)
        model.hold()
        let late = try await api.infer(Self.ones, parameters: #"{"timeout":20000}"#)
        model.release()
        #expect(try late.inferenceError(503).contains("time limit"))
        #expect(late.fields[.retryAfter] != nil)
        #expect(try await api.infer(Self.ones, parameters: #"{"timeout":0}"#).status == 200)
    }

    @Test("NAME:sample draws the images of /sample, by a seed that the answer has")
    func sampling() async throws {
        let api = try await TestAPI()
        let body = #"{"inputs":[],"parameters":{"count":3,"seed":5},"outputs":[{"name":"image"},{"name":"log_prob"}]}"#
        let (response, _) = try await api.postJSON("/v2/models/fake:sample/infer", body).inference()
        #expect(response.model == "fake:sample" && response.parameters?.seed == 5)
        #expect(response.outputs.map(\.shape) == [[3, 2, 3, 1], [3]])
        let expected = try await api.get("/sample?count=3&seed=5").decoded(as: SamplesJSON.self).samples
        #expect(
            response.outputs[0].data == .numbers(try expected.flatMap { try $0.decodedImage().pixels.map(Double.init) })
        )
        #expect(response.outputs[1].data == .numbers(expected.map(\.logProb)))
        let answer = try await api.request(.post, "/v2/models/fake:sample/infer", fields: [Inference.length: "0"])
        let (raw, rest) = try answer.inference()
        #expect(rest.count == 6 + 8 + 8 && raw.outputs.map(\.parameters?.size) == [6, 8, 8])
        #expect(raw.parameters?.seed != nil)
        _ = try await api.infer(Self.ones, model: "fake:sample").inferenceError(400)
    }

    @Test("a key for scores draws nothing, and the other way round")
    func scopes() async throws {
        let keys = try TestKeys([.score, .sample])
        let api = try await TestAPI(options: { $0.keys = keys.ring })
        let names: [(Scope, String, Int, [UInt8])] = [
            (.score, "fake", 200, [1, 1, 1, 1, 1, 1]), (.score, "fake:sample", 403, []),
            (.sample, "fake:sample", 200, []), (.sample, "fake", 403, [1, 1, 1, 1, 1, 1]),
        ]
        for (scope, name, status, body) in names {
            var fields = keys.fields(scope)
            fields[Inference.length] = "0"
            let answer = try await api.request(.post, "/v2/models/\(name)/infer", fields: fields, body: body)
            #expect(answer.status == status, "\(scope) \(name)")
        }
        let none = try await api.request(.post, "/v2/models/fake/infer")
        #expect(try none.inferenceError(401).contains("Bearer"))
        #expect(none.fields[.wwwAuthenticate] != nil)
    }
}
