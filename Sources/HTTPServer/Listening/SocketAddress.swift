package import Glibc
import System

/// A socket address of any family.
package struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// Family of the address, such as `AF_INET`.
    package var family: Int32 { Int32(storage.ss_family) }

    /// Whether what is sent there stays on this machine: to a Unix socket or a loopback address.
    package var isThisMachine: Bool {
        if family == AF_UNIX { return true }
        var copy = self
        guard let host = try? copy.numeric().host else { return false }
        return host == "::1" || host.hasPrefix("127.")
    }

    /// An address that is none yet, for the kernel to fill in.
    init() {}

    /// The address of the first `length` bytes at `source`; nil when there is none, or it is too long.
    @unsafe init?(copying source: UnsafePointer<sockaddr>?, _ length: socklen_t) {
        guard let source = unsafe source, Int(length) <= MemoryLayout<sockaddr_storage>.size else { return nil }
        self.length = length
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: Int(length)))
        }
    }

    /// A Unix socket at `path` in the file system (unix(7)).
    /// - Throws: ``HTTPListenError/pathTooLong(path:limit:)``.
    package init(unixPath path: String) throws(HTTPListenError) {
        // The path ends with a zero within the field.
        try self.init(unixName: Array(path.utf8) + [0], path)
    }

    /// A Unix socket called `name`, outside the file system (unix(7)).
    /// - Throws: ``HTTPListenError/pathTooLong(path:limit:)``.
    package init(abstractName name: String) throws(HTTPListenError) {
        try self.init(unixName: [0] + Array(name.utf8), "@\(name)")
    }

    private init(unixName bytes: [UInt8], _ path: String) throws(HTTPListenError) {
        let size = MemoryLayout<sockaddr_un>.size - Self.unixPathOffset
        guard bytes.count <= size else { throw .pathTooLong(path: path, limit: size - 1) }
        storage.ss_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &storage) {
            for (index, byte) in bytes.enumerated() { unsafe $0[Self.unixPathOffset + index] = byte }
        }
        length = socklen_t(Self.unixPathOffset + bytes.count)
    }

    private static let unixPathOffset =
        MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: sockaddr_un().sun_path)

    /// Calls `body` with the address and its length in bytes, as calls of the system take them.
    package mutating func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
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

    /// The address with another port; for IPv4 and IPv6 alone.
    func with(port: Int) -> SocketAddress {
        var copy = self
        let port = in_port_t(port).bigEndian
        unsafe withUnsafeMutableBytes(of: &copy.storage) { bytes in
            let offset =
                family == AF_INET6
                ? MemoryLayout<sockaddr_in6>.offset(of: \.sin6_port)
                : MemoryLayout<sockaddr_in>.offset(of: \.sin_port)
            guard let offset else { preconditionFailure("a stored field has an offset") }
            unsafe bytes.storeBytes(of: port, toByteOffset: offset, as: in_port_t.self)
        }
        return copy
    }

    /// The numeric host and the port of an IPv4 or IPv6 address. An IPv4 client of a socket for both families is
    /// written as IPv4.
    mutating func numeric() throws(HTTPListenError) -> (host: String, port: Int) {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let hostSize = socklen_t(host.count)
        let serviceSize = socklen_t(service.count)
        let flags = NI_NUMERICHOST | NI_NUMERICSERV
        let code = unsafe withPointer {
            unsafe getnameinfo($0, $1, &host, hostSize, &service, serviceSize, flags)
        }
        guard code == 0, let port = Int(String(zeroTerminated: service)) else {
            throw .system(call: "getnameinfo", code: errno)
        }
        let name = String(zeroTerminated: host)
        let mapped = "::ffff:"
        return (name.hasPrefix(mapped) && name.contains(".") ? String(name.dropFirst(mapped.count)) : name, port)
    }

    /// The path of a Unix socket; empty when it has none.
    func unixPath() -> String {
        let offset = Self.unixPathOffset
        guard Int(length) > offset else { return "" }
        var storage = storage
        let bytes = unsafe withUnsafeBytes(of: &storage) { unsafe Array($0[offset..<Int(length)]) }
        // An abstract one begins with a zero, which is written as an @.
        if bytes.first == 0 { return "@" + String(decoding: bytes.dropFirst(), as: UTF8.self) }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The addresses of `host`, each once, in the resolver's order; at least one.
    /// - Throws: ``HTTPListenError/unknownHost(_:)``.
    package static func resolve(_ host: String, _ port: Int) throws(HTTPListenError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICSERV
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else { throw .unknownHost(host) }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var names: Set<String> = []
        var next = unsafe list
        while let entry = unsafe next {
            unsafe next = entry.pointee.ai_next
            guard
                var address = unsafe SocketAddress(copying: entry.pointee.ai_addr, entry.pointee.ai_addrlen),
                names.insert(try address.numeric().host).inserted
            else { continue }
            found.append(address)
        }
        guard !found.isEmpty else { throw .unknownHost(host) }
        return found
    }
}
