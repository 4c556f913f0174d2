import Compression
import HTTPServer
import HTTPWire
import TestSupport
import Testing

@Suite("Memory for bodies", .timeLimit(.minutes(1)))
struct BodyMemoryTests {
    @Test("shares fill it to the last byte, and give back what they took")
    func shares() throws {
        let memory = BodyMemory(limit: 100)
        let first = BodyMemory.Share(of: memory)
        try first.grow(to: 40)
        try first.grow(to: 30)  // keeps its 40
        do {
            let second = BodyMemory.Share(of: memory)
            #expect(throws: HTTPServerError.bodyMemoryFull(limit: 100)) { try second.grow(to: 61) }
            try second.grow(to: 60)
            #expect(throws: HTTPServerError.bodyMemoryFull(limit: 100)) { try first.grow(to: 41) }
        }
        try first.grow(to: 100)
    }

    /// The room of a body of 1000 bytes.
    private static let limit = 2000

    @Test(
        "a body has room to the last byte, however it comes",
        arguments: [false, true])
    func alone(isChunked: Bool) async throws {
        try await withServer(configure: { $0.maxBodyMemory = Self.limit }) { port, _ in
            for (count, isTaken) in [(1000, true), (1001, false), (1000, true)] {
                let client = try RawSocketClient(port: port)
                let body = String(repeating: "x", count: count)
                let answer = try await client.roundTrip(
                    isChunked
                        ? post(
                            "/echo", "Transfer-Encoding: chunked\r\n",
                            "\(String(count, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
                        : post("/echo", "Content-Length: \(count)\r\n", body))
                #expect(answer.text == (isTaken ? body : "bodyMemoryFull(limit: \(Self.limit))"))
                #expect(answer["connection"] == (isTaken ? nil : "close"))
            }
        }
    }

    @Test("a coded body counts as it unfolds")
    func coded() async throws {
        try await withServer(configure: { $0.maxBodyMemory = Self.limit }) { port, _ in
            for (count, isTaken) in [(1000, true), (1001, false)] {
                let client = try RawSocketClient(port: port)
                let body = [UInt8](repeating: 7, count: count)
                let coded = deflate(body, coding: .gzip)
                try await client.send(post("/echo", "Content-Encoding: gzip\r\nContent-Length: \(coded.count)\r\n"))
                try await client.send(coded)
                #expect(
                    try await client.response().body
                        == (isTaken ? body : Array("bodyMemoryFull(limit: \(Self.limit))".utf8)))
            }
        }
    }

    @Test("a body that is worked on keeps its room until it is answered, one that broke off gives it back")
    func held() async throws {
        let handler = TestHandler()
        try await withServer(handler, configure: { $0.maxBodyMemory = Self.limit }) { port, _ in
            let body = String(repeating: "x", count: 600)
            let (first, second) = (try RawSocketClient(port: port), try RawSocketClient(port: port))
            try await first.send(post("/door", "Content-Length: 600\r\n", body))
            #expect(try await eventually { handler.current.running == 1 })
            let refused = try await second.roundTrip(post("/echo", "Content-Length: 600\r\n", body))
            #expect(refused.text == "bodyMemoryFull(limit: \(Self.limit))")
            handler.openDoor()
            #expect(try await first.response().text == "door")
            do {
                let third = try RawSocketClient(port: port)
                try await third.send(post("/echo", "Content-Length: 900\r\n", body))
            }
            // The server may learn of the end of the third a moment later.
            let whole = post("/echo", "Content-Length: 1000\r\n", String(repeating: "y", count: 1000))
            await TestSupport.eventually {
                (try? await RawSocketClient(port: port).roundTrip(whole).text.count) == 1000
            }
        }
    }
}
