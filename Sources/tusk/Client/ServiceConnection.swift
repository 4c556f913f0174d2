import Glibc
import HTTPServer
import System

/// A connection to a service, on which nothing blocks beyond the deadline.
struct ServiceConnection: ~Copyable {
    private let socket: Descriptor
    private let tls: UnverifiedTLSClient?
    private let deadline: Deadline

    /// Bytes that are read at a time.
    private static let portion = 64 << 10

    /// Connects to the first of `addresses` that can be connected to.
    static func open(
        _ addresses: [SocketAddress], byTLS: Bool, until deadline: Deadline
    ) throws(ServiceClientError) -> ServiceConnection {
        var rest = addresses[...]
        while true {
            var address = rest.removeFirst()
            do throws(ServiceClientError) {
                let socket = try connect(&address, until: deadline)
                let tls = byTLS ? try made { try UnverifiedTLSClient(socket.number) } : nil
                return ServiceConnection(socket: socket, tls: tls, deadline: deadline)
            } catch {
                if rest.isEmpty { throw error }
            }
        }
    }

    private static func connect(
        _ address: inout SocketAddress, until deadline: Deadline
    ) throws(ServiceClientError) -> Descriptor {
        let family = address.family
        let socket = try made { try newStreamSocket(family: family) }
        guard unsafe address.withPointer({ unsafe Glibc.connect(socket.number, $0, $1) }) != 0 else { return socket }
        guard errno == EINPROGRESS else { throw .unreachable(reason: SystemError().description) }
        try deadline.wait(for: POLLOUT, on: socket.number)
        let code = option(socket.number, SOL_SOCKET, SO_ERROR) ?? errno
        guard code == 0 else { throw .unreachable(reason: SystemError(code).description) }
        return socket
    }

    private static func made<Value: ~Copyable>(_ make: () throws -> Value) throws(ServiceClientError) -> Value {
        do { return try make() } catch { throw .unreachable(reason: "\(error)") }
    }

    // MARK: - Asking

    /// Sends a request, short enough that it fits the empty buffer of a fresh connection.
    func send(_ request: [UInt8]) throws(ServiceClientError) {
        _ = try finish { send(request) }
    }

    /// The status of the answer, of which nothing else is read: "HTTP/1.1 200".
    func status() throws(ServiceClientError) -> Int {
        var line: [UInt8] = []
        while line.count < AnswerHead.statusBytes {
            guard try receive(into: &line, atMost: AnswerHead.statusBytes - line.count) else {
                throw .unreachable(reason: "it closed the connection without an answer")
            }
        }
        return try AnswerHead.status(of: line)
    }

    /// The whole answer to `path`, of `limit` bytes at most.
    func answer(to path: String, limit: Int) throws(ServiceClientError) -> ServiceClient.Answer {
        var bytes: [UInt8] = []
        var head: AnswerHead?
        while true {
            if head == nil { head = try AnswerHead(bytes, path) }
            guard head != nil || bytes.count <= AnswerHead.longest else { throw .notHTTP }
            if let head, let length = head.contentLength {
                guard length <= limit - head.length else { throw .answerTooLarge(limit: limit) }
                if bytes.count - head.length >= length { break }
            }
            guard bytes.count <= limit else { throw .answerTooLarge(limit: limit) }
            guard try receive(into: &bytes, atMost: min(Self.portion, limit + 1 - bytes.count)) else {
                guard let head, head.contentLength == nil else {
                    throw .unreachable(reason: "it closed the connection before the end of its answer")
                }
                break
            }
        }
        guard let head else { throw .notHTTP }
        let body = bytes[head.length...]
        return ServiceClient.Answer(status: head.status, body: Array(body.prefix(head.contentLength ?? body.count)))
    }

    /// Appends the next bytes, at least one.
    /// - Returns: false at the end of the connection.
    private func receive(into bytes: inout [UInt8], atMost count: Int) throws(ServiceClientError) -> Bool {
        var part = [UInt8](repeating: 0, count: count)
        let received = try finish { receive(into: &part) }
        bytes += part.prefix(received)
        return received > 0
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

    /// Repeats `step` until it moved bytes, and says how many; 0 at the end of the connection.
    private func finish(_ step: () -> UnverifiedTLSClient.Step) throws(ServiceClientError) -> Int {
        while true {
            switch step() {
            case .bytes(let count): return count
            case .end: return 0
            case .wantsInput: try deadline.wait(for: POLLIN, on: socket.number)
            case .wantsOutput: try deadline.wait(for: POLLOUT, on: socket.number)
            case .certificateWanted: throw .certificateWanted
            case .failed(let reason): throw .unreachable(reason: reason)
            }
        }
    }
}

/// Head of an answer, as far as a client needs it.
private struct AnswerHead {
    let status: Int
    /// Bytes of the body; nil when the end of the connection is its end.
    let contentLength: Int?
    /// Bytes of the head, its empty line among them.
    let length: Int

    /// Bytes of "HTTP/1.1 200".
    static let statusBytes = 12
    /// Bytes without the end of a head that are read at most: that of a service takes less than a thousand.
    static let longest = 64 << 10

    /// The head that `bytes` begin with; nil as long as its end is not there.
    init?(_ bytes: [UInt8], _ path: String) throws(ServiceClientError) {
        let end: [UInt8] = [13, 10, 13, 10]
        if bytes.count >= Self.statusBytes { _ = try Self.status(of: bytes) }
        guard let range = bytes.firstRange(of: end) else { return nil }
        status = try Self.status(of: bytes)
        length = range.upperBound
        let lines = String(decoding: bytes[..<range.lowerBound], as: UTF8.self).split(separator: "\r\n").dropFirst()
        var contentLength: Int?
        for line in lines {
            let (name, value) = (line.prefix { $0 != ":" }.lowercased(), line.drop { $0 != ":" }.dropFirst())
            if name == "transfer-encoding" {
                throw .notUnderstood(
                    path: path, reason: "it has a Transfer-Encoding, which the service itself gives none there")
            }
            guard name == "content-length" else { continue }
            guard let count = Int(value.filter { $0 != " " }), count >= 0 else { throw .notHTTP }
            contentLength = count
        }
        self.contentLength = contentLength
    }

    /// The status of the line that `bytes` begin with.
    static func status(of bytes: [UInt8]) throws(ServiceClientError) -> Int {
        let text = String(decoding: bytes.prefix(statusBytes), as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 "), let status = Int(text.dropFirst(9)) else { throw .notHTTP }
        return status
    }
}

/// Moment when the time for everything together is over.
struct Deadline {
    private let timeout: Duration
    private let end: ContinuousClock.Instant

    init(after timeout: Duration) {
        self.timeout = timeout
        end = .now + timeout
    }

    /// Waits until the socket is ready for `events` of poll(2), or broken.
    func wait(for events: Int32, on socket: Int32) throws(ServiceClientError) {
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
