import HTTPServer
import HTTPTypes
import HTTPWire
import Synchronization
import TestSupport
import Testing

/// Answers with the number of the decision, and counts the deciders that were made and are still held.
private final class CountingHandler: HTTPHandler {
    struct Counts: Sendable {
        var made = 0
        var held = 0
        /// Most that were held at a time.
        var most = 0
        var decisions = 0
        var ended: [String] = []
    }

    /// What a decider holds.
    private final class Token: Sendable {
        let counts: Locked<Counts>
        init(_ counts: Locked<Counts>) {
            self.counts = counts
            counts.change {
                $0.made += 1
                $0.held += 1
                $0.most = max($0.most, $0.held)
            }
        }
        deinit { counts.change { $0.held -= 1 } }
    }

    private let counts = Locked(Counts())
    var current: Counts { counts.value }

    func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision {
        decider(of: head, on: connection)()
    }

    func decider(of head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecider {
        let token = Token(counts)
        return {
            var number = 0
            token.counts.change {
                $0.decisions += 1
                number = $0.decisions
            }
            var answer = ServerResponse.text("\(number) \(head.path ?? "") on \(connection.number)")
            answer.labels.requestID = "\(number)"
            if head.method != .post { return .respond(answer) }
            return .readBody(limit: 3) { [answer] body in
                var answer = answer
                answer.body = .bytes(body)
                return answer
            }
        }
    }

    func respond(
        to error: HTTPServerError, head: HTTPRequest?, labels: ExchangeLabels, on connection: ConnectionInfo
    ) -> ServerResponse { .text("\(error) \(head?.path ?? "")", status: .badRequest) }

    func exchangeEnded(_ exchange: EndedExchange, on connection: ConnectionInfo) {
        counts.change { $0.ended.append("\(exchange.head?.path ?? "") \(exchange.labels.requestID ?? "")") }
    }
}

@Suite("What decides on heads that come again", .timeLimit(.minutes(15)))
struct DeciderTests {
    private let handler = CountingHandler()

    /// Runs `body` against a server of one thread.
    private func serve(
        _ configure: (inout HTTPServerConfiguration) -> Void = { _ in }, _ body: (Int) async throws -> Void
    ) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.addresses = [.tcp(host: "127.0.0.1", port: 0)]
        configuration.ioQueues = 1
        configuration.timeouts = .patient
        configure(&configuration)
        let server = HTTPServer(configuration: configuration, handler: handler, logger: silentLogger)
        let port = try #require(try server.start().first?.port)
        do {
            try await body(port)
        } catch {
            await server.stop(grace: .zero)
            throw error
        }
        await server.stop(grace: .seconds(60))
    }

    // Heads that are sent together: between others a busy machine may take a second, after which none is kept.

    @Test("it is made for the first two of equal heads, decides on every one, and each is told of when it is over")
    func made() async throws {
        try await serve { port in
            let client = try RawSocketClient(port: port)
            try await client.send(String(repeating: get("/a"), count: 6) + get("/b") + get("/a") + get("/a"))
            let paths = Array(repeating: "/a", count: 6) + ["/b", "/a", "/a"]
            for (index, path) in paths.enumerated() {
                let answer = try await client.response()
                #expect(answer.text == "\(index + 1) \(path) on 1" && answer["date"] != nil)
            }
            #expect(handler.current.made == 4)
            await TestSupport.eventually { handler.current.ended.count == 9 }
            #expect(handler.current.ended == paths.enumerated().map { "\($1) \($0 + 1)" })
        }
    }

    @Test("bodies behind equal heads are each their own; one that is too large is refused, with its head")
    func bodies() async throws {
        try await serve { port in
            let client = try RawSocketClient(port: port)
            let bodies = ["3\r\none\r\n", "1\r\nt\r\n2\r\nwo\r\n", "", "3\r\nsix\r\n", "4\r\nlong\r\n"]
            try await client.send(
                bodies.map { post("/a", "Transfer-Encoding: chunked\r\n", $0 + "0\r\n\r\n") }.joined())
            for body in ["one", "two", "", "six"] { #expect(try await client.response().text == body) }
            let answer = try await client.response()
            #expect(answer.status == 400 && answer.text.hasSuffix(" /a"))
            #expect(answer["connection"] == "close")
            #expect(handler.current.made == 2)
        }
    }

    @Test("those of one connection are not those of another")
    func connections() async throws {
        try await serve { port in
            var clients: [RawSocketClient] = []
            for _ in 0..<3 { clients.append(try RawSocketClient(port: port)) }
            for round in 0..<2 {
                for (index, client) in clients.enumerated() {
                    try await client.send(String(repeating: get("/a"), count: 4))
                    for number in 1...4 {
                        let all = 12 * round + 4 * index + number
                        #expect(try await client.response().text == "\(all) /a on \(index + 1)")
                    }
                }
            }
        }
    }

    @Test("pipelined heads are decided on in their order")
    func pipeline() async throws {
        try await serve { port in
            let client = try RawSocketClient(port: port)
            try await client.send(String(repeating: get("/a"), count: 300))
            for number in 1...300 { #expect(try await client.response().text == "\(number) /a on 1") }
            #expect(handler.current.made == 2)
        }
    }

    @Test(
        "at most one is held for a connection, none for a long head, and none once it was idle for a second or is over")
    func held() async throws {
        try await serve { port in
            let client = try RawSocketClient(port: port)
            for number in 0..<100 { _ = try await client.roundTrip(get("/\(number)")) }
            #expect(handler.current.most <= 2, "the next is made before the one before is let go of")
            let made = handler.current.made
            let long = "X: \(String(repeating: "x", count: 1024))\r\n"
            for _ in 0..<3 {
                _ = try await client.roundTrip(get("/a", long))
                #expect(handler.current.held == 0)
            }
            #expect(handler.current.made == made + 3)
            for isIdle in [true, false] {
                let before = handler.current.made
                try await client.send(String(repeating: get("/a"), count: 3))
                for _ in 0..<3 { #expect(try await client.response().status == 200) }
                #expect(handler.current.made <= before + 2)
                if !isIdle { await client.close() }
                await TestSupport.eventually { handler.current.held == 0 }
            }
        }
        #expect(handler.current.held == 0)
    }

    @Test("the limit of requests of a connection counts them")
    func limit() async throws {
        try await serve({ $0.limits.requests = 4 }) { port in
            let client = try RawSocketClient(port: port)
            for number in 1...4 {
                let answer = try await client.roundTrip(get("/a"))
                #expect((answer["connection"] == "close") == (number == 4))
            }
            #expect(try await client.readToEnd().isEmpty)
        }
    }
}
