import Foundation
import TestSupport
import Testing

@testable import tusk

@Suite("Metrics of a running service", .timeLimit(.minutes(15)))
struct MetricsTests {
    private static let page = "docs/reference/metrics.md"

    /// Names of the first column of the page's table.
    private static func documented() throws -> Set<String> {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
        var names: Set<String> = []
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cell = line.dropFirst().prefix { $0 != "|" }
            names.formUnion(
                cell.split(separator: "`").filter { $0.allSatisfy { $0.isLowercase || $0 == "_" } }.map(String.init))
        }
        return names
    }

    @Test("the page has every metric that a service has, and no other but those of TLS")
    func page() async throws {
        let service = try Service("--metrics-listen", "127.0.0.1:0")
        let answer = try await RawSocketClient(.ipv4(port: try service.port())).roundTrip(
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text\r\n\r\n")
        #expect(answer.status == 200)
        let text = String(decoding: answer.body, as: UTF8.self)
        let names = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { line in
            let name = line.split(separator: " ")[2]
            return String(name.hasPrefix("tusk_") ? name.dropFirst(5) : name)
        }
        #expect(Set(names).count == names.count)
        #expect(try Self.documented().subtracting(["tls_certificate_expiry_seconds"]) == Set(names))
        #expect(text.hasSuffix("# EOF\n"))
        #expect(service.end() == 0)
    }
}
