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

    @Option(
        help: ArgumentHelp(
            """
            An address for monitoring alone, of the same forms; may be repeated. It answers /metrics and /health… without a key, always \
            in plain HTTP, with connections and a thread of its own, until the service has ended.
            """, valueName: "address"))
    var metricsListen: [String] = []

    @Option(help: ArgumentHelp("Open connections of --metrics-listen; more wait to be accepted.", valueName: "n"))
    var maxMetricsConnections = 64

    @Option(help: ArgumentHelp("Permissions of unix: sockets, octal.", valueName: "mode"))
    var socketMode = SocketMode(bits: HTTPServerConfiguration().socketMode)

    /// Addresses of a service.
    struct Addresses: Equatable {
        /// Addresses of the whole service; at least one.
        var service: [ListenAddress]
        /// Addresses for monitoring alone.
        var metrics: [ListenAddress]
    }

    /// - Parameter passed: what the service manager passed.
    /// - Throws: ``CommandError`` for an address of no known form, and for a passed socket that nothing names: it would
    ///   let clients connect, and never answer them.
    func addresses(passed: [PassedSocket]) throws -> Addresses {
        if let port { try check("--port", port, in: 0...65_535) }
        try check("--max-metrics-connections", maxMetricsConnections, in: 1...1_000_000)
        let metrics = try metricsListen.flatMap { try Self.addresses("--metrics-listen", $0, passed) }
        let left = passed.filter { !metrics.contains(.inherited(descriptor: $0.descriptor)) }
        if host == nil, port == nil, listen.isEmpty, !left.isEmpty {
            return Addresses(service: left.map { .inherited(descriptor: $0.descriptor) }, metrics: metrics)
        }
        var service: [ListenAddress] = []
        if host != nil || port != nil || listen.isEmpty {
            service.append(.tcp(host: host ?? Self.defaultHost, port: port ?? Self.defaultPort))
        }
        service += try listen.flatMap { try Self.addresses("--listen", $0, passed) }
        for socket in left where !service.contains(.inherited(descriptor: socket.descriptor)) {
            throw CommandError(
                "socket \(socket.descriptor) (\(socket.name)) was passed, and no --listen names it: add "
                    + "--listen fd:\(socket.descriptor)")
        }
        // Two owners would close a socket twice.
        for address in metrics where address.isInherited && service.contains(address) {
            throw CommandError("\(address) is named by both --listen and --metrics-listen")
        }
        return Addresses(service: service, metrics: metrics)
    }

    /// The addresses that `text` writes: of a name that several passed sockets have, each.
    private static func addresses(
        _ option: String, _ text: String, _ passed: [PassedSocket]
    ) throws -> [ListenAddress] {
        if let address = ListenAddress(text) { return [address] }
        guard text.hasPrefix("fd:"), text.count > 3 else {
            throw CommandError(
                "\(option) is \(text); it must be HOST:PORT, [IPV6]:PORT, *:PORT, unix:PATH, fd:NUMBER or fd:NAME")
        }
        let named = passed.filter { $0.name == text.dropFirst(3) }
        guard !named.isEmpty else {
            throw CommandError("\(option) is \(text); no socket of this name was passed (LISTEN_FDNAMES)")
        }
        return named.map { .inherited(descriptor: $0.descriptor) }
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
