@testable import DensityAPI
import HTTPTypes
import HTTPWire
import Serving
import TestSupport
import Testing

@Suite("Rates of requests", .timeLimit(.minutes(15)))
struct RateRouteTests {
    private let token = KeyToken.random()
    private let clock = Locked<UInt64>(0)
    private var key: HTTPFields { [.authorization: "Bearer \(token)"] }

    /// A service that takes a key of all scopes with limits as a key file writes them.
    private func api(
        _ limits: String, _ model: FakeDensity = AccessTests.decided,
        configure: (inout ServiceConfiguration) -> Void = { _ in },
        options change: (inout APIOptions) -> Void = { _ in }
    ) async throws -> TestAPI {
        let line = KeyFile.line(name: "gate", scopes: Scope.allCases, token: token, expiry: nil)
        let file = try KeyFile("\(line) \(limits)")
        let ring = KeyRing(file, now: { 0 }, clock: { [clock] in clock.value })
        return try await TestAPI(
            model, configure: configure,
            options: { options in
                options.keys = ring
                change(&options)
            })
    }

    /// What a route takes, in the order of the table; nil for one that is free.
    private static let rows: [String: Int] = [
        "/logprob": 1, "/typicality": 1, "/sample": 1, "/encode": 1, "/decode": 1, "/interpolate": 10, "/complete": 1,
        "/models": 0, "/models/{model}": 0, "/models/{model}/logprob": 1, "/models/{model}/sample": 1,
        "/v2/models/{model}": 0, "/v2/models/{model}/config": 0, "/v2/repository/index": 0,
        "/v2/models/{model}/infer": 1,
    ]

    private func send(_ index: Int, to api: TestAPI) async throws -> Answer {
        let request = AccessTests.requests[index]
        return try await api.request(
            request.route.method, request.path, fields: HTTPFields(request.fields + key), body: request.body)
    }

    @Test("every route counts, but those of probes and operators", arguments: AccessTests.requests.indices)
    func requests(_ index: Int) async throws {
        let path = AccessTests.requests[index].route.path
        let api = try await api("requests=2/h")
        for _ in 0..<2 { #expect(try await send(index, to: api).status == 200, "\(path)") }
        let third = try await send(index, to: api)
        guard Self.rows[path] != nil else {
            #expect(third.status == 200, "\(path)")
            return
        }
        #expect(third.status == 429 && third.fields[.retryAfter] == "1800", "\(path)")
        let words = "requests: the limit of the key gate, 2/h, is used up; there is room again in 1800.0 s"
        if path.hasPrefix("/v2") {
            #expect(third.text == #"{"error":"\#(words)"}"#)
        } else {
            #expect(try third.problem(429, "rate-limited") == words)
        }
        clock.change { $0 = 1_800_000_000_000 }
        #expect(try await send(index, to: api).status == 200, "\(path)")
    }

    @Test("rows are those that the request asks for", arguments: AccessTests.requests.indices)
    func rows(_ index: Int) async throws {
        let path = AccessTests.requests[index].route.path
        guard let rows = Self.rows[path], rows > 0 else {
            let api = try await api("rows=1/h")
            for _ in 0..<3 { #expect(try await send(index, to: api).status == 200, "\(path)") }
            return
        }
        let (enough, less) = try await (api("rows=1/h,burst=\(rows + 1)"), api("rows=1/h,burst=\(rows)"))
        for api in [enough, less] { #expect(try await send(index, to: api).status == 200, "\(path)") }
        #expect(try await send(index, to: enough).status == 200, "\(path): one row was left")
        #expect(try await send(index, to: less).status == 429, "\(path): none was left")
    }

    @Test("rows are images times samples, images that are drawn, and what cannot be read is none")
    func counts() async throws {
        for (path, body, rows) in [
            ("/logprob?samples=3", "[[1,1,1,1,1,1],[1],[2,2,2,2,2,2]]", 6), ("/encode", "[[1,1,1,1,1,1],[1]]", 1),
            ("/decode", #"{"latents":[[1,1,1,1,1,1],[1,1,1,1,1,1]]}"#, 2),
            ("/interpolate?steps=5", "[[1,1,1,1,1,1],[2,2,2,2,2,2]]", 7),
            ("/complete?count=4", #"{"image":[1,1,1,1,1,1],"mask":[0,0,1,1,1,1]}"#, 4),
            ("/v2/models/fake:sample/infer", #"{"inputs":[],"parameters":{"count":5}}"#, 5),
        ] {
            var fields = key
            fields[.contentType] = "application/json"
            let api = try await api("rows=1/h,burst=2")
            let first = try await api.request(.post, path, fields: fields, body: Array(body.utf8))
            #expect(first.status == 200, "\(path): larger than the burst: \(first.text)")
            let again = try await api.request(.post, path, fields: fields, body: Array(body.utf8))
            // the burst of 2, and the one that has to be there
            let seconds = 3600 * (rows - 1)
            #expect(again.fields[.retryAfter] == (seconds > 0 ? "\(seconds)" : nil), "\(path)")
        }
    }

    @Test("a request that would be drawn, and is not, takes no rows")
    func notDrawn() async throws {
        let api = try await api("rows=1/h")
        for _ in 0..<3 {
            #expect(try await api.request(.head, "/sample?count=9", fields: key).status == 200)
            #expect(try await api.request(.get, "/sample?count=0", fields: key).status == 422)
        }
        #expect(try await api.request(.get, "/sample?count=9&seed=1", fields: key).status == 200)
        #expect(try await api.request(.get, "/sample", fields: key).status == 429)
    }

    @Test("what the service has no room for gives its rows back")
    func putBack() async throws {
        let model = FakeDensity()
        let api = try await api("rows=1/h,burst=3", model, configure: { $0.maxQueueRows = 1 })
        model.hold()
        async let busy = api.request(.get, "/sample", fields: key)
        await eventually { model.samplingCalls.count == 2 }
        async let waiting = api.request(.get, "/sample", fields: key)
        await eventually { api.service.queuedRows == 1 }
        for _ in 0..<5 {
            let full = try await api.request(.get, "/sample", fields: key)
            #expect(try full.problem(429, "queue-full").contains("1 of at most 1"))
        }
        model.release()
        #expect(try await (busy.status, waiting.status) == (200, 200))
        #expect(try await api.request(.get, "/sample", fields: key).status == 200)
        _ = try await api.request(.get, "/sample", fields: key).problem(429, "rate-limited")
    }

    // MARK: Bodies

    private func head(_ length: String?) -> HTTPRequest {
        var fields = key
        fields[.contentType] = "application/octet-stream"
        fields[.contentLength] = length
        return HTTPRequest(method: .post, scheme: "http", authority: "test", path: "/logprob", headerFields: fields)
    }

    /// Status of a body of six bytes, and whether it was asked for.
    private func send(_ api: TestAPI, length: String?) async -> (status: Int, isRead: Bool) {
        let decision = api.api.decide(head(length), on: .test)
        let isRead = if case .respond = decision { false } else { true }
        return (await api.api.response(to: decision, head(length), body: [1, 1, 1, 1, 1, 1]).status.code, isRead)
    }

    @Test("bytes are those that the head announces, and a body beyond them is not asked for")
    func announced() async throws {
        let api = try await api("bytes=1/h,burst=7")
        #expect(await send(api, length: "6") == (200, true))
        #expect(await send(api, length: "6") == (200, true), "one byte was left")
        #expect(await send(api, length: "6") == (429, false))
        let exact = try await self.api("bytes=1/h,burst=6")
        #expect(await send(exact, length: "6") == (200, true))
        #expect(await send(exact, length: "6") == (429, false))
        let answer = try await exact.request(.get, "/models", fields: key)
        #expect(
            try answer.problem(429, "rate-limited").hasPrefix(
                "bytes: the limit of the key gate, 1/h,burst=6, is used up"))
    }

    @Test("bytes of a body without a length are those that came")
    func chunked() async throws {
        let api = try await api("bytes=1/h,burst=7")
        #expect(await send(api, length: nil) == (200, true))
        #expect(await send(api, length: nil) == (200, true), "one byte was left")
        #expect(await send(api, length: nil) == (429, false))
    }

    @Test("a body that is refused for its length takes none")
    func tooLarge() async throws {
        let api = try await api(
            "bytes=1/h,burst=7",
            options: {
                $0.maxImageBytes = 100; $0.maxBodyBytes = 100
            })
        for _ in 0..<3 {
            guard case .readBody(let limit, _, _, _) = api.api.decide(head("101"), on: .test) else {
                Issue.record("refused by the key's limit")
                return
            }
            #expect(limit == 100)
        }
        guard case .readBody = api.api.decide(head("100"), on: .test) else {
            Issue.record("refused by the key's limit")
            return
        }
        guard case .respond(let response) = api.api.decide(head("1"), on: .test) else {
            Issue.record("the body is asked for")
            return
        }
        #expect(response.status == .tooManyRequests)
    }

    // MARK: Who

    @Test("what is wrong counts as a request; what has no right to be one does not, and no other key is touched")
    func who() async throws {
        let keys = try TestKeys([.sample, .metrics], limits: [.requests: .rate(Rate(2, per: .hour))])
        let api = try await TestAPI(options: { $0.keys = keys.ring })
        func status(_ path: String, _ scope: Scope) async throws -> Int {
            try await api.request(.get, path, fields: keys.fields(scope)).status
        }
        for _ in 0..<3 {
            #expect(try await status("/sample", .metrics) == 403)
            #expect(try await status("/none", .sample) == 404)
            #expect(try await api.get("/sample").status == 401)
        }
        #expect(try await status("/sample?count=0", .sample) == 422)
        #expect(try await status("/sample", .sample) == 200)
        #expect(try await status("/sample", .sample) == 429)
        #expect(try await status("/models", .metrics) == 200)
        keys.ring.replace(
            with: try KeyFile(
                KeyFile.line(name: "sample", scopes: [.sample], token: keys.tokens[.sample] ?? "", expiry: nil)))
        #expect(try await status("/sample", .sample) == 429, "the account goes on")
        keys.clock.change { $0 += 1_800_000_000_000 }
        #expect(try await status("/sample", .sample) == 200)
        #expect(try await status("/sample", .sample) == 429)
    }

    @Test("refusals are counted by limit and key")
    func metrics() async throws {
        let api = try await api("requests=1/h")
        #expect(api.metrics("rate_limited_requests") == 0)
        for _ in 0..<3 { _ = try await api.request(.get, "/sample", fields: key) }
        #expect(api.metrics("rate_limited_requests") == 2)
        let text = try await api.request(.get, "/metrics", fields: key).text
        #expect(text.contains("\ntusk_rate_limited_requests_total{limit=\"requests\",key=\"gate\"} 2\n"))
        #expect(text.contains("\ntusk_http_problems_total{kind=\"rate-limited\"} 2\n"))
        #expect(!text.contains("tusk_refused_requests_total{lane=\"parallel\",reason=\"queue_full\"} 2"))
    }
}
