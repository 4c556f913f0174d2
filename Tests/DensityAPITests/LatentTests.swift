import DensityAPI
import FlowCore
import FlowModels
import FoundationEssentials
import HTTPTypes
import Imaging
import TestSupport
import Testing

@Suite("/encode, /decode and /interpolate", .timeLimit(.minutes(15)))
struct LatentTests {
    private struct EncodedJSON: Decodable {
        struct Failure: Decodable {
            var levels: Int
            var input: Double
        }
        var model: String?
        var shape: [Int]?
        var `class`: String?
        var latent: [Float]?
        var log_prob: Double?
        var bits_per_dim: Double?
        var round_trip_error: Failure?
        var type: String?
        var results: [EncodedJSON]?
    }

    struct ImagesJSON: Decodable {
        struct Failure: Decodable { var latent: Double }
        struct Item: Decodable {
            var index: Int?
            var image: String?
            var log_prob: Double?
            var `class`: String?
            var position: Double?
            var round_trip_error: Failure?
            var effective_sample_size: Double?
            var ancestors: Int?
            var acceptance: Double?
            var states: [String]?
            var type: String?
            var error: String?

            func pixels() throws -> [UInt8] {
                let text = try #require(image)
                return try decodeImage(Array(try #require(Data(base64Encoded: text)))).pixels
            }
        }
        var model: String
        var `class`: String?
        var images: [Item]?
        var samples: [Item]?
        var method: String?
        var exact: Bool?
        var known_pixels: Int?
        var particles: Int?
        var moves: Int?
        var seed: UInt64?
    }

    @Test("an image has a latent with its density and its round-trip error, a list one for each")
    func encode() async throws {
        let api = try await TestAPI()
        let one = try await api.post("/encode", type: "application/octet-stream", [1, 2, 3, 4, 5, 6])
        let encoded: EncodedJSON = try one.decoded()
        #expect(one.status == 200 && encoded.latent == [1, 2, 3, 4, 5, 6] && encoded.shape == [2, 3, 1])
        #expect(encoded.log_prob == -21 && encoded.model == "fake" && encoded.class == nil)
        #expect(encoded.round_trip_error?.levels == 0 && encoded.round_trip_error?.input == 0.25)
        #expect(one.fields[HTTPField.Name("Tusk-Round-Trip-Error")!] == "levels=0, input=0.25")
        let list: EncodedJSON = try await api.postJSON(
            "/encode", "[[1,2,3,4,5,6],[1],[251,0,0,0,0,0],[2,2,2,2,2,2]]"
        ).decoded()
        let results = try #require(list.results)
        #expect(results.map { $0.latent?.first } == [1, nil, nil, 2])
        #expect(results[1].type == "urn:tusk:problem:image-size")
        #expect(results[2].type == "urn:tusk:problem:density-not-finite")
        #expect(api.reports.all.isEmpty)
    }

    @Test("latents come as NPY, where one bad image fails the request")
    func encodeArray() async throws {
        let api = try await TestAPI()
        let fields: HTTPFields = [.accept: "application/x-npy", .contentType: "application/json"]
        let one = try await api.request(.post, "/encode", fields: fields, body: Array(#"{"image":[1,2,3,4,5,6]}"#.utf8))
        let array = try NPYArray.decode(one.body)
        #expect(array.shape == [2, 3, 1] && array.elementType == .float32 && array.doubles() == [1, 2, 3, 4, 5, 6])
        #expect(one.type == "application/x-npy")
        let two = try await api.request(
            .post, "/encode", fields: fields, body: Array("[[1,2,3,4,5,6],[1,1,1,1,1,1]]".utf8))
        #expect(try NPYArray.decode(two.body).shape == [2, 2, 3, 1])
        let bad = try await api.request(.post, "/encode", fields: fields, body: Array("[[1,2,3,4,5,6],[1]]".utf8))
        _ = try bad.problem(422, "image-size")
        let void = try await api.request(.post, "/encode", fields: fields, body: Array("[[251,2,3,4,5,6]]".utf8))
        _ = try void.problem(422, "density-not-finite")
    }

    @Test("a latent belongs to the class that is asked for, or to the most probable one")
    func encodeClass() async throws {
        let api = try await TestAPI(FakeDensity(classes: ["bear", "elephant"], isConditional: true))
        let named: EncodedJSON = try await api.postJSON("/encode?class=elephant", #"{"image":[1,1,1,1,1,1]}"#).decoded()
        #expect(named.class == "elephant" && named.log_prob == -7)
        let found: EncodedJSON = try await api.postJSON("/encode", #"{"image":[1,1,1,1,1,1]}"#).decoded()
        #expect(found.class == "bear" && found.log_prob == -6)
        let list: EncodedJSON = try await api.postJSON("/encode", "[[251,1,1,1,1,1],[1,1,1,1,1,1]]").decoded()
        #expect(list.results?.map(\.class) == [nil, "bear"])
        #expect(list.results?[0].type == "urn:tusk:problem:density-not-finite")
        let needed = try await api.postJSON("/decode", #"{"latent":[1,1,1,1,1,1]}"#).problem(422, "parameter")
        #expect(
            needed == "class is needed, since a latent belongs to a class of this model; it is one of bear, elephant")
        let decoded: ImagesJSON = try await api.postJSON("/decode?class=elephant", #"{"latent":[1,1,1,1,1,1]}"#)
            .decoded()
        #expect(decoded.images?[0].class == "elephant")
    }

    @Test("latents are decoded from JSON and NPY, to JSON, PNG and NPY")
    func decode() async throws {
        let api = try await TestAPI()
        let one = try await api.postJSON("/decode", #"{"latent":[1.5,2,3,4,5e0,6]}"#)
        let images = try #require(try one.decoded(as: ImagesJSON.self).images)
        #expect(try images[0].pixels() == [1, 2, 3, 4, 5, 6] && images.count == 1)
        #expect(images[0].round_trip_error?.latent == 0.125 && images[0].log_prob == -21)
        #expect(one.fields[HTTPField.Name("Tusk-Round-Trip-Error")!] == "latent=0.125")
        for (shape, count) in [([6], 1), ([2, 3, 1], 1), ([2, 6], 2), ([2, 2, 3, 1], 2), ([1, 6], 1)] {
            let body = NPYArray(shape: shape, [Float](repeating: 7, count: 6 * count)).encoded()
            for accept in ["application/json", "image/png", "application/x-npy"] {
                let answer = try await api.request(
                    .post, "/decode", fields: [.accept: accept, .contentType: "application/x-npy"], body: body)
                #expect(answer.status == 200 && answer.type == accept)
                if accept == "application/x-npy" {
                    #expect(try NPYArray.decode(answer.body).shape == [count, 2, 3])
                }
            }
        }
    }

    @Test("how a latent becomes the image is told of one latent, as JSON")
    func states() async throws {
        let api = try await TestAPI()
        let latent = #"{"latent":[1,2,3,4,5,6]}"#
        let answer: ImagesJSON = try await api.postJSON("/decode?states=true", latent).decoded()
        let pixels = try #require(answer.images?[0].states).map { text in
            try decodeImage(Array(try #require(Data(base64Encoded: text)))).pixels
        }
        #expect(pixels == [[0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6]])
        let without: ImagesJSON = try await api.postJSON("/decode?states=false", latent).decoded()
        #expect(without.images?[0].states == nil)
        let two = try await api.postJSON("/decode?states=true", #"{"latents":[[1,2,3,4,5,6],[1,2,3,4,5,6]]}"#)
        #expect(try two.problem(422, "parameter") == "states is true with 2 latents; it takes one")
        let picture = try await api.request(
            .post, "/decode?states=true", fields: [.accept: "image/png", .contentType: "application/json"],
            body: Array(latent.utf8))
        #expect(try picture.problem(422, "parameter").hasPrefix("states is true for image/png"))
        _ = try await api.postJSON("/decode?states=1", latent).problem(422, "parameter")
    }

    @Test("a latent that is not the model's, or whose image is not finite, says so in its place")
    func decodeRefusals() async throws {
        let api = try await TestAPI()
        let list: ImagesJSON = try await api.postJSON(
            "/decode", #"{"latents":[[1,1,1,1,1,1],[1],[999,1,1,1,1,1],["a"],[1e300,1,1,1,1,1],[2,2,2,2,2,2]]}"#
        ).decoded()
        let images = try #require(list.images)
        #expect(images.map(\.index) == [0, 1, 2, 3, 4, 5])
        #expect(
            images[1...4].map(\.error) == [
                "latent: a latent of the model has 6 numbers, not 1",
                "latent: its image is not finite, so far is it from what the model has learned",
                "latent: expected a list of 6 numbers", "latent: number 0 is not finite in single precision",
            ])
        func problem(_ body: String, _ status: Int, _ kind: String) async throws -> String {
            try await api.postJSON("/decode", body).problem(status, kind)
        }
        _ = try await problem(#"{"latent":[999,1,1,1,1,1]}"#, 422, "density-not-finite")
        _ = try await problem(#"{"latent":[1]}"#, 422, "latent-value")
        _ = try await problem(#"{"latent":"a"}"#, 422, "latent-value")
        _ = try await problem(#"{"latents":[]}"#, 422, "image-count")
        _ = try await problem(#"{"z":[1]}"#, 400, "malformed-body")
        _ = try await problem("[1,1,1,1,1,1]", 400, "malformed-body")
        _ = try await problem("[1,1", 400, "malformed-body")
        let array = NPYArray(shape: [2, 3], [Float](repeating: 0, count: 6)).encoded()
        #expect(
            try await api.post("/decode", type: "application/x-npy", array).problem(422, "latent-value")
                == "latents: expected the shape [6], [2, 3, 1] or a stack of such, not [2, 3]")
        let nan = NPYArray(shape: [6], [0, .nan, 0, 0, 0, 0] as [Float]).encoded()
        _ = try await api.post("/decode", type: "application/x-npy", nan).problem(422, "latent-value")
        _ = try await api.postJSON("/decode", #"{"latent":[250,1,1,1,1,1]}"#).problem(500, "internal")
        #expect(api.reports.all.count == 1)
    }

    @Test("latents have a limit of their number on each side")
    func decodeLimit() async throws {
        let api = try await TestAPI(options: { $0.maxRequestRows = 3 })
        func body(_ count: Int) -> String {
            "{\"latents\":[\(Array(repeating: "[1,1,1,1,1,1]", count: count).joined(separator: ","))]}"
        }
        #expect(try await api.postJSON("/decode", body(3)).status == 200)
        _ = try await api.postJSON("/decode", body(4)).problem(422, "image-count")
    }

    @Test("two images have images between them, their own at the ends")
    func interpolate() async throws {
        let api = try await TestAPI(options: { $0.maxInterpolationSteps = 9 })
        let pair = "[[4,0,0,0,0,0],[0,4,0,0,0,0]]"
        let answer = try await api.postJSON("/interpolate?steps=3", pair)
        let images = try #require(try answer.decoded(as: ImagesJSON.self).images)
        #expect(images.map(\.position) == [0, 0.5, 1])
        #expect(try images.map { try $0.pixels() } == [[4, 0, 0, 0, 0, 0], [2, 2, 0, 0, 0, 0], [0, 4, 0, 0, 0, 0]])
        #expect(images.allSatisfy { $0.round_trip_error?.latent == 0.125 })
        #expect(
            answer.fields[HTTPField.Name("Tusk-Round-Trip-Error")!] == "levels=0, input=0.25, latent=0.125")
        #expect(try await api.postJSON("/interpolate", pair).decoded(as: ImagesJSON.self).images?.count == 8)
        #expect(try await api.postJSON("/interpolate?steps=9", pair).status == 200)
        for steps in ["10", "1", "x"] {
            #expect(
                try await api.postJSON("/interpolate?steps=\(steps)", pair).problem(422, "parameter")
                    == "steps must be a whole number from 2 to 9, not \"\(steps)\"")
        }
        #expect(
            try await api.postJSON("/interpolate", "[[1,1,1,1,1,1]]").problem(422, "image-count")
                == "the number of images must be 2, not 1")
        _ = try await api.postJSON("/interpolate", #"{"image":[1,1,1,1,1,1]}"#).problem(422, "image-count")
        _ = try await api.postJSON("/interpolate", "[[1,1,1,1,1,1],[1,1,1,1,1,1],[1,1,1,1,1,1]]").problem(
            422, "image-count")
        _ = try await api.postJSON("/interpolate", "[[1,1,1,1,1,1],[1]]").problem(422, "image-size")
        _ = try await api.postJSON("/interpolate", "[[1,1,1,1,1,1],[251,1,1,1,1,1]]").problem(422, "density-not-finite")
    }

    @Test("an interpolation is within the class that its images have in common")
    func interpolateClass() async throws {
        let api = try await TestAPI(FakeDensity(classes: ["bear", "elephant"], isConditional: true))
        let pair = "[[4,0,0,0,0,0],[0,4,0,0,0,0]]"
        let found: ImagesJSON = try await api.postJSON("/interpolate", pair).decoded()
        #expect(found.class == "bear" && found.images?.allSatisfy { $0.class == "bear" } == true)
        #expect(
            try await api.postJSON("/interpolate?class=elephant", pair).decoded(as: ImagesJSON.self).class == "elephant"
        )
        let sheet = try await api.request(
            .post, "/interpolate?steps=12", fields: [.accept: "image/png", .contentType: "application/json"],
            body: Array(pair.utf8))
        let image = try decodeImage(sheet.body)
        // ten of 3 x 21 by 2 x 21 pixels in the first row, two in the second
        #expect(image.width == 2 + 10 * (63 + 2) && image.height == 2 + 2 * (42 + 2))
    }
}
