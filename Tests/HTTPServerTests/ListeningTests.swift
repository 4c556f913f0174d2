import Glibc
import HTTPServer
import HTTPWire
import System
import TestSupport
import Testing

@Suite("Listening", .timeLimit(.minutes(15)))
struct ListeningTests {
    // MARK: Addresses as text

    @Test(
        "an address is read as it is written",
        arguments: [
            ("127.0.0.1:8080", ListenAddress.tcp(host: "127.0.0.1", port: 8080)),
            ("[::1]:80", .tcp(host: "::1", port: 80)), ("*:0", .tcp(host: "*", port: 0)),
            ("localhost:65536", .tcp(host: "localhost", port: 65_536)), ("unix:/a:1", .unix(path: "/a:1")),
            ("unix:b", .unix(path: "b")), ("fd:3", .inherited(descriptor: 3)),
        ])
    func reading(text: String, address: ListenAddress) {
        #expect(ListenAddress(text) == address)
        #expect(address.description == text)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", ":", ":80", "host", "host:", "host:x", "::1:80", "[]:80", "unix:", "unix:a\0b", "fd:", "fd:-1", "fd:x",
        ])
    func notReading(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    // MARK: TCP

    @Test("several addresses answer, and share one limit of connections")
    func several() async throws {
        try await withSocketFolder { folder in
            let path = folder + "/s"
            let server = try TestServer {
                $0.addresses = [.tcp(host: "127.0.0.1", port: 0), .tcp(host: "::1", port: 0), .unix(path: path)]
                $0.maxConnections = 3
            }
            try await server.use { addresses in
                #expect(addresses.count == 3 && addresses[2] == .unix(path: path))
                let places = [
                    RawSocketAddress.ipv4(port: addresses[0].port ?? 0), .ipv6(port: addresses[1].port ?? 0),
                    .unix(path: path),
                ]
                let clients = try places.map { try RawSocketClient($0) }
                for client in clients { #expect(try await client.roundTrip(get("/now")).text == "now") }
                let fourth = try RawSocketClient(places[2])
                try await fourth.send(get("/now"))
                await clients[0].close()
                #expect(try await fourth.response().text == "now")
            }
        }
    }

    @Test("* is IPv4 and IPv6, and a client of either has its own address")
    func everyAddress() async throws {
        let server = try TestServer { $0.addresses = [.tcp(host: "*", port: 0)] }
        try await server.use { addresses in
            #expect(addresses.count == 1)
            guard case .tcp("*", let port) = addresses[0] else {
                Issue.record("it listens on \(addresses[0])")
                return
            }
            let (old, new) = try (RawSocketClient(.ipv4(port: port)), RawSocketClient(.ipv6(port: port)))
            #expect(try await old.roundTrip(get("/peer")).text == "127.0.0.1")
            #expect(try await new.roundTrip(get("/peer")).text == "::1")
        }
    }

    @Test(":: is IPv6 alone, so that IPv4 may be listened on beside it")
    func onlyNew() async throws {
        for attempt in 1... {
            let old = try TestServer { $0.addresses = [.tcp(host: "0.0.0.0", port: 0)] }
            let port = try #require(old.addresses[0].port)
            let new: TestServer
            do {
                new = try TestServer { $0.addresses = [.tcp(host: "::", port: port)] }
            } catch HTTPListenError.addressInUse where attempt < 20 {
                // another test has this port of IPv6
                await old.stop()
                continue
            }
            #expect(new.addresses == [.tcp(host: "::", port: port)])
            try await old.use { _ in
                try await new.use { _ in
                    let clients = try (RawSocketClient(.ipv4(port: port)), RawSocketClient(.ipv6(port: port)))
                    #expect(try await clients.0.roundTrip(get("/peer")).text == "127.0.0.1")
                    #expect(try await clients.1.roundTrip(get("/peer")).text == "::1")
                }
            }
            return
        }
    }

    @Test("a name with several addresses is listened on at all of them, on one port")
    func severalAddresses() throws {
        let both = try SocketAddress.resolve("127.0.0.1", 0) + SocketAddress.resolve("::1", 0)
        let sockets = try ListeningSocket.tcp(both, of: "name", port: 0, backlog: 1)
        let port = try #require(sockets.first?.address.port)
        #expect(port > 0)
        #expect(sockets.map(\.address) == [.tcp(host: "127.0.0.1", port: port), .tcp(host: "::1", port: port)])
    }

    @Test("an address of a name that this machine lacks is passed over, unless it is the only one")
    func missingAddress() throws {
        // 192.0.2.0/24 is for documentation (RFC 5737), so nobody has it
        let lacking = try SocketAddress.resolve("192.0.2.1", 0)
        let sockets = try ListeningSocket.tcp(
            lacking + SocketAddress.resolve("127.0.0.1", 0), of: "name", port: 0, backlog: 1)
        #expect(sockets.count == 1)
        #expect(throws: HTTPListenError.addressNotAvailable(host: "name")) {
            _ = try ListeningSocket.tcp(lacking, of: "name", port: 0, backlog: 1)
        }
    }

    @Test("a server that cannot listen says why")
    func cannotListen() async throws {
        try await withServer { port, server in
            #expect(throws: HTTPListenError.alreadyStarted) { try server.start() }
            let address = ListenAddress.tcp(host: "127.0.0.1", port: port)
            #expect(throws: HTTPListenError.addressInUse(address)) { try start(address) }
            let all = ListenAddress.tcp(host: "*", port: port)
            #expect(throws: HTTPListenError.addressInUse(all)) { try start(all) }
        }
        #expect(throws: HTTPListenError.noAddress) { try start() }
        #expect(throws: HTTPListenError.invalidPort(65_536)) { try start(.tcp(host: "127.0.0.1", port: 65_536)) }
        #expect(throws: HTTPListenError.invalidPort(-1)) { try start(.tcp(host: "*", port: -1)) }
        #expect(throws: HTTPListenError.unknownHost("not a host")) { try start(.tcp(host: "not a host", port: 0)) }
        #expect(throws: HTTPListenError.addressNotAvailable(host: "192.0.2.1")) {
            try start(.tcp(host: "192.0.2.1", port: 0))
        }
    }

    // MARK: Unix sockets

    @Test("a Unix socket has its permissions, a client without an address, and is gone at the end")
    func unixSocket() async throws {
        try await withSocketFolder { folder in
            let path = folder + "/s"
            let server = try TestServer {
                $0.addresses = [.unix(path: path)]
                $0.socketMode = 0o640
            }
            try await server.use { _ in
                #expect(mode(path) == S_IFSOCK | 0o640)
                let client = try RawSocketClient(.unix(path: path))
                #expect(try await client.roundTrip(get("/peer")).text == "unix")
            }
            #expect(mode(path) == nil)
        }
    }

    @Test("a socket file that a dead process left is replaced; a live one is in use")
    func staleSocket() async throws {
        try await withSocketFolder { folder in
            let path = folder + "/s"
            // closed, and its file left behind
            var address = try SocketAddress(unixPath: path)
            do {
                let dead = try newStreamSocket(family: AF_UNIX)
                #expect(unsafe address.withPointer { unsafe bind(dead.number, $0, $1) } == 0)
            }
            #expect(mode(path) != nil)
            let server = try TestServer { $0.addresses = [.unix(path: path)] }
            try await server.use { _ in
                #expect(throws: HTTPListenError.addressInUse(.unix(path: path))) { try start(.unix(path: path)) }
                let client = try RawSocketClient(.unix(path: path))
                #expect(try await client.roundTrip(get("/now")).text == "now")
            }
        }
    }

    @Test("a socket file that another process has put in the place of ours is left to it")
    func replacedSocket() async throws {
        try await withSocketFolder { folder in
            let path = folder + "/s"
            let server = try TestServer { $0.addresses = [.unix(path: path)] }
            try await server.use { _ in
                #expect(unsafe rename(path, folder + "/old") == 0)
                let next = try TestServer { $0.addresses = [.unix(path: path)] }
                await server.stop()
                #expect(mode(path) != nil)
                try await next.use { _ in
                    let client = try RawSocketClient(.unix(path: path))
                    #expect(try await client.roundTrip(get("/now")).text == "now")
                }
            }
        }
    }

    @Test("a path of 107 bytes is taken, one of 108 refused")
    func longPath() async throws {
        try await withSocketFolder { folder in
            let longest = folder + "/" + String(repeating: "x", count: 107 - folder.utf8.count - 1)
            let server = try TestServer { $0.addresses = [.unix(path: longest)] }
            try await server.use { _ in #expect(mode(longest) != nil) }
            #expect(throws: HTTPListenError.pathTooLong(path: longest + "x", limit: 107)) {
                try start(.unix(path: longest + "x"))
            }
        }
    }

    @Test("what is no socket is left alone, and a folder that is missing is named")
    func noSocketFile() async throws {
        try await withSocketFolder { folder in
            #expect(throws: HTTPListenError.notASocketFile(path: folder)) { try start(.unix(path: folder)) }
            let path = folder + "/none/s"
            #expect(throws: HTTPListenError.cannotCreate(path: path, code: ENOENT)) { try start(.unix(path: path)) }
        }
    }

    @Test("when one address fails, no socket file is left of the others")
    func allOrNone() async throws {
        try await withSocketFolder { folder in
            let path = folder + "/s"
            #expect(throws: HTTPListenError.badDescriptor(1_000_000)) {
                try start(.unix(path: path), .inherited(descriptor: 1_000_000))
            }
            #expect(mode(path) == nil)
        }
    }

    // MARK: Inherited sockets

    @Test("an inherited socket outlives the server, which leaves to others what it has not accepted")
    func inherited() async throws {
        let ours = try #require(
            ListeningSocket.tcp(
                SocketAddress.resolve("127.0.0.1", 0), of: "127.0.0.1", port: 0, backlog: 8
            ).first)
        let port = try #require(ours.address.port)
        for _ in 0..<2 {
            let server = try TestServer { $0.addresses = [.inherited(descriptor: dup(ours.number))] }
            try await server.use { addresses in
                #expect(addresses == [.tcp(host: "127.0.0.1", port: port)])
                let client = try RawSocketClient(port: port)
                #expect(try await client.roundTrip(get("/now")).text == "now")
            }
        }
        // Nobody accepts now, but the kernel still takes connections for whoever will.
        let waiting = try RawSocketClient(port: port)
        try await waiting.send(get("/now"))
        let next = try TestServer { $0.addresses = [.inherited(descriptor: dup(ours.number))] }
        try await next.use { _ in
            let answer = try await waiting.response()
            #expect(answer.text == "now")
        }
    }

    @Test("an inherited socket that another process shuts down is given up")
    func shutDown() async throws {
        let ours = try #require(
            ListeningSocket.tcp(
                SocketAddress.resolve("127.0.0.1", 0), of: "127.0.0.1", port: 0, backlog: 8
            ).first)
        let server = try TestServer {
            $0.addresses = [.inherited(descriptor: dup(ours.number)), .tcp(host: "127.0.0.1", port: 0)]
        }
        try await server.use { addresses in
            ours.stopListening()
            let client = try RawSocketClient(port: try #require(addresses[1].port))
            #expect(try await client.roundTrip(get("/now")).text == "now")
        }
    }

    @Test("a descriptor that does not listen is refused")
    func notListening() throws {
        let plain = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let file = unsafe open("/dev/null", O_RDONLY)
        let datagrams = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        for number in [plain, file, datagrams] {
            #expect(throws: HTTPListenError.notListening(number)) { try start(.inherited(descriptor: number)) }
            close(number)
        }
        #expect(throws: HTTPListenError.badDescriptor(1_000_000)) { try start(.inherited(descriptor: 1_000_000)) }
    }

    @Test("a descriptor given twice is in use")
    func twice() throws {
        let ours = try #require(
            ListeningSocket.tcp(
                SocketAddress.resolve("127.0.0.1", 0), of: "127.0.0.1", port: 0, backlog: 8
            ).first)
        let address = ListenAddress.inherited(descriptor: dup(ours.number))
        #expect(throws: HTTPListenError.addressInUse(address)) { try start(address, address) }
    }

    private func start(_ addresses: ListenAddress...) throws {
        var configuration = HTTPServerConfiguration()
        configuration.addresses = addresses
        let server = HTTPServer(configuration: configuration, handler: TestHandler(), logger: silentLogger)
        try server.start()
    }

    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status.st_mode : nil
    }
}

/// A server at any addresses.
private struct TestServer {
    let server: HTTPServer
    let addresses: [ListenAddress]

    init(_ configure: (inout HTTPServerConfiguration) -> Void) throws {
        var configuration = HTTPServerConfiguration()
        configuration.ioQueues = 1
        configuration.timeouts = .patient
        configure(&configuration)
        server = HTTPServer(configuration: configuration, handler: TestHandler(), logger: silentLogger)
        addresses = try server.start()
    }

    func stop() async { await server.stop(grace: .seconds(5)) }

    /// Stops the server after `body`.
    func use(_ body: ([ListenAddress]) async throws -> Void) async throws {
        do {
            try await body(addresses)
        } catch {
            await server.stop(grace: .zero)
            throw error
        }
        await stop()
    }
}

/// A fresh folder with a short path.
private func withSocketFolder(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/tusk-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw RawSocketError.system(call: "mkdtemp", code: errno) }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
        _ = unsafe unlink(folder + "/old")
        _ = unsafe unlink(folder + "/s")
        _ = unsafe rmdir(folder)
    }
    try await body(folder)
}
