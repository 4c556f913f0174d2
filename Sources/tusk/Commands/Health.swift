import ArgumentParser
import Glibc
import HTTPServer
import System

/// `tusk health`: the health check of an image that has no shell and no other client.
struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks a running service whether it is ready.",
        discussion: """
            Ends with status 0 if GET /health/ready answers 200, else says why and ends with status 1.

            A service with --tls-certificate is asked by TLS, without another option. Its certificate is not verified: \
            this is for a service of the same machine, and sends nothing secret. One with --client-ca is asked over a \
            Unix socket that it also listens on.
            """)

    @Option(help: "The address the service listens on, with --port. (default: \(ListenArguments.defaultHost))")
    var host: String?

    @Option(help: "The port the service listens on. (default: \(ListenArguments.defaultPort))")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            """
            The address the service listens on, as its own --listen names it: HOST:PORT, [IPV6]:PORT, *:PORT or \
            unix:PATH. Instead of --host and --port.
            """, valueName: "address"))
    var listen: String?

    @Option(help: "How long to wait for the answer, in seconds.")
    var timeout = 2.0

    func validate() throws {
        guard listen == nil || (host == nil && port == nil) else {
            throw ValidationError("--listen stands instead of --host and --port.")
        }
        // Above a day the conversion to a time value would soon overflow, and no one waits so long.
        guard timeout >= 0.001, timeout <= 86_400 else {
            throw ValidationError("--timeout is \(timeout); it must be from 0.001 to 86400 seconds.")
        }
    }

    func run() throws {
        try HealthProbe(addresses: addresses(), timeout: .seconds(timeout)).check()
    }

    /// All addresses of the name given, in the resolver's order.
    /// - Throws: ``CommandError``, `HTTPListenError`.
    func addresses() throws -> [SocketAddress] {
        let given = ListenAddress.tcp(
            host: host ?? ListenArguments.defaultHost, port: port ?? ListenArguments.defaultPort)
        switch listen.map(ListenAddress.init) ?? given {
        case .unix(let path): return [try SocketAddress(unixPath: path)]
        case .tcp(let host, let port):
            try tusk.check(listen == nil ? "--port" : "the port of --listen", port, in: 1...65_535)
            // A service that listens on all addresses listens on this one.
            return try SocketAddress.resolve(host == "*" ? ListenArguments.defaultHost : host, port)
        case .inherited, nil:
            throw CommandError("--listen is \(listen ?? ""); it must be HOST:PORT, [IPV6]:PORT, *:PORT or unix:PATH")
        }
    }
}

/// Reason why a service does not count as ready.
indirect enum HealthError: Error, Equatable, CustomStringConvertible {
    /// No connection, or it broke; `reason` is the system's or OpenSSL's.
    case unreachable(reason: String)
    /// No answer within the time given.
    case timedOut(Duration)
    /// What answers does not speak HTTP/1.1.
    case notHTTP
    /// An answer other than 200.
    case notReady(status: Int)
    /// The service demands a client certificate.
    case certificateWanted
    /// Plain HTTP was answered 400, and TLS not at all.
    case notByTLS(HealthError)

    var description: String {
        switch self {
        case .unreachable(let reason): "the service cannot be reached: \(reason)"
        case .timedOut(let timeout): "no answer within \(timeout)"
        case .notHTTP: "what answers there does not speak HTTP/1.1"
        case .notReady(let status): "the service is not ready: it answered \(status)"
        case .certificateWanted: "it wants a client certificate; over a Unix socket it wants none (--listen unix:PATH)"
        case .notByTLS(let error): "the service answered 400, and by TLS: \(error)"
        }
    }
}

/// Probe by one `GET /health/ready`, and another by TLS when that port wants it, bounded in time and in bytes read.
struct HealthProbe {
    /// Addresses of the service, at least one, which are tried in turn.
    var addresses: [SocketAddress]
    /// Time for connecting, asking and the answer together.
    var timeout: Duration

    /// Returns if the service answers 200.
    func check() throws(HealthError) {
        let deadline = Deadline(after: timeout)
        var status = try Connection.open(addresses, until: deadline).ask()
        // So a port of ours that speaks TLS answers plain HTTP.
        if status == 400 {
            do throws(HealthError) {
                status = try Connection.open(addresses, byTLS: true, until: deadline).ask()
            } catch {
                throw .notByTLS(error)
            }
        }
        guard status == 200 else { throw .notReady(status: status) }
    }
}

/// A connection to the service, on which nothing blocks beyond the deadline.
private struct Connection: ~Copyable {
    let socket: Descriptor
    let tls: UnverifiedTLSClient?
    let deadline: Deadline

    /// Connects to the first of `addresses` that can be connected to.
    static func open(
        _ addresses: [SocketAddress], byTLS: Bool = false, until deadline: Deadline
    ) throws(HealthError) -> Connection {
        var rest = addresses[...]
        while true {
            var address = rest.removeFirst()
            do throws(HealthError) {
                let socket = try connect(&address, until: deadline)
                let tls = byTLS ? try made { try UnverifiedTLSClient(socket.number) } : nil
                return Connection(socket: socket, tls: tls, deadline: deadline)
            } catch {
                if rest.isEmpty { throw error }
            }
        }
    }

    private static func connect(
        _ address: inout SocketAddress, until deadline: Deadline
    ) throws(HealthError) -> Descriptor {
        let family = address.family
        let socket = try made { try newStreamSocket(family: family) }
        guard unsafe address.withPointer({ unsafe Glibc.connect(socket.number, $0, $1) }) != 0 else { return socket }
        guard errno == EINPROGRESS else { throw .unreachable(reason: SystemError().description) }
        try deadline.wait(for: POLLOUT, on: socket.number)
        let code = option(socket.number, SOL_SOCKET, SO_ERROR) ?? errno
        guard code == 0 else { throw .unreachable(reason: SystemError(code).description) }
        return socket
    }

    private static func made<Value: ~Copyable>(_ make: () throws -> Value) throws(HealthError) -> Value {
        do { return try make() } catch { throw .unreachable(reason: "\(error)") }
    }

    /// The status of the answer, which is all that is read: "HTTP/1.1 200".
    func ask() throws(HealthError) -> Int {
        let request = Array("GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        // So short a request fits the empty buffer of a fresh connection.
        _ = try finish { send(request) }
        var line: [UInt8] = []
        while line.count < 12 {
            var part = [UInt8](repeating: 0, count: 12 - line.count)
            let count = try finish { receive(into: &part) }
            line += part.prefix(count)
        }
        let text = String(decoding: line, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 "), let status = Int(text.dropFirst(9)) else { throw .notHTTP }
        return status
    }

    private func send(_ bytes: [UInt8]) -> UnverifiedTLSClient.Step {
        if let tls { return tls.send(bytes) }
        let sent = unsafe Glibc.send(socket.number, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        return sent == bytes.count ? .bytes(sent) : .failed(reason: SystemError().description)
    }

    private func receive(into buffer: inout [UInt8]) -> UnverifiedTLSClient.Step {
        if let tls { return tls.receive(into: &buffer) }
        let received = unsafe recv(socket.number, &buffer, buffer.count, 0)
        if received >= 0 { return received > 0 ? .bytes(received) : .end }
        return errno == EAGAIN ? .wantsInput : .failed(reason: SystemError().description)
    }

    /// Repeats `step` until it moved bytes, and says how many.
    private func finish(_ step: () -> UnverifiedTLSClient.Step) throws(HealthError) -> Int {
        while true {
            switch step() {
            case .bytes(let count): return count
            case .end: throw .unreachable(reason: "it closed the connection without an answer")
            case .wantsInput: try deadline.wait(for: POLLIN, on: socket.number)
            case .wantsOutput: try deadline.wait(for: POLLOUT, on: socket.number)
            case .certificateWanted: throw .certificateWanted
            case .failed(let reason): throw .unreachable(reason: reason)
            }
        }
    }
}

/// Moment when the time for everything together is over.
private struct Deadline {
    private let timeout: Duration
    private let end: ContinuousClock.Instant

    init(after timeout: Duration) {
        self.timeout = timeout
        end = .now + timeout
    }

    /// Waits until the socket is ready for `events` of poll(2), or broken.
    func wait(for events: Int32, on socket: Int32) throws(HealthError) {
        var entry = pollfd(fd: socket, events: Int16(events), revents: 0)
        while true {
            let left = end - .now
            guard left > .zero else { throw .timedOut(timeout) }
            // Rounded up: zero would not wait.
            let count = unsafe poll(&entry, 1, Int32((left / .milliseconds(1)).rounded(.up)))
            if count > 0 { return }
            guard count == 0 || errno == EINTR else { throw .unreachable(reason: SystemError().description) }
        }
    }
}
