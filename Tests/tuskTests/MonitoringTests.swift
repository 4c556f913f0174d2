import Foundation
import Glibc
import TestSupport
import Testing

@testable import tusk

/// `tusk serve --metrics-listen`.
@Suite("A listener for monitoring", .timeLimit(.minutes(15)))
struct MonitoringTests {
    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n" }

    /// The port that a service said for monitoring.
    private static func port(_ service: Service) throws -> Int {
        let line = service.text.split(separator: "\n").first { $0.hasPrefix("metrics and health at http://127.0.0.1:") }
        return try #require(line?.split(separator: ",").first?.split(separator: ":").last.flatMap { Int($0) })
    }

    @Test("it answers metrics and health without a key, and nothing else, while clients have every other connection")
    func apart() async throws {
        let work = try Workplace()
        let key = try Program.run(["key", "new", "--name", "a", "--scope", "score"]).output.split(separator: "\n")
        try Data(key[1].utf8).write(to: URL(filePath: work.file("keys")))
        let service = try Service(
            "--metrics-listen", "127.0.0.1:0", "--metrics-listen", "unix:\(work.file("m"))", "--max-connections", "1",
            "--max-metrics-connections", "2", "--key-file", work.file("keys"))
        let only = try service.client()
        #expect(try await only.roundTrip(Self.get("/metrics")).status == 401)
        let address = RawSocketAddress.ipv4(port: try Self.port(service))
        let scraper = try RawSocketClient(address)
        let metrics = try await scraper.roundTrip(Self.get("/metrics"))
        #expect(metrics.status == 200)
        #expect(
            metrics.text.contains("\ntusk_connections 1\n") && metrics.text.contains("\ntusk_metrics_connections 1\n"))
        #expect(try await scraper.roundTrip(Self.get("/health/ready")).status == 200)
        for path in ["/sample", "/models", "/admin/status", "/drift", "/openapi.yaml", "/v2"] {
            #expect(try await scraper.roundTrip(Self.get(path)).status == 404, "\(path)")
        }
        let local = try RawSocketClient(.unix(path: work.file("m")))
        #expect(try await local.roundTrip(Self.get("/metrics")).status == 200)
        #expect(try await local.roundTrip(Self.get("/admin/status")).status == 404)
        // Both of its connections are taken; that is nothing to the service, and the next one waits for an end.
        let third = try RawSocketClient(address)
        try await third.send(Self.get("/health"))
        #expect(try await only.roundTrip(Self.get("/health")).status == 200)
        await local.close()
        #expect(try await third.response().status == 200)
        #expect(service.end() == 0)
    }

    @Test("it answers while the service finishes what has begun")
    func drain() async throws {
        let service = try Service("--metrics-listen", "127.0.0.1:0")
        let client = try service.client()
        try await client.send(
            "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 16\r\n\r\n0123"
        )
        let port = try Self.port(service)
        let first = try RawSocketClient(port: port)
        await eventually {
            (try? await first.roundTrip(Self.get("/metrics")))?.text.contains("\ntusk_requests 1\n") == true
        }
        service.terminate()
        await eventually { (try? service.client()) == nil }
        let second = try RawSocketClient(port: port)
        let health = try await second.roundTrip(Self.get("/health"))
        #expect(health.status == 503 && health.text.contains(#""status":"draining","live":true,"ready":false"#))
        #expect(try await second.roundTrip(Self.get("/metrics")).text.contains("\ntusk_requests 1\n"))
        try await client.send("456789abcdef")
        #expect(try await client.response().status == 200)
        #expect(service.status() == 0)
        #expect(throws: (any Error).self) { try RawSocketClient(port: port) }
    }

    @Test("an address that is in use ends the start, and connections beyond the descriptors are refused")
    func refusals() throws {
        let service = try Service("--metrics-listen", "127.0.0.1:0")
        let port = try Self.port(service)
        let model = service.work.file("m.safetensors")
        let used = try Program.run(["serve", "--model", model, "--port", "0", "--metrics-listen", "127.0.0.1:\(port)"])
        #expect(used.code == 69 && used.errors == "Error: port \(port) of 127.0.0.1 is in use\n")
        let serve = ["serve", "--model", model, "--port", "0", "--max-connections", "100"]
        let many = try Program.run(
            serve + ["--metrics-listen", "127.0.0.1:0", "--max-metrics-connections", "37"], script: "ulimit -n 200")
        #expect(many.code == 78)
        #expect(many.errors.contains("--max-connections 100, with --max-metrics-connections 37, needs 201 descriptors"))
        #expect(throws: ServiceFailure.self) {
            try Descriptors.check(maxConnections: 100, metricsConnections: 37, limit: 200)
        }
        #expect(throws: Never.self) { try Descriptors.check(maxConnections: 100, metricsConnections: 36, limit: 200) }
        #expect(service.end() == 0)
    }
}
