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

    @Test("it is made for the first two of equal heads, decides on every one, and each is told of when it is over")
    func made() async throws {
        try await serve { port in
            let client = try RawSocketClient(port: port)
            for number in 1...6 {
                let answer = try await client.roundTrip(get("/a"))
                #expect(answer.text == "\(number) /a on 1" && answer["date"] != nil)
            }
            #expect(handler.current.made == 2)
            #expect(try await client.roundTrip(get("/b")).text == "7 /b on 1")
            #expect(try await client.roundTrip(get("/a")).text == "8 /a on 1")
            #expect(handler.current.made == 4)
            await TestSupport.eventually { handler.current.ended.count == 8 }
            #expect(handler.current.ended == (1...6).map { "/a \($0)" } + ["/b 7", "/a 8"])
        }
    }

    @Test("bodies behind equal heads are each their own; one that is too large is refused, with its head")
    func bodies() async throws {
        try await serve { port in
            let client = try RawSocketClient(port: port)
            for body in ["one", "two", "", "six"] {
                let size = String(body.utf8.count, radix: 16)
                let chunks = body.isEmpty ? "0\r\n\r\n" : "\(size)\r\n\(body)\r\n0\r\n\r\n"
                let answer = try await client.roundTrip(post("/a", "Transfer-Encoding: chunked\r\n", chunks))
                #expect(answer.text == body)
            }
            #expect(handler.current.made == 2)
            let answer = try await client.roundTrip(
                post("/a", "Transfer-Encoding: chunked\r\n", "4\r\nlong\r\n0\r\n\r\n"))
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
            for round in 0..<4 {
                for (index, client) in clients.enumerated() {
                    let answer = try await client.roundTrip(get("/a"))
                    #expect(answer.text == "\(3 * round + index + 1) /a on \(index + 1)")
                }
            }
            #expect(handler.current.made == 6)
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
            for number in 0..<100 {
                _ = try await client.roundTrip(get("/\(number)"))
                #expect(handler.current.held <= 1)
            }
            let made = handler.current.made
            let long = "X: \(String(repeating: "x", count: 1024))\r\n"
            for _ in 0..<3 {
                _ = try await client.roundTrip(get("/a", long))
                #expect(handler.current.held == 0)
            }
            #expect(handler.current.made == made + 3)
            for _ in 0..<3 { _ = try await client.roundTrip(get("/a")) }
            #expect(handler.current.held == 1)
            await TestSupport.eventually { handler.current.held == 0 }
            #expect(try await client.roundTrip(get("/a")).status == 200)
            #expect(handler.current.held == 1)
            await client.close()
            await TestSupport.eventually { handler.current.held == 0 }
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
