import Compression
import HTTPServer
import HTTPWire
import TestSupport
import Testing

@Suite("Memory for bodies", .timeLimit(.minutes(15)))
struct BodyMemoryTests {
    private static func limits(total: Int, reserve: Int = 0, smallBytes: Int = .max, factor: Int = 4)
        -> BodyMemoryLimits
    {
        var limits = BodyMemoryLimits()
        limits.total = total
        limits.reserve = reserve
        limits.smallBytes = smallBytes
        limits.clientFactor = factor
        return limits
    }

    @Test("shares fill it to the last byte, and give back what they took")
    func shares() throws {
        let memory = BodyMemory(Self.limits(total: 100))
        let first = BodyMemory.Share(of: memory, for: .connection(1))
        try first.grow(to: 40)
        try first.grow(to: 30)  // keeps its 40
        do {
            let second = BodyMemory.Share(of: memory, for: .connection(1))
            #expect(throws: HTTPServerError.bodyMemoryFull(limit: 100)) { try second.grow(to: 61) }
            try second.grow(to: 60)
            #expect(throws: HTTPServerError.bodyMemoryFull(limit: 100)) { try first.grow(to: 41) }
        }
        try first.grow(to: 100)
    }

    @Test("a client's larger bodies take a multiple of what they leave, however many they are")
    func clients() throws {
        let memory = BodyMemory(Self.limits(total: 1100, reserve: 100, smallBytes: 10))
        let (first, second) = (BodyMemory.Owner.connection(1), BodyMemory.Owner.connection(2))
        let a = BodyMemory.Share(of: memory, for: first)
        try a.grow(to: 500)
        do {
            // 800 of 1000 leave 200, a quarter.
            let b = BodyMemory.Share(of: memory, for: first)
            try b.grow(to: 300)
            #expect(throws: HTTPServerError.clientMemoryFull(limit: 800)) { try b.grow(to: 301) }
            #expect(throws: HTTPServerError.clientMemoryFull(limit: 800)) { try a.grow(to: 501) }
            // 160 of the 200 that the first leaves.
            let c = BodyMemory.Share(of: memory, for: second)
            #expect(throws: HTTPServerError.clientMemoryFull(limit: 160)) { try c.grow(to: 161) }
            try c.grow(to: 160)
            #expect(memory.total == 960)
        }
        // Others have gone: the first may have its 800 again.
        try a.grow(to: 800)
        #expect(throws: HTTPServerError.clientMemoryFull(limit: 800)) { try a.grow(to: 801) }
        #expect(memory.total == 800)
    }

    @Test("small bodies have a reserve, and what else is free")
    func reserve() throws {
        let memory = BodyMemory(Self.limits(total: 1100, reserve: 100, smallBytes: 60, factor: 1_000_000))
        let large = BodyMemory.Share(of: memory, for: .connection(1))
        try large.grow(to: 999)
        let other = BodyMemory.Share(of: memory, for: .connection(1))
        try other.grow(to: 60)
        // As a larger one it may not use the reserve.
        #expect(throws: HTTPServerError.bodyMemoryFull(limit: 1000)) { try other.grow(to: 61) }
        let third = BodyMemory.Share(of: memory, for: .connection(1))
        #expect(throws: HTTPServerError.bodyMemoryFull(limit: 1100)) { try third.grow(to: 42) }
        try third.grow(to: 41)
    }

    @Test("a body is its key's, else its address's, else its connection's")
    func owners() {
        let (first, second) = (
            ConnectionInfo(peer: "192.0.2.1", number: 1), ConnectionInfo(peer: "192.0.2.1", number: 2)
        )
        #expect(BodyMemory.Owner(first, keyName: nil) == BodyMemory.Owner(second, keyName: nil))
        #expect(BodyMemory.Owner(first, keyName: "a") != BodyMemory.Owner(second, keyName: "b"))
        #expect(BodyMemory.Owner(first, keyName: "a") != BodyMemory.Owner(second, keyName: nil))
        let (unix, other) = (
            ConnectionInfo(peer: "", isUnixSocket: true, number: 1),
            ConnectionInfo(peer: "", isUnixSocket: true, number: 2)
        )
        #expect(BodyMemory.Owner(unix, keyName: nil) != BodyMemory.Owner(other, keyName: nil))
    }

    @Test("sixteen uploads that nobody finishes do not refuse one of 784 bytes")
    func unfinishedUploads() async throws {
        let limits = Self.limits(total: 1 << 20, reserve: 128 << 10, smallBytes: 8 << 10)
        try await withServer(configure: { $0.bodyMemory = limits }) { port, _ in
            let uploads = try (0..<16).map { _ in try RawSocketClient(port: port) }
            let refused = Locked<[String]>([])
            try await withThrowingTaskGroup { group in
                for upload in uploads {
                    try await upload.send(
                        post("/echo", "Content-Length: 1000000\r\n", String(repeating: "x", count: 64 << 10)))
                    group.addTask {
                        // Those that have room are not answered: they break off below.
                        guard let answer = try? await upload.response() else { return }
                        refused.change { $0.append(answer.text) }
                    }
                }
                // Each takes 128 KiB, five of them four fifths of the 896 KiB that are not reserved.
                await TestSupport.eventually { refused.value.count == 11 }
                let body = String(repeating: "y", count: 784)
                let small = try RawSocketClient(port: port)
                #expect(try await small.roundTrip(post("/echo", "Content-Length: 784\r\n", body)).text == body)
                for upload in uploads { await upload.finishWriting() }
            }
            #expect(refused.value.allSatisfy { $0 == "clientMemoryFull(limit: \(limits.largest(besides: 0)))" })
        }
    }

    /// The room of a body of 1000 bytes.
    private static let limit = 2000

    @Test(
        "a body has room to the last byte, however it comes",
        arguments: [false, true])
    func alone(isChunked: Bool) async throws {
        try await withServer(configure: { $0.bodyMemory.total = Self.limit }) { port, _ in
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
        try await withServer(configure: { $0.bodyMemory.total = Self.limit }) { port, _ in
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
        try await withServer(handler, configure: { $0.bodyMemory.total = Self.limit }) { port, _ in
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
