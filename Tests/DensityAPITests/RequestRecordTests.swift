import DensityAPI
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

/// What was told of requests that are over.
final class Records: ExchangeObserver {
    private let list = Locked<[RequestRecord]>([])
    var all: [RequestRecord] { list.value }
    func exchangeEnded(_ record: RequestRecord) { list.change { $0.append(record) } }
}

@Suite("Request records", .timeLimit(.minutes(15)))
struct RequestRecordTests {
    private static let traceID = "0af7651916cd43dd8448eb211c80319c"

    /// What is recorded of a request that is answered with what the API answers; nil leaves it without an answer.
    private func record(
        _ method: HTTPRequest.Method, _ path: String, _ fields: HTTPFields = [:], keys: TestKeys? = nil,
        answered: Bool = true
    ) async throws -> RequestRecord {
        let records = Records()
        let api = try await TestAPI(options: { options in
            options.keys = keys?.ring
            options.observers = [records]
        }).api
        let head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path, headerFields: fields)
        var exchange = EndedExchange(head: head, version: .http11)
        if answered {
            let response = await api.response(to: head)
            exchange.status = response.status
            exchange.labels = response.labels
            #expect(response.labels.requestID == response.fields[.requestID])
        } else {
            guard case .readBody(_, _, let labels, _) = api.decide(head, on: .test) else {
                Issue.record("no body is wanted")
                throw CancellationError()
            }
            exchange.labels = labels
        }
        api.exchangeEnded(exchange, on: .test)
        #expect(records.all.count == 1)
        return try #require(records.all.first)
    }

    @Test("have the pattern of the route, never the client's path")
    func route() async throws {
        for (path, route) in [
            ("/health?x=1", "/health"), ("/models/secret", "/models/{model}"), ("/models/fake?q=2", "/models/{model}"),
            ("/secret", nil), ("/models/%ff", nil), ("/models/fake/", nil), ("*", nil),
        ] as [(String, String?)] {
            let record = try await record(.get, path)
            #expect(record.exchange.labels.route == route, "\(path)")
            #expect(record.exchange.head == nil)
        }
        let wrong = try await record(.delete, "/sample")
        #expect(wrong.exchange.labels.route == "/sample" && wrong.method == "DELETE")
    }

    @Test("have the name of the key, also when it may not, and of none that is not known")
    func key() async throws {
        let keys = try TestKeys([.score])
        func name(_ path: String, _ fields: HTTPFields) async throws -> String? {
            try await record(.get, path, fields, keys: keys).exchange.labels.keyName
        }
        #expect(try await name("/models", keys.fields(.score)) == "score")
        #expect(try await name("/sample", keys.fields(.score)) == "score")
        #expect(try await name("/sample", [.authorization: "Bearer \(KeyToken.random())"]) == nil)
        #expect(try await name("/sample", [:]) == nil)
    }

    @Test("say as much of a request that was never answered")
    func unanswered() async throws {
        let keys = try TestKeys([.score])
        var fields = keys.fields(.score)
        fields[.requestID] = "mine-1"
        fields[.contentType] = "image/png"
        let record = try await record(.post, "/logprob?fit=cover", fields, keys: keys, answered: false)
        #expect(record.exchange.labels == ExchangeLabels(route: "/logprob", keyName: "score", requestID: "mine-1"))
        #expect(record.exchange.status == nil)
    }

    @Test("go to every observer, in their order")
    func observers() async throws {
        let seen = Locked<[String]>([])
        struct Observer: ExchangeObserver {
            var name: String
            var seen: Locked<[String]>
            func exchangeEnded(_ record: RequestRecord) {
                seen.change { $0.append("\(name) \(record.exchange.labels.route ?? "none")") }
            }
        }
        let api = try await TestAPI(options: { options in
            options.observers = ["log", "metrics"].map { Observer(name: $0, seen: seen) }
        }).api
        for route in ["/health", nil] {
            var exchange = EndedExchange(version: .http11)
            exchange.labels.route = route
            api.exchangeEnded(exchange, on: .test)
        }
        #expect(seen.value == ["log /health", "metrics /health", "log none", "metrics none"])
    }

    @Test("have no method that HTTP does not define")
    func method() async throws {
        #expect(try await record(.get, "/health").method == "GET")
        let strange = HTTPRequest.Method(rawValue: String(repeating: "X", count: 1000))
        #expect(try await record(try #require(strange), "/health").method == "OTHER")
    }

    @Test("have a span of their own in the trace of a valid traceparent, and in no other")
    func trace() async throws {
        func span(_ fields: HTTPFields, _ path: String = "/health", answered: Bool = true) async throws -> RequestSpan?
        {
            try await record(answered ? .get : .post, path, fields, answered: answered).exchange.labels.span
        }
        let value = "00-\(Self.traceID)-b7ad6b7169203331-01"
        let spans = [
            try #require(try await span([.traceParent: value])),
            try #require(try await span([.traceParent: value], "/none")),
            try #require(
                try await span([.traceParent: value, .contentType: "image/png"], "/logprob", answered: false)),
        ]
        for span in spans {
            #expect(span.traceID == Self.traceID && span.parentID == "b7ad6b7169203331" && span.isSampled)
            #expect(span.spanID.wholeMatch(of: /[0-9a-f]{16}/) != nil && span.spanID != span.parentID)
        }
        #expect(Set(spans.map(\.spanID)).count == 3)
        let unsampled = try await span([.traceParent: "00-\(Self.traceID)-b7ad6b7169203331-00"])
        #expect(unsampled?.isSampled == false && unsampled?.flags == "00")
        #expect(try await span([:]) == nil)
        #expect(try await span([.traceParent: value.uppercased()]) == nil)
        var twice: HTTPFields = [.traceParent: value]
        twice.append(HTTPField(name: .traceParent, value: value))
        #expect(try await span(twice) == nil)
    }
}
