import Compression
import DensityAPI
import FlowCore
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

@Suite("Content coding", .timeLimit(.minutes(15)))
struct ContentCodingTests {
    private static let long = String(repeating: "openapi: 3.1.0\n", count: 100)

    private static func coding(_ value: String?, of content: String = long) async throws -> Answer {
        let fields: HTTPFields = value.map { [.acceptEncoding: $0] } ?? [:]
        return try await TestAPI(openAPI: content).request(.get, "/openapi.yaml", fields: fields)
    }

    @Test(
        "Accept-Encoding decides",
        arguments: [
            (nil, nil), ("", nil), ("gzip", "gzip"), ("x-gzip", "gzip"), ("GZIP", "gzip"), ("deflate", "deflate"),
            ("gzip, deflate", "gzip"), ("deflate, gzip", "gzip"), ("gzip;q=0.5, deflate;q=0.6", "deflate"),
            ("gzip;q=0", nil), ("gzip;q=0, deflate", "deflate"), ("gzip; q=0.001", "gzip"), ("br", nil),
            ("br, gzip", "gzip"), ("*", "gzip"), ("*;q=0.1", "gzip"), ("gzip;q=0, *", "deflate"),
            ("gzip;q=0.5, identity", nil), ("gzip, identity", "gzip"), ("gzip;q=0.5, *", "deflate"), ("identity", nil),
            ("identity;q=0, deflate", "deflate"), ("gzip, *;q=0", "gzip"), ("identity, *;q=0", nil),
            ("gzip;q=2", nil), ("gzip;q=x", nil), ("gzip;;q=1, ,", nil), ("g zip, deflate", "deflate"),
        ] as [(String?, String?)])
    func chosen(_ value: String?, _ expected: String?) async throws {
        let answer = try await Self.coding(value)
        #expect(answer.status == 200)
        #expect(answer.fields[.contentEncoding] == expected)
        #expect(answer.fields[.vary] == "Accept-Encoding")
        let content = expected == nil ? answer.body : try inflate(answer.body, coding: .auto, limit: 10_000)
        #expect(String(decoding: content, as: UTF8.self) == Self.long)
    }

    @Test(
        "what allows nothing is refused before anything is computed",
        arguments: ["identity;q=0", "*;q=0", "br, identity;q=0", "gzip;q=0, deflate;q=0, identity;q=0"])
    func refused(_ value: String) async throws {
        #expect(try await Self.coding(value).problem(406, "not-acceptable").hasPrefix("Accept-Encoding: "))
        let model = FakeDensity(samplingOrder: .parallel)
        let api = try await TestAPI(model)
        let calls = model.samplingCalls.count
        _ = try await api.request(.get, "/sample", fields: [.acceptEncoding: value]).problem(406, "not-acceptable")
        #expect(model.samplingCalls.count == calls)
    }

    @Test("1,024 bytes are coded, one less only where it may not be sent as it is", arguments: [1023, 1024])
    func threshold(_ count: Int) async throws {
        let content = String(repeating: "a", count: count)
        #expect(try await Self.coding("gzip", of: content).fields[.contentEncoding] == (count == 1024 ? "gzip" : nil))
        let forced = try await Self.coding("gzip, identity;q=0", of: content)
        #expect(forced.fields[.contentEncoding] == "gzip" && forced.fields[.vary] == "Accept-Encoding")
        #expect(try inflate(forced.body, coding: .gzip, limit: count) == Array(content.utf8))
    }

    @Test("where coding is off an answer is coded only for a client that takes no other")
    func off() async throws {
        for accept in ["gzip", "gzip, identity;q=0"] {
            let api = try await TestAPI(openAPI: Self.long, options: { $0.leastCodedBytes = nil })
            for (path, type) in [("/openapi.yaml", "*/*"), ("/sample?seed=1", "application/x-ndjson")] {
                let answer = try await api.request(.get, path, fields: [.acceptEncoding: accept, .accept: type])
                #expect(answer.fields[.contentEncoding] == (accept == "gzip" ? nil : "gzip"), "\(path)")
                #expect(answer.fields[.vary]?.contains("Accept-Encoding") ?? false == (accept != "gzip"), "\(path)")
            }
        }
    }

    @Test("samples are the same under any coding; PNG stays as it is", arguments: ["json", "x-npy", "x-ndjson"])
    func samples(_ type: String) async throws {
        let api = try await TestAPI()
        func get(_ coding: String) async throws -> Answer {
            try await api.request(
                .get, "/sample?seed=1&count=256", fields: [.accept: "application/\(type)", .acceptEncoding: coding])
        }
        let plain = try await get("identity")
        #expect(plain.fields[.contentEncoding] == nil && plain.fields[.vary] == "Accept, Accept-Encoding")
        for coding in ["gzip", "deflate"] {
            let coded = try await get(coding)
            #expect(coded.fields[.contentEncoding] == coding && coded.fields[.vary] == plain.fields[.vary])
            #expect(coded.body.count < plain.body.count)
            #expect(try inflate(coded.body, coding: .auto, limit: plain.body.count) == plain.body)
            #expect(coded.fields[.eTag] == plain.fields[.eTag])
        }
        let sheet = try await api.request(
            .get, "/sample?seed=1&count=256", fields: [.accept: "image/png", .acceptEncoding: "gzip"])
        #expect(sheet.fields[.contentEncoding] == nil && sheet.fields[.vary] == "Accept")
    }

    @Test("each part of a stream can be read when it comes")
    func stream() async throws {
        let api = try await TestAPI()
        let head = HTTPRequest(
            method: .get, scheme: "http", authority: "test", path: "/sample?seed=1&count=200",
            headerFields: [.accept: "application/x-ndjson", .acceptEncoding: "gzip"])
        let response = await api.api.response(to: head)
        guard case .stream(let parts) = response.body else {
            Issue.record("no stream")
            return
        }
        var inflater = Inflater(coding: .gzip)
        var text: [UInt8] = []
        var count = 0
        for try await part in parts {
            try inflater.inflate(part, into: &text, limit: 1 << 20)
            #expect(text.last == 0x0A)
            count += 1
        }
        try inflater.finish()
        #expect(count > 2 && text.split(separator: 0x0A).count == 200)
    }

    @Test("content above the inline limit is coded by a helper, and decoded alike", arguments: [0, 1 << 20])
    func heavy(_ inlineBytes: Int) async throws {
        let api = try await TestAPI(
            FakeDensity(calibration: (0...100).map { Double($0) / 7 }), options: { $0.inlineBytes = inlineBytes })
        let plain = try await api.get("/models")
        let coded = try await api.request(.get, "/models", fields: [.acceptEncoding: "gzip"])
        #expect(coded.fields[.contentEncoding] == "gzip")
        #expect(try inflate(coded.body, coding: .gzip, limit: 1 << 20) == plain.body)
    }

    @Test(
        "errors are in the coding that they say",
        arguments: ["gzip", "gzip, identity;q=0", "deflate, *;q=0", "identity"])
    func errors(_ accept: String) async throws {
        let fields: HTTPFields = [.acceptEncoding: accept, .contentType: "application/octet-stream"]
        let api = try await TestAPI()
        let head = HTTPRequest(method: .get, scheme: "http", authority: "test", path: "/sample", headerFields: fields)
        let answers = [
            try await api.request(.get, "/nowhere", fields: fields),
            try await api.request(.post, "/logprob", fields: fields, body: [FakeDensity.poison, 1, 1, 1, 1, 1]),
            try await Answer(
                api.api.respond(to: .bodyTooLarge(limit: 1), head: head, labels: ExchangeLabels(), on: .test)),
        ]
        for answer in answers {
            let isForced = accept.hasSuffix("q=0")
            #expect(answer.fields[.contentEncoding] == (isForced ? accept.prefix { $0 != "," }.description : nil))
            #expect(answer.status >= 400)
            var plain = answer
            if isForced { plain.body = try inflate(answer.body, coding: .auto, limit: 10_000) }
            #expect(try plain.decoded(as: ProblemJSON.self).status == answer.status)
        }
    }

    @Test("HEAD has the fields of GET", arguments: ["/openapi.yaml", "/sample?seed=1"])
    func head(_ path: String) async throws {
        let api = try await TestAPI(openAPI: Self.long)
        let fields: HTTPFields = [.accept: "application/yaml, application/x-ndjson", .acceptEncoding: "gzip"]
        var answers: [HTTPFields] = []
        for method in [HTTPRequest.Method.get, .head] {
            var answer = try await api.request(method, path, fields: fields).fields
            answer[HTTPField.Name("X-Request-Id")!] = nil
            answer[HTTPField.Name("Server-Timing")!] = nil
            answers.append(answer)
        }
        #expect(answers[0] == answers[1] && answers[0][.contentEncoding] == "gzip")
    }
}

@Suite("Conditional requests", .timeLimit(.minutes(15)))
struct ConditionalTests {
    @Test("what the client has is not sent again", arguments: ["/openapi.yaml", "/models", "/models/fake"])
    func notModified(_ path: String) async throws {
        let api = try await TestAPI(openAPI: String(repeating: "a", count: 2000))
        let full = try await api.request(.get, path, fields: [.acceptEncoding: "gzip"])
        let tag = try #require(full.fields[.eTag])
        #expect(!tag.hasPrefix("W/") && full.fields[.cacheControl] == "no-cache")
        for value in [tag, "W/\(tag)", "\"a,b\", \(tag)", "*", " * "] {
            for method in [HTTPRequest.Method.get, .head] {
                let answer = try await api.request(
                    method, path, fields: [.ifNoneMatch: value, .acceptEncoding: "gzip"])
                #expect(answer.status == 304, "\(value)")
                #expect(answer.body.isEmpty && answer.type == nil && answer.fields[.contentEncoding] == nil)
                #expect(answer.fields[.eTag] == tag && answer.fields[.cacheControl] == "no-cache")
                #expect(answer.fields[.vary] == full.fields[.vary])
            }
        }
        for value in ["\"other\"", "", String(tag.dropLast()), tag.replacing("\"", with: ""), "x"] {
            let answer = try await api.request(.get, path, fields: [.ifNoneMatch: value, .acceptEncoding: "gzip"])
            #expect(answer.status == 200, "\(value)")
        }
    }

    @Test("each content coding has its own tag")
    func codings() async throws {
        let api = try await TestAPI(openAPI: String(repeating: "a", count: 2000))
        var tags: Set<String> = []
        for coding in ["identity", "gzip", "deflate"] {
            let answer = try await api.request(.get, "/openapi.yaml", fields: [.acceptEncoding: coding])
            tags.insert(try #require(answer.fields[.eTag]))
        }
        #expect(tags.count == 3)
        let plain = try #require(try await api.get("/openapi.yaml").fields[.eTag])
        let other = try await api.request(
            .get, "/openapi.yaml", fields: [.acceptEncoding: "gzip", .ifNoneMatch: plain])
        #expect(other.status == 200)
    }

    @Test("samples that the client has are not drawn again")
    func samples() async throws {
        let model = FakeDensity(samplingOrder: .parallel)
        let api = try await TestAPI(model)
        let first = try await api.get("/sample?seed=1&count=2")
        let tag = try #require(first.fields[.eTag])
        #expect(tag.hasPrefix("W/\"") && first.fields[.cacheControl] == "no-cache")
        let calls = model.samplingCalls.count
        for method in [HTTPRequest.Method.get, .head] {
            let again = try await api.request(method, "/sample?count=2&seed=1", fields: [.ifNoneMatch: tag])
            #expect(
                again.status == 304 && again.fields[.eTag] == tag && again.fields[.vary] == "Accept, Accept-Encoding")
        }
        #expect(model.samplingCalls.count == calls)
        for path in [
            "/sample?seed=2&count=2", "/sample?seed=1&count=3", "/sample?seed=1&count=2&temperature=0.5",
            "/sample?count=2",
        ] {
            #expect(try await api.request(.get, path, fields: [.ifNoneMatch: tag]).status == 200)
        }
        let other = try await api.request(
            .get, "/sample?seed=1&count=2", fields: [.ifNoneMatch: tag, .accept: "image/png"])
        #expect(other.status == 200 && other.fields[.eTag] != tag)
        // Other weights, and so slightly other images.
        let half = try await TestAPI(FakeDensity(precision: .bf16)).request(
            .get, "/sample?count=2&seed=1", fields: [.ifNoneMatch: tag])
        #expect(half.status == 200 && half.fields[.eTag] != tag)
    }

    @Test("samples without a seed, health and errors are not kept", arguments: ["/sample", "/health", "/nowhere"])
    func notKept(_ path: String) async throws {
        let answer = try await TestAPI().get(path)
        #expect(answer.fields[.cacheControl] == "no-store" && answer.fields[.eTag] == nil)
    }
}
