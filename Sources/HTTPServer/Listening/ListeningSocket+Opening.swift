import Glibc
import System

extension ListeningSocket {
    /// Listens on all of `addresses`, or on none.
    /// - Throws: ``HTTPListenError``.
    static func open(_ configuration: HTTPServerConfiguration) throws(HTTPListenError) -> [ListeningSocket] {
        guard !configuration.addresses.isEmpty else { throw .noAddress }
        var sockets: [ListeningSocket] = []
        do throws(HTTPListenError) {
            for address in configuration.addresses {
                switch address {
                case .tcp("*", let port):
                    sockets.append(try everyAddress(port: port, backlog: configuration.backlog))
                case .tcp(let host, let port):
                    try check(port)
                    sockets += try tcp(
                        SocketAddress.resolve(host, port), of: host, port: port, backlog: configuration.backlog)
                case .unix(let path):
                    sockets.append(try unix(path, mode: configuration.socketMode, backlog: configuration.backlog))
                case .inherited(let descriptor):
                    // Two owners would close it twice.
                    guard !sockets.contains(where: { $0.number == descriptor }) else { throw .addressInUse(address) }
                    sockets.append(try inherited(descriptor))
                }
            }
        } catch {
            for socket in sockets { socket.removeFile() }
            throw error
        }
        return sockets
    }

    // MARK: TCP

    private static func check(_ port: Int) throws(HTTPListenError) {
        guard (0...65_535).contains(port) else { throw .invalidPort(port) }
    }

    /// Opens one socket for all addresses of both families; where the machine has no IPv6, for those of IPv4.
    private static func everyAddress(port: Int, backlog: Int) throws(HTTPListenError) -> ListeningSocket {
        try check(port)
        do throws(HTTPListenError) {
            return try tcp(SocketAddress.resolve("::", port)[0], of: "*", port: port, bothFamilies: true, backlog)
        } catch  where isMissingFamily(error) {
            return try tcp(SocketAddress.resolve("0.0.0.0", port)[0], of: "*", port: port, backlog)
        }
    }

    /// Opens a socket for each of the addresses of `host`, all on one port. An address that this machine does not have is
    /// passed over if it has another: `localhost` often names `::1` where IPv6 is off.
    /// - Throws: ``HTTPListenError``.
    package static func tcp(
        _ addresses: [SocketAddress], of host: String, port: Int, backlog: Int
    ) throws(HTTPListenError) -> [ListeningSocket] {
        var attempts = 16
        while true {
            var sockets: [ListeningSocket] = []
            var missing: HTTPListenError?
            do throws(HTTPListenError) {
                for address in addresses {
                    // With port 0 the first address finds a free one, which the others then want too.
                    let port = sockets.first?.address.port ?? port
                    do throws(HTTPListenError) {
                        sockets.append(try tcp(address.with(port: port), of: host, port: port, backlog))
                    } catch  where isMissingFamily(error) || error == .addressNotAvailable(host: host) {
                        missing = error
                    }
                }
            } catch {
                attempts -= 1
                if case .addressInUse = error, port == 0, attempts > 0 { continue }
                throw error
            }
            if sockets.isEmpty, let missing { throw missing }
            return sockets
        }
    }

    private static func isMissingFamily(_ error: HTTPListenError) -> Bool {
        switch error {
        case .system("socket", EAFNOSUPPORT), .addressNotAvailable(host: "*"): true
        default: false
        }
    }

    private static func tcp(
        _ address: SocketAddress, of host: String, port: Int, bothFamilies: Bool = false, _ backlog: Int
    ) throws(HTTPListenError) -> ListeningSocket {
        var address = address
        let descriptor = try newStreamSocket(family: address.family)
        try setOption(descriptor.number, SOL_SOCKET, SO_REUSEADDR)
        if address.family == AF_INET6 {
            // Said always, so that what an address means does not hang on the machine's settings.
            try setOption(descriptor.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, bothFamilies ? 0 : 1)
        }
        guard unsafe address.withPointer({ unsafe bind(descriptor.number, $0, $1) }) == 0 else {
            switch errno {
            case EADDRINUSE: throw .addressInUse(.tcp(host: host, port: port))
            case EADDRNOTAVAIL: throw .addressNotAvailable(host: host)
            case EACCES, EPERM: throw .permissionDenied(.tcp(host: host, port: port))
            default: throw .system(call: "bind", code: errno)
            }
        }
        guard listen(descriptor.number, Int32(clamping: max(backlog, 1))) == 0 else {
            throw errno == EADDRINUSE
                ? .addressInUse(.tcp(host: host, port: port)) : .system(call: "listen", code: errno)
        }
        let bound = try boundAddress(descriptor.number)
        return ListeningSocket(descriptor, address: bound)
    }

    // MARK: Unix

    private static func unix(_ path: String, mode: UInt32, backlog: Int) throws(HTTPListenError) -> ListeningSocket {
        var address = try SocketAddress(unixPath: path)
        try clear(path, &address)
        let descriptor = try newStreamSocket(family: AF_UNIX)
        guard unsafe address.withPointer({ unsafe bind(descriptor.number, $0, $1) }) == 0 else {
            switch errno {
            case EADDRINUSE: throw .addressInUse(.unix(path: path))
            case EACCES, EPERM: throw .permissionDenied(.unix(path: path))
            default: throw .cannotCreate(path: path, code: errno)
            }
        }
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { throw .cannotCreate(path: path, code: errno) }
        let socket = ListeningSocket(
            descriptor, address: .unix(path: path), file: File(path: path, device: status.st_dev, node: status.st_ino))
        // Before it listens nobody can connect, so the permissions hold for the first client too.
        guard unsafe chmod(path, mode) == 0, listen(socket.number, Int32(clamping: max(backlog, 1))) == 0 else {
            let code = errno
            socket.removeFile()
            throw .cannotCreate(path: path, code: code)
        }
        return socket
    }

    /// Removes a socket file that nobody listens on any more, as a process leaves it that was killed.
    private static func clear(_ path: String, _ address: inout SocketAddress) throws(HTTPListenError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }  // binding tells why, should it matter
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocketFile(path: path) }
        let probe = try newStreamSocket(family: AF_UNIX)
        guard unsafe address.withPointer({ unsafe connect(probe.number, $0, $1) }) != 0 else {
            throw .addressInUse(.unix(path: path))
        }
        switch errno {
        case ECONNREFUSED: break
        case ENOENT: return
        case EACCES, EPERM: throw .permissionDenied(.unix(path: path))
        // Its backlog is full, or it is a socket of another type: someone has it.
        default: throw .addressInUse(.unix(path: path))
        }
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .permissionDenied(.unix(path: path)) }
    }

    // MARK: Inherited

    private static func inherited(_ number: Int32) throws(HTTPListenError) -> ListeningSocket {
        guard fcntl(number, F_GETFD) >= 0 else { throw .badDescriptor(number) }
        guard option(number, SOL_SOCKET, SO_ACCEPTCONN) == 1,
            option(number, SOL_SOCKET, SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            let family = option(number, SOL_SOCKET, SO_DOMAIN), [AF_INET, AF_INET6, AF_UNIX].contains(family)
        else { throw .notListening(number) }
        let descriptor = Descriptor(number)
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0, fcntl(number, F_SETFD, FD_CLOEXEC) == 0
        else { throw .system(call: "fcntl", code: errno) }
        let address = try boundAddress(number)
        return ListeningSocket(descriptor, address: address, isInherited: true)
    }

    private static func boundAddress(_ number: Int32) throws(HTTPListenError) -> ListenAddress {
        var address = SocketAddress()
        guard unsafe address.withMutablePointer({ unsafe getsockname(number, $0, $1) }) == 0 else {
            throw .system(call: "getsockname", code: errno)
        }
        if address.family == AF_UNIX { return .unix(path: address.unixPath()) }
        let (host, port) = try address.numeric()
        let isBoth = host == "::" && option(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY) == 0
        return .tcp(host: isBoth ? "*" : host, port: port)
    }
}
