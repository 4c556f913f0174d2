import COpenSSL
import HTTPServer
import HTTPWire
import TestSupport
import Testing

@Suite("TLS handshakes", .timeLimit(.minutes(15)))
struct TLSHandshakeTests {
    // MARK: Versions and suites

    @Test("1.2 and 1.3 are spoken, with an ECDSA and with an RSA certificate", arguments: [true, false])
    func versions(isRSA: Bool) async throws {
        try await withTLSServer(isRSA ? .rsaServer : .server) { port, _, _ in
            for (options, version) in [(TLSClientOptions.tls12, "TLSv1.2"), (.tls13, "TLSv1.3")] {
                let (client, session) = try await tlsClient(port, options)
                #expect(session.version == version)
                #expect(try await client.roundTrip(get("/who")).text == "nobody")
            }
        }
    }

    @Test("each suite of the list is spoken, and the client's order counts")
    func suites() async throws {
        let common = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]
        for (identity, kind) in [(TestIdentity.server, "ECDSA"), (.rsaServer, "RSA")] {
            try await withTLSServer(identity) { port, _, _ in
                for suite in common.map({ "ECDHE-\(kind)-\($0)" }) {
                    let others = common.map { "ECDHE-\(kind)-\($0)" }.joined(separator: ":")
                    var options = TLSClientOptions.tls12
                    options.suites = "\(suite):\(others)"
                    let spoken = try await shakeHands(port, options).suite
                    #expect(spoken == suite)
                }
                for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
                    var options = TLSClientOptions.tls13
                    options.suites13 = suite
                    let spoken = try await shakeHands(port, options).suite
                    #expect(spoken == suite)
                }
            }
        }
    }

    @Test(
        "weak suites and groups are refused with an alert",
        arguments: [
            // without forward secrecy; CBC; finite-field; anonymous
            "AES128-GCM-SHA256:AES256-SHA", "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA",
            "DHE-RSA-AES128-GCM-SHA256", "AECDH-AES128-SHA:ADH-AES128-GCM-SHA256",
        ])
    func weakSuites(list: String) async throws {
        try await withTLSServer(.rsaServer) { port, _, _ in
            var options = TLSClientOptions.tls12
            options.suites = list
            await #expect(throws: TLSClientError.failed("sslv3 alert handshake failure")) {
                try await tlsClient(port, options)
            }
        }
    }

    @Test("other groups than X25519, P-256 and P-384 are refused")
    func groups() async throws {
        try await withTLSServer { port, _, _ in
            for group in ["X25519", "P-256", "P-384"] {
                _ = try await tlsClient(port, TLSClientOptions { $0.groups = group })
            }
            for group in ["P-521", "X448"] {
                await #expect(throws: TLSClientError.self) {
                    try await tlsClient(port, TLSClientOptions { $0.groups = group })
                }
            }
        }
    }

    @Test("older versions than the minimum are refused with an alert")
    func oldVersions() async throws {
        let refusal = TLSClientError.failed("tlsv1 alert protocol version")
        try await withTLSServer { port, _, _ in
            for version in [TLS1_VERSION, TLS1_1_VERSION] {
                var options = TLSClientOptions()
                options.versions = version...version
                options.suites = "ALL:@SECLEVEL=0"
                await #expect(throws: refusal) { try await tlsClient(port, options) }
            }
        }
        try await withTLSServer(tls: { $0.minimumVersion = .tls13 }) { port, _, _ in
            await #expect(throws: refusal) { try await tlsClient(port, .tls12) }
            let spoken = try await shakeHands(port).version
            #expect(spoken == "TLSv1.3")
        }
    }

    @Test("ALPN chooses http/1.1; a client that offers only others gets an alert, one that offers none is served")
    func alpn() async throws {
        try await withTLSServer { port, _, _ in
            for options in [TLSClientOptions.tls12, .tls13] {
                var options = options
                let none = try await shakeHands(port, options).selectedProtocol
                #expect(none == nil)
                options.protocols = ["h2", "http/1.1"]
                let chosen = try await shakeHands(port, options).selectedProtocol
                #expect(chosen == "http/1.1")
                options.protocols = ["h2", "http/1.0"]
                await #expect(throws: TLSClientError.failed("tlsv1 alert no application protocol")) {
                    try await tlsClient(port, options)
                }
            }
        }
    }

    // MARK: Resumption

    @Test(
        "a later connection resumes: by ticket in both versions, by identifier in 1.2",
        arguments: [
            TLSClientOptions.tls12, .tls13,
            TLSClientOptions {
                $0.versions = TLS1_2_VERSION...TLS1_2_VERSION
                $0.takesTickets = false
            },
        ])
    func resumption(options: TLSClientOptions) async throws {
        try await withTLSServer(clientCA: .authority) { port, server, _ in
            var options = options
            options.identity = .alice
            let (first, session) = try await tlsClient(port, options)
            #expect(!session.isResumed)
            // The ticket of 1.3 comes with the answer.
            #expect(try await first.roundTrip(get("/who")).text == #"CN=alice,O=Zoo\, the"#)
            options.resumed = session.resumption
            let (second, resumed) = try await tlsClient(port, options)
            #expect(resumed.isResumed)
            #expect(try await second.roundTrip(get("/who")).text == #"CN=alice,O=Zoo\, the"#)

            // Who a client is was decided by the authorities of then.
            try server.reloadTLS()
            #expect(try await !shakeHands(port, options).isResumed)
        }
    }

    @Test(
        "a resumed 1.3 session gets a fresh ticket, good for the rest of the first one's time; one of 1.2 keeps its own"
    )
    func freshTickets() async throws {
        try await withTLSServer(clientCA: .authority) { port, _, _ in
            for isNew in [true, false] {
                var options = isNew ? TLSClientOptions.tls13 : .tls12
                options.identity = .alice
                var tickets: Set<[UInt8]> = []
                var lifetimes: [UInt] = []
                // OpenSSL forgets the session of a connection that ends without close_notify.
                var open: [RawSocketClient] = []
                for round in 0..<4 {
                    let (client, session) = try await tlsClient(port, options)
                    open.append(client)
                    #expect(session.isResumed == (round > 0))
                    // The ticket of 1.3 comes with the answer.
                    #expect(try await client.roundTrip(get("/who")).text == #"CN=alice,O=Zoo\, the"#)
                    let resumption = try #require(session.resumption)
                    tickets.insert(resumption.ticket)
                    lifetimes.append(resumption.lifetime)
                    options.resumed = resumption
                    if round == 1 { try await Task.sleep(for: .milliseconds(1100)) }
                }
                #expect(tickets.count == (isNew ? 4 : 1))
                #expect(lifetimes[0] == 3600)
                #expect(isNew ? lifetimes[1] <= 3600 && lifetimes[3] < lifetimes[1] : lifetimes[3] == 3600)
            }
        }
    }

    @Test("no more 1.2 sessions are remembered than the limit says, the newest")
    func sessionCache() async throws {
        let options = TLSClientOptions {
            $0.versions = TLS1_2_VERSION...TLS1_2_VERSION
            $0.takesTickets = false
        }
        for (limit, isKept) in [(1, false), (4, true)] {
            try await withTLSServer(tls: { $0.sessionCacheEntries = limit }) { port, _, _ in
                /// In 1.2 a session is forgotten when its connection ends without close_notify.
                func connect(resuming resumed: TLSClientSession.Resumption?) async throws -> TLSClientSession {
                    var options = options
                    options.resumed = resumed
                    let (client, session) = try await tlsClient(port, options)
                    let answer = try await client.roundTrip(get("/now", "Connection: close\r\n"))
                    #expect(answer.status == 200)
                    try await client.sendCloseNotify()
                    #expect(try await client.readToEnd().isEmpty)
                    return session
                }
                let first = try await connect(resuming: nil)
                let second = try await connect(resuming: nil)
                #expect(try await connect(resuming: second.resumption).isResumed)
                #expect(try await connect(resuming: first.resumption).isResumed == isKept)
            }
        }
    }

    // MARK: Client certificates

    @Test("with a client CA only its clients come in, and the handler learns who they are", arguments: [true, false])
    func clientCertificates(isNew: Bool) async throws {
        var options = isNew ? TLSClientOptions.tls13 : .tls12
        try await withTLSServer(clientCA: .authority) { port, _, _ in
            options.identity = .alice
            let (client, _) = try await tlsClient(port, options)
            #expect(try await client.roundTrip(get("/who")).text == #"CN=alice,O=Zoo\, the"#)

            // In 1.3 a client learns only at its first read that it was refused.
            func refusal() async -> TLSClientError? {
                do {
                    let (client, _) = try await tlsClient(port, options)
                    _ = try await client.roundTrip(get("/who"))
                    return nil
                } catch { return error as? TLSClientError }
            }
            options.identity = .mallory
            #expect(await refusal() == .failed("tlsv1 alert unknown ca"))
            options.identity = nil
            let missing = isNew ? "tlsv13 alert certificate required" : "sslv3 alert handshake failure"
            #expect(await refusal() == .failed(missing))
            options.identity = TestIdentity("alice", issuer: .authority, days: -1)
            #expect(await refusal() == .failed("sslv3 alert certificate expired"))
        }
    }

    // MARK: What is no handshake

    @Test("a handshake that comes byte by byte succeeds")
    func byteByByte() async throws {
        try await withTLSServer(clientCA: .authority) { port, _, _ in
            for options in [TLSClientOptions.tls12, .tls13] {
                var options = options
                options.identity = .alice
                let client = try RawSocketClient(port: port)
                try await client.startTLS(options, cut: 1)
                #expect(try await client.roundTrip(get("/now")).text == "now")
            }
        }
    }

    @Test("a handshake that does not end in the time of a head is dropped", arguments: [0, 5, 100])
    func endlessHandshake(bytes: Int) async throws {
        try await withTLSServer(configure: { $0.timeouts.head = .milliseconds(300) }) { port, _, _ in
            let client = try RawSocketClient(port: port)
            let session = try TLSClientSession(.init())
            #expect(try !session.handshake())
            try await client.send(Array(session.takeOutput().prefix(bytes)))
            #expect(try await client.readToEnd().isEmpty)
        }
    }

    @Test("bytes that are neither TLS nor HTTP end the connection, after an alert where they look like TLS")
    func garbage() async throws {
        try await withTLSServer { port, _, _ in
            let client = try RawSocketClient(port: port)
            try await client.send([22, 3, 1, 0, 5, 1, 2, 3, 4, 5])
            // An alert record.
            #expect(try await client.readToEnd().first == 21)
            let old = try RawSocketClient(port: port)
            try await old.send([128, 46, 1, 0, 2] + [UInt8](repeating: 7, count: 60))
            #expect(try await old.readToEnd().first != UInt8(ascii: "H"))
        }
    }

    @Test("plain HTTP is told in plain HTTP that the port speaks TLS, and nothing of it is acted on")
    func plainHTTP() async throws {
        let handler = TestHandler()
        try await withTLSServer(handler: handler) { port, _, _ in
            let client = try RawSocketClient(port: port)
            try await client.send(get("/echo") + get("/echo"))
            let answer = try await client.response()
            #expect(answer.status == 400 && answer["connection"] == "close")
            #expect(answer.text == "\(HTTPServerError.encryptionRequired)")
            #expect(try await client.readToEnd().isEmpty)
            #expect(handler.current.finished == 0)
        }
    }

    @Test("TLS on a plain port is refused at once, in the middle of a line")
    func tlsOnPlainPort() async throws {
        try await withServer { port, _ in
            let client = try RawSocketClient(port: port)
            try await client.send([22, 3, 1])
            let answer = try await client.response()
            #expect(answer.status == 400 && answer["connection"] == "close")
            #expect(try await client.readToEnd().isEmpty)
        }
    }
}
