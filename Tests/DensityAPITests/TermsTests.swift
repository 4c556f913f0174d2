import HTTPContent
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

@testable import DensityAPI

@Suite("Time limits and priorities of requests")
struct TermsTests {
    private let image = #"{"image": [1,1,1,1,1,1]}"#

    private struct Described: Decodable {
        struct Limits: Decodable { var images: Int }
        var limits: Limits
    }

    private func mostImages(_ api: TestAPI) async throws -> Int {
        try await api.get("/models/fake").decoded(as: Described.self).limits.images
    }

    private func post(_ api: TestAPI, _ fields: HTTPFields) async throws -> Answer {
        var fields = fields
        fields[.contentType] = "application/json"
        return try await api.request(.post, "/logprob", fields: fields, body: Array(image.utf8))
    }

    @Test("a time limit and a priority are taken as openapi.yaml says")
    func fields() async throws {
        let api = try await TestAPI()
        for fields: HTTPFields in [
            [.requestTimeout: "30000"], [.requestTimeout: "99999999999999"], [.priorityClass: "batch"],
            [.priorityClass: "Interactive"],
        ] {
            #expect(try await post(api, fields).status == 200, "\(fields)")
        }
        for text in ["0", "-1", "1.5", "", "1s", "+5", "99999999999999999999"] {
            let problem = try await post(api, [.requestTimeout: text]).problem(400, "malformed-request")
            #expect(
                problem == "X-Request-Timeout-Ms must be a whole number of milliseconds from 1 on, not \(quoted(text))")
        }
        let problem = try await post(api, [.priorityClass: "urgent"]).problem(400, "malformed-request")
        #expect(problem == "X-Priority must be one of interactive, batch, not \(quoted("urgent"))")
    }

    @Test("what would be done too late by its measured cost is refused at once, with a reason and a time to come back")
    func late() async throws {
        let model = FakeDensity()
        // However long the test itself has to wait.
        let api = try await TestAPI(model, options: { $0.requestTimeout = .seconds(3600) })
        model.hold()
        async let slow = post(api, [:])
        await eventually { model.densityCalls.count == 2 }
        try await Task.sleep(for: .milliseconds(200))
        model.release()
        #expect(try await slow.status == 200)
        // An image has taken 0.2 s at least.
        let calls = model.densityCalls.count
        let refused = try await post(api, [.requestTimeout: "1"])
        #expect(try refused.problem(429, "too-late").hasSuffix("the time limit is 0.001 s"))
        #expect(refused.fields[.droppedReason] == "too-late")
        #expect(refused.fields[.retryAfter].flatMap { Int($0) }.map { $0 >= 1 } == true)
        #expect(model.densityCalls.count == calls, "nothing was computed")
        let head = HTTPRequest(
            method: .post, scheme: "http", authority: "test", path: "/logprob",
            headerFields: [.contentType: "application/json", .contentLength: "30", .requestTimeout: "1"])
        guard case .respond(let response) = api.api.decide(head, on: .test) else {
            Issue.record("its body is asked for all the same")
            return
        }
        #expect(response.status.code == 429)
        #expect(try await post(api, [.requestTimeout: "3600000"]).status == 200)
    }

    @Test("GET /models says how large a request can be, and a larger one is refused before it waits")
    func limits() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model, options: { $0.requestTimeout = .milliseconds(300) })
        #expect(try await mostImages(api) == 256)
        model.hold()
        async let slow = post(api, [:])
        await eventually { model.densityCalls.count == 2 }
        try await Task.sleep(for: .milliseconds(200))
        model.release()
        _ = try await slow
        let limit = try await mostImages(api)
        #expect((1..<200).contains(limit))
        let many = try await api.request(
            .post, "/logprob", fields: [.contentType: "application/octet-stream"],
            body: Array(repeating: 1, count: 6 * 256))
        #expect(try many.problem(422, "image-count").contains("at most \(limit) fit in"))
    }
}
