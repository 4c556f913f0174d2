import DensityAPI
import HTTPTypes
import TestSupport
import Testing

@Suite("Damaged bodies of the Open Inference Protocol", .timeLimit(.minutes(15)))
struct InferenceMutationTests {
    /// Bodies that are right, with the bytes of their JSON; nil for one that is all JSON.
    private static func sound() throws -> [(model: String, length: Int?, body: [UInt8])] {
        let image = #""name":"image","datatype""#
        let picture = try png(gray(7))
        let element = [UInt8(picture.count), 0, 0, 0] + picture
        func binary(_ json: String, _ tensors: [UInt8]) -> (String, Int?, [UInt8]) {
            ("fake", json.utf8.count, Array(json.utf8) + tensors)
        }
        func plain(_ model: String, _ json: String) -> (String, Int?, [UInt8]) { (model, nil, Array(json.utf8)) }
        return [
            plain(
                "fake",
                #"{"id":"a","parameters":{"samples":2,"timeout":900000000},"inputs":[{\#(image):"UINT8","shape":[2,2,3],"data":[[[1,2,3],[4,5,6]],[[1,2,3],[4,5,6]]]}],"outputs":[{"name":"log_prob","parameters":{"binary_data":true}}]}"#
            ),
            plain("fake", #"{"inputs":[{\#(image):"FP32","shape":[1,2,3],"data":[1.0,2e0,3,4,5,NaN]}]}"#),
            plain("fake", #"{"inputs":[{\#(image):"BYTES","shape":[1],"data":["\#(base64(picture))"]}]}"#),
            plain("fake:sample", #"{"inputs":[],"parameters":{"count":2,"seed":1,"temperature":0.5}}"#),
            binary(
                #"{"inputs":[{\#(image):"BYTES","shape":[1],"parameters":{"binary_data_size":\#(element.count)}}]}"#,
                element),
            binary(
                #"{"inputs":[{\#(image):"FP32","shape":[1,2,3],"parameters":{"binary_data_size":24}}]}"#,
                Array(repeating: 0, count: 24)),
        ]
    }

    @Test("are answered, or refused in the protocol's form")
    func mutations() async throws {
        let api = try await TestAPI()
        var random = SystemlessGenerator(state: 7)
        var refused = 0
        let sound = try Self.sound()
        for round in 0..<3000 {
            var (model, length, body) = sound[round % sound.count]
            for _ in 0...Int.random(in: 0...3, using: &random) where !body.isEmpty {
                let place = Int.random(in: 0..<body.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: body[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: body.remove(at: place)
                case 2: body.insert(body[Int.random(in: 0..<body.count, using: &random)], at: place)
                case 3: body[place] = Array("0123456789-[]{},:\"eN".utf8).randomElement(using: &random)!
                case 4: body = Array(body[..<place])
                default: length = length.map { max(1, $0 + Int.random(in: -3...3, using: &random)) }
                }
            }
            let fields: HTTPFields = length.map { [Inference.length: String($0)] } ?? [:]
            let answer = try await api.request(.post, "/v2/models/\(model)/infer", fields: fields, body: body)
            if answer.status == 200 { continue }
            refused += 1
            // a time limit that is too short, and the level at which the fake model throws
            #expect([400, 500, 503].contains(answer.status))
            #expect(answer.type == "application/json")
            let error = try answer.decoded(as: Inference.Failure.self).error
            if answer.status == 500 { #expect(error.contains("could not compute its density")) }
            if answer.status == 503 { #expect(error.contains("time limit")) }
        }
        #expect((1500..<3000).contains(refused))
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014), so that the bodies are the same in each run.
private struct SystemlessGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
