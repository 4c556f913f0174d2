import HTTPServer
import HTTPWire
import TestSupport
import Testing

@Suite("Connections over TLS", .timeLimit(.minutes(15)))
struct TLSConnectionTests {
    // MARK: Bytes

    @Test("requests of one connection, whole, in pieces and pipelined, are answered in order")
    func requests() async throws {
        try await withTLSServer { port, _, _ in
            let (client, _) = try await tlsClient(port)
            #expect(try await client.roundTrip(get("/now")).text == "now")
            for byte in get("/now").utf8 { try await client.send([byte]) }
            #expect(try await client.response().text == "now")
            let bodies = (0..<50).map { "body \($0)" }
            try await client.send(
                bodies.map { post("/echo", "Content-Length: \($0.utf8.count)\r\n", $0) }.joined())
            for body in bodies { #expect(try await client.response().text == body) }
        }
    }

    /// The limits of a record, and of what the I/O loop reads at once.
    @Test(
        "a body arrives whole, whatever its length",
        arguments: [1, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 1 << 20])
    func bodies(length: Int) async throws {
        try await withTLSServer { port, _, _ in
            for options in [TLSClientOptions.tls12, .tls13] {
                let (client, _) = try await tlsClient(port, options)
                let body = TestHandler.large.prefix(length)
                try await client.send(post("/echo", "Content-Length: \(length)\r\n"))
                try await client.send(Array(body))
                #expect(try await client.response().body.elementsEqual(body))
                #expect(try await client.roundTrip(get("/now")).text == "now")
            }
        }
    }

    @Test("a large answer reaches a slow reader whole, though its socket is full again and again")
    func slowReader() async throws {
        try await withTLSServer { port, _, _ in
            let (client, _) = try await tlsClient(port, receiveBuffer: 65_536)
            try await client.send(get("/large"))
            // What is sent meanwhile waits its turn.
            try await client.send(get("/now"))
            #expect(try await client.response().body == TestHandler.large)
            #expect(try await client.response().text == "now")
        }
    }

    @Test("new keys in the middle of an answer and of a request change nothing")
    func keyUpdate() async throws {
        try await withTLSServer { port, _, _ in
            let (client, session) = try await tlsClient(port, .tls13, receiveBuffer: 65_536)
            try await client.send(get("/large"))
            try await client.sendRaw(session.updateKeys())
            try await client.send("GET /now HT")
            try await client.sendRaw(session.updateKeys())
            try await client.send("TP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try await client.response().body == TestHandler.large)
            #expect(try await client.response().text == "now")
        }
    }

    @Test("a stream arrives in chunks")
    func stream() async throws {
        try await withTLSServer { port, _, _ in
            let (client, _) = try await tlsClient(port)
            let response = try await client.roundTrip(get("/stream"))
            #expect(response.text == "part 0\npart 1\npart 2\npart 3\npart 4\n")
            #expect(try await client.roundTrip(get("/now")).text == "now")
        }
    }

    // MARK: Ends

    /// The alert that OpenSSL sends to who ends the socket without close_notify.
    private static let cutOff = TLSClientError.failed("tlsv1 alert decode error")

    @Test("after the last answer comes close_notify, so that the client knows it whole")
    func closeNotify() async throws {
        try await withTLSServer(configure: { $0.timeouts.idle = .milliseconds(200) }) { port, _, _ in
            for options in [TLSClientOptions.tls12, .tls13] {
                // A read throws where the socket ends without it.
                let (last, _) = try await tlsClient(port, options)
                #expect(try await last.roundTrip(get("/now", "Connection: close\r\n")).text == "now")
                #expect(try await last.readToEnd().isEmpty)
                let (refused, _) = try await tlsClient(port, options)
                #expect(try await refused.roundTrip("GET / HTTP/1.1\r\n\r\n").status == 400)
                #expect(try await refused.readToEnd().isEmpty)
                let (idle, _) = try await tlsClient(port, options)
                #expect(try await idle.roundTrip(get("/now")).text == "now")
                #expect(try await idle.readToEnd().isEmpty)
                let (leaving, _) = try await tlsClient(port, options)
                #expect(try await leaving.roundTrip(get("/now")).text == "now")
                try await leaving.sendCloseNotify()
                #expect(try await leaving.readToEnd().isEmpty)
            }
        }
    }

    @Test("a stream that breaks off ends without close_notify, also where its end is that of the connection")
    func brokenStream() async throws {
        try await withTLSServer { port, _, _ in
            for request in [get("/broken"), "GET /broken HTTP/1.0\r\n\r\n"] {
                let (client, _) = try await tlsClient(port)
                try await client.send(request)
                await #expect(throws: RawSocketError.closed) { try await client.readToEnd() }
            }
        }
    }

    @Test("an end of the socket without close_notify cancels the request under way")
    func truncation() async throws {
        let handler = TestHandler()
        try await withTLSServer(handler: handler) { port, _, _ in
            let (client, _) = try await tlsClient(port)
            // With plain TCP this client would count as one that has only finished sending.
            try await client.send(get("/wait", "Connection: close\r\n"))
            #expect(try await eventually { handler.current.running == 1 })
            await client.finishWriting()
            #expect(try await eventually { handler.current.cancelled == 1 })
            await #expect(throws: Self.cutOff) { try await client.readToEnd() }
        }
    }

    @Test("a body that is cut off reaches no handler")
    func cutBody() async throws {
        let handler = TestHandler()
        try await withTLSServer(handler: handler) { port, _, _ in
            let (client, _) = try await tlsClient(port)
            try await client.send(post("/echo", "Content-Length: 10\r\n", "12345"))
            await client.finishWriting()
            await #expect(throws: Self.cutOff) { try await client.readToEnd() }
            #expect(handler.current.finished == 0)
        }
    }

    @Test("a client that says by close_notify that it has sent its last request gets the answer where that is allowed")
    func halfClose() async throws {
        try await withTLSServer(configure: { $0.allowsHalfClose = true }) { port, _, _ in
            let (client, _) = try await tlsClient(port)
            try await client.send(post("/short", "Connection: close\r\nContent-Length: 1\r\n", "x"))
            try await client.sendCloseNotify()
            #expect(try await client.response().text == "short")
            #expect(try await client.readToEnd().isEmpty)
        }
    }

    @Test("a close_notify in one piece with a full record before it is seen")
    func closeBehindRecord() async throws {
        let handler = TestHandler()
        try await withTLSServer(handler: handler) { port, _, _ in
            let (client, session) = try await tlsClient(port)
            try await client.send(post("/echo", "Content-Length: 20000\r\n"))
            let body = try session.encrypt([UInt8](repeating: 1, count: 16_384))
            try await client.sendRaw(body + session.closeNotify())
            // Dropped at once, not when the time for the body is over.
            await #expect(throws: RawSocketError.closed) { try await client.readToEnd() }
            #expect(handler.current.finished == 0)
        }
    }

    @Test("a record that was changed on its way ends the connection")
    func forgedRecord() async throws {
        let handler = TestHandler()
        try await withTLSServer(handler: handler) { port, _, _ in
            let (client, session) = try await tlsClient(port)
            var record = try session.encrypt(Array(post("/echo", "Content-Length: 1\r\n", "x").utf8))
            record[record.count - 1] ^= 1
            try await client.sendRaw(record)
            await #expect(throws: TLSClientError.failed("sslv3 alert bad record mac")) {
                try await client.readToEnd()
            }
            #expect(handler.current.finished == 0)
        }
    }

    @Test("stopping answers what has begun, says close_notify to idle clients, and closes unfinished handshakes")
    func drain() async throws {
        let handler = TestHandler()
        try await withTLSServer(handler: handler, configure: { $0.timeouts.linger = .seconds(2) }) { port, server, _ in
            let (idle, _) = try await tlsClient(port)
            #expect(try await idle.roundTrip(get("/now")).status == 200)
            let silent = try RawSocketClient(port: port)
            let (busy, _) = try await tlsClient(port)
            try await busy.send(get("/door"))
            #expect(try await eventually { handler.current.running == 1 })
            async let stopped = server.stop(grace: .seconds(20))
            #expect(try await idle.readToEnd().isEmpty)
            #expect(try await silent.readToEnd().isEmpty)
            handler.openDoor()
            #expect(try await busy.response().text == "door")
            #expect(try await busy.readToEnd().isEmpty)
            #expect(await stopped == 0)
        }
    }

    // MARK: Reloading

    @Test("a reload serves the new certificate, and open connections go on")
    func reload() async throws {
        let handler = TestHandler()
        try await withTLSServer(handler: handler) { port, server, files in
            let (old, session) = try await tlsClient(port)
            #expect(session.serverName == "localhost")
            try await old.send(get("/door"))
            #expect(try await eventually { handler.current.running == 1 })
            try files.write(TestIdentity("renewed"))
            try server.reloadTLS()
            #expect(try await shakeHands(port).serverName == "renewed")
            handler.openDoor()
            #expect(try await old.response().text == "door")
            #expect(try await old.roundTrip(get("/now")).text == "now")
        }
    }

    @Test("a reload of what cannot be used says why and keeps what was there")
    func badReload() async throws {
        try await withTLSServer { port, server, files in
            try files.write(TestIdentity("renewed").keyPEM, "key.pem")
            #expect(throws: TLSError.keyDoesNotFit(file: files.file("key.pem"))) { try server.reloadTLS() }
            try files.write(Array("no key".utf8), "key.pem")
            #expect(throws: TLSError.self) { try server.reloadTLS() }
            let (client, session) = try await tlsClient(port)
            #expect(session.serverName == "localhost")
            #expect(try await client.roundTrip(get("/now")).text == "now")
        }
    }

    @Test("no request fails while certificates are reloaded again and again")
    func reloadUnderLoad() async throws {
        try await withTLSServer { port, server, files in
            let identities = [TestIdentity("one"), TestIdentity("two")]
            try await withThrowingTaskGroup { group in
                for number in 0..<6 {
                    group.addTask {
                        var (client, session) = try await tlsClient(port)
                        for index in 0..<40 {
                            if index % (number + 2) == 0 {
                                // Resumes where no reload came between.
                                let options = TLSClientOptions { $0.resumed = session.resumption }
                                (client, session) = try await tlsClient(port, options)
                            }
                            #expect(try await client.roundTrip(get("/now")).text == "now")
                        }
                    }
                }
                group.addTask {
                    for index in 0..<40 {
                        try files.write(identities[index % 2])
                        try server.reloadTLS()
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await shakeHands(port).serverName == "two")
        }
    }
}
