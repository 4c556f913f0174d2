import Foundation
import TestSupport
import Testing

@Suite("tusk serve over TLS", .timeLimit(.minutes(2)))
struct ServeTLSTests {
    @Test("it speaks TLS, reads its certificate again on SIGHUP, and keeps the old one when that fails")
    func life() async throws {
        let files = try TLSFolder()
        try files.write(TestIdentity("first", days: 3))
        let service = try TLSService(files)
        #expect(service.text.contains("listens on https://127.0.0.1:"))
        try service.readUntil("the TLS certificate expires within 3 days")
        let client = try RawSocketClient(port: service.port)
        let session = try await client.startTLS()
        #expect(session.serverName == "first")

        try files.write(TestIdentity("second"))
        service.hangUp()
        try service.readUntil("the TLS certificate was read again")
        #expect(try await serverName(service) == "second")

        try files.write(Array("damaged".utf8), "key.pem")
        service.hangUp()
        try service.readUntil("\"part\":\"certificate\",\"reason\":\"\(files.file("key.pem")): ")
        #expect(try await serverName(service) == "second")

        let answer = try await client.roundTrip("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(answer.status == 200)
        let plain = try RawSocketClient(port: service.port)
        let refused = try await plain.roundTrip("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(refused.status == 400 && refused["content-type"] == "application/problem+json")
        #expect(refused.text.contains("this port speaks TLS; use https://"))
        #expect(service.end() == 0)
    }

    @Test("files that cannot be used end it with one line and status 78 before it listens")
    func refusals() throws {
        let files = try TLSFolder()
        try files.write(.init("localhost"))
        func refused(_ arguments: String...) throws -> String {
            let result = try Program.run(["serve", "--port", "0"] + arguments)
            #expect(result.code == 78 && result.output.isEmpty)
            #expect(result.errors.split(separator: "\n").count == 1)
            return result.errors
        }
        let (certificate, key) = (files.file("certificate.pem"), files.file("key.pem"))
        let pair = ["--tls-certificate", certificate, "--tls-key", key]
        #expect(
            try refused("--tls-certificate", files.file("other.pem"), "--tls-key", key)
                == "Error: \(files.file("other.pem")): it cannot be read: No such file or directory\n")
        #expect(
            try refused(pair[0], pair[1], pair[2], pair[3], "--client-ca", key)
                == "Error: \(key): there is no PEM certificate in it\n")
        try files.write(TestIdentity("other").keyPEM, "key.pem")
        #expect(
            try refused(pair[0], pair[1], pair[2], pair[3]) == "Error: \(key): it is not the key of the certificate\n")
        try files.write(TestIdentity("other").keyPEM, "key.pem", mode: 0o644)
        #expect(try refused(pair[0], pair[1], pair[2], pair[3]).contains("the key's permissions are 644"))
    }

    @Test("options that do not go together are refused")
    func options() throws {
        for arguments in [["--tls-certificate", "c"], ["--tls-key", "k"], ["--client-ca", "a"]] {
            let result = try Program.run(["serve", "--port", "0"] + arguments)
            #expect(result.code == 64)
        }
        let version = try Program.run(["serve", "--tls-min-version", "1.1"])
        #expect(version.code == 64 && version.errors.contains("1.2"))
        for entries in ["0", "1000001"] {
            let result = try Program.run(["serve", "--port", "0", "--tls-session-cache", entries])
            #expect(result.code == 1)
            #expect(result.errors == "Error: --tls-session-cache is \(entries); it must be 1 to 1000000\n")
        }
    }

    private func serverName(_ service: TLSService) async throws -> String {
        let client = try RawSocketClient(port: service.port)
        return try await client.startTLS().serverName
    }
}

/// A service over the model inside the program, ready, with what it prints and logs in one text.
private final class TLSService {
    private let process: Process
    private let output = Pipe()
    private(set) var text = ""
    private(set) var port = 0

    init(_ files: TLSFolder) throws {
        process = Program.process([
            "serve", "--port", "0", "--head-timeout", "600", "--tls-certificate", files.file("certificate.pem"),
            "--tls-key",
            files.file("key.pem"),
        ])
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try readUntil("ready after")
        let url = text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("https://127.0.0.1:") }
        port = try #require(url?.split(separator: ":").last.flatMap { Int($0) })
    }

    deinit {
        if process.isRunning { process.terminate() }
    }

    func readUntil(_ words: String) throws {
        while !text.contains(words) {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "it ended after: \(text)")
            text += String(decoding: more, as: UTF8.self)
        }
    }

    func hangUp() { kill(process.processIdentifier, SIGHUP) }

    func end() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
