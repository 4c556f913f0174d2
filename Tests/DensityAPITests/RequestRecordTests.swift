@testable import DensityAPI
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

@Suite("Request records", .timeLimit(.minutes(1)))
struct RequestRecordTests {
    private static let traceID = "0af7651916cd43dd8448eb211c80319c"

    /// What is recorded of a request that is answered with what the API answers; nil leaves it without an answer.
    private func record(
        _ method: HTTPRequest.Method, _ path: String, _ fields: HTTPFields = [:], keys: TestKeys? = nil,
        answered: Bool = true
    ) async throws -> RequestRecord {
        let records = Locked<[RequestRecord]>([])
        let api = try await TestAPI(options: { options in
            options.keys = keys?.ring
            options.log = { record in records.change { $0.append(record) } }
        }).api
        let head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path, headerFields: fields)
        var exchange = EndedExchange(head: head, version: .http11)
        if answered {
            let response: ServerResponse
            switch api.decide(head, on: .test) {
            case .respond(let answer): response = answer
            case .readBody: response = await api.respond(to: ServerRequest(head: head, on: .test))
            }
            exchange.status = response.status
            exchange.labels = response.labels
            #expect(response.labels.requestID == response.fields[.requestID])
        }
        api.exchangeEnded(exchange, on: .test)
        #expect(records.value.count == 1)
        return try #require(records.value.first)
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
        let record = try await record(.post, "/logprob?fit=cover", fields, keys: keys, answered: false)
        #expect(record.exchange.labels == ExchangeLabels(route: "/logprob", keyName: "score", requestID: "mine-1"))
        #expect(record.exchange.status == nil)
    }

    @Test("have no method that HTTP does not define")
    func method() async throws {
        #expect(try await record(.get, "/health").method == "GET")
        let strange = HTTPRequest.Method(rawValue: String(repeating: "X", count: 1000))
        #expect(try await record(try #require(strange), "/health").method == "OTHER")
    }

    @Test("have the trace id of a valid traceparent")
    func trace() async throws {
        let value = "00-\(Self.traceID)-b7ad6b7169203331-01"
        #expect(try await record(.get, "/health", [.traceParent: value]).traceID == Self.traceID)
        #expect(try await record(.get, "/health").traceID == nil)
        var twice: HTTPFields = [.traceParent: value]
        twice.append(HTTPField(name: .traceParent, value: value))
        #expect(try await record(.get, "/health", twice).traceID == nil)
    }
}
