import ArgumentParser
import Dispatch
import Glibc
import HTTPServer
import TestSupport
import Testing

@testable import tusk

@Suite("Health probe")
struct HealthTests {
    /// What a port that speaks TLS says to plain HTTP.
    static let badRequest = "HTTP/1.1 400 Bad Request\r\n\r\n"

    func check(_ server: AnswerServer, timeout: Duration = .seconds(10)) throws {
        let addresses = try SocketAddress.resolve("127.0.0.1", server.port)
        var client = ServiceClient(addresses: addresses, timeout: timeout)
        try client.checkReady()
    }

    @Test("a 200 passes, whatever follows it")
    func ready() throws {
        let server = try AnswerServer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        try check(server)
        #expect(server.requests() == ["GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"])
    }

    @Test("another status fails and is named", arguments: [503, 404, 500, 100])
    func notReady(status: Int) throws {
        let server = try AnswerServer("HTTP/1.1 \(status) X\r\n\r\n")
        #expect(throws: ServiceClientError.notReady(status: status)) { try check(server) }
    }

    @Test(
        "an answer that is not HTTP/1.1 fails",
        arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.0 200 OK\r\n"])
    func notHTTP(answer: String) throws {
        let server = try AnswerServer(answer)
        #expect(throws: ServiceClientError.notHTTP) { try check(server) }
    }

    @Test("a connection closed within the status line fails")
    func closedEarly() throws {
        let server = try AnswerServer("HTTP/1.1 2")
        #expect(throws: ServiceClientError.unreachable(reason: "it closed the connection without an answer")) {
            try check(server)
        }
    }

    @Test("a service that accepts and says nothing fails in time")
    func silent() throws {
        let server = try AnswerServer()
        #expect(throws: ServiceClientError.timedOut(.milliseconds(50))) {
            try check(server, timeout: .milliseconds(50))
        }
    }

    @Test("a port that nobody listens on fails")
    func nobody() throws {
        // Bound, so that nothing else can come to listen there.
        let server = try AnswerServer(listens: false)
        #expect(throws: ServiceClientError.unreachable(reason: "Connection refused")) { try check(server) }
    }

    @Test("a 400 from a service that speaks no TLS is named, and why TLS failed")
    func badRequest() throws {
        let server = try AnswerServer(Self.badRequest, Self.badRequest)
        let failure = ServiceClientError.notByTLS(.unreachable(reason: "wrong version number"))
        #expect(throws: failure) { try check(server) }
        #expect(
            "\(failure)" == "the service answered 400, and by TLS: the service cannot be reached: wrong version number")
    }

    @Test("a port that closes the connection where TLS is due fails")
    func closedByTLS() throws {
        let server = try AnswerServer(Self.badRequest, "")
        #expect(throws: ServiceClientError.notByTLS(.unreachable(reason: "unexpected eof while reading"))) {
            try check(server)
        }
    }

    @Test(
        "a port that says nothing where TLS is due, or goes on byte by byte, fails in time", arguments: [false, true])
    func silentByTLS(isSlow: Bool) throws {
        // The head of a record, and the 16 KiB that it promises.
        let record = "\u{16}\u{3}\u{3}@\0" + String(repeating: "\0", count: 16_384)
        let server =
            try isSlow
            ? AnswerServer(Self.badRequest, record, isSlow: true) : AnswerServer(Self.badRequest)
        // Long enough for the first answer on a busy machine.
        let time = Duration.seconds(3)
        #expect(throws: ServiceClientError.notByTLS(.timedOut(time))) { try check(server, timeout: time) }
    }

    @Test("addresses are those of tusk serve, but for inherited sockets")
    func addresses() throws {
        for arguments in [
            [], ["--port", "1"], ["--host", "::1"], ["--listen", "[::1]:65535"], ["--listen", "*:80"],
            ["--listen", "unix:/run/s"],
        ] {
            #expect(try Health.parse(arguments).service.addresses().count == 1)
        }
        for (arguments, message) in [
            (["--port", "0"], "--port is 0; it must be 1 to 65535"),
            (["--listen", "[::1]:65536"], "the port of --listen is 65536; it must be 1 to 65535"),
            (["--listen", "fd:3"], "--listen is fd:3; it must be HOST:PORT, [IPV6]:PORT, *:PORT or unix:PATH"),
            (["--listen", "here"], "--listen is here; it must be HOST:PORT, [IPV6]:PORT, *:PORT or unix:PATH"),
            (["--host", "a.invalid"], "host a.invalid is neither an address nor a name that resolves"),
        ] {
            let health = try Health.parse(arguments)
            let error = #expect(throws: (any Error).self) { try health.service.addresses() }
            #expect(error.map { "\($0)" } == message)
        }
        #expect(throws: (any Error).self) { try Health.parse(["--listen", "[::1]:80", "--port", "80"]) }
    }

    @Test("timeouts outside 0.001 to 86400 seconds are refused", arguments: ["0", "0.0009", "86401", "nan", "-1"])
    func timeoutRefused(text: String) {
        #expect(throws: (any Error).self) { try Health.parse(["--timeout=\(text)"]) }
    }

    @Test("timeouts on the bounds are accepted", arguments: ["0.001", "86400"])
    func timeoutAccepted(text: String) throws {
        #expect(try Health.parse(["--timeout=\(text)"]).service.timeout == Double(text))
    }
}

/// Listens on loopback. On each of as many connections as there are answers it reads one request, answers and closes;
/// others it never accepts.
final class AnswerServer: Sendable {
    let port: Int
    private let listener: Int32
    private let served = DispatchGroup()
    private let received = Locked([String]())

    /// - Parameter isSlow: whether it answers byte by byte, as long as the client takes them.
    init(_ answers: String..., listens: Bool = true, isSlow: Bool = false) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(listener, generic, size) == 0 && (!listens || listen(listener, 1) == 0)
                    && getsockname(listener, generic, &size) == 0
            }
        }
        self.listener = listener
        try #require(listening)
        port = Int(UInt16(bigEndian: address.sin_port))
        DispatchQueue.global().async(group: served) { [received] in
            for answer in answers {
                let connection = accept(listener, nil, nil)
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = unsafe recv(connection, &buffer, buffer.count, 0)
                received.change { $0.append(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)) }
                var rest = Array(answer.utf8)[...]
                while !rest.isEmpty {
                    let part = Array(isSlow ? rest.prefix(1) : rest)
                    guard unsafe send(connection, part, part.count, Int32(MSG_NOSIGNAL)) > 0 else { break }
                    rest = rest.dropFirst(part.count)
                    if isSlow { usleep(10_000) }
                }
                close(connection)
            }
        }
    }

    deinit {
        // Wakes an accept that no client came for.
        shutdown(listener, Int32(SHUT_RDWR))
        served.wait()
        close(listener)
    }

    /// What the clients asked.
    func requests() -> [String] {
        served.wait()
        return received.value
    }
}
