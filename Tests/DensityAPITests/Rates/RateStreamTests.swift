@testable import DensityAPI
import HTTPTypes
import HTTPWire
import Serving
import TestSupport
import Testing

@Suite("Rates of bodies of lines", .timeLimit(.minutes(15)))
struct RateStreamTests {
    private let token = KeyToken.random()
    private var key: HTTPFields { [.authorization: "Bearer \(token)"] }

    /// A service that takes a key with limits as a key file writes them, by the real clock.
    private func api(_ limits: String, options change: (inout APIOptions) -> Void = { _ in }) async throws -> TestAPI {
        let line = KeyFile.line(name: "gate", scopes: [.score], token: token, expiry: nil)
        let ring = KeyRing(try KeyFile("\(line) \(limits)"), now: { 0 })
        return try await TestAPI(
            options: { options in
                options.keys = ring
                change(&options)
            })
    }

    private var lineFields: HTTPFields {
        var fields = key
        fields[.contentType] = "application/x-ndjson"
        return fields
    }

    private func lines(_ count: Int) -> [UInt8] {
        Array(String(repeating: "[1,1,1,1,1,1]\n", count: count).utf8)
    }

    private func stream(_ api: TestAPI, _ count: Int) async throws -> Answer {
        try await api.request(
            .post, "/logprob", fields: lineFields, body: lines(count))
    }

    @Test("a body of lines is read as fast as the key may, and all of it is answered", arguments: ["rows", "bytes"])
    func throttled(_ kind: String) async throws {
        // a line has 14 bytes
        let api = try await api(kind == "rows" ? "rows=80/s,burst=4" : "bytes=1400/s,burst=56")
        let head = HTTPRequest(
            method: .post, scheme: "http", authority: "test", path: "/logprob",
            headerFields: lineFields)
        guard case .streamBody(_, let then) = api.api.decide(head, on: .test) else {
            Issue.record("the body is not taken as it comes")
            return
        }
        let start = ContinuousClock.now
        let answer = try await Answer(await then(StreamedBody(Array(repeating: lines(1), count: 24))))
        #expect(answer.status == 200)
        #expect(answer.text.split(separator: "\n").count { $0.contains("log_prob") } == 24)
        // The last begins when one row, or one byte, is there of what the others took: 20 - 4 rows and 1, or 23 × 14 - 56 bytes and 1.
        let took = start.duration(to: .now)
        #expect(took >= (kind == "rows" ? .milliseconds(212) : .milliseconds(190)), "\(took)")
    }

    @Test("a body of lines that would have to wait longer than a request may ends with the reason")
    func ended() async throws {
        let api = try await api("rows=1/h,burst=2", options: { $0.requestTimeout = .seconds(5) })
        let answer = try await stream(api, 5)
        let lines = answer.text.split(separator: "\n")
        #expect(answer.status == 200 && lines.count == 3)
        #expect(lines.prefix(2).allSatisfy { $0.contains("log_prob") })
        #expect(lines.last?.contains("urn:tusk:problem:rate-limited") == true)
        #expect(lines.last?.contains("rows: the limit of the key gate, 1/h,burst=2, is used up") == true)
        #expect(try await stream(api, 1).status == 429)
    }
}
