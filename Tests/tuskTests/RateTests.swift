import Foundation
import TestSupport
import Testing

@Suite("Rates of the program", .timeLimit(.minutes(15)))
struct RateTests {
    /// A key and its line with `limits`.
    private func newKey(_ name: String, _ limits: String...) throws -> (token: String, line: String) {
        let made = try Program.run(
            ["key", "new", "--name", name, "--scope", "score", "--scope", "sample", "--scope", "admin"] + limits)
        try #require(made.code == 0, "\(made.errors)")
        let lines = made.output.split(separator: "\n").map(String.init)
        return (lines[0], lines[1])
    }

    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    @Test("serve refuses limits without a key file, and rates that are none")
    func refused() throws {
        let alone = try Program.run(["serve", "--port", "0", "--rate-rows", "10/s"])
        #expect(alone.code == 64)
        #expect(
            alone.errors.contains("--rate-rows needs --key-file: without keys there is nobody to tell from others."))
        for text in ["10", "0/s", "10/s,burst=0", "ten/s"] {
            let wrong = try Program.run(["serve", "--port", "0", "--key-file", "keys", "--rate-requests", text])
            #expect(
                wrong.code == 64 && wrong.errors.contains(text) && wrong.errors.contains("rate-requests"), "\(text)")
        }
    }

    @Test("a key's limits hold over all its connections and an exchange of the file, and the log says whose they are")
    func life() async throws {
        let work = try Workplace()
        let (gate, other) = try (newKey("gate", "--rate-requests", "3/h"), newKey("other"))
        let path = work.file("keys")
        try write(gate.line + "\n" + other.line, to: path)
        let service = try Service(
            "--key-file", path, "--rate-rows", "1/h,burst=4", "--access-log", "on", "--log-format", "json")
        func ask(_ key: String, _ target: String = "/sample", method: String = "GET") async throws -> RawResponse {
            // a connection of its own each time
            try await service.client().roundTrip(
                "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(key)\r\n\r\n")
        }
        let started = ContinuousClock.now
        for _ in 0..<3 { #expect(try await ask(gate.token).status == 200) }
        let fourth = try await ask(gate.token)
        #expect(fourth.status == 429 && fourth.text.contains("urn:tusk:problem:rate-limited"))
        #expect(fourth.text.contains("requests: the limit of the key gate, 3/h, is used up"))
        let seconds = try #require(fourth["retry-after"].flatMap { Int($0) })
        // A request is given again every 1,200 s, counted from the first: so far off that is, less the time until here.
        let passed = Int(started.duration(to: .now) / .seconds(1)) + 1
        #expect((1200 - passed...1200).contains(seconds))

        // The other has the limit of all keys, and may overdraw it once.
        #expect(try await ask(other.token, "/sample?count=6").status == 200)
        let refused = try await ask(other.token)
        #expect(
            refused.status == 429
                && refused.text.contains("rows: the limit of the key other, 1/h,burst=4, is overdrawn by 2"))
        #expect(try await ask(other.token, "/health").status == 200)

        try write(other.line + "\n" + gate.line, to: path)
        #expect(try await ask(other.token, "/admin/reload", method: "POST").status == 200)
        #expect(try await ask(gate.token).status == 429)
        #expect(try await ask(other.token).status == 429)
        try write(gate.line.replacing("3/h", with: "4/h") + "\n" + other.line, to: path)
        #expect(try await ask(other.token, "/admin/reload", method: "POST").status == 200)
        #expect(try await ask(gate.token).status == 200, "another limit begins with all that it has at once")
        #expect(service.end() == 0)
        let lines = service.errors.split(separator: "\n").filter { $0.contains("\"status\":429") }
        #expect(lines.count { $0.contains("\"key\":\"gate\"") } == 2 && lines.count == 4)
    }

    @Test("a body beyond the limit is not asked for; of a coded one its coded bytes count")
    func bodies() async throws {
        let work = try Workplace()
        let gate = try newKey("gate", "--rate-bytes", "1/h,burst=101")
        let path = work.file("keys")
        try write(gate.line, to: path)
        let service = try Service("--key-file", path)
        let client = try service.client()
        func head(_ length: Int, _ more: String = "") -> String {
            "POST /logprob HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(gate.token)\r\n"
                + "Content-Type: application/octet-stream\r\nContent-Length: \(length)\r\n\(more)\r\n"
        }
        // 100 bytes that are no gzip: what they would unfold to is never known
        let coded = try await client.roundTrip(
            head(100, "Content-Encoding: gzip\r\n") + String(repeating: "x", count: 100))
        #expect(coded.status == 400)
        let next = try service.client()
        // one byte is left, so the next is taken whole
        #expect(try await next.roundTrip(head(3) + "xyz").status == 422)
        let refused = try await service.client().roundTrip(head(3, "Expect: 100-continue\r\n"))
        #expect(refused.status == 429, "without 100 (Continue)")
        #expect(refused.text.contains("bytes: the limit of the key gate, 1/h,burst=101, is overdrawn by 2"))
        #expect(service.end() == 0)
    }
}
