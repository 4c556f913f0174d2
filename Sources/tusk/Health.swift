import ArgumentParser
import Glibc

/// `tusk health`: the health check of an image that has no shell and no other client.
struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks a running service whether it is ready.",
        discussion: "Ends with status 0 if GET /health/ready answers 200, else says why and ends with status 1.")

    @Option(help: "The address the service listens on.")
    var host = "127.0.0.1"

    @Option(help: "The port the service listens on.")
    var port: UInt16 = 8080

    @Option(help: "How long to wait for the answer, in seconds.")
    var timeout = 2.0

    func validate() throws {
        // Above a day the conversion to a time value would soon overflow, and no one waits so long.
        guard timeout >= 0.001, timeout <= 86_400 else {
            throw ValidationError("--timeout is \(timeout); it must be from 0.001 to 86400 seconds.")
        }
    }

    func run() throws {
        try HealthProbe(host: host, port: port, timeout: .seconds(timeout)).check()
    }
}

/// Why a service does not count as ready.
enum HealthError: Error, Equatable, CustomStringConvertible {
    /// No address answers to this name; `reason` is the resolver's.
    case unknownHost(String, reason: String)
    /// No connection, or it broke; `reason` is the system's.
    case unreachable(reason: String)
    /// No answer within the time given.
    case timedOut(Duration)
    /// What answers does not speak HTTP/1.1.
    case notHTTP
    /// An answer other than 200.
    case notReady(status: Int)

    var description: String {
        switch self {
        case .unknownHost(let host, let reason): "the host \"\(host)\" cannot be resolved: \(reason)"
        case .unreachable(let reason): "the service cannot be reached: \(reason)"
        case .timedOut(let timeout): "no answer within \(timeout)"
        case .notHTTP: "what answers there does not speak HTTP/1.1"
        case .notReady(let status): "the service is not ready: it answered \(status)"
        }
    }
}

/// One `GET /health/ready` over a plain blocking socket, bounded in time and in bytes read.
struct HealthProbe {
    var host: String
    var port: UInt16
    /// For connecting, asking and the answer together.
    var timeout: Duration

    /// Returns if the service answers 200.
    func check() throws(HealthError) {
        let deadline = ContinuousClock.now + timeout
        let socket = try connect(until: deadline)
        let request = "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        try socket.send(Array(request.utf8))
        // "HTTP/1.1 200": the status is all that is read.
        var line: [UInt8] = []
        while line.count < 12 {
            try limit(socket, to: deadline)
            line += try receive(socket, atMost: 12 - line.count)
        }
        let text = String(decoding: line, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 "), let status = Int(text.dropFirst(9)) else { throw .notHTTP }
        guard status == 200 else { throw .notReady(status: status) }
    }

    /// Tries the addresses of the host in the resolver's order.
    private func connect(until deadline: ContinuousClock.Instant) throws(HealthError) -> ClientSocket {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else {
            throw .unknownHost(host, reason: unsafe String(cString: gai_strerror(status)))
        }
        defer { unsafe freeaddrinfo(list) }

        var failure = HealthError.unknownHost(host, reason: "no address")
        var next = unsafe list
        while let address = unsafe next?.pointee {
            unsafe next = address.ai_next
            let descriptor = unsafe Glibc.socket(
                address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), address.ai_protocol)
            guard descriptor >= 0 else {
                failure = .unreachable(reason: systemReason(errno))
                continue
            }
            let socket = ClientSocket(descriptor: descriptor)
            try limit(socket, to: deadline)
            if unsafe Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return socket }
            failure = errno == EINPROGRESS ? .timedOut(timeout) : .unreachable(reason: systemReason(errno))
        }
        throw failure
    }

    /// Lets no further call on the socket block beyond the deadline.
    private func limit(_ socket: borrowing ClientSocket, to deadline: ContinuousClock.Instant) throws(HealthError) {
        let left = deadline - .now
        guard left > .zero else { throw .timedOut(timeout) }
        // A time of zero would mean no limit.
        let microseconds = max(1, left.components.attoseconds / 1_000_000_000_000)
        var value = timeval(tv_sec: Int(left.components.seconds), tv_usec: Int(microseconds))
        let size = socklen_t(MemoryLayout<timeval>.size)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            guard unsafe setsockopt(socket.descriptor, SOL_SOCKET, option, &value, size) == 0 else {
                throw .unreachable(reason: systemReason(errno))
            }
        }
    }

    private func receive(_ socket: borrowing ClientSocket, atMost count: Int) throws(HealthError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let received = unsafe recv(socket.descriptor, &buffer, count, 0)
        switch received {
        case 0: throw .unreachable(reason: "it closed the connection without an answer")
        case 1...: return Array(buffer.prefix(received))
        default:
            let code = errno
            throw code == EAGAIN ? .timedOut(timeout) : .unreachable(reason: systemReason(code))
        }
    }
}

/// A connected socket, closed exactly once.
private struct ClientSocket: ~Copyable {
    let descriptor: Int32

    deinit { _ = Glibc.close(descriptor) }

    func send(_ bytes: [UInt8]) throws(HealthError) {
        // So short a request fits the empty buffer of a fresh connection; anything else is a broken one.
        let sent = unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        guard sent == bytes.count else { throw .unreachable(reason: systemReason(errno)) }
    }
}

private func systemReason(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
}
