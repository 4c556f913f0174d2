import Foundation
import Glibc
import HTTPServer
import TestSupport
import Testing

@testable import tusk

/// `tusk status` beside a running service.
@Suite("tusk status", .timeLimit(.minutes(15)))
struct StatusCommandTests {
    private static let logProb =
        "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
        + "Content-Length: 16\r\n\r\n0123456789abcdef"

    private struct Report: Decodable {
        struct Count: Decodable { var last: Double?, total: Double? }
        struct Service: Decodable { var version: String, status: String, ready: Bool, uptime_seconds: Double }
        struct Spread: Decodable {
            struct Values: Decodable { var count: Int, median_at_most: Double? }
            var last: Values, total: Values
        }
        struct Lane: Decodable {
            var name: String, queued_rows: Double, running_rows: Double, queue_wait_seconds: Spread
            var batch_compute_seconds: Spread, refused_requests: Count
        }
        struct Fault: Decodable { var what: String, reason: String?, total: Double? }
        struct Model: Decodable {
            struct Failure: Decodable { var reason: String }
            var name: String, phase: String, `default`: Bool, memory_bytes: Double, leaving_generations: Double?
            var failure: Failure?, rows: Count
        }
        var service: Service, interval_seconds: Double, requests: Count, rows: Count, received_bytes: Count
        var sent_bytes: Count, queued_requests: Double, running_requests: Double, decoding_requests: Double
        var connections: Double, max_connections: Double, memory_bytes: Double, dropped_log_lines: Count
        var lanes: [Lane], models: [Model], faults: [Fault], withheld: String?
    }

    private func report(_ arguments: [String], environment: [String: String] = [:]) throws -> Report {
        let result = try run(arguments + ["--json", "--interval", "0.1"], environment: environment)
        try #require(result.code == 0, "\(result.errors)")
        return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }

    private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Program.Result {
        let process = Program.process(["status"] + arguments)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Program.Result(
            code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: complaint, as: UTF8.self))
    }

    @Test("over a Unix socket it needs no key, and tells models, lanes, rates and refusals as JSON and as text")
    func socket() async throws {
        let work = try Workplace()
        let key = try Program.run(["key", "new", "--name", "a", "--scope", "score"]).output.split(separator: "\n")
        try Data(key[1].utf8).write(to: URL(filePath: work.file("keys")))
        let socket = "unix:\(work.file("s"))"
        let service = try Service(
            "--key-file", work.file("keys"), listening: ["--port", "0", "--listen", socket])
        let client = try service.client()
        for _ in 0..<3 {
            let answer = try await client.roundTrip(
                Self.logProb.replacing("Host:", with: "Authorization: Bearer \(key[0])\r\nHost:"))
            #expect(answer.status == 200)
        }
        #expect(try await client.roundTrip(Self.logProb).status == 401)
        let report = try report(["--listen", socket])
        #expect(report.service.status == "ready" && report.service.version == Tusk.version && report.withheld == nil)
        #expect(report.interval_seconds >= 0.1 && report.requests.last == 3 && report.rows.last == 0)
        #expect(report.lanes.map(\.name) == ["parallel", "sequential"])
        // three requests, and one of the self-test
        #expect(
            report.lanes[0].queue_wait_seconds.total.count == 4 && report.lanes[0].queue_wait_seconds.last.count == 0)
        #expect(report.lanes[0].batch_compute_seconds.total.median_at_most != nil)
        #expect(report.lanes[0].refused_requests.total == 0)
        let model = try #require(report.models.first)
        #expect(model.name == "m" && model.phase == "serving" && model.default && model.memory_bytes > 0)
        #expect(model.leaving_generations == 0 && model.failure == nil && report.models.count == 1)
        #expect(report.max_connections == 1024 && report.connections >= 1 && report.received_bytes.total != 0)
        let text = try run(["--listen", socket, "--interval", "0.1"])
        #expect(text.code == 0 && text.errors.isEmpty)
        // how long it is up depends on what else the machine has to do
        let isUp =
            text.output.hasPrefix("tusk \(Tusk.version)  ready  up ") && text.output.contains(#/ready  up \d+:\d\d/#)
        #expect(isUp)
        #expect(text.output.contains("\nparallel ") && text.output.contains("\nanswer: unauthorized "))
        #expect(text.output.contains("\nm *    serving "))
        // nothing but text: this is no terminal
        #expect(!text.output.contains("\u{1B}"))
        #expect(service.end() == 0)
    }

    @Test("over TCP with a key file it needs a key, from a file or the environment, and sends it to this machine alone")
    func keys() throws {
        let work = try Workplace()
        func key(_ name: String, _ scopes: String...) throws -> [String] {
            let made = try Program.run(["key", "new", "--name", name] + scopes.flatMap { ["--scope", $0] })
            return made.output.split(separator: "\n").map(String.init)
        }
        let (all, metrics, score) = try (
            key("all", "metrics", "admin"), key("metrics", "metrics"), key("score", "score")
        )
        try Data([all[1], metrics[1], score[1]].joined(separator: "\n").utf8).write(
            to: URL(filePath: work.file("keys")))
        let service = try Service("--key-file", work.file("keys"))
        let address = ["--port", "\(try service.port())"]
        for environment in [[:], ["TUSK_KEY": score[0]]] {
            let refused = try run(address + ["--json"], environment: environment)
            #expect(refused.code == 1 && refused.errors.split(separator: "\n").count == 1)
            #expect(refused.errors.contains("it wants a key with the scope metrics"), "\(refused.errors)")
        }
        let whole = try report(address, environment: ["TUSK_KEY": all[0]])
        #expect(whole.withheld == nil && whole.models[0].leaving_generations == 0)
        let part = try report(address, environment: ["TUSK_KEY": metrics[0]])
        #expect(part.withheld?.contains("a key of the scope admin") == true)
        #expect(part.models[0].phase == "serving" && part.models[0].leaving_generations == nil)
        // Who is not told the models once does not ask again: one of these, and one without the scope of metrics.
        let faults = try report(address, environment: ["TUSK_KEY": all[0]]).faults
        #expect(faults.first { $0.what == "answer" && $0.reason == "forbidden" }?.total == 2)

        let file = work.file("key")
        try Data((all[0] + "\n").utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file)
        #expect(try run(address + ["--key-from", file, "--json"]).errors.contains("others than its owner may read it"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        #expect(try report(address + ["--key-from", file]).withheld == nil)
        try Data("\n".utf8).write(to: URL(filePath: file))
        #expect(try run(address + ["--key-from", file]).errors == "Error: --key-from \(file) holds no key\n")
        try Data("a\u{7F}b".utf8).write(to: URL(filePath: file))
        #expect(try run(address + ["--key-from", file]).errors == "Error: --key-from \(file) holds no key\n")
        #expect(try run(address + ["--key-from", work.file("none")]).errors.contains("No such file"))
        let far = try run(["--host", "192.0.2.1"], environment: ["TUSK_KEY": all[0]])
        #expect(far.code == 1 && far.errors.contains("a key is sent to a Unix socket or a loopback address alone"))
        #expect(service.end() == 0)
    }

    @Test("a service that is not there is one line, and status 1")
    func absent() throws {
        for address in [["--listen", "unix:/nowhere/s"], ["--port", "1"]] {
            let result = try run(address)
            #expect(result.code == 1 && result.output.isEmpty)
            #expect(result.errors.hasPrefix("Error: the service cannot be reached: "))
            #expect(result.errors.split(separator: "\n").count == 1)
        }
    }

    @Test("what answers and is no service that it knows is told apart")
    func others() throws {
        func error(_ answers: String...) throws -> String {
            let server = try AnswerServer(answers[0])
            return try run(["--port", "\(server.port)", "--json"]).errors
        }
        func answer(_ body: String, status: Int = 200) -> String {
            "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        #expect(
            try error(answer("", status: 404))
                == "Error: /metrics was answered 404: that is no tusk, or an older one\n")
        #expect(try error(answer("<html>")).contains("the answer to /metrics is not understood: the text is cut off"))
        #expect(try error(answer("# TYPE a gauge\nb\n# EOF\n")).contains("line 2 is none of OpenMetrics"))
        #expect(try error("SSH-2.0-OpenSSH_9.2\r\n").contains("does not speak HTTP/1.1"))
    }

    @Test(
        "limits of its options are kept",
        arguments: [("--interval", "0.1", "3600"), ("--max-answer", "1024", "1073741824")])
    func limits(_ option: String, _ least: String, _ most: String) throws {
        for value in ["\(option)=0", "\(option)=0.05", "\(option)=1073741825"] {
            let result = try run(["--port", "1", value])
            #expect(result.code != 0 && result.errors.contains(option), "\(result.errors)")
        }
        for value in [least, most] {
            #expect(try run(["--port", "1", option, value]).errors.contains("cannot be reached"))
        }
    }

    @Test("on a terminal the page is drawn in its place until Ctrl-C, which gives the terminal back")
    func terminal() async throws {
        let work = try Workplace()
        let socket = "unix:\(work.file("s"))"
        let service = try Service(listening: ["--port", "0", "--listen", socket])
        let terminal = try PseudoTerminal(columns: 60, rows: 18)
        let process = Program.process(["status", "--listen", socket, "--interval", "0.1"])
        process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "xterm"]) { $1 }
        process.standardOutput = terminal.slave
        try process.run()
        let begin = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[Htusk \(Tusk.version)  ready"
        let shown = await terminal.text { $0.components(separatedBy: "\u{1B}[H").count > 4 && $0.contains("last 0.") }
        #expect(shown.hasPrefix(begin), "\(shown.prefix(100))")
        for frame in shown.components(separatedBy: "\u{1B}[H").dropFirst().dropLast() {
            let lines = frame.replacing("\u{1B}[J", with: "").replacing("\u{1B}[K", with: "").split(separator: "\r\n")
            #expect(lines.count <= 18 && lines.allSatisfy { $0.count <= 60 && !$0.contains("\u{1B}") })
        }
        // Ctrl-Z gives the terminal back until the command goes on
        kill(process.processIdentifier, SIGTSTP)
        _ = await terminal.text { $0.hasSuffix("\u{1B}[?25h\u{1B}[?1049l") }
        kill(process.processIdentifier, SIGCONT)
        _ = await terminal.text { $0.components(separatedBy: begin).count == 3 }
        // the service goes, and the page stays
        #expect(service.end() == 0)
        let gone = await terminal.text { $0.contains("no news for ") }
        #expect(gone.contains("the service cannot be reached"))
        kill(process.processIdentifier, SIGINT)
        let all = await terminal.text { $0.hasSuffix("\u{1B}[?25h\u{1B}[?1049l") }
        #expect(all.components(separatedBy: "\u{1B}[?1049h").count == 3)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }
}

/// A terminal whose output is read here.
private final class PseudoTerminal: Sendable {
    private let master: Int32
    let slave: FileHandle
    private let received = Locked("")

    init(columns: UInt16, rows: UInt16) throws {
        master = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // pts(4), by the requests of ioctl_tty(2) that are no plain numbers in the C library: unlocked, and its number
        let (unlock, numberOfSlave): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
        var (zero, place): (Int32, Int32) = (0, 0)
        try #require(
            unsafe master >= 0 && ioctl(master, unlock, &zero) == 0 && ioctl(master, numberOfSlave, &place) == 0)
        let number = unsafe open("/dev/pts/\(place)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(number >= 0)
        slave = FileHandle(fileDescriptor: number, closeOnDealloc: true)
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        try #require(unsafe ioctl(master, UInt(TIOCSWINSZ), &size) == 0)
        let (master, received) = (master, received)
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            var bytes: [UInt8] = []
            while true {
                let count = unsafe read(master, &buffer, buffer.count)
                guard count > 0 else { return }
                bytes += buffer.prefix(count)
                // the line discipline makes a line feed of ours two
                let text = String(decoding: bytes, as: UTF8.self).replacing("\r\r\n", with: "\r\n")
                received.change { $0 = text }
            }
        }
    }

    deinit { close(master) }

    /// What was written until now, once `isEnough` of it.
    func text(_ isEnough: (String) -> Bool) async -> String {
        await eventually { isEnough(received.value) }
        return received.value
    }
}

@Suite("Client of a service")
struct ServiceClientTests {
    private func client(_ server: AnswerServer) throws -> ServiceClient {
        ServiceClient(addresses: try SocketAddress.resolve("127.0.0.1", server.port), timeout: .seconds(60))
    }

    private static let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"

    @Test("an answer is read up to its length, or to the end of the connection, and no further than the limit")
    func limit() throws {
        for (answer, body) in [
            (Self.head + "0123456789", "0123456789"), (Self.head + "0123456789more", "0123456789"),
            ("HTTP/1.1 503 X\r\n\r\nshort", "short"), ("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", ""),
        ] {
            let server = try AnswerServer(answer)
            var client = try client(server)
            let found = try client.get("/x", accept: "a/b")
            #expect(found.body == Array(body.utf8) && found.status == (body == "short" ? 503 : 200))
            #expect(
                server.requests() == ["GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: a/b\r\n\r\n"])
        }
        for (text, least) in [
            (Self.head + "0123456789", Self.head.utf8.count + 10), ("HTTP/1.1 200 OK\r\n\r\n0123456789", 29),
        ] {
            for limit in [least, least - 1] {
                let server = try AnswerServer(text)
                var client = try client(server)
                client.answerLimit = limit
                if limit == least {
                    #expect(try client.get("/").body.count == 10)
                } else {
                    #expect(throws: ServiceClientError.answerTooLarge(limit: limit)) { try client.get("/") }
                }
            }
        }
    }

    @Test("an answer that is cut off, or of no length that is known, is none")
    func damaged() throws {
        let early = ServiceClientError.unreachable(reason: "it closed the connection before the end of its answer")
        for answer in [Self.head + "012345678", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1."] {
            let server = try AnswerServer(answer)
            var client = try client(server)
            #expect(throws: early) { try client.get("/") }
        }
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000),
        ] {
            let server = try AnswerServer(answer)
            var client = try client(server)
            #expect(throws: ServiceClientError.notHTTP) { try client.get("/") }
        }
        let server = try AnswerServer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        var client = try client(server)
        #expect(throws: ServiceClientError.self) { try client.get("/") }
    }

    @Test("addresses of this machine are told from others")
    func thisMachine() throws {
        for (host, isThis) in [
            ("127.0.0.1", true), ("127.1.2.3", true), ("::1", true), ("192.0.2.1", false), ("::", false),
        ] {
            #expect(try SocketAddress.resolve(host, 80).allSatisfy { $0.isThisMachine == isThis })
        }
        #expect(try SocketAddress(unixPath: "/s").isThisMachine)
    }
}
