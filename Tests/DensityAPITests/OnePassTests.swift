@testable import DensityAPI
import HTTPServer
import HTTPTypes
import HTTPWire
import Logging
import Serving
import TestSupport
import Testing

/// How often a request came to each place that it should pass once.
private final class Passes: Sendable {
    struct Counts: Equatable {
        /// The head steps were begun.
        var heads = 0
        /// A route was begun.
        var begins = 0
        /// The answer steps were begun.
        var answers = 0
        /// Told to observers.
        var ended = 0
    }

    private let counts = Locked(Counts())
    var current: Counts { counts.value }
    func count(_ place: @Sendable @escaping (inout Counts) -> Void) { counts.change { place(&$0) } }
}

/// A route that counts how often it is begun.
private struct Counted<Inner: Route>: Route {
    static var path: String { Inner.path }
    static var method: HTTPRequest.Method { Inner.method }
    static var access: Access { Inner.access }
    let inner: Inner
    let passes: Passes

    init(_ inner: Inner, _ passes: Passes) {
        self.inner = inner
        self.passes = passes
    }

    init(_: APIContext) { preconditionFailure("made around another route only") }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        passes.count { $0.begins += 1 }
        return try inner.begin(request)
    }
}

extension Passes: ExchangeObserver {
    func exchangeEnded(_: RequestRecord) { count { $0.ended += 1 } }
}

@Suite("One pass per request", .timeLimit(.minutes(15)))
struct OnePassTests {
    private let passes = Passes()

    /// Runs `body` against a live server of the API over `model`, and counts.
    private func counts(
        _ model: FakeDensity = FakeDensity(), grace: Duration = .seconds(5),
        options change: (inout APIOptions) -> Void = { _ in }, _ body: (Int) async throws -> Void
    ) async throws -> Passes.Counts {
        var api = try await TestAPI(
            model,
            options: { options in
                change(&options)
                options.observers.append(passes)
            }
        ).api
        func counted(_ route: some Route) -> any Route { Counted(route, passes) }
        api.table = RouteTable(routes.map { [api] in counted($0.init(api.context)) })
        api.steps.head.insert(
            { [passes] _, _ in
                passes.count { $0.heads += 1 }
                return nil
            }, at: 0)
        api.steps.answer.insert({ [passes] _, _ in passes.count { $0.answers += 1 } }, at: 0)

        var configuration = HTTPServerConfiguration()
        configuration.addresses = [.tcp(host: "127.0.0.1", port: 0)]
        configuration.ioQueues = 1
        let server = HTTPServer(
            configuration: configuration, handler: api, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let port = try #require(try server.start().first?.port)
        do {
            try await body(port)
        } catch {
            await server.stop(grace: .zero)
            throw error
        }
        await server.stop(grace: grace)
        return passes.current
    }

    private func exchange(_ text: String, _ status: Int, port: Int) async throws {
        let answer = try await RawSocketClient(port: port).roundTrip(text)
        #expect(answer.status == status)
    }

    private func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
    }

    private func post(_ fields: String, _ body: String = "") -> String {
        "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n\(fields)\r\n\(body)"
    }

    private static let once = Passes.Counts(heads: 1, begins: 1, answers: 1, ended: 1)

    @Test(
        "without a body, whatever the route answers",
        arguments: [
            ("/health", 200), ("/models/fake", 200), ("/models/other", 404), ("/sample?seed=1", 200),
            ("/sample?count=0", 422),
        ])
    func head(_ path: String, _ status: Int) async throws {
        #expect(try await counts { try await exchange(get(path), status, port: $0) } == Self.once)
    }

    @Test(
        "heads that come again take the head steps twice, and all else each time",
        arguments: [("/health", 200, 5), ("/models/fake", 200, 5), ("/sample?count=0", 422, 5), ("/nothing", 404, 0)])
    func repeated(_ path: String, _ status: Int, _ begins: Int) async throws {
        let found = try await counts { port in
            let client = try RawSocketClient(port: port)
            // Together, since after a second nothing is kept of a head.
            try await client.send(String(repeating: get(path), count: 5))
            for _ in 0..<5 { #expect(try await client.response().status == status) }
        }
        #expect(found == Passes.Counts(heads: 2, begins: begins, answers: 5, ended: 5))
    }

    @Test(
        "what the head steps answer begins no route",
        arguments: [("GET /nowhere", 404), ("PUT /sample", 405), ("OPTIONS *", 204), ("OPTIONS /sample", 204)])
    func steps(_ line: String, _ status: Int) async throws {
        let counts = try await counts {
            try await exchange("\(line) HTTP/1.1\r\nHost: localhost\r\n\r\n", status, port: $0)
        }
        #expect(counts == Passes.Counts(heads: 1, begins: 0, answers: 1, ended: 1))
    }

    @Test("with a body")
    func body() async throws {
        #expect(
            try await counts { try await exchange(post("Content-Length: 6\r\n", "aaaaaa"), 200, port: $0) }
                == Self.once)
    }

    @Test(
        "with a body that the server refuses, before it comes and while it does",
        arguments: [
            ("Content-Length: 99999999\r\n", "", 413), ("", "", 411),
            ("Content-Encoding: br\r\nContent-Length: 6\r\n", "", 415),
            ("Content-Encoding: gzip\r\nContent-Length: 6\r\n", "aaaaaa", 400),
            ("Transfer-Encoding: chunked\r\n", "6\r\naaaaaa\r\nX\r\n", 400),
        ])
    func bodyRefused(_ fields: String, _ body: String, _ status: Int) async throws {
        #expect(try await counts { try await exchange(post(fields, body), status, port: $0) } == Self.once)
    }

    @Test("with a large answer that is coded off the queue")
    func coded() async throws {
        let counts = try await counts(options: { $0.inlineBytes = 0 }) {
            try await exchange(get("/models", "Accept-Encoding: gzip, identity;q=0\r\n"), 200, port: $0)
        }
        #expect(counts == Self.once)
    }

    @Test("with work that fails after the head, with a body and without")
    func failed() async throws {
        let sampling = try await counts(FakeDensity(failsSampling: true)) {
            try await exchange(get("/sample"), 500, port: $0)
        }
        #expect(sampling == Self.once)
        let other = OnePassTests()
        #expect(
            try await other.counts { try await exchange(post("Content-Length: 5\r\n", "aaaaa"), 422, port: $0) }
                == Self.once)
    }

    @Test("with a client that leaves before the answer: it is told of with its labels, and not routed again")
    func aborted() async throws {
        let model = FakeDensity()
        let records = Records()
        let counts = try await counts(model, options: { $0.observers = [records] }) { port in
            model.hold()
            let calls = model.densityCalls.count
            let client = try RawSocketClient(port: port)
            try await client.send(post("Content-Length: 6\r\n", "aaaaaa"))
            await eventually { model.densityCalls.count > calls }
            await client.close()
            await eventually { passes.current.ended == 1 }
            model.release()
        }
        #expect(counts.heads == 1 && counts.begins == 1 && counts.ended == 1)
        let record = try #require(records.all.first)
        #expect(record.exchange.ending == .clientGone && record.exchange.status == nil)
        #expect(record.exchange.labels.route == "/logprob" && record.exchange.labels.requestID?.count == 32)
    }

    @Test("a head that cannot be parsed passes no step but those of its answer")
    func malformed() async throws {
        let counts = try await counts { try await exchange("no HTTP\r\n\r\n", 400, port: $0) }
        #expect(counts == Passes.Counts(heads: 0, begins: 0, answers: 1, ended: 1))
    }
}
