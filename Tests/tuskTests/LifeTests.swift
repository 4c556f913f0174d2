import Foundation
import Glibc
import Imaging
import TestSupport
import Testing

@testable import tusk

@Suite("Life and death of tusk serve", .timeLimit(.minutes(15)))
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

    @Test("the head of a request that does not go on holds up the end by a moment, and counts as nothing")
    func unfinishedHead() async throws {
        let service = try Service("--grace", "600")
        let client = try service.client()
        try await client.send("GET /health HT")
        let whole = try service.client()
        #expect(try await whole.roundTrip(Self.get("/health/ready")).status == 200)
        #expect(service.end() == 0)
        #expect(try await client.readToEnd().isEmpty)
        #expect(service.errors.isEmpty)
    }

    @Test("asked to end while it loads, it does not wait for the models")
    func endWhileLoading() throws {
        let service = try Service("--grace", "600", until: "listens on")
        #expect(service.end() == 0)
        #expect(service.text.hasSuffix("finishing the requests that have begun\n"))
    }

    @Test("work that does not end is waited for no longer than it may take")
    func endlessWork() async {
        let executor = ServiceExecutor()
        let (never, end) = AsyncStream<Void>.makeStream()
        #expect(await !executor.wait(atMost: .milliseconds(10)) { for await _ in never {} })
        end.finish()
        #expect(await executor.wait(atMost: .seconds(600)) {})
    }

    @Test(
        "times outside 0 to 86400 s are refused",
        arguments: ["--drain-delay", "--grace", "--release-memory-after", "--liveness-timeout"])
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
        try limit(process, "--nofile=\(count):")
    }

    /// - Parameter limit: an option of prlimit(1).
    private func limit(_ process: Int32, _ limit: String) throws {
        let tool = Process()
        tool.executableURL = URL(filePath: "/usr/bin/prlimit")
        tool.arguments = ["--pid", "\(process)", limit]
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

    @Test("outputs that nobody reads hold up neither its start, nor its answers, nor its end")
    func blockedOutputs() async throws {
        let folder = try Workplace()
        let trained = try Program.run(CommandTests.train(folder, "--epochs", "1"))
        try #require(trained.code == 0, "\(trained.errors)")
        for cutsOff in [false, true] {
            let path = folder.file("s\(cutsOff)")
            let process = Program.process([
                "serve", "--listen", "unix:\(path)", "--model", folder.file("m.safetensors"), "--log-level", "trace",
                "--body-timeout", "600", "--grace", cutsOff ? "0.2" : "600",
            ])
            let (output, errors) = try (Self.fullPipe(), Self.fullPipe())
            process.standardOutput = output
            process.standardError = errors
            try process.run()
            func client() throws -> RawSocketClient { try RawSocketClient(.unix(path: path)) }
            await eventually { (try? await client().roundTrip(Self.get("/health/ready")).status) == 200 }
            for _ in 0..<20 { #expect(try await client().roundTrip(Self.get("/sample?seed=1")).status == 200) }
            let unfinished = try client()
            if cutsOff {
                let answer = try await unfinished.roundTrip(
                    "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
                        + "Content-Length: 16\r\nExpect: 100-continue\r\n\r\n")
                #expect(answer.status == 100)
            }
            process.terminate()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == (cutsOff ? 75 : 0))
            await unfinished.close()
        }
    }

    @Test("an error at the start ends it although nobody reads it")
    func blockedError() throws {
        let process = Program.process(["serve", "--grace=-1"])
        process.standardError = try Self.fullPipe()
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
    }

    /// A pipe that takes nothing more.
    private static func fullPipe() throws -> Pipe {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        let flags = fcntl(descriptor, F_GETFL)
        try #require(fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0)
        for size in [65_536, 1] {
            let bytes = [UInt8](repeating: 0, count: size)
            while unsafe write(descriptor, bytes, size) > 0 {}
        }
        try #require(errno == EAGAIN && fcntl(descriptor, F_SETFL, flags) == 0)
        return pipe
    }

    @Test("SIGHUP ends nothing: not while the models are being loaded, not with nothing to read again")
    func hangUp() async throws {
        let service = try Service(until: "listens on")
        kill(service.id, SIGHUP)
        try service.wait(for: "ready after")
        for _ in 0..<3 {
            kill(service.id, SIGHUP)
            #expect(try await service.client().roundTrip(Self.get("/health/ready")).status == 200)
        }
        #expect(service.end() == 0)
    }

    // MARK: Limits of memory and threads

    @Test(
        "without the address space that it needs it says so in a line",
        arguments: [["health"], ["serve", "--port", "0"]])
    func addressSpace(arguments: [String]) throws {
        let refused = try Program.run(arguments, script: "ulimit -v 120000")
        #expect(refused.code == 71)
        #expect(
            refused.errors.hasPrefix("Error: this process may have 120000 KiB of address space (ulimit -v, LimitAS=), ")
        )
        #expect(refused.errors.hasSuffix("at its start\n"))
    }

    @Test("a picture that there is no memory to decode is refused with 503, and the service goes on")
    func decodeMemory() async throws {
        let service = try Service()
        let size = try String(contentsOfFile: "/proc/\(service.id)/status", encoding: .utf8)
            .split(separator: "\n").first { $0.hasPrefix("VmSize:") }?.split(whereSeparator: \.isWhitespace)[1]
        let kilobytes = try #require(size.flatMap { Int($0) })
        try limit(service.id, "--as=\((kilobytes << 10) + (100 << 20)):")
        func post(side: Int) async throws -> RawResponse {
            let pixels = [UInt8](repeating: 7, count: side * side)
            let picture = try encodePNG(Image(width: side, height: side, mode: .gray, pixels: pixels))
            let client = try service.client()
            try await client.send(
                "POST /logprob?fit=stretch HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                    + "Content-Length: \(picture.count)\r\n\r\n")
            try await client.send(picture)
            return try await client.response()
        }
        let refused = try await post(side: 4096)
        #expect(refused.status == 503 && refused.text.contains("urn:tusk:problem:out-of-memory"))
        #expect(refused.text.contains("to decode its 16777216 pixels takes 201326592 bytes"))
        #expect(try await post(side: 16).status == 200)
        #expect(service.end() == 0)
    }

    @Test("threads that cannot be had are said in a line")
    func threadLimit() throws {
        let refused = try Program.run(
            ["serve", "--port", "0", "--threads", "1024"], script: "ulimit -s 8192; ulimit -v 4000000")
        #expect(refused.code == 71)
        #expect(refused.errors.hasPrefix("Error: --threads 1024 needs "), "\(refused.errors)")
        #expect(refused.errors.contains("they cannot be had: Resource temporarily unavailable; raise the limits"))
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
