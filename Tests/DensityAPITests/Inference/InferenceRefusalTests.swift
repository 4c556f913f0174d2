import DensityAPI
import HTTPTypes
import Serving
import TestSupport
import Testing

@Suite("What the Open Inference Protocol refuses", .timeLimit(.minutes(15)))
struct InferenceRefusalTests {
    private static let image = #""name":"image","datatype":"UINT8","shape":[1,2,3]"#
    private static let ones = #"{\#(image),"data":[1,1,1,1,1,1]}"#

    @Test(
        "bodies in JSON, with what is wrong",
        arguments: [
            ("", "JSON"), ("[]", "inputs"), ("{}", "one, image, and the request 0"), (#"{"inputs":5}"#, "list"),
            (#"{"inputs":[\#(ones),\#(ones)]}"#, "the request 2"),
            (
                #"{"inputs":[{"name":"pixels","datatype":"UINT8","shape":[1,2,3],"data":[1,1,1,1,1,1]}]}"#,
                #"no "pixels"; it has image"#
            ),
            (
                #"{"inputs":[{"name":"image","datatype":"INT64","shape":[1,2,3],"data":[1,1,1,1,1,1]}]}"#,
                "UINT8, FP32, BYTES"
            ),
            (#"{"inputs":[{"name":"image","datatype":"FP16","shape":[1,2,3],"data":[1,1,1,1,1,1]}]}"#, "FP16"),
            (#"{"inputs":[{"name":"image","datatype":"UINT8","data":[1]}]}"#, "a shape"),
            (#"{"inputs":[{"name":"image","datatype":"UINT8","shape":[-1,2,3],"data":[1]}]}"#, "from 0 on"),
            (
                #"{"inputs":[{"name":"image","datatype":"UINT8","shape":[461168601842738790,40],"data":[1]}]}"#,
                "no tensor"
            ),
            (#"{"inputs":[{\#(image),"data":[1,1,1,1,1]}]}"#, "[1, 2, 3]"),
            (#"{"inputs":[{\#(image),"data":[[[1,1,1],[1,1]]]}]}"#, "one has 2"),
            (
                #"{"inputs":[{\#(image),"data":[1,1,1,1,1,300]}]}"#,
                "[0, 1, 2] must be a whole number from 0 to 255, not 300"
            ),
            (#"{"inputs":[{\#(image),"data":[1,1,1,1,1.5,1]}]}"#, "[0, 1, 1]"),
            (
                #"{"inputs":[{\#(image),"data":[1,1,1,null,1,1]}]}"#,
                #"input "image": the element at [0, 1, 0] must be a finite number, not null"#
            ),
            (#"{"inputs":[{\#(image),"data":[[[1,1,1],[1,null,1]]]}]}"#, "[0, 1, 1] must be a finite number, not null"),
            (#"{"inputs":[{\#(image),"data":[1,"1",1,1,1,1]}]}"#, "[0, 0, 1]"),
            (#"{"inputs":[{\#(image)}]}"#, "either data or a binary_data_size"),
            (#"{"inputs":[{\#(image),"data":[1],"parameters":{"binary_data_size":1}}]}"#, "either data"),
            (#"{"inputs":[{\#(image),"parameters":{"binary_data_size":6}}]}"#, "0 bytes of the body are left"),
            (#"{"inputs":[{\#(image),"data":[1],"parameters":{"shared_memory_region":"a"}}]}"#, "no shared memory"),
            // what clients send for an empty array
            (
                #"{"inputs":[{"name":"image","datatype":"UINT8","shape":[0,2,3],"data":null,"parameters":{"binary_data_size":0}}]}"#,
                "from 1 to 256, not 0"
            ),
            (
                #"{"inputs":[{"name":"image","datatype":"FP32","shape":[1,2,3],"data":[1,1,1,1,NaN,1]}]}"#,
                #"input "image": the element at [0, 1, 1] must be a finite number, not nan"#
            ),
            (
                #"{"inputs":[{"name":"image","datatype":"FP32","shape":[1,2,3],"data":[1,-Infinity,1,1,1,1]}]}"#,
                "[0, 0, 1] must be a finite number, not -inf"
            ),
            (#"{"inputs":[{"name":"image","datatype":"FP32","shape":[1,2,3],"data":[1,1,1,1,1,1e39]}]}"#, "[0, 1, 2]"),
            (#"{"inputs":[{"name":"image","datatype":"FP32","shape":[1,2,3],"data":[0,0.5,1,0,0,0]}]}"#, "scale=unit"),
            (#"{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,3,3],"data":[1,1,1,1,1,1,1,1,1]}]}"#, "2x3"),
            (#"{"inputs":[\#(ones)],"outputs":[{"name":"density"}]}"#, #"no "density"; it has log_prob, bits_per_dim"#),
            (#"{"inputs":[\#(ones)],"outputs":[{"name":"log_prob"},{"name":"log_prob"}]}"#, "named twice"),
            (
                #"{"inputs":[\#(ones)],"outputs":[{"name":"log_prob","parameters":{"classification":3}}]}"#,
                "classification"
            ),
            (#"{"inputs":[\#(ones)],"parameters":{"sampels":3}}"#, #"unknown "sampels": known are"#),
            (
                #"{"inputs":[{"name":"image","datatype":"UINT8","shape":[64,2,3],"data":\#([Int](repeating: 1, count: 384))}],"parameters":{"samples":64}}"#,
                "64 images times samples=64 is more than the limit of 256"
            ),
            (#"{"inputs":[\#(ones)],"parameters":{"samples":"x"}}"#, "samples must be"),
            (#"{"inputs":[\#(ones)],"parameters":{"samples":[1]}}"#, "samples"),
            (#"{"inputs":[\#(ones)],"parameters":{"timeout":-1}}"#, "timeout"),
            (#"{"inputs":[\#(ones)],"parameters":{"detail":"pixels"}}"#, "none or verdict"),
            (#"{"inputs":[\#(ones)],"parameters":{"binary_data_output":1}}"#, "binary_data_output"),
            (#"{"inputs":[\#(ones)],"id":7}"#, "id must be a string"),
        ])
    func json(_ body: String, _ reason: String) async throws {
        let error = try await TestAPI().postJSON("/v2/models/fake/infer", body).inferenceError(400)
        #expect(error.contains(reason))
    }

    @Test(
        "binary bodies, with what is wrong",
        arguments: [
            (
                #"{"inputs":[{\#(image),"parameters":{"binary_data_size":7}}]}"#, 7, nil,
                "6 times 1 bytes, and binary_data_size is 7"
            ),
            (#"{"inputs":[{\#(image),"parameters":{"binary_data_size":6}}]}"#, 8, nil, "2 bytes more"),
            (#"{"inputs":[{\#(image),"parameters":{"binary_data_size":6}}]}"#, 5, nil, "5 bytes of the body are left"),
            (#"{"inputs":[]}"#, 0, "100", "the body, its content coding undone, has 13 bytes"),
            (#"{"inputs":[]}"#, 0, "+3", "whole number of bytes"), (#"{"inputs":[]}"#, 0, "x", "whole number of bytes"),
            (
                #"{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]}"#, 6,
                nil, "longer than what is left"
            ),
            (
                #"{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":3}}]}"#, 3,
                nil, "longer than what is left"
            ),
        ])
    func binary(_ head: String, _ count: Int, _ length: String?, _ reason: String) async throws {
        var request = Inference.binary(head, Array(repeating: 1, count: count))
        if let length { request.fields[Inference.length] = length }
        let answer = try await TestAPI().request(
            .post, "/v2/models/fake/infer", fields: request.fields, body: request.body)
        #expect(try answer.inferenceError(400).contains(reason))
    }

    @Test("a binary NaN is refused by its position")
    func notANumber() async throws {
        let head =
            #"{"inputs":[{"name":"image","datatype":"FP32","shape":[1,2,3],"parameters":{"binary_data_size":24}}]}"#
        let floats: [Float] = [1, 2, 3, 4, .nan, 6]
        let request = Inference.binary(
            head,
            floats.flatMap { float in (0..<4).map { UInt8(truncatingIfNeeded: float.bitPattern >> UInt32($0 * 8)) } })
        let answer = try await TestAPI().request(
            .post, "/v2/models/fake/infer", fields: request.fields, body: request.body)
        #expect(
            try answer.inferenceError(400).contains(
                "image: values are whole numbers from 0 to 255, not nan at [0, 1, 1]"))
    }

    @Test("an image without a density fails the request by its number; one that fails to be computed is 500")
    func images() async throws {
        let api = try await TestAPI()
        let body =
            #"{"inputs":[{"name":"image","datatype":"UINT8","shape":[2,2,3],"data":[1,1,1,1,1,1,\#(FakeDensity.void),1,1,1,1,1]}]}"#
        #expect(try await api.postJSON("/v2/models/fake/infer", body).inferenceError(400).hasPrefix("image 2 of 2: "))
        let poison = body.replacing("\(FakeDensity.void)", with: "\(FakeDensity.poison)")
        _ = try await api.postJSON("/v2/models/fake/infer", poison).inferenceError(500)
    }

    @Test("what there is no room for is 503 with a time to come back")
    func busy() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model, configure: { $0.maxQueueRows = 2 })
        let answer = try await api.holding(model) {
            try await api.postJSON(
                "/v2/models/fake/infer", #"{"inputs":[\#(Self.ones)],"parameters":{"samples":3}}"#)
        }
        #expect(try answer.inferenceError(503).contains("the queue holds"))
        #expect(answer.fields[.retryAfter] != nil)
    }

    @Test("errors and metadata have no content coding, whatever the client takes; scores have")
    func codings() async throws {
        let api = try await TestAPI(options: { $0.leastCodedBytes = 1 })
        let fields: HTTPFields = [.acceptEncoding: "gzip"]
        for path in ["/v2", "/v2/models/fake", "/v2/health/live", "/v2/models/other"] {
            let answer = try await api.request(.get, path, fields: fields)
            #expect(answer.fields[.contentEncoding] == nil && answer.fields[.vary] == nil, "\(path)")
        }
        let error = try await api.request(.post, "/v2/models/fake/infer", fields: fields, body: Array("{}".utf8))
        _ = try error.inferenceError(400)
        let scores = try await api.request(
            .post, "/v2/models/fake/infer", fields: fields, body: Array(#"{"inputs":[\#(Self.ones)]}"#.utf8))
        #expect(scores.fields[.contentEncoding] == "gzip")
    }
}
