import HTTPServer
import HTTPTypes
import HTTPWire
import Metrics
import TestSupport
import Testing

@Suite("Exchanges of a live server", .timeLimit(.minutes(15)))
struct ExchangeTests {
    /// What a request was and how it ended.
    private struct Seen: Equatable {
        var path: String?
        var status: Int?
        var ending: EndedExchange.Ending
    }

    private final class RecordingHandler: HTTPHandler {
        let inner = TestHandler()
        let ended = Locked<[Seen]>([])

        func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision {
            inner.decide(head, on: connection)
        }
        func respond(
            to error: HTTPServerError, head: HTTPRequest?, labels: ExchangeLabels, on connection: ConnectionInfo
        ) -> ServerResponse { inner.respond(to: error, head: head, labels: labels, on: connection) }
        func exchangeEnded(_ exchange: EndedExchange, on connection: ConnectionInfo) {
            let seen = Seen(path: exchange.head?.path, status: exchange.status?.code, ending: exchange.ending)
            ended.change { $0.append(seen) }
        }
    }

    /// Runs `body` against a server; returns what ended, once the server has stopped.
    private func seen(
        grace: Duration = .seconds(5), _ body: (RecordingHandler, MetricSet, Int) async throws -> Void
    ) async throws -> [Seen] {
        let handler = RecordingHandler()
        let metrics = MetricSet()
        var configuration = HTTPServerConfiguration()
        configuration.addresses = [.tcp(host: "127.0.0.1", port: 0)]
        configuration.ioQueues = 1
        // No timeout may come first, however slow the machine is.
        configuration.timeouts = .patient
        let server = HTTPServer(
            configuration: configuration, handler: handler, metrics: metrics, logger: silentLogger)
        let port = try #require(try server.start().first?.port)
        do {
            try await body(handler, metrics, port)
        } catch {
            await server.stop(grace: .zero)
            throw error
        }
        await server.stop(grace: grace)
        #expect(metrics["connections"] == 0 && metrics["requests"] == 0)
        return handler.ended.value
    }

    @Test("each request is told of once, in order, with how it ended")
    func complete() async throws {
        let ended = try await seen { _, _, port in
            let client = try RawSocketClient(port: port)
            _ = try await client.roundTrip(get("/now"))
            _ = try await client.roundTrip(post("/echo", "Content-Length: 2\r\n", "hi"))
            _ = try await client.roundTrip(get("/stream"))
            let later = try await client.roundTrip(post("/later", "Content-Length: 2\r\n", "hi"))
            #expect(String(decoding: later.body, as: UTF8.self) == "later")
            try await client.send(get("/now") + "broken\r\n\r\n")
            _ = try await client.response()
            _ = try await client.response()
            _ = try await client.readToEnd()
        }
        #expect(
            ended == [
                Seen(path: "/now", status: 200, ending: .complete),
                Seen(path: "/echo", status: 200, ending: .complete),
                Seen(path: "/stream", status: 200, ending: .complete),
                Seen(path: "/later", status: 200, ending: .complete),
                Seen(path: "/now", status: 200, ending: .complete),
                Seen(path: nil, status: 400, ending: .refused),
            ])
    }

    @Test("a client that leaves during its request, or its answer, is gone")
    func gone() async throws {
        let ended = try await seen { handler, metrics, port in
            for (count, path) in ["/wait", "/later/wait"].enumerated() {
                let waiting = try RawSocketClient(port: port)
                try await waiting.send(get(path))
                #expect(try await eventually { handler.inner.current.running == 1 })
                #expect(metrics["connections"] == 1 && metrics["requests"] == 1)
                await waiting.close()
                #expect(try await eventually { handler.ended.value.count == count + 1 })
                #expect(try await eventually { handler.inner.current.running == 0 })
                #expect(handler.inner.current.cancelled == count + 1)
            }
            let reading = try RawSocketClient(port: port, receiveBuffer: 4096)
            try await reading.send(get("/large"))
            _ = try await reading.read(atMost: 100)
            await reading.close()
            #expect(try await eventually { handler.ended.value.count == 3 })
        }
        #expect(
            ended == [
                Seen(path: "/wait", status: nil, ending: .clientGone),
                Seen(path: "/later/wait", status: nil, ending: .clientGone),
                Seen(path: "/large", status: 200, ending: .clientGone),
            ])
    }

    @Test("what a stop does not wait for is cut off")
    func cutOff() async throws {
        // Must not close its end before the server does.
        let kept = Locked<RawSocketClient?>(nil)
        let ended = try await seen(grace: .zero) { handler, _, port in
            let client = try RawSocketClient(port: port)
            kept.change { $0 = client }
            try await client.send(get("/wait"))
            #expect(try await eventually { handler.inner.current.running == 1 })
        }
        #expect(ended == [Seen(path: "/wait", status: nil, ending: .cutOff)])
    }
}
