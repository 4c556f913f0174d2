import DensityAPI
import HTTPServer
import HTTPTypes
import HTTPWire
import Logging
import Serving
import TestSupport
import Testing

@Suite("Requests whose head comes again", .timeLimit(.minutes(15)))
struct RepeatedRequestTests {
    /// A head, and what decides on it again and again.
    private struct Repeated {
        let head: HTTPRequest
        let decide: HeadDecider
        let api: DensityAPI

        init(
            _ test: TestAPI, _ method: HTTPRequest.Method, _ path: String, _ fields: HTTPFields = [:],
            on connection: ConnectionInfo = .test
        ) {
            head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path, headerFields: fields)
            api = test.api
            decide = api.decider(of: head, on: connection)
        }

        func answer(_ body: [UInt8] = []) async throws -> Answer {
            try await Answer(await api.response(to: decide(), head, body: body))
        }
    }

    /// What an answer says, beside what is of the one request.
    private func words(_ answer: Answer) -> String {
        let own: Set<HTTPField.Name> = [HTTPField.Name("X-Request-Id")!, HTTPField.Name("Server-Timing")!]
        let fields = answer.fields.filter { !own.contains($0.name) }.map { "\($0.name): \($0.value)" }
        // The time since the start is of the moment.
        let text = answer.text.replacing(/"uptime_seconds":[0-9.]+/, with: "").replacing(
            /"request_id":"[0-9a-f]+"/, with: "")
        return "\(answer.status) \(fields) \(text)"
    }

    @Test(
        "each is answered as the first, under an id of its own",
        arguments: [
            (HTTPRequest.Method.get, "/health"), (.head, "/health"), (.get, "/health/live"), (.get, "/models"),
            (.get, "/models/fake"), (.get, "/models/none"), (.get, "/none"), (.get, "/openapi.yaml"), (.options, "*"),
            (.options, "/sample"), (.delete, "/sample"), (.get, "/sample?seed=7&count=2"), (.get, "/sample?count=0"),
            (.post, "/logprob"), (.post, "/logprob?model=none"), (.get, "/%ff"), (.get, "/drift"),
        ])
    func same(_ method: HTTPRequest.Method, _ path: String) async throws {
        let test = try await TestAPI()
        let body = method == .post ? Array(#"{"image":[1,2,3,4,5,6]}"#.utf8) : []
        let fields: HTTPFields = method == .post ? [.contentType: "application/json"] : [.acceptEncoding: "identity"]
        let once = try await test.api.response(to: Repeated(test, method, path, fields).head, body: body).answer
        let repeated = Repeated(test, method, path, fields)
        var ids: Set<String?> = [once.fields[HTTPField.Name("X-Request-Id")!]]
        for _ in 0..<4 {
            let answer = try await repeated.answer(body)
            #expect(words(answer) == words(once))
            ids.insert(answer.fields[HTTPField.Name("X-Request-Id")!])
        }
        #expect(ids.count == 5 && !ids.contains(nil))
    }

    @Test("an id of the client's is echoed each time, and a tag that it has is one each time")
    func fields() async throws {
        let test = try await TestAPI()
        let id = HTTPField.Name("X-Request-Id")!
        let named = Repeated(test, .get, "/health", [id: "mine"])
        for _ in 0..<3 { #expect(try await named.answer().fields[id] == "mine") }
        let tag = try #require(try await test.get("/models/fake").fields[.eTag])
        let tagged = Repeated(test, .get, "/models/fake", [.ifNoneMatch: tag])
        for _ in 0..<3 {
            let answer = try await tagged.answer()
            #expect(answer.status == 304 && answer.body.isEmpty)
        }
    }

    @Test("bodies are each their own")
    func bodies() async throws {
        let test = try await TestAPI()
        let repeated = Repeated(test, .post, "/logprob", [.contentType: "application/json"])
        for level in 1...3 {
            let answer = try await repeated.answer(Array("{\"image\":[\(level),0,0,0,0,0]}".utf8))
            #expect(try answer.decoded(as: DensityJSON.self).logProb == -Double(level))
        }
        #expect(try await repeated.answer(Array("{".utf8)).status >= 400)
        #expect(try await repeated.answer(Array(#"{"image":[1,0,0,0,0,0]}"#.utf8)).status == 200)
    }

    // MARK: What changes between two of them

    @Test("a key holds until it is taken back, expires, or gets another scope, and from then on no longer")
    func keys() async throws {
        let keys = try TestKeys([.score, .admin], expiry: "2026-11-27")
        let test = try await TestAPI(options: { $0.keys = keys.ring })
        let body = Array(#"{"image":[1,2,3,4,5,6]}"#.utf8)
        var fields = keys.fields(.score)
        fields[.contentType] = "application/json"
        let score = Repeated(test, .post, "/logprob", fields)
        let admin = Repeated(test, .get, "/admin/status", keys.fields(.admin))
        let statuses = {
            (try await score.answer(body).status, try await admin.answer().status)
        }
        #expect(try await statuses() == (200, 200))
        #expect(try await statuses() == (200, 200))
        func line(_ name: String, _ scopes: [Scope], _ token: Scope) -> String {
            KeyFile.line(name: name, scopes: scopes, token: keys.tokens[token] ?? "", expiry: nil)
        }
        let file = try KeyFile(line("score", [.score], .score))
        keys.ring.replace(with: file)
        #expect(try await statuses() == (200, 401), "the key of admin was taken back")
        let exchanged = try KeyFile(
            [line("score", [.sample], .score), line("a", [.admin], .admin)].joined(separator: "\n"))
        keys.ring.replace(with: exchanged)
        #expect(try await statuses() == (403, 200), "the key of score has another scope")
        let again = try TestKeys([.score], expiry: "2026-11-27")
        let expiring = try await TestAPI(options: { $0.keys = again.ring })
        let last = Repeated(expiring, .get, "/models", again.fields(.score))
        #expect(try await last.answer().status == 200)
        again.now.change { $0 += 3 * 86_400 }
        #expect(try await last.answer().status == 401, "it has expired")
    }

    @Test("what administrators change shows in the next answer")
    func administration() async throws {
        let test = try await TestAPI()
        let status = Repeated(test, .get, "/admin/status", on: .unixSocket)
        let reload = Repeated(test, .post, "/admin/reload", on: .unixSocket)
        #expect(try await status.answer().text.contains(#""log_level":"info""#))
        #expect(try await reload.answer().status == 200)
        for (level, name) in [(Logger.Level.debug, "debug"), (.error, "error")] {
            let set = Repeated(test, .put, "/admin/log-level?level=\(name)", on: .unixSocket)
            for _ in 0..<2 {
                test.admin.level.change { $0 = .info }
                #expect(try await set.answer().status == 200)
                #expect(test.admin.level.value == level)
            }
            #expect(try await status.answer().text.contains(#""log_level":"\#(name)""#))
        }
        test.admin.reloads.change { $0 = [Administration.Reload(name: "keys", failure: "gone")] }
        #expect(try await reload.answer().status == 409)
        test.admin.reloads.change { $0 = [Administration.Reload(name: "keys")] }
        #expect(try await reload.answer().status == 200)
    }

    @Test("a service that gets ready, a model that is loaded, and work that is waited for are seen by the same head")
    func models() async throws {
        let model = FakeDensity()
        let test = try await TestAPI(model, isLoading: true)
        let health = Repeated(test, .get, "/health")
        let models = Repeated(test, .get, "/models")
        let sample = Repeated(test, .get, "/sample?seed=1&count=1")
        for _ in 0..<2 {
            #expect(try await health.answer().status == 503)
            #expect(try await models.answer().status == 503)
            #expect(try await sample.answer().status == 503)
        }
        try await test.service.load([model])
        for _ in 0..<2 {
            #expect(try await health.answer().text.contains(#""ready":true"#))
            #expect(try await models.answer().status == 200)
            #expect(try await sample.answer().status == 200)
        }
    }

    @Test("images that are scored between two looks at drift are counted in the second")
    func drift() async throws {
        let test = try await TestAPI(FakeDensity(decision: .test()))
        let drift = Repeated(test, .get, "/drift")
        let score = Repeated(test, .post, "/logprob", [.contentType: "application/json"])
        for count in 0..<4 {
            #expect(try await drift.answer().text.contains("\"images\":\(count),"))
            #expect(try await score.answer(Array(#"{"image":[1,2,3,4,5,6]}"#.utf8)).status == 200)
        }
        let reset = Repeated(test, .post, "/admin/drift/reset", on: .unixSocket)
        for _ in 0..<2 {
            #expect(try await reset.answer().status == 200)
            #expect(try await drift.answer().text.contains("\"images\":0,"))
            _ = try await score.answer(Array(#"{"image":[1,2,3,4,5,6]}"#.utf8))
        }
    }

    @Test("over a socket too a key that is taken back between two equal heads opens nothing any more")
    func socket() async throws {
        let keys = try TestKeys([.score])
        let test = try await TestAPI(options: { $0.keys = keys.ring })
        var configuration = HTTPServerConfiguration()
        configuration.addresses = [.tcp(host: "127.0.0.1", port: 0)]
        configuration.ioQueues = 1
        let server = HTTPServer(
            configuration: configuration, handler: test.api,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let port = try #require(try server.start().first?.port)
        let client = try RawSocketClient(port: port)
        let request =
            "GET /models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(keys.tokens[.score] ?? "")\r\n\r\n"
        var ids: Set<String?> = []
        for _ in 0..<4 {
            let answer = try await client.roundTrip(request)
            #expect(answer.status == 200)
            ids.insert(answer["x-request-id"])
        }
        #expect(ids.count == 4)
        let other = try KeyFile(KeyFile.line(name: "other", scopes: [.score], token: KeyToken.random(), expiry: nil))
        keys.ring.replace(with: other)
        for _ in 0..<2 { #expect(try await client.roundTrip(request).status == 401) }
        await server.stop(grace: .zero)
    }
}

extension ServerResponse {
    fileprivate var answer: Answer { get async throws { try await Answer(self) } }
}
