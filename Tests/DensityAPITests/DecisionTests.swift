import FlowModels
import Foundation
import HTTPTypes
import Imaging
import TestSupport
import Testing

@Suite("Verdicts over HTTP")
struct DecisionTests {
    private struct Decided: Decodable {
        var verdict: String?
        var alarm: Double?
        var pValue: Double?
        var asOdd: Int?
        var asOddOf: Int?
        var reasons: [String]?
        var evidence: [String: Part]?

        struct Part: Decodable {
            var value: Double
            var pValue: Double

            enum CodingKeys: String, CodingKey {
                case value
                case pValue = "p_value"
            }
        }

        enum CodingKeys: String, CodingKey {
            case verdict, alarm, reasons, evidence
            case pValue = "p_value"
            case asOdd = "as_odd"
            case asOddOf = "as_odd_of"
        }
    }

    private let image = #"{"image":[1,1,1,1,1,1]}"#

    private func ask(_ api: TestAPI, _ query: String) async throws -> Answer {
        try await api.postJSON("/logprob\(query)", image)
    }

    @Test("an answer says how odd the image is, in whole numbers too, and why")
    func answers() async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        let plain: Decided = try await ask(api, "").decoded()
        #expect(plain.alarm == 0.05 && plain.verdict != nil, "40 images do not tell at 0.01")
        let count = try #require(plain.asOdd)
        #expect(plain.asOddOf == 41 && plain.pValue == Double(count) / 41)
        let odd: Decided = try await api.postJSON("/logprob?alarm=0.05", #"{"image":[200,1,1,1,1,1]}"#).decoded()
        #expect(odd.verdict == "outlier" && odd.alarm == 0.05 && odd.asOdd == 1 && odd.reasons?.isEmpty == false)
        let all: Decided = try await ask(api, "?detail=evidence").decoded()
        #expect(all.evidence.map { Set($0.keys) } == Set(DecisionRecord.test().evidence))
        let none: Decided = try await ask(api, "?detail=none").decoded()
        #expect(none.pValue == nil && none.evidence == nil && none.reasons == nil)
    }

    private struct Mapped: Decodable {
        var pixels: Pixels?

        struct Pixels: Decodable {
            var kind: String
            var values: [[Double]]
        }
    }

    @Test("detail=pixels has a number for each pixel, of each image of a list, or is a picture of one")
    func pixels() async throws {
        let api = try await TestAPI(FakeDensity(classes: ["a", "b"], decision: .test(), isConditional: true))
        let body = #"{"image":[1,2,3,4,5,250]}"#
        let map: Mapped = try await api.postJSON("/logprob?detail=pixels", body).decoded()
        #expect(map.pixels?.kind == "conditional" && map.pixels?.values == [[-1, -2, -3], [-4, -5, -250]])
        let plain: Mapped = try await api.postJSON("/logprob?detail=evidence", body).decoded()
        #expect(plain.pixels == nil)
        let list = try await api.postJSON("/logprob?detail=pixels", "[[1,1,1,1,1,1],[1],[2,2,2,2,2,2]]")
        #expect(list.status == 200 && list.text.components(separatedBy: "\"values\"").count == 3)
        let bare = try await TestAPI()
        #expect(try await bare.postJSON("/logprob?detail=pixels", body).status == 200, "needs no calibration")

        let fields: HTTPFields = [.accept: "image/png", .contentType: "application/json"]
        let picture = try await api.request(
            .post, "/logprob?detail=pixels", fields: fields, body: Array(body.utf8))
        #expect(picture.status == 200 && picture.type == "image/png")
        let image = try decodeImage(picture.body)
        let scale = 224 / 3
        #expect(image.width == 6 * scale + scale / 2 && image.height == 2 * scale && image.mode == .rgb)
        // The last pixel is all red beside the image, which is gray; a pixel of level 1 is a sixth of the way.
        func color(_ x: Int, _ y: Int) -> [UInt8] {
            Array(image.pixels[(y * image.width + x) * 3..<(y * image.width + x) * 3 + 3])
        }
        #expect(color(2 * scale, scale) == [250, 250, 250])
        #expect(color(5 * scale + scale / 2, scale) == [220, 30, 40])
        #expect(color(3 * scale + scale / 2, 0)[0] > color(3 * scale + scale / 2, 0)[1])
        let refused = try await api.request(
            .post, "/logprob?detail=pixels", fields: fields, body: Array("[\(body)]".utf8))
        #expect(try refused.problem(406, "not-acceptable").hasPrefix("Accept: the overlay is of one image"))
        #expect(try await api.request(.post, "/logprob", fields: fields, body: Array(body.utf8)).status == 406)
    }

    @Test("what the model cannot say is refused, and said")
    func refusals() async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        for text in ["0", "0.6", "1", "x", "", "1e-2"] {
            let problem = try await ask(api, "?alarm=\(text)").problem(422, "parameter")
            #expect(problem.hasPrefix("alarm must be a decimal fraction above 0 and at most 0.5"), "\(problem)")
        }
        #expect(
            try await ask(api, "?alarm=0.001").problem(422, "parameter")
                == "alarm: a rate of 0.001 needs 999 calibration images, and the model has 40")
        #expect(try await ask(api, "?detail=all").problem(422, "parameter").hasPrefix("detail must be one of"))
        let bare = try await TestAPI()
        for query in ["?alarm=0.05", "?detail=evidence"] {
            let problem = try await ask(bare, query).problem(422, "parameter")
            #expect(problem.hasSuffix("the model has no calibration of its evidence, which tusk calibrate adds"))
        }
        #expect(try await ask(bare, "?detail=verdict").status == 200)
    }
}
