import ArgumentParser
import HTTPServer

/// Options that say where `tusk serve` listens.
struct ListenArguments: ParsableArguments {
    static let defaultHost = "127.0.0.1"
    static let defaultPort = 8080

    @Option(
        help: """
            Address or name to listen on, with --port; 0.0.0.0 for all IPv4 addresses of this machine, * for those of \
            IPv6 as well. (default: \(defaultHost))
            """)
    var host: String?

    @Option(help: "Port to listen on; 0 for any free one. (default: \(defaultPort))")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            """
            Another address to listen on; may be repeated. HOST:PORT, [IPV6]:PORT, *:PORT (IPv4 and IPv6), unix:PATH, \
            or a listening socket that was passed: fd:NUMBER, fd:NAME. Without it, --host and --port the sockets that \
            systemd passed.
            """, valueName: "address"))
    var listen: [String] = []

    @Option(help: ArgumentHelp("Permissions of unix: sockets, octal.", valueName: "mode"))
    var socketMode = SocketMode(bits: HTTPServerConfiguration().socketMode)

    /// - Parameter passed: what the service manager passed.
    /// - Throws: ``CommandError`` for an address of no known form, and for a passed socket that nothing names: it would
    ///   let clients connect, and never answer them.
    func addresses(passed: [PassedSocket]) throws -> [ListenAddress] {
        if let port { try check("--port", port, in: 0...65_535) }
        if host == nil, port == nil, listen.isEmpty, !passed.isEmpty {
            return passed.map { .inherited(descriptor: $0.descriptor) }
        }
        var addresses: [ListenAddress] = []
        if host != nil || port != nil || listen.isEmpty {
            addresses.append(.tcp(host: host ?? Self.defaultHost, port: port ?? Self.defaultPort))
        }
        for text in listen {
            if let address = ListenAddress(text) {
                addresses.append(address)
                continue
            }
            guard text.hasPrefix("fd:"), text.count > 3 else {
                throw CommandError(
                    "--listen is \(text); it must be HOST:PORT, [IPV6]:PORT, *:PORT, unix:PATH, fd:NUMBER or fd:NAME")
            }
            let named = passed.filter { $0.name == text.dropFirst(3) }
            guard !named.isEmpty else {
                throw CommandError("--listen is \(text); no socket of this name was passed (LISTEN_FDNAMES)")
            }
            addresses += named.map { .inherited(descriptor: $0.descriptor) }
        }
        for socket in passed where !addresses.contains(.inherited(descriptor: socket.descriptor)) {
            throw CommandError(
                "socket \(socket.descriptor) (\(socket.name)) was passed, and no --listen names it: add "
                    + "--listen fd:\(socket.descriptor)")
        }
        return addresses
    }
}

/// Permissions in octal, 0 to 777.
struct SocketMode: ExpressibleByArgument, CustomStringConvertible {
    var bits: UInt32

    init(bits: UInt32) { self.bits = bits }

    init?(argument: String) {
        guard let bits = UInt32(argument, radix: 8), bits <= 0o777 else { return nil }
        self.bits = bits
    }

    var description: String { "0" + String(bits, radix: 8) }
    var defaultValueDescription: String { description }
}
