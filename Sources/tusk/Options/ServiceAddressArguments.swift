import ArgumentParser
import HTTPServer

/// Options that say which running service is asked, and for how long.
struct ServiceAddressArguments: ParsableArguments {
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

    /// All addresses of the name given, in the resolver's order.
    /// - Throws: ``CommandError``, `HTTPListenError`.
    func addresses() throws -> [SocketAddress] {
        switch address {
        case .unix(let path): return [try SocketAddress(unixPath: path)]
        case .tcp(let host, let port):
            try tusk.check(listen == nil ? "--port" : "the port of --listen", port, in: 1...65_535)
            // A service that listens on all addresses listens on this one.
            return try SocketAddress.resolve(host == "*" ? ListenArguments.defaultHost : host, port)
        case .inherited, nil:
            throw CommandError("--listen is \(listen ?? ""); it must be HOST:PORT, [IPV6]:PORT, *:PORT or unix:PATH")
        }
    }

    /// A client of the service.
    /// - Throws: as ``addresses()``.
    func client() throws -> ServiceClient { ServiceClient(addresses: try addresses(), timeout: .seconds(timeout)) }

    /// The address as it was written.
    var name: String { address.map(String.init) ?? listen ?? "" }

    private var address: ListenAddress? {
        let given = ListenAddress.tcp(
            host: host ?? ListenArguments.defaultHost, port: port ?? ListenArguments.defaultPort)
        return listen.map(ListenAddress.init) ?? given
    }
}
