import Foundation
import TestSupport
import Testing

@Suite("API keys of the program", .timeLimit(.minutes(15)))
struct KeyTests {
    /// A key and its line, made by `tusk key new`.
    private func newKey(_ name: String, _ scopes: String..., more: [String] = []) throws -> (
        token: String, line: String
    ) {
        let made = try Program.run(["key", "new", "--name", name] + scopes.flatMap { ["--scope", $0] } + more)
        try #require(made.code == 0, "\(made.errors)")
        let lines = made.output.split(separator: "\n").map(String.init)
        try #require(lines.count == 2)
        return (lines[0], lines[1])
    }

    @Test("tusk key new makes a key and its line, each time another")
    func make() throws {
        let first = try newKey("gate", "sample", "score", "sample", more: ["--expires", "2199-12-31"])
        #expect(first.token.hasPrefix("tusk_") && first.token.utf8.count == 77)
        let words = first.line.split(separator: " ")
        #expect(words.count == 4 && words[0] == "gate" && words[1] == "score,sample" && words[3] == "2199-12-31")
        #expect(words[2].hasPrefix("sha256:") && !first.line.contains(first.token.dropFirst(5)))
        #expect(try newKey("gate", "score").token != first.token)
        let limited = try newKey(
            "gate", "score",
            more: ["--rate-rows", "1k/s,burst=5k", "--rate-requests", "600/min", "--rate-bytes", "none"])
        #expect(limited.line.hasSuffix(" requests=600/min rows=1000/s,burst=5000 bytes=none"))
    }

    @Test("tusk key new refuses what a key file would refuse")
    func refused() throws {
        for arguments in [
            [], ["--name", "a"], ["--name", "a b", "--scope", "score"], ["--name", "a", "--scope", "root"],
            ["--name", "a", "--scope", "score", "--expires", "2027-02-30"],
            ["--name", "a", "--scope", "score", "--expires", "2001-01-01"],
            ["--name", "a", "--scope", "score", "--rate-rows", "10"],
            ["--name", "a", "--scope", "score", "--rate-bytes", "0/s"],
        ] {
            #expect(try Program.run(["key", "new"] + arguments).code == 64, "\(arguments)")
        }
    }

    @Test("a key file that cannot be taken is refused in one line, that names it and holds none of it")
    func keyFileErrors() throws {
        let work = try Workplace()
        let (token, line) = try newKey("gate", "score")
        func refused(_ text: String?, mode: Int = 0o644) throws -> String {
            let path = work.file("keys")
            if let text {
                try Data(text.utf8).write(to: URL(filePath: path))
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            }
            let result = try Program.run(["serve", "--port", "0", "--key-file", text == nil ? work.path : path])
            #expect(result.code == 78)
            #expect(result.errors.split(separator: "\n").count == 1)
            #expect(result.errors.hasPrefix("Error: --key-file \(work.path)"))
            #expect(!result.errors.contains(token) && !result.errors.contains(line.suffix(20)))
            return result.errors
        }
        #expect(try refused(line, mode: 0o664).contains("others than its owner may write to it"))
        #expect(try refused(line, mode: 0o646).contains("others than its owner may write to it"))
        #expect(try refused("\n" + line + "0").contains("line 2: the hash must be"))
        #expect(try refused("gate score " + token).contains("line 1: it holds a key itself"))
        #expect(
            try refused(line + " rows=10").contains("line 1: the limit of rows must be none, or a rate such as 10/s"))
        #expect(try refused("").contains("it holds no key"))
        #expect(try refused(line + String(repeating: "\n", count: 262_145)).contains("it is larger than 262144 bytes"))
        #expect(try refused(nil).contains("it is a folder"))
    }

    @Test("keys are asked for, exchanged on SIGHUP and by an administrator, and a bad file leaves the old")
    func life() async throws {
        let work = try Workplace()
        let (gate, boss, late) = try (newKey("gate", "sample"), newKey("boss", "admin"), newKey("late", "sample"))
        let url = URL(filePath: work.file("keys"))
        func write(_ lines: String...) throws {
            try Data(lines.joined(separator: "\n").utf8).write(to: url)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
        }
        try write(gate.line, boss.line)
        let service = try Service("--key-file", url.path, "--access-log", "on", "--log-format", "json")
        let client = try service.client()
        func status(_ method: String, _ path: String, _ key: String?) async throws -> Int {
            let field = key.map { "Authorization: Bearer \($0)\r\n" } ?? ""
            return try await client.roundTrip("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(field)\r\n").status
        }
        #expect(try await status("GET", "/sample", nil) == 401)
        #expect(try await status("GET", "/sample", gate.token) == 200)
        #expect(try await status("GET", "/sample", boss.token) == 403)
        #expect(try await status("POST", "/admin/reload", gate.token) == 403)

        // The administrator sees why a bad file was not taken; the old keys stay.
        try write(gate.line, "boss")
        #expect(try await status("POST", "/admin/reload", boss.token) == 409)
        #expect(try await status("GET", "/sample", gate.token) == 200)
        try write(late.line, boss.line)
        #expect(try await status("POST", "/admin/reload", boss.token) == 200)
        #expect(try await status("GET", "/sample", gate.token) == 401)
        #expect(try await status("GET", "/sample", late.token) == 200)

        try write(gate.line, boss.line)
        kill(service.id, SIGHUP)
        var last = 0
        for _ in 0..<2000 where last != 200 {
            last = try await status("GET", "/sample", gate.token)
            if last != 200 { try await Task.sleep(for: .milliseconds(5)) }
        }
        #expect(last == 200)
        #expect(try await status("PUT", "/admin/log-level?level=warning", boss.token) == 200)
        #expect(try await status("GET", "/sample", gate.token) == 200)
        #expect(service.end() == 0)

        let log = service.errors
        for token in [gate.token, boss.token, late.token] { #expect(!log.contains(token.dropFirst(5))) }
        let lines = try log.split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
        }
        let requests = lines.filter { $0["message"] as? String == "request" }
        #expect(requests.first?["status"] as? Int == 401 && requests.first?["key"] is NSNull)
        #expect(requests.dropFirst().first?["key"] as? String == "gate")
        #expect(requests.allSatisfy { $0["end"] as? String == "complete" && $0["tls"] as? Bool == false })
        // The line of the request that raised the level, and all after it, are below it.
        #expect(requests.last?["route"] as? String == "/sample")
        let refusal = try #require(lines.first { $0["level"] as? String == "error" })
        #expect(refusal["part"] as? String == "keys" && (refusal["reason"] as? String)?.hasPrefix("line 2:") == true)
        #expect(!log.contains(work.path) && !log.contains(service.work.path))
    }

    @Test("a request is logged without its path, query or address; --access-log off logs none")
    func accessLog() async throws {
        for (service, expectedLines) in try [
            (Service("--access-log", "on"), 2), (Service(), 0),
            (Service("--access-log", "on", "--log-level", "warning"), 0),
            (Service("--access-log", "on", "--log-format", "json", "--log-client-address"), 2),
        ] {
            let client = try service.client()
            let arguments = service.process.arguments ?? []
            let trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
            _ = try await client.roundTrip(
                "GET /models/private%0Aname?q=private HTTP/1.1\r\nHost: localhost\r\nUser-Agent: private\r\nX-Request-Id: id-7\r\n\(trace)\r\n"
            )
            _ = try await client.roundTrip("PRIVATE /private HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(service.end() == 0)
            let lines = service.errors.split(separator: "\n")
            #expect(lines.count == expectedLines, "\(arguments): \(service.errors)")
            #expect(!service.errors.contains("private") && !service.errors.contains("PRIVATE"))
            let hasAddress = arguments.contains("--log-client-address")
            #expect(service.errors.contains("127.0.0.1") == hasAddress)
            guard expectedLines > 0 else { continue }
            #expect(lines[0].contains("id-7") && lines[0].contains("0af7651916cd43dd8448eb211c80319c"))
            for (name, value) in [
                ("span_id", "[0-9a-f]{16}"), ("parent_span_id", "b7ad6b7169203331"), ("trace_flags", "01"),
            ] {
                let field = try Regex(arguments.contains("json") ? "\"\(name)\":\"\(value)\"" : " \(name)=\(value) ")
                #expect(lines[0].contains(field), "\(name): \(lines[0])")
                #expect(!lines[1].contains(name) && !lines[1].contains("trace_id"), "\(lines[1])")
            }
            #expect(lines[0].contains("/models/{model}") && lines[1].contains("OTHER"))
            if !arguments.contains("json") {
                #expect(lines[0].contains(" info request method=GET route=/models/{model} status=422 end=complete "))
            }
        }
    }

    @Test("a log that nobody reads, or that is gone, stops nothing")
    func brokenLog() async throws {
        for isClosed in [true, false] {
            let errors = Pipe()
            let service = try Service("--access-log", "on", log: errors)
            if isClosed { try errors.fileHandleForReading.close() }
            let client = try service.client()
            // More lines than a pipe holds bytes: 64 KiB are some 180.
            for _ in 0..<400 {
                #expect(try await client.roundTrip("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200)
            }
            #expect(service.end() == 0)
        }
    }
}
