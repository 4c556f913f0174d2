import Dispatch
import Glibc

/// What can go wrong at the client's end of a test.
package enum RawSocketError: Error, Equatable {
    case system(call: String, code: Int32)
    /// Nothing came, or nothing was taken, for the whole timeout.
    case timeout
    /// The server closed or reset the connection where more was expected.
    case closed
    /// The answer is not HTTP.
    case malformed(String)
}

/// An answer as it came over the wire, with its chunks joined.
package struct RawResponse: Sendable, Equatable {
    package var status: Int
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of the first field called `name`.
    package subscript(_ name: String) -> String? {
        fields.first { $0.name == name.lowercased() }?.value
    }

    package static func == (a: RawResponse, b: RawResponse) -> Bool {
        a.status == b.status && a.body == b.body && a.fields.elementsEqual(b.fields) { $0 == $1 }
    }
}

/// A place on this machine that a test connects to.
package enum RawSocketAddress: Sendable {
    /// 127.0.0.1, or another address of 32 bits.
    case ipv4(_ number: UInt32 = 0x7F00_0001, port: Int)
    /// ::1.
    case ipv6(port: Int)
    case unix(path: String)

    var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Connects `descriptor` as `connect(2)` does.
    func connect(_ descriptor: Int32) -> Int32 {
        func connect<Address>(_ address: Address) -> Int32 {
            var address = address
            return unsafe withUnsafePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
                }
            }
        }
        switch self {
        case .ipv4(let number, let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(number).bigEndian
            return connect(address)
        case .ipv6(let port):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = in_port_t(port).bigEndian
            address.sin6_addr = in6addr_loopback
            return connect(address)
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8.prefix(107)) }
            return connect(address)
        }
    }
}

/// A client that sends any bytes at all, and whose every step ends by itself after a timeout.
///
/// Its calls block a thread of their own, never one that the server under test may need.
package actor RawSocketClient {
    private let descriptor: Int32
    // One thread each way, so that a test can read while it sends.
    private let sender = DispatchQueue(label: "tusk.test.client.send")
    private let receiver = DispatchQueue(label: "tusk.test.client.receive")
    private var received: [UInt8] = []
    private var isOpen = true
    private var tls: TLSClientSession?

    /// Connects to `port` of a loopback address, 127.0.0.1 by default.
    /// - Parameter receiveBuffer: bytes that the kernel holds for a client that does not read; its default is large.
    package init(
        address number: UInt32 = 0x7F00_0001, port: Int, timeout: Duration = .seconds(600), receiveBuffer: Int? = nil
    ) throws {
        try self.init(.ipv4(number, port: port), timeout: timeout, receiveBuffer: receiveBuffer)
    }

    package init(_ address: RawSocketAddress, timeout: Duration = .seconds(600), receiveBuffer: Int? = nil) throws {
        descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw RawSocketError.system(call: "socket", code: errno) }
        let (seconds, attoseconds) = timeout.components
        var limit = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        if var size = receiveBuffer.map(Int32.init) {
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        // The socket is closed by deinit, which runs although this throws: every property has its value.
        guard address.connect(descriptor) == 0 else { throw RawSocketError.system(call: "connect", code: errno) }
    }

    deinit {
        if isOpen { Glibc.close(descriptor) }
    }

    /// Closes the connection; with bytes unread the server sees a reset.
    package func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(descriptor)
    }

    /// Closes the sending side only.
    package func finishWriting() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    package func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    package func send(_ bytes: [UInt8]) async throws {
        try await sendRaw(tls?.encrypt(bytes) ?? bytes)
    }

    /// Sends bytes past TLS.
    package func sendRaw(_ bytes: [UInt8]) async throws {
        let descriptor = descriptor
        try await blocking(on: sender) {
            var sent = 0
            while sent < bytes.count {
                let count = unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Self.error("send") }
                sent += count
            }
        }
    }

    /// Some bytes, at least one, or none when the server has closed its side.
    package func read(atMost limit: Int = 65_536) async throws -> [UInt8] {
        if !received.isEmpty {
            defer { received.removeFirst(min(limit, received.count)) }
            return Array(received.prefix(limit))
        }
        guard let tls else { return try await receive(atMost: limit) }
        while true {
            switch try tls.decrypt(atMost: limit) {
            case .bytes(let bytes): return bytes
            case .ended: return []
            case .wantsInput:
                let output = tls.takeOutput()
                if !output.isEmpty { try await sendRaw(output) }
                let part = try await receive(atMost: 65_536)
                // Without a close_notify it is not the server's end of the answer, but a cut.
                guard !part.isEmpty else { throw RawSocketError.closed }
                tls.feed(part)
            }
        }
    }

    private func receive(atMost limit: Int) async throws -> [UInt8] {
        let descriptor = descriptor
        return try await blocking(on: receiver) {
            var buffer = [UInt8](repeating: 0, count: limit)
            let count = unsafe recv(descriptor, &buffer, limit, 0)
            guard count >= 0 else { throw Self.error("recv") }
            return Array(buffer.prefix(count))
        }
    }

    /// Shakes hands; from then on everything goes through TLS.
    /// - Parameter cut: bytes of each piece that the client's part of the handshake is sent in.
    /// - Throws: ``TLSClientError``; ``RawSocketError/closed`` when the server gives up without an alert.
    @discardableResult
    package func startTLS(_ options: TLSClientOptions = .init(), cut: Int = .max) async throws -> TLSClientSession {
        let session = try TLSClientSession(options)
        while true {
            let isDone = try session.handshake()
            var output = session.takeOutput()[...]
            while !output.isEmpty {
                try await sendRaw(Array(output.prefix(cut)))
                output = output.dropFirst(cut)
            }
            if isDone { break }
            let part = try await receive(atMost: 65_536)
            guard !part.isEmpty else { throw RawSocketError.closed }
            session.feed(part)
        }
        tls = session
        return session
    }

    /// Tells the server by TLS that nothing more will come; the socket stays open.
    package func sendCloseNotify() async throws {
        guard let tls else { return }
        try await sendRaw(tls.closeNotify())
    }

    /// All that comes until the server closes its side.
    package func readToEnd() async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let part = try await read()
            if part.isEmpty { return all }
            all += part
        }
    }

    /// The next answer, interim answers (100) included.
    /// - Parameter head: whether it answers HEAD, and so has no body.
    package func response(toHEAD head: Bool = false) async throws -> RawResponse {
        let lines = try await line(endingWith: "\r\n\r\n").split(separator: "\r\n").map(String.init)
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw RawSocketError.malformed(lines[0])
        }
        let fields = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":") else { throw RawSocketError.malformed(line) }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (name: line[..<colon].lowercased(), value: String(value))
        }
        var response = RawResponse(status: status, fields: fields, body: [])
        if head || status < 200 || status == 204 || status == 304 { return response }
        if response["transfer-encoding"] == "chunked" {
            while true {
                let text = try await line(endingWith: "\r\n")
                guard let size = Int(text, radix: 16) else { throw RawSocketError.malformed(text) }
                response.body += try await exactly(size)
                guard try await exactly(2) == Array("\r\n".utf8) else { throw RawSocketError.malformed("chunk") }
                if size == 0 { return response }
            }
        } else if let length = response["content-length"].flatMap({ Int($0) }) {
            response.body = try await exactly(length)
        } else {
            response.body = try await readToEnd()
        }
        return response
    }

    /// Sends `text` and returns the answer.
    package func roundTrip(_ text: String) async throws -> RawResponse {
        try await send(text)
        return try await response()
    }

    private func line(endingWith end: String) async throws -> String {
        let end = Array(end.utf8)
        while true {
            if let range = received.firstRange(of: end) {
                let line = String(decoding: received[..<range.lowerBound], as: UTF8.self)
                received.removeSubrange(..<range.upperBound)
                return line
            }
            try await fill()
        }
    }

    private func exactly(_ count: Int) async throws -> [UInt8] {
        while received.count < count { try await fill() }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    private func fill() async throws {
        let held = received
        received = []
        let part = try await read()
        received = held + part
        if part.isEmpty { throw RawSocketError.closed }
    }

    private func blocking<Result: Sendable>(
        on thread: DispatchQueue, _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            thread.async { continuation.resume(with: Swift.Result(catching: body)) }
        }
    }

    private static func error(_ call: String) -> RawSocketError {
        switch errno {
        case EAGAIN: .timeout
        case ECONNRESET, EPIPE: .closed
        case let code: .system(call: call, code: code)
        }
    }
}
