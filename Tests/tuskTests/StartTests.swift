import ArgumentParser
import Foundation
import Glibc
import HTTPServer
import TestSupport
import Testing

@testable import tusk

@Suite("Start of tusk serve", .timeLimit(.minutes(15)))
struct StartTests {
    private static let ready = "GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test("its first line names every address, and it answers at each")
    func addresses() async throws {
        let folder = try Workplace()
        let path = folder.file("s")
        let service = try Service(
            "--socket-mode", "600",
            listening: ["--port", "0", "--listen", "[::1]:0", "--listen", "unix:\(path)"])
        let line = try #require(service.text.split(separator: "\n").first)
        let urls = try #require(line.split(separator: " listens on ").last).split(separator: ", ")
        #expect(urls.count == 3 && urls[0].hasPrefix("http://127.0.0.1:") && urls[1].hasPrefix("http://[::1]:"))
        #expect(urls[2] == "unix:\(path)")
        let port = try #require(urls[1].split(separator: ":").last.flatMap { Int($0) })
        for place in [RawSocketAddress.ipv4(port: try service.port()), .ipv6(port: port), .unix(path: path)] {
            #expect(try await RawSocketClient(place).roundTrip(Self.ready).status == 200)
        }
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        #expect(service.end() == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("what keeps it from listening is said in one line, and by the status")
    func failures() throws {
        let folder = try Workplace()
        let long = folder.file(String(repeating: "x", count: 108))
        for (address, status, message) in [
            ("no-such-host.invalid:80", 68, "host no-such-host.invalid is neither an address nor a name that resolves"),
            ("192.0.2.1:80", 78, "host 192.0.2.1 is no address of this machine"),
            ("127.0.0.1:65536", 78, "port 65536 is not between 0 and 65535"),
            ("unix:\(long)", 78, "the path of a socket has \(long.utf8.count) bytes and may have 107: \(long)"),
            ("unix:\(folder.path)", 78, "\(folder.path) exists and is no socket"),
            (
                "unix:\(folder.file("none/s"))", 73,
                "cannot make the socket \(folder.file("none/s")): No such file or directory"
            ),
            ("fd:0", 78, "descriptor 0 is no stream socket that listens"),
            ("fd:99", 78, "descriptor 99 is not open"),
            ("fd:name", 1, "--listen is fd:name; no socket of this name was passed (LISTEN_FDNAMES)"),
            ("here", 1, "--listen is here; it must be HOST:PORT, [IPV6]:PORT, *:PORT, unix:PATH, fd:NUMBER or fd:NAME"),
        ] as [(String, Int32, String)] {
            let result = try Program.run(["serve", "--listen", address])
            #expect(result.code == status && result.errors == "Error: \(message)\n")
        }
    }

    /// Below this a port belongs to the system; some containers put it to 0.
    private static let firstFreePort =
        (try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding: .utf8))
        .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 1024

    @Test("a privileged port needs the privilege", .enabled(if: firstFreePort > 1))
    func privileged() throws {
        let result = try Program.run(
            ["serve", "--port", "1"],
            script: #"[ "$(id -u)" != 0 ] || exec setpriv --bounding-set=-net_bind_service "$0" "$@""#)
        #expect(result.code == 77 && result.errors == "Error: no permission to listen on port 1\n")
    }

    @Test("modes of sockets are octal, to 777", arguments: [("0", 0), ("660", 0o660), ("0777", 0o777)])
    func modes(text: String, bits: UInt32) {
        #expect(SocketMode(argument: text)?.bits == bits)
        for wrong in ["1000", "8", "-1", "", "rw"] { #expect(SocketMode(argument: wrong) == nil) }
    }

    // MARK: Passed sockets

    @Test(
        "it listens on the socket that systemd passed, by default or by name", arguments: [[], ["--listen", "fd:web"]])
    func activation(arguments: [String]) async throws {
        let listener = try PassedListener()
        let service = try Service(
            listening: arguments, script: listener.script(names: "web"), input: listener.handle)
        #expect(try service.port() == listener.port)
        #expect(try await service.client().roundTrip(Self.ready).status == 200)
        #expect(service.end() == 0)
        // It is still ours: the next process finds who has come meanwhile.
        let waiting = try RawSocketClient(port: listener.port)
        try await waiting.send(Self.ready.replacing("ready", with: "live"))
        let next = try Service(listening: arguments, script: listener.script(names: "web"), input: listener.handle)
        #expect(try await waiting.response().status == 200)
        #expect(next.end() == 0)
    }

    @Test("a passed socket that no option names is refused")
    func unusedSocket() throws {
        let listener = try PassedListener()
        let process = Program.process(["serve", "--port", "0"], script: listener.script(names: "web"))
        let errors = Pipe()
        process.standardInput = listener.handle
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        #expect(text == "Error: socket 3 (web) was passed, and no --listen names it: add --listen fd:3\n")
    }

    @Test("the environment of systemd is read as sd_listen_fds(3) and sd_watchdog_enabled(3) say")
    func environment() throws {
        func manager(_ variables: [String: String]) throws -> ServiceManager {
            try ServiceManager(processID: 7, environment: { variables[$0] })
        }
        #expect(
            try manager(["LISTEN_PID": "7", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "a::c"]).passedSockets == [
                PassedSocket(descriptor: 3, name: "a"), PassedSocket(descriptor: 4, name: "unknown"),
                PassedSocket(descriptor: 5, name: "c"),
            ])
        #expect(
            try manager(["LISTEN_PID": "7", "LISTEN_FDS": "1"]).passedSockets
                == [PassedSocket(descriptor: 3, name: "unknown")])
        // for another process, or for nobody
        #expect(try manager(["LISTEN_PID": "8", "LISTEN_FDS": "1"]).passedSockets.isEmpty)
        #expect(try manager(["LISTEN_FDS": "1"]).passedSockets.isEmpty)
        #expect(throws: CommandError.self) { try manager(["LISTEN_PID": "7", "LISTEN_FDS": "1025"]) }
        #expect(throws: CommandError.self) { try manager(["LISTEN_PID": "7", "LISTEN_FDS": "x"]) }

        #expect(try manager(["WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "7"]).watchdog == .milliseconds(1500))
        #expect(try manager(["WATCHDOG_USEC": "1"]).watchdog == .microseconds(1))
        #expect(try manager(["WATCHDOG_USEC": "1", "WATCHDOG_PID": "8"]).watchdog == nil)
        #expect(throws: CommandError.self) { try manager(["WATCHDOG_USEC": "0"]) }
    }

    @Test("sockets that were passed and options: what is listened on")
    func choice() throws {
        let passed = [PassedSocket(descriptor: 3, name: "web"), PassedSocket(descriptor: 4, name: "web")]
        func chosen(_ arguments: String..., passed: [PassedSocket] = []) throws -> [ListenAddress] {
            try ListenArguments.parse(arguments).addresses(passed: passed).service
        }
        #expect(try chosen() == [.tcp(host: "127.0.0.1", port: 8080)])
        #expect(try chosen("--port", "1") == [.tcp(host: "127.0.0.1", port: 1)])
        #expect(try chosen("--host", "::1") == [.tcp(host: "::1", port: 8080)])
        #expect(try chosen("--listen", "*:1") == [.tcp(host: "*", port: 1)])
        #expect(
            try chosen("--host", "a", "--listen", "b:1") == [.tcp(host: "a", port: 8080), .tcp(host: "b", port: 1)])
        let both = [ListenAddress.inherited(descriptor: 3), .inherited(descriptor: 4)]
        #expect(try chosen(passed: passed) == both)
        #expect(try chosen("--listen", "fd:web", passed: passed) == both)
        #expect(try chosen("--listen", "fd:4", "--listen", "fd:3", passed: passed) == both.reversed())
        #expect(throws: CommandError.self) { try chosen("--listen", "fd:3", passed: passed) }
    }

    @Test("a listener for monitoring takes its sockets out of those that were passed, and the service the others")
    func monitoringChoice() throws {
        let passed = [PassedSocket(descriptor: 3, name: "http"), PassedSocket(descriptor: 4, name: "metrics")]
        func chosen(_ arguments: String..., passed: [PassedSocket] = []) throws -> ListenArguments.Addresses {
            try ListenArguments.parse(arguments).addresses(passed: passed)
        }
        #expect(try chosen().metrics.isEmpty)
        let common = ListenAddress.tcp(host: "127.0.0.1", port: 8080)
        #expect(
            try chosen("--metrics-listen", "[::1]:9090", "--metrics-listen", "unix:/m")
                == .init(service: [common], metrics: [.tcp(host: "::1", port: 9090), .unix(path: "/m")]))
        let both = ListenArguments.Addresses(
            service: [.inherited(descriptor: 3)], metrics: [.inherited(descriptor: 4)])
        #expect(try chosen("--metrics-listen", "fd:metrics", passed: passed) == both)
        #expect(try chosen("--metrics-listen", "fd:4", "--listen", "fd:http", passed: passed) == both)
        // Nothing is left for the service but its common address.
        #expect(
            try chosen("--metrics-listen", "fd:3", "--metrics-listen", "fd:4", passed: passed).service == [common])
        for (arguments, message) in [
            (["--metrics-listen", "here"], "--metrics-listen is here; it must be HOST:PORT"),
            (["--metrics-listen", "fd:none"], "--metrics-listen is fd:none; no socket of this name was passed"),
            (["--metrics-listen", "fd:3", "--listen", "fd:3", "--listen", "fd:4"], "fd:3 is named by both"),
            (["--metrics-listen", "fd:3", "--port", "1"], "socket 4 (metrics) was passed, and no --listen names it"),
            (["--max-metrics-connections", "0"], "--max-metrics-connections is 0; it must be 1 to 1000000"),
            (["--max-metrics-connections", "1000001"], "--max-metrics-connections is 1000001; it must be 1 to"),
        ] {
            let options = try ListenArguments.parse(arguments)
            let error = #expect(throws: CommandError.self) { try options.addresses(passed: passed) }
            #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
        }
        for bound in ["1", "1000000"] {
            #expect(try chosen("--max-metrics-connections", bound).service == [common])
        }
    }

    // MARK: Notification

    @Test("it tells the service manager when it is ready, that it lives, and when it stops", arguments: [false, true])
    func notification(isAbstract: Bool) throws {
        let folder = try Workplace()
        let receiver = try NotificationReceiver(isAbstract ? "@tusk-\(UUID().uuidString)" : folder.file("n"))
        let service = try Service(environment: ["NOTIFY_SOCKET": receiver.address, "WATCHDOG_USEC": "200000"])
        let first = try receiver.next()
        #expect(first.hasPrefix("READY=1\nSTATUS=ready: m, maf, images 4x4x1, "))
        #expect(try receiver.next() == "WATCHDOG=1")
        #expect(try receiver.next() == "WATCHDOG=1")
        service.terminate()
        var last = ""
        repeat { last = try receiver.next() } while last == "WATCHDOG=1"
        #expect(last == "STOPPING=1\nSTATUS=finishing")
        #expect(service.status() == 0 && service.errors.isEmpty)
    }

    @Test("a service manager that does not listen is said, and the service serves")
    func deafManager() async throws {
        let service = try Service(environment: ["NOTIFY_SOCKET": "/nowhere/n"])
        #expect(try await service.client().roundTrip(Self.ready).status == 200)
        #expect(service.end() == 0)
        #expect(service.errors.contains("cannot notify the service manager: sendto failed: No such file or directory"))
    }
}

/// A listening socket that a process gets as its third descriptor, as systemd would pass it.
private final class PassedListener {
    let handle: FileHandle
    let port: Int

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(result)
        port = Int(in_port_t(bigEndian: address.sin_port))
    }

    func script(names: String) -> String {
        "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=\(names); exec 3<&0 0</dev/null"
    }
}

/// The service manager's end of sd_notify(3).
private final class NotificationReceiver {
    let address: String
    private let descriptor: Int32

    init(_ address: String) throws {
        self.address = address
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        let name = address.hasPrefix("@") ? [0] + Array(address.utf8.dropFirst()) : Array(address.utf8)
        unsafe withUnsafeMutableBytes(of: &place.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let result = unsafe withUnsafePointer(to: &place) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, length) }
        }
        try #require(result == 0)
    }

    deinit { close(descriptor) }

    func next() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        try #require(count > 0, "nothing came")
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}
