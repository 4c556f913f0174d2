public import HTTPWire

/// Where a server listens and what it allows.
public struct HTTPServerConfiguration: Sendable {
    /// A numeric address or a name; of a name, its first address is used.
    public var host = "127.0.0.1"
    /// 0 for any free port; ``HTTPServer/start()`` says which.
    public var port = 8080
    /// With it the port speaks TLS; Unix sockets never do.
    public var tls: TLSCredentials?
    public var limits = HTTPLimits()
    public var timeouts = HTTPTimeouts()
    /// Open connections, all together. Further ones wait in the kernel's backlog until one closes.
    public var maxConnections = 1024
    /// Of them from one IPv4 address or one IPv6 network of 64 bits; further ones are closed. 0 for any number, which a
    /// server behind a proxy needs. Unix sockets are not counted.
    public var maxConnectionsPerClient = 256
    /// Connections that the kernel holds before they are accepted.
    public var backlog = 512
    /// Serial queues that connections are spread over, each worth one core; at least 1.
    public var ioQueues = availableCores()

    public init() {}
}

/// Why a server could not start to listen. The description is one line, fit for a terminal.
public enum HTTPListenError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `host` is neither an address nor a name that resolves.
    case unknownHost(String)
    case addressInUse(host: String, port: Int)
    /// `host` is no address of this machine.
    case addressNotAvailable(host: String)
    /// Ports below 1024 belong to the system.
    case permissionDenied(port: Int)
    /// `port` is not in 0...65535.
    case invalidPort(Int)
    case alreadyStarted
    /// Any other failure of `call`, by its `errno`.
    case system(call: String, code: Int32)

    public var description: String {
        switch self {
        case .unknownHost(let host): "host \(host) is neither an address nor a name that resolves"
        case .addressInUse(let host, let port): "port \(port) of \(host) is in use"
        case .addressNotAvailable(let host): "host \(host) is no address of this machine"
        case .permissionDenied(let port): "no permission to listen on port \(port)"
        case .invalidPort(let port): "port \(port) is not between 0 and 65535"
        case .alreadyStarted: "the server was started before"
        case .system(let call, let code): "\(call) failed: \(systemErrorText(code))"
        }
    }
}
