import HTTPServer
import TestSupport
import Testing

@Suite("Connections of one client")
struct ClientCountTests {
    @Test("a client has its connections up to the limit, and again when they are closed")
    func limit() {
        var clients = ClientCount(limit: 2)
        let first = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map { clients.admit($0) }
        #expect(first == [true, true, false, true])
        clients.leave("192.0.2.1")
        let second = ["192.0.2.1", "192.0.2.1"].map { clients.admit($0) }
        #expect(second == [true, false])
    }

    @Test(
        "addresses of one client",
        arguments: [
            ("2001:db8::1", "2001:db8::ffff:2", true), ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
            ("fe80::1%eth0", "fe80::2%eth1", true),
        ])
    func same(_ first: String, _ second: String, isSame: Bool) {
        var clients = ClientCount(limit: 1)
        let admitted = [first, second].map { clients.admit($0) }
        #expect(admitted == [true, !isSame])
    }

    @Test("without a limit or an address nothing is counted")
    func unlimited() {
        var any = ClientCount(limit: 0)
        var local = ClientCount(limit: 1)
        for _ in 0..<10 {
            let admitted = [any.admit("192.0.2.1"), local.admit("")]
            #expect(admitted == [true, true])
        }
    }

    @Test("every connection has a number of its own, which stays", .timeLimit(.minutes(15)))
    func numbers() async throws {
        try await withServer { port, _ in
            var numbers: Set<String> = []
            for _ in 0..<4 {
                let client = try RawSocketClient(port: port)
                let number = try await client.roundTrip(get("/number")).text
                #expect(try await client.roundTrip(get("/number")).text == number)
                numbers.insert(number)
            }
            #expect(numbers.count == 4 && !numbers.contains("0"))
        }
    }

    @Test("a connection over the limit is closed, and another is served when one has gone", .timeLimit(.minutes(15)))
    func overSocket() async throws {
        try await withServer(configure: { $0.maxConnectionsPerClient = 2 }) { port, _ in
            let first = try RawSocketClient(port: port)
            let second = try RawSocketClient(port: port)
            #expect(try await first.roundTrip(get("/now")).status == 200)
            #expect(try await second.roundTrip(get("/now")).status == 200)
            let third = try RawSocketClient(port: port)
            #expect(try await third.readToEnd().isEmpty)
            await first.close()
            var served = false
            while !served {
                let fourth = try RawSocketClient(port: port)
                do { served = try await fourth.roundTrip(get("/now")).status == 200 } catch RawSocketError.closed {}
            }
        }
    }
}
