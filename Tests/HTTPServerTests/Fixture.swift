import Glibc
import HTTPServer
import HTTPTypes
import HTTPWire
import Logging
import Synchronization
import TestSupport

extension HTTPTimeouts {
    /// All tests run at once, so that a client on a busy machine can be silent for a long time.
    static var patient: HTTPTimeouts {
        var timeouts = HTTPTimeouts()
        timeouts.head = .seconds(600)
        timeouts.body = .seconds(600)
        timeouts.idle = .seconds(600)
        timeouts.write = .seconds(600)
        timeouts.linger = .seconds(60)
        timeouts.lingerTotal = .seconds(600)
        return timeouts
    }
}

/// Runs `body` against a server on a free loopback port, and stops it.
func withServer(
    _ handler: TestHandler = TestHandler(), grace: Duration = .seconds(5),
    configure: (inout HTTPServerConfiguration) -> Void = { _ in },
    _ body: (_ port: Int, _ server: HTTPServer) async throws -> Void
) async throws {
    var configuration = HTTPServerConfiguration()
    configuration.addresses = [.tcp(host: "127.0.0.1", port: 0)]
    configuration.ioQueues = 2
    configuration.timeouts = .patient
    configure(&configuration)
    let server = HTTPServer(
        configuration: configuration, handler: handler, logger: silentLogger)
    guard case .tcp("127.0.0.1", let port) = try server.start()[0] else {
        preconditionFailure("the first address is not the one that was asked for")
    }
    do {
        try await body(port, server)
    } catch {
        await server.stop(grace: .zero)
        throw error
    }
    await server.stop(grace: grace)
}

/// Answers by path; errors are answered with their own name.
final class TestHandler: HTTPHandler {
    static let bodyLimit = 1 << 20

    /// Requests that are in ``respond(to:body:)`` now, and those that saw their task cancelled.
    struct Counts: Sendable {
        var running = 0
        var cancelled = 0
        var finished = 0
    }

    private let counts = Mutex(Counts())
    private let door = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    /// Lets the requests for `/door` be answered.
    func openDoor() {
        let waiters = door.withLock { door in
            defer { door = (true, []) }
            return door.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    var current: Counts { counts.withLock { $0 } }

    func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision {
        switch head.path {
        case "/loopback": .respond(.text("\(connection.isLoopback)"))
        case "/now": .respond(.text("now"))
        case "/number": .respond(.text("\(connection.number)"))
        case "/peer": .respond(.text(connection.isUnixSocket ? "unix" + connection.peer : connection.peer))
        case "/who": .respond(.text(connection.isEncrypted ? connection.clientSubject ?? "nobody" : "in the open"))
        case "/refused": .respond(.text("refused", status: .notFound))
        case "/large": .respond(ServerResponse(status: .ok, body: .bytes(Self.large)))
        case "/later", "/later/wait": .later { await self.respond(to: head, body: Array("later".utf8)) }
        default:
            .readBody(limit: Self.bodyLimit, lengthRequired: head.path == "/strict") {
                await self.respond(to: head, body: $0)
            }
        }
    }

    private func respond(to head: HTTPRequest, body: [UInt8]) async -> ServerResponse {
        counts.withLock { $0.running += 1 }
        defer {
            counts.withLock {
                $0.running -= 1
                $0.finished += 1
            }
        }
        switch head.path {
        case "/wait", "/later/wait":
            // Ends only by cancellation; the limit is for a test that fails, on a machine that runs all of them at once.
            do {
                try await Task.sleep(for: .seconds(900))
            } catch {
                counts.withLock { $0.cancelled += 1 }
            }
            return .text("waited")
        case "/short":
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return .text("cancelled") }
            return .text("short")
        case "/door":
            await withCheckedContinuation { waiter in
                let isOpen = door.withLock { door in
                    if !door.isOpen { door.waiters.append(waiter) }
                    return door.isOpen
                }
                if isOpen { waiter.resume() }
            }
            return .text("door")
        case "/stream": return ServerResponse(status: .ok, body: .stream(Self.stream(parts: 5)))
        case "/endless": return ServerResponse(status: .ok, body: .stream(endless()))
        case "/broken": return ServerResponse(status: .ok, body: .stream(Self.broken()))
        default: return ServerResponse(status: .ok, body: .bytes(body))
        }
    }

    func respond(
        to error: HTTPServerError, head: HTTPRequest?, labels: ExchangeLabels, on connection: ConnectionInfo
    ) -> ServerResponse {
        switch error {
        case .bodyTooLarge: .text("\(error)", status: .contentTooLarge)
        case .fieldsTooLarge: .text("\(error)", status: .requestHeaderFieldsTooLarge)
        case .targetTooLong: .text("\(error)", status: .uriTooLong)
        case .lengthRequired: .text("\(error)", status: .lengthRequired)
        case .unsupportedContentCoding: .text("\(error)", status: .unsupportedMediaType)
        case .expectationFailed: .text("\(error)", status: .expectationFailed)
        case .timeout: .text("\(error)", status: .requestTimeout)
        default: .text("\(error)", status: .badRequest)
        }
    }

    /// 8 MiB that are not all the same.
    static let large = (0..<8 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    static func stream(parts: Int) -> AsyncThrowingStream<[UInt8], any Error> {
        AsyncThrowingStream { continuation in
            for part in 0..<parts { continuation.yield(Array("part \(part)\n".utf8)) }
            continuation.finish()
        }
    }

    struct Broken: Error {}

    static func broken() -> AsyncThrowingStream<[UInt8], any Error> {
        AsyncThrowingStream { continuation in
            continuation.yield(Array("part".utf8))
            continuation.finish(throwing: Broken())
        }
    }

    /// 64 KiB parts for as long as someone takes them; counts what was asked for.
    let produced = Mutex(0)
    private func endless() -> AsyncThrowingStream<[UInt8], any Error> {
        let part = [UInt8](repeating: 7, count: 65_536)
        return AsyncThrowingStream(unfolding: {
            self.produced.withLock { $0 += 1 }
            return part
        })
    }
}

extension ServerResponse {
    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> ServerResponse {
        ServerResponse(status: status, body: .bytes(Array(text.utf8)))
    }
}

/// Waits until `condition` holds, for at most ten seconds.
func eventually(_ condition: () -> Bool) async throws -> Bool {
    for _ in 0..<1000 {
        if condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return condition()
}

func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
}

func post(_ path: String, _ fields: String, _ body: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n\(body)"
}

let silentLogger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// How many descriptors this process has open.
func openDescriptors() throws -> Int {
    guard let directory = unsafe opendir("/proc/self/fd") else {
        throw RawSocketError.system(call: "opendir", code: errno)
    }
    defer { unsafe closedir(directory) }
    var count = 0
    while unsafe readdir(directory) != nil { count += 1 }
    return count
}
