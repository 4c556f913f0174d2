import Compression
import HTTPServer
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

/// Answers a body with its parts as they come, each with its number of bytes, and with what ended it early.
private struct EchoHandler: HTTPHandler {
    func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision {
        .streamBody { body in
            let (lines, continuation) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
            Task {
                do {
                    for try await part in body.parts { continuation.yield(Array("\(part.count) ".utf8)) }
                } catch {
                    continuation.yield(Array("\(error)".utf8))
                }
                continuation.finish()
            }
            return ServerResponse(status: .ok, body: .stream(lines))
        }
    }

    func respond(
        to error: HTTPServerError, head: HTTPRequest?, labels: ExchangeLabels, on connection: ConnectionInfo
    ) -> ServerResponse { .text("\(error)", status: .badRequest) }
}

@Suite("Bodies that are read as they come, over a socket", .timeLimit(.minutes(15)))
struct StreamedBodyTests {
    private func withEcho(_ body: (RawSocketClient) async throws -> Void) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.addresses = [.tcp(host: "127.0.0.1", port: 0)]
        configuration.timeouts = .patient
        let server = HTTPServer(configuration: configuration, handler: EchoHandler(), logger: silentLogger)
        let port = try #require(try server.start()[0].port)
        do {
            try await body(try RawSocketClient(port: port))
        } catch {
            await server.stop(grace: .zero)
            throw error
        }
        await server.stop(grace: .seconds(5))
    }

    private func received(_ client: RawSocketClient, until end: String) async throws -> String {
        var text = ""
        while !text.contains(end) {
            let bytes = try await client.read()
            if bytes.isEmpty { break }
            text += String(decoding: bytes, as: UTF8.self)
        }
        return text
    }

    @Test("each part is answered before the next is sent, and the connection goes on")
    func duplex() async throws {
        try await withEcho { client in
            for _ in 0..<2 {
                try await client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
                for count in [3, 5] {
                    let bytes = String(repeating: "x", count: count)
                    try await client.send("\(count)\r\n\(bytes)\r\n")
                    #expect(try await received(client, until: "\(count) ").contains("\(count) "))
                }
                try await client.send("0\r\n\r\n")
                #expect(try await received(client, until: "0\r\n\r\n").hasSuffix("0\r\n\r\n"))
            }
        }
    }

    @Test("a body of many times what is held arrives whole")
    func large() async throws {
        try await withEcho { client in
            let count = 8 << 20
            try await client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(count)\r\n\r\n")
            async let sent: Void = client.send([UInt8](repeating: 7, count: count))
            let response = try await client.response()
            try await sent
            #expect(response.text.split(separator: " ").compactMap { Int($0) }.reduce(0, +) == count)
        }
    }

    @Test("a content coding is undone on the way, and what is wrong with it ends the body")
    func coded() async throws {
        func answer(_ body: [UInt8]) async throws -> String {
            var text = ""
            try await withEcho { client in
                try await client.send(
                    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: \(body.count)\r\n\r\n"
                )
                try await client.send(body)
                text = try await client.response().text
            }
            return text
        }
        let plain = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let coded = deflate(plain, coding: .gzip)
        let whole = try await answer(coded)
        #expect(whole.split(separator: " ").compactMap { Int($0) }.reduce(0, +) == plain.count)
        #expect(try await answer(coded.dropLast(9) + []).contains("ends too early"))
        #expect(try await answer(coded + [1, 2, 3]).contains("badContentCoding"))
        let bomb = deflate([UInt8](repeating: 0, count: 64 << 20), coding: .gzip)
        #expect(try await answer(bomb).contains("expands more than 20 times"))
    }
}
