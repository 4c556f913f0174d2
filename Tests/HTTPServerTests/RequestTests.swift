import Compression
import HTTPServer
import HTTPWire
import TestSupport
import Testing

@Suite("Requests over a socket", .timeLimit(.minutes(15)))
struct RequestTests {
    @Test("a connection serves many requests, with a date in each answer")
    func keepAlive() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            for index in 0..<20 {
                let now = try await client.roundTrip(get("/now"))
                #expect(now.status == 200 && now.text == "now")
                #expect(try #require(now["date"]).hasSuffix(" GMT"))
                let echo = try await client.roundTrip(post("/echo", "Content-Length: 2\r\n", "\(index % 90 + 10)"))
                #expect(echo.text == "\(index % 90 + 10)")
            }
        }
    }

    @Test(
        "the handler learns whether only this machine can connect",
        arguments: [("127.0.0.1", "true"), ("127.0.0.2", "true"), ("0.0.0.0", "false"), ("*", "false")])
    func loopback(host: String, answer: String) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.addresses = [.tcp(host: host, port: 0)]
        let server = HTTPServer(configuration: configuration, handler: TestHandler(), logger: silentLogger)
        let port = try #require(try server.start()[0].port)
        let client = try RawSocketClient(address: host == "127.0.0.2" ? 0x7F00_0002 : 0x7F00_0001, port: port)
        #expect(try await client.roundTrip(get("/loopback")).text == answer)
        await server.stop(grace: .zero)
    }

    @Test("pipelined requests are answered in order")
    func pipelining() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            let bodies = (100..<150).map(String.init)
            try await client.send(bodies.map { post("/echo", "Content-Length: 3\r\n", $0) + get("/now") }.joined())
            for body in bodies {
                #expect(try await client.response().text == body)
                #expect(try await client.response().text == "now")
            }
        }
    }

    @Test("more pipelined requests than fit into any buffer are all answered")
    func deepPipeline() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            async let sent: Void = client.send(String(repeating: get("/now"), count: 10_000))
            for _ in 0..<10_000 { #expect(try await client.response().text == "now") }
            try await sent
        }
    }

    @Test("a chunked upload arrives whole")
    func chunked() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(post("/echo", "Transfer-Encoding: chunked\r\n"))
            for part in ["5\r\nhel", "lo\r\n", "1;x=1\r\n", " \r\n5\r\nworld\r\n0\r\nT: 1", "\r\n\r\n"] {
                try await client.send(part)
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(try await client.response().text == "hello world")
        }
    }

    @Test("a body of the largest size arrives, one byte more is refused", arguments: [0, 1])
    func bodyLimit(over: Int) async throws {
        // A client that waits for its turn on a busy machine still sends.
        try await withServer(configure: { $0.timeouts.linger = .seconds(900) }) { port, _ in
            let client = try RawSocketClient(port: port, timeout: .seconds(800))
            let length = TestHandler.bodyLimit + over
            try await client.send(post("/echo", "Content-Length: \(length)\r\n"))
            let body = [UInt8](repeating: 9, count: length)
            try await client.send(body)
            let response = try await client.response()
            #expect(response.status == (over == 0 ? 200 : 413))
            if over == 0 {
                #expect(response.body == body)
            } else {
                #expect(response["connection"] == "close")
                #expect(try await client.readToEnd().isEmpty)
            }
        }
    }

    @Test("100-continue is answered before the body, and a refusal instead of it")
    func expectation() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            let fields = "Expect: 100-continue\r\nContent-Length: 2\r\n"
            #expect(try await client.roundTrip(post("/echo", fields)).status == 100)
            #expect(try await client.roundTrip("hi").text == "hi")
            #expect(try await client.roundTrip(post("/refused", fields)).status == 404)
            #expect(try await client.readToEnd().isEmpty)
            let other = try RawSocketClient(port: port)
            #expect(try await other.roundTrip(post("/echo", "Expect: x\r\n")).status == 417)
        }
    }

    @Test(
        "a refused request has its status, and the connection closes",
        arguments: [
            ("GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\n", 414),
            (get("/now", "X: \(String(repeating: "x", count: 33_000))\r\n"), 431),
            (get("/now", String(repeating: "X: 1\r\n", count: 101)), 431),
            (post("/strict", ""), 411),
            (post("/echo", "Content-Encoding: br\r\nContent-Length: 1\r\n"), 415),
            ("nonsense\r\n\r\n", 400),
            (post("/echo", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400),
        ])
    func refused(text: String, status: Int) async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            let response = try await client.roundTrip(text)
            #expect(response.status == status)
            #expect(response["connection"] == "close")
            #expect(try await client.readToEnd().isEmpty)
        }
    }

    @Test("HEAD has the length and no body")
    func head() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n" + get("/now"))
            #expect(try await client.response(toHEAD: true)["content-length"] == "\(8 << 20)")
            #expect(try await client.response().text == "now")
        }
    }

    // MARK: Content coding

    private func coded(_ coding: String, _ body: [UInt8]) -> [UInt8] {
        Array(post("/echo", "Content-Encoding: \(coding)\r\nContent-Length: \(body.count)\r\n").utf8) + body
    }

    @Test("gzip and deflate are undone", arguments: [Coding.gzip, .deflate])
    func contentCoding(_ coding: Coding) async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 7 &* 31) }
            try await client.send(coded(coding.rawValue, deflate(body, coding: coding)))
            #expect(try await client.response().body == body)
        }
    }

    @Test(
        "a small body passes however well it is compressed, a large one does not",
        arguments: [
            (100_000, 200), (100_001, 400),
        ])
    func expansion(length: Int, status: Int) async throws {
        try await withServer(configure: { $0.limits.expansionFloorBytes = 100_000 }) { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(coded("gzip", deflate([UInt8](repeating: 0, count: length), coding: .gzip)))
            let response = try await client.response()
            #expect(response.status == status)
            #expect(status == 200 || response.text.contains("expands more than 20 times"))
        }
    }

    @Test("the body limit holds for what comes out", arguments: [(0, 200), (1, 413)])
    func codedBodyLimit(over: Int, status: Int) async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            let body = [UInt8](repeating: 0, count: TestHandler.bodyLimit + over)
            try await client.send(coded("gzip", deflate(body, coding: .gzip)))
            #expect(try await client.response().status == status)
        }
    }

    /// Of "tusk", by Python's `zlib.compressobj(9, zlib.DEFLATED, bits)`.
    @Test(
        "members in a row, raw deflate and content of no bytes are read",
        arguments: [
            ("gzip", deflate(Array("tu".utf8), coding: .gzip) + deflate(Array("sk".utf8), coding: .gzip), "tusk"),
            ("deflate", [120, 218, 43, 41, 45, 206, 6, 0, 4, 132, 1, 200], "tusk"),
            ("deflate", [43, 41, 45, 206, 6, 0], "tusk"), ("X-GZIP", deflate([], coding: .gzip), ""),
            ("gzip", [], ""), ("deflate", [], ""), ("identity", Array("tusk".utf8), "tusk"),
        ] as [(String, [UInt8], String)])
    func codedForms(coding: String, body: [UInt8], text: String) async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(coded(coding, body))
            let response = try await client.response()
            #expect(response.status == 200 && response.text == text)
        }
    }

    @Test(
        "codings upon codings and unknown ones are refused", arguments: ["gzip, gzip", "gzip, identity", "br", "zstd"])
    func unsupportedCoding(_ coding: String) async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(coded(coding, [1]))
            #expect(try await client.response().status == 415)
        }
    }

    @Test("members that each stay below the limit do not pass it together")
    func bombOfMembers() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            let member = deflate([UInt8](repeating: 0, count: TestHandler.bodyLimit / 4), coding: .gzip)
            try await client.send(coded("gzip", Array(repeatElement(member, count: 5).joined())))
            #expect(try await client.response().status == 413)
        }
    }

    @Test("damaged and truncated content is refused")
    func damaged() async throws {
        try await withServer { port, _ in
            let body = deflate(Array("hello".utf8), coding: .gzip)
            let cut = Array(body.dropLast())
            let damaged: [[UInt8]] = [cut, cut + [body[body.count - 1] ^ 1], body + [1], [1, 2, 3]]
            for bad in damaged {
                let client = try RawSocketClient(port: port)
                try await client.send(coded("gzip", bad))
                #expect(try await client.response().status == 400)
            }
        }
    }
}
