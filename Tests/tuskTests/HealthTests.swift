import ArgumentParser
import Dispatch
import Glibc
import Testing

@testable import tusk

@Suite("Health probe")
struct HealthTests {
    static let host = "127.0.0.1"

    func check(_ server: OneAnswerServer, timeout: Duration = .seconds(10)) throws(HealthError) {
        try HealthProbe(host: Self.host, port: server.port, timeout: timeout).check()
    }

    @Test("a 200 passes, whatever follows it")
    func ready() throws {
        let server = try OneAnswerServer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        try check(server)
        #expect(server.request() == "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    }

    @Test("another status fails and is named", arguments: [503, 404, 500, 100])
    func notReady(status: Int) throws {
        let server = try OneAnswerServer("HTTP/1.1 \(status) X\r\n\r\n")
        #expect(throws: HealthError.notReady(status: status)) { try check(server) }
    }

    @Test(
        "an answer that is not HTTP/1.1 fails",
        arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.0 200 OK\r\n"])
    func notHTTP(answer: String) throws {
        let server = try OneAnswerServer(answer)
        #expect(throws: HealthError.notHTTP) { try check(server) }
    }

    @Test("a connection closed within the status line fails")
    func closedEarly() throws {
        let server = try OneAnswerServer("HTTP/1.1 2")
        #expect(throws: HealthError.unreachable(reason: "it closed the connection without an answer")) {
            try check(server)
        }
    }

    @Test("a service that accepts and says nothing fails in time")
    func silent() throws {
        let server = try OneAnswerServer(nil)
        #expect(throws: HealthError.timedOut(.milliseconds(50))) { try check(server, timeout: .milliseconds(50)) }
    }

    @Test("a port that nobody listens on fails")
    func nobody() throws {
        // Bound, so that nothing else can come to listen there.
        let server = try OneAnswerServer(nil, listens: false)
        #expect(throws: HealthError.unreachable(reason: "Connection refused")) { try check(server) }
    }

    @Test("timeouts outside 0.001 to 86400 seconds are refused", arguments: ["0", "0.0009", "86401", "nan", "-1"])
    func timeoutRefused(text: String) {
        #expect(throws: (any Error).self) { try Health.parse(["--timeout=\(text)"]) }
    }

    @Test("timeouts on the bounds are accepted", arguments: ["0.001", "86400"])
    func timeoutAccepted(text: String) throws {
        #expect(try Health.parse(["--timeout=\(text)"]).timeout == Double(text))
    }
}

/// Listens on loopback, reads one request, answers with fixed bytes and closes; with nil it never accepts.
final class OneAnswerServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let served: DispatchSemaphore?
    private let received = Received()

    private final class Received: @unchecked Sendable {
        /// Written before `served` is signalled, read after it was waited for.
        var text = ""
    }

    init(_ answer: String?, listens: Bool = true) throws {
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
        port = UInt16(bigEndian: address.sin_port)
        guard let answer else {
            served = nil
            return
        }
        let served = DispatchSemaphore(value: 0)
        self.served = served
        DispatchQueue.global().async { [received] in
            let connection = accept(listener, nil, nil)
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = unsafe recv(connection, &buffer, buffer.count, 0)
            received.text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
            let bytes = Array(answer.utf8)
            _ = unsafe send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            close(connection)
            served.signal()
        }
    }

    deinit {
        // Wakes an accept that no client came for.
        shutdown(listener, Int32(SHUT_RDWR))
        served?.wait()
        served?.signal()
        close(listener)
    }

    /// What the one client asked.
    func request() -> String {
        served?.wait()
        served?.signal()
        return received.text
    }
}
