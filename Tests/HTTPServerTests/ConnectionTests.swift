import HTTPServer
import HTTPWire
import Synchronization
import TestSupport
import Testing

@Suite("Connections over a socket", .timeLimit(.minutes(15)))
struct ConnectionTests {
    // MARK: Answers

    @Test("a streamed answer arrives in chunks, and the connection goes on")
    func stream() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            let response = try await client.roundTrip(get("/stream"))
            #expect(response["transfer-encoding"] == "chunked")
            #expect(response.text == "part 0\npart 1\npart 2\npart 3\npart 4\n")
            #expect(try await client.roundTrip(get("/now")).text == "now")
        }
    }

    @Test("a stream to HTTP/1.0 ends with the connection")
    func oldStream() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            let response = try await client.roundTrip("GET /stream HTTP/1.0\r\n\r\n")
            #expect(response["transfer-encoding"] == nil)
            #expect(response.text.hasSuffix("part 4\n"))
        }
    }

    @Test("a stream that breaks off is cut off for the client too")
    func brokenStream() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(get("/broken"))
            let all = String(decoding: try await client.readToEnd(), as: UTF8.self)
            #expect(all.hasSuffix("4\r\npart\r\n"))
        }
    }

    @Test("a large answer reaches a slow reader whole")
    func slowReader() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port, receiveBuffer: 131_072)
            try await client.send(get("/large", "Connection: close\r\n"))
            var all: [UInt8] = []
            for turn in 0... {
                let part = try await client.read(atMost: 262_144)
                if part.isEmpty { break }
                all += part
                if turn < 20 { try await Task.sleep(for: .milliseconds(5)) }
            }
            #expect(all.suffix(TestHandler.large.count).elementsEqual(TestHandler.large))
            #expect(all.count < TestHandler.large.count + 300)
        }
    }

    @Test("a stream is not produced faster than the client takes it")
    func backPressure() async throws {
        let handler = TestHandler()
        try await withServer(handler) { port, _ in
            let client = try RawSocketClient(port: port, receiveBuffer: 131_072)
            try await client.send(get("/endless"))
            #expect(try await client.read(atMost: 10).count == 10)
            var last = -1
            // The kernel's buffers fill up, and then nothing more may be produced.
            let settled = try await eventually {
                let count = handler.produced.withLock { $0 }
                defer { last = count }
                return count > 0 && count == last
            }
            #expect(settled)
            #expect(handler.produced.withLock { $0 } < 200, "64 KiB each; the kernel holds some 4 MiB")
            await client.close()
        }
    }

    // MARK: Clients that go away

    @Test("a client that disconnects cancels its request")
    func disconnect() async throws {
        let handler = TestHandler()
        try await withServer(handler) { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(post("/wait", "Content-Length: 1\r\n", "x"))
            #expect(try await eventually { handler.current.running == 1 })
            await client.close()
            #expect(try await eventually { handler.current.cancelled == 1 })
        }
    }

    @Test("a client that disconnects behind a full pipeline cancels its request")
    func disconnectWhilePaused() async throws {
        let handler = TestHandler()
        try await withServer(handler, configure: { $0.limits.readAheadBytes = 1000 }) { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(get("/wait") + String(repeating: get("/now"), count: 2000))
            #expect(try await eventually { handler.current.running == 1 })
            await client.close()
            #expect(try await eventually { handler.current.cancelled == 1 })
        }
    }

    @Test("a client that disconnects from a stream ends it")
    func disconnectFromStream() async throws {
        let handler = TestHandler()
        try await withServer(handler) { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(get("/endless"))
            #expect(try await client.read().isEmpty == false)
            await client.close()
            var last = -1
            #expect(
                try await eventually {
                    let count = handler.produced.withLock { $0 }
                    defer { last = count }
                    return count == last
                })
        }
    }

    @Test("a client that closes its side after its last request has left, and its work is cancelled")
    func halfCloseLeaves() async throws {
        let handler = TestHandler()
        try await withServer(handler) { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(post("/wait", "Connection: close\r\nContent-Length: 1\r\n", "x"))
            #expect(try await eventually { handler.current.running == 1 })
            await client.finishWriting()
            #expect(try await client.readToEnd().isEmpty)
            #expect(try await eventually { handler.current.cancelled == 1 })
        }
    }

    @Test("a client that closed its side after its last request gets the answer where that is allowed")
    func halfClose() async throws {
        try await withServer(configure: { $0.allowsHalfClose = true }) { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(post("/short", "Connection: close\r\nContent-Length: 1\r\n", "x"))
            await client.finishWriting()
            #expect(try await client.response().text == "short")
            #expect(try await client.readToEnd().isEmpty)
        }
    }

    // MARK: Time

    @Test("a head that does not come is refused after its timeout")
    func slowHead() async throws {
        try await withServer(configure: { $0.timeouts.head = .milliseconds(300) }) { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send("GET / HT")
            #expect(try await client.response().status == 408)
            let silent = try RawSocketClient(port: port)
            #expect(try await silent.readToEnd().isEmpty)
        }
    }

    @Test("an idle connection closes after its timeout")
    func idle() async throws {
        try await withServer(configure: { $0.timeouts.idle = .milliseconds(200) }) { port, _ in
            let client = try RawSocketClient(port: port)
            #expect(try await client.roundTrip(get("/now")).status == 200)
            #expect(try await client.readToEnd().isEmpty)
        }
    }

    @Test("a client that takes nothing is dropped")
    func stuckReader() async throws {
        let length = TestHandler.large.count  // made here, so that the server does not wait for it
        try await withServer(configure: { $0.timeouts.write = .milliseconds(300) }) { port, _ in
            let client = try RawSocketClient(port: port, receiveBuffer: 131_072)
            try await client.send(get("/large"))
            try await Task.sleep(for: .milliseconds(1000))
            var all = 0
            do {
                while case let count = try await client.read().count, count > 0 { all += count }
            } catch RawSocketError.closed {}
            #expect(all < length)
        }
    }

    // MARK: Many connections, and the end

    @Test("connections over the limit wait until one closes")
    func maxConnections() async throws {
        try await withServer(configure: { $0.maxConnections = 2 }) { port, _ in
            let first = try RawSocketClient(port: port)
            let second = try RawSocketClient(port: port)
            #expect(try await first.roundTrip(get("/now")).status == 200)
            #expect(try await second.roundTrip(get("/now")).status == 200)
            let third = try RawSocketClient(port: port, timeout: .milliseconds(300))
            try await third.send(get("/now"))
            await #expect(throws: RawSocketError.timeout) { try await third.response() }
            await first.close()
            #expect(try await eventually(third))
        }
    }

    /// Whether `client` is answered within some seconds.
    private func eventually(_ client: RawSocketClient) async throws -> Bool {
        for _ in 0..<20 {
            do { return try await client.response().status == 200 } catch RawSocketError.timeout { continue }
        }
        return false
    }

    private func eventually(_ condition: () -> Bool) async throws -> Bool {
        try await HTTPServerTests.eventually(condition)
    }

    @Test("hundreds of connections come and go, and all are closed at the end")
    func manyConnections() async throws {
        let handler = TestHandler()
        let before = try openDescriptors()
        try await withServer(handler) { port, _ in
            try await withThrowingTaskGroup { group in
                for index in 0..<200 {
                    group.addTask {
                        let client = try RawSocketClient(port: port)
                        let answer = try await client.roundTrip(
                            post("/echo", "Content-Length: 3\r\n", "\(index + 100)"))
                        #expect(answer.text == "\(index + 100)")
                        if index % 3 == 0 { await client.close() }
                    }
                }
                try await group.waitForAll()
            }
        }
        // Other tests run beside this one, with a few connections each.
        #expect(try await eventually { (try? openDescriptors()).map { $0 < before + 100 } ?? false })
    }

    @Test("stopping answers what has begun, and takes nothing new")
    func drain() async throws {
        let handler = TestHandler()
        // On one queue the end of the idle connection shows that the busy one is draining too.
        try await withServer(handler, configure: { $0.ioQueues = 1 }) { port, server in
            let idle = try RawSocketClient(port: port)
            #expect(try await idle.roundTrip(get("/now")).status == 200)
            let busy = try RawSocketClient(port: port)
            try await busy.send(get("/door"))
            #expect(try await eventually { handler.current.running == 1 })
            async let stopped = server.stop(grace: .seconds(20))
            #expect(try await idle.readToEnd().isEmpty)
            #expect(throws: RawSocketError.self) { try RawSocketClient(port: port) }
            handler.openDoor()
            let response = try await busy.response()
            #expect(response.text == "door")
            #expect(response["connection"] == "close")
            await busy.close()
            #expect(await stopped == 0)
        }
    }

    @Test("stopping answers the first request of a connection that was there before")
    func drainFresh() async throws {
        try await withServer { port, server in
            let fresh = try RawSocketClient(port: port)
            async let stopped = server.stop(grace: .seconds(20))
            // Nothing listens any more once others are refused.
            #expect(try await eventually { (try? RawSocketClient(port: port)) == nil })
            let answer = try await fresh.roundTrip(get("/now"))
            #expect(answer.status == 200 && answer["connection"] == "close")
            await fresh.close()
            #expect(await stopped == 0)
        }
    }

    @Test("before stopping every answer is the last of its connection, and new connections are taken")
    func endOfPersistence() async throws {
        try await withServer(configure: { $0.ioQueues = 1 }) { port, server in
            let old = try RawSocketClient(port: port)
            let first = try await old.roundTrip(get("/now"))
            #expect(first.status == 200 && first["connection"] == nil)
            await server.endPersistence()
            // The idle connection is still there: its client may have sent a request already.
            let last = try await old.roundTrip(get("/now"))
            #expect(last.status == 200 && last["connection"] == "close")
            #expect(try await old.readToEnd().isEmpty)
            let new = try RawSocketClient(port: port)
            let only = try await new.roundTrip(get("/now"))
            #expect(only.status == 200 && only["connection"] == "close")
        }
    }

    @Test("stopping cuts off, cancels and counts what does not end within the grace")
    func grace() async throws {
        let handler = TestHandler()
        try await withServer(handler) { port, server in
            let client = try RawSocketClient(port: port)
            try await client.send(get("/wait"))
            let other = try RawSocketClient(port: port)
            try await other.send(get("/wait"))
            let idle = try RawSocketClient(port: port)
            #expect(try await idle.roundTrip(get("/now")).status == 200)
            #expect(try await eventually { handler.current.running == 2 })
            await server.passQueues()
            #expect(await server.stop(grace: .milliseconds(100)) == 2)
            #expect(try await eventually { handler.current.cancelled == 2 })
            #expect(try await client.readToEnd().isEmpty)
        }
    }
}
