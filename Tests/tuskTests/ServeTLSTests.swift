import Glibc
import TestSupport
import Testing

@Suite("tusk serve over TLS", .timeLimit(.minutes(15)))
struct ServeTLSTests {
    @Test("it speaks TLS, reads its certificate again on SIGHUP, and keeps the old one when that fails")
    func life() async throws {
        let files = try TLSFolder()
        try files.write(TestIdentity("first", days: 3))
        let service = try start(files)
        #expect(service.text.contains("listens on https://127.0.0.1:"))
        await eventually { service.errors.contains("the TLS certificate expires within 3 days") }
        let client = try service.client()
        let session = try await client.startTLS()
        #expect(session.serverName == "first")

        try files.write(TestIdentity("second"))
        kill(service.id, SIGHUP)
        await eventually { service.errors.contains("the TLS certificate was read again") }
        #expect(try await serverName(service) == "second")

        try files.write(Array("damaged".utf8), "key.pem")
        kill(service.id, SIGHUP)
        await eventually { service.errors.contains("part=certificate reason=\"\(files.file("key.pem")): ") }
        #expect(try await serverName(service) == "second")

        let answer = try await client.roundTrip("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(answer.status == 200)
        let plain = try service.client()
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

    @Test("tusk health finds it ready by TLS, and over a Unix socket where it wants client certificates")
    func health() throws {
        let files = try TLSFolder()
        try files.write(TestIdentity("elsewhere"))
        func health(_ listen: String) throws -> Program.Result {
            try Program.run(["health", "--timeout", "60", "--listen", listen])
        }
        let open = try start(files)
        let ready = try health("*:\(open.port())")
        #expect(ready.code == 0 && ready.output.isEmpty && ready.errors.isEmpty, "\(ready.errors)")
        #expect(open.end() == 0)

        try files.write(TestIdentity("authority", isAuthority: true).certificatePEM, "ca.pem")
        let socket = "unix:\(files.file("socket"))"
        let closed = try start(files, "--client-ca", files.file("ca.pem"), "--listen", socket)
        let refused = try health("localhost:\(closed.port())")
        #expect(refused.code == 1 && refused.output.isEmpty)
        #expect(
            refused.errors
                == "Error: the service answered 400, and by TLS: it wants a client certificate; "
                + "over a Unix socket it wants none (--listen unix:PATH)\n")
        let inside = try health(socket)
        #expect(inside.code == 0 && inside.errors.isEmpty, "\(inside.errors)")
        #expect(closed.end() == 0)
    }

    /// A service that speaks TLS on a port, ready.
    private func start(_ files: TLSFolder, _ others: String...) throws -> Service {
        let pair = ["--tls-certificate", files.file("certificate.pem"), "--tls-key", files.file("key.pem")]
        return try Service(listening: ["--port", "0"] + pair + others)
    }

    private func serverName(_ service: Service) async throws -> String {
        let client = try service.client()
        return try await client.startTLS().serverName
    }
}
