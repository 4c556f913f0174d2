public import HTTPWire
import System

/// Addresses and limits of a server.
public struct HTTPServerConfiguration: Sendable {
    /// Addresses to listen on, which share the queues and ``maxConnections``. ``HTTPServer/start()`` says what they became.
    public var addresses = [ListenAddress.tcp(host: "127.0.0.1", port: 8080)]
    /// Permissions of the file of a Unix socket: who may write to it may connect.
    public var socketMode: UInt32 = 0o660
    /// Certificate and key, with which the ports speak TLS; Unix sockets never do.
    public var tls: TLSCredentials?
    /// Bounds on what one connection may make the server hold or do.
    public var limits = HTTPLimits()
    /// Times that a connection may take over each thing.
    public var timeouts = HTTPTimeouts()
    /// Whether a client that said that a request is its last (`Connection: close`, or HTTP/1.0 without keep-alive) may close
    /// its side of the connection and still wait for the answer; otherwise it counts as gone, and its work is dropped.
    public var allowsHalfClose = false
    /// Most open connections, all together. Further ones wait in the kernel's backlog until one closes.
    public var maxConnections = 1024
    /// Most open connections from one IPv4 address or one IPv6 network of 64 bits; further ones are closed. 0 for any number,
    /// which a server behind a proxy needs. Unix sockets are not counted.
    public var maxConnectionsPerClient = 256
    /// Bounds of the memory that request bodies take; one that finds no room is refused with
    /// ``HTTPServerError/bodyMemoryFull(limit:)`` or ``HTTPServerError/clientMemoryFull(limit:)``.
    public var bodyMemory = BodyMemoryLimits()
    /// Most connections that the kernel holds before they are accepted.
    public var backlog = 512
    /// Number of serial queues that connections are spread over, each worth one core; at least 1.
    public var ioQueues = Processors.count

    /// The defaults.
    public init() {}
}
