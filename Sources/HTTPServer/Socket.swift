import Glibc

/// An open file descriptor, closed exactly once: when its owner goes.
struct Descriptor: ~Copyable, Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit {
        // EINTR on Linux leaves the descriptor closed; there is nothing to repeat, and nobody to tell of an error.
        _ = close(number)
    }
}

/// A listening TCP socket.
final class ListeningSocket: Sendable {
    private let descriptor: Descriptor
    /// The address in use, numeric.
    let host: String
    let port: Int

    var number: Int32 { descriptor.number }

    /// Only programs of this machine can connect.
    var isLoopback: Bool { host == "::1" || host.hasPrefix("127.") || host.hasPrefix("::ffff:127.") }

    enum Accepted: ~Copyable {
        case connection(Descriptor, peer: String)
        /// None waits.
        case none
        /// The client went away before it was accepted, or a signal came: try the next.
        case again
        /// Out of descriptors or memory, by `errno`.
        case exhausted(Int32)
    }

    /// - Throws: ``HTTPListenError``.
    init(host: String, port: Int, backlog: Int) throws(HTTPListenError) {
        guard (0...65_535).contains(port) else { throw .invalidPort(port) }
        var address = try resolve(host, port)
        let descriptor = Descriptor(
            socket(Int32(address.family), Int32(SOCK_STREAM.rawValue) | socketFlags, 0))
        guard descriptor.number >= 0 else { throw .system(call: "socket", code: errno) }
        try setOption(descriptor.number, SOL_SOCKET, SO_REUSEADDR)

        guard unsafe address.withPointer({ unsafe bind(descriptor.number, $0, $1) }) == 0 else {
            switch errno {
            case EADDRINUSE: throw .addressInUse(host: host, port: port)
            case EADDRNOTAVAIL: throw .addressNotAvailable(host: host)
            case EACCES, EPERM: throw .permissionDenied(port: port)
            default: throw .system(call: "bind", code: errno)
            }
        }
        guard listen(descriptor.number, Int32(clamping: max(backlog, 1))) == 0 else {
            throw errno == EADDRINUSE
                ? .addressInUse(host: host, port: port) : .system(call: "listen", code: errno)
        }
        guard unsafe address.withMutablePointer({ unsafe getsockname(descriptor.number, $0, $1) }) == 0 else {
            throw .system(call: "getsockname", code: errno)
        }
        (self.host, self.port) = try address.numeric()
        self.descriptor = descriptor
    }

    /// Refuses connections from now on, ahead of the close, which is when the last owner lets go.
    func stopListening() {
        _ = shutdown(descriptor.number, Int32(SHUT_RDWR))
    }

    func accept() -> Accepted {
        var address = SocketAddress()
        let number = unsafe address.withMutablePointer { unsafe Glibc.accept(descriptor.number, $0, $1) }
        if number >= 0 {
            let accepted = Descriptor(number)
            // Unlike a listening socket's, these flags are not inherited.
            let ready = fcntl(number, F_SETFL, O_NONBLOCK) == 0 && fcntl(number, F_SETFD, FD_CLOEXEC) == 0
            guard ready else { return .again }
            // The kernel has just written the address, so it has a numeric form.
            return .connection(accepted, peer: (try? address.numeric().0) ?? "")
        }
        switch errno {
        case EAGAIN: return .none
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(errno)
        // Linux also reports errors of the new connection here (accept(2)); they concern no other.
        default: return .again
        }
    }
}

private let socketFlags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

/// A socket address of any family.
private struct SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    var family: sa_family_t { storage.ss_family }

    mutating func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        let length = length
        return unsafe withUnsafePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    mutating func withMutablePointer(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> Int32 {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe withUnsafeMutablePointer(to: &length) { unsafe body(address, $0) }
            }
        }
    }

    /// The numeric host and the port.
    mutating func numeric() throws(HTTPListenError) -> (String, Int) {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let hostSize = socklen_t(host.count)
        let serviceSize = socklen_t(service.count)
        let flags = NI_NUMERICHOST | NI_NUMERICSERV
        let code = unsafe withPointer {
            unsafe getnameinfo($0, $1, &host, hostSize, &service, serviceSize, flags)
        }
        guard code == 0, let port = Int(text(service)) else { throw .system(call: "getnameinfo", code: errno) }
        return (text(host), port)
    }
}

/// The first address of `host`.
private func resolve(_ host: String, _ port: Int) throws(HTTPListenError) -> SocketAddress {
    var hints = unsafe addrinfo()
    unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0, let first = unsafe list else {
        throw .unknownHost(host)
    }
    defer { unsafe freeaddrinfo(list) }
    var address = SocketAddress()
    guard let source = unsafe first.pointee.ai_addr,
        unsafe Int(first.pointee.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size
    else { throw .unknownHost(host) }
    address.length = unsafe first.pointee.ai_addrlen
    unsafe withUnsafeMutableBytes(of: &address.storage) {
        unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: Int(address.length)))
    }
    return address
}

private func setOption(_ number: Int32, _ level: Int32, _ option: Int32) throws(HTTPListenError) {
    var on: Int32 = 1
    guard unsafe setsockopt(number, level, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
        throw .system(call: "setsockopt", code: errno)
    }
}

private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The system's words for an `errno`.
func systemErrorText(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return text(buffer)
}

/// Processors that this process may run on, at least 1.
public func availableCores() -> Int {
    max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1)
}
