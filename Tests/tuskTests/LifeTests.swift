import Foundation
import Glibc
import TestSupport
import Testing

@Suite("Life and death of tusk serve", .timeLimit(.minutes(2)))
struct LifeTests {
    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n" }

    /// A client whose request has begun for certain: it was told to send the body.
    private func begin(_ service: Service) async throws -> RawSocketClient {
        let client = try service.client()
        let answer = try await client.roundTrip(
            "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 16\r\nExpect: 100-continue\r\n\r\n")
        try #require(answer.status == 100)
        return client
    }

    // MARK: The end

    @Test("while it drains it is not ready, takes connections, answers, and says that it closes")
    func drainDelay() async throws {
        let service = try Service("--drain-delay", "600")
        let idle = try service.client()
        #expect(try await idle.roundTrip(Self.get("/health/ready")).status == 200)
        service.terminate()
        try service.wait(for: "not ready any more; answers for 600.0 s yet\n")
        for client in [idle, try service.client()] {
            let ready = try await client.roundTrip(Self.get("/health/ready"))
            #expect(ready.status == 503 && ready["connection"] == "close")
            #expect(try await client.readToEnd().isEmpty)
        }
        let sample = try await service.client().roundTrip(Self.get("/sample?seed=1"))
        #expect(sample.status == 200 && sample["connection"] == "close")
        #expect(try await service.client().roundTrip(Self.get("/health/live")).status == 200)
        // the second one
        service.terminate()
        #expect(service.status() == 130)
    }

    @Test("after the delay it finishes and ends with status 0")
    func afterDelay() async throws {
        let service = try Service("--drain-delay", "0.1")
        let idle = try service.client()
        #expect(try await idle.roundTrip(Self.get("/health/ready")).status == 200)
        #expect(service.end() == 0)
        #expect(try await idle.readToEnd().isEmpty)
        #expect(service.text.hasSuffix("answers for 0.1 s yet\nfinishing the requests that have begun\n"))
    }

    @Test("a request that has begun is answered after the end was asked for")
    func finishing() async throws {
        let service = try Service()
        let client = try await begin(service)
        service.terminate()
        try service.wait(for: "finishing")
        let answer = try await client.roundTrip("0123456789abcdef")
        #expect(answer.status == 200 && answer["connection"] == "close")
        await client.close()
        #expect(service.status() == 0)
        #expect(service.errors.isEmpty)
    }

    @Test("what does not end within the grace is cut off, counted, and shows in the status")
    func cutOff() async throws {
        let service = try Service("--grace", "0.2")
        let clients = [try await begin(service), try await begin(service)]
        #expect(service.end() == 75)
        #expect(service.errors == "Error: cut off after --grace 0.2 s: 2 requests\n")
        for client in clients { await client.close() }
    }

    @Test("a second signal ends it at once")
    func secondSignal() async throws {
        let service = try Service("--grace", "600")
        let client = try await begin(service)
        service.terminate()
        try service.wait(for: "finishing")
        kill(service.id, SIGINT)
        #expect(service.status() == 130)
        await client.close()
    }

    @Test("times outside 0 to 86400 s are refused", arguments: ["--drain-delay", "--grace"])
    func times(option: String) throws {
        for value in ["-0.1", "86401", "nan"] {
            let refused = try Program.run(["serve", "\(option)=\(value)"])
            #expect(refused.code == 1 && refused.errors.contains("\(option) is "), "\(refused.errors)")
        }
    }

    // MARK: Descriptors and signals

    @Test("out of descriptors it rests between attempts, and accepts again when there are some")
    func exhaustion() async throws {
        let service = try Service()
        let first = try service.client()
        #expect(try await first.roundTrip(Self.get("/health")).status == 200)
        let began = ContinuousClock.now
        // Existing ones stay open; no new one can be had.
        try limitDescriptors(of: service.id, to: 3)
        let waiting = try (0..<5).map { _ in try service.client() }
        for client in waiting { try await client.send(Self.get("/health")) }
        await eventually { service.errors.contains("cannot accept connections: Too many open files") }
        // Those it has are served meanwhile.
        for _ in 0..<20 { #expect(try await first.roundTrip(Self.get("/sample?seed=1")).status == 200) }
        try limitDescriptors(of: service.id, to: 1000)
        for client in waiting { #expect(try await client.response().status == 200) }
        let rests = began.duration(to: .now) / .milliseconds(100)
        await eventually { service.errors.contains("accepts connections again") }
        let attempts = service.errors.split(separator: "failed_attempts=").last.flatMap {
            Int($0.prefix { $0.isNumber })
        }
        #expect(try Double(#require(attempts)) <= rests + 1)
        #expect(service.end() == 0)
    }

    private func limitDescriptors(of process: Int32, to count: Int) throws {
        let tool = Process()
        tool.executableURL = URL(filePath: "/usr/bin/prlimit")
        tool.arguments = ["--pid", "\(process)", "--nofile=\(count):"]
        try tool.run()
        tool.waitUntilExit()
        try #require(tool.terminationStatus == 0)
    }

    @Test("it raises its limit of descriptors, and refuses more connections than that allows")
    func descriptorLimit() throws {
        let service = try Service("--max-connections", "136", script: "ulimit -Sn 100; ulimit -Hn 200")
        let limits = try String(contentsOfFile: "/proc/\(service.id)/limits", encoding: .utf8)
        let files = limits.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        #expect(files?.split(separator: " ").suffix(3) == ["200", "200", "files"])
        #expect(service.end() == 0)
        let refused = try Program.run(
            ["serve", "--port", "0", "--max-connections", "137"], script: "ulimit -Sn 100; ulimit -Hn 200")
        #expect(refused.code == 78)
        #expect(
            refused.errors
                == "Error: --max-connections 137 needs 201 descriptors, and this process may open 200: raise its limit "
                + "(ulimit -n, LimitNOFILE=) or lower --max-connections\n")
    }

    @Test("it serves on when nobody reads its output any more")
    func closedPipe() async throws {
        let service = try Service(until: "listens on")
        try service.output.fileHandleForReading.close()
        // What it says when it is ready goes nowhere.
        await eventually { (try? await service.client().roundTrip(Self.get("/health/ready")).status) == 200 }
        service.terminate()
        service.process.waitUntilExit()
        #expect(service.process.terminationReason == .exit && service.process.terminationStatus == 0)
    }

    @Test("started without standard streams it does not take sockets for them")
    func noStreams() async throws {
        let folder = try Workplace()
        let path = folder.file("s")
        let process = Program.process(
            ["serve", "--listen", "unix:\(path)"], script: "exec 0<&- 1>&- 2>&-")
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        await eventually {
            (try? await RawSocketClient(.unix(path: path)).roundTrip(Self.get("/health/live")).status) == 200
        }
        for number in 0...2 {
            let place = "/proc/\(process.processIdentifier)/fd/\(number)"
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: place) == "/dev/null")
        }
    }

    @Test("stopped and continued, it answers on")
    func stopAndContinue() async throws {
        let service = try Service()
        let client = try service.client()
        for _ in 0..<10 {
            try await client.send(Self.get("/sample?seed=1"))
            kill(service.id, SIGSTOP)
            kill(service.id, SIGCONT)
            #expect(try await client.response().status == 200)
        }
        #expect(service.end() == 0)
    }
}
