public import HTTPWire
public import Logging
public import Metrics
import Synchronization

/// An HTTP/1.1 server over non-blocking sockets, each of which belongs to one of a few threads.
///
/// It runs from ``start()`` to ``stop(grace:)``, once. What happens on a connection: docs/reference/http-server.md.
public final class HTTPServer: Sendable {
    private enum State {
        case ready
        case running(Listener, [IOLoop])
        case stopped
    }

    private let configuration: HTTPServerConfiguration
    private let handler: any HTTPHandler
    private let metrics: ServerMetrics
    private let logger: Logger
    private let state = Mutex(State.ready)

    /// - Parameters:
    ///   - metrics: set in which the server declares what it counts.
    ///   - logger: log of what concerns the server rather than one request.
    public init(
        configuration: HTTPServerConfiguration, handler: any HTTPHandler, metrics: MetricSet = MetricSet(),
        logger: Logger
    ) {
        self.configuration = configuration
        self.handler = handler
        self.metrics = ServerMetrics(in: metrics, configuration)
        self.logger = logger
    }

    /// Listens and serves from now on.
    /// - Returns: the addresses in use, numeric; more than were configured when a name has several, else in their order.
    /// - Throws: ``HTTPListenError``.
    @discardableResult
    public func start() throws(HTTPListenError) -> [ListenAddress] {
        try state.withLock { state throws(HTTPListenError) in
            guard case .ready = state else { throw .alreadyStarted }
            let sockets = try ListeningSocket.open(configuration)
            let listener = try Listener(
                sockets: sockets, configuration: configuration, metrics: metrics, logger: logger)
            let bodyMemory = BodyMemory(configuration.bodyMemory)
            var loops: [IOLoop] = []
            for _ in 0..<max(configuration.ioQueues, 1) {
                loops.append(
                    try IOLoop(
                        configuration: configuration, handler: handler,
                        metrics: metrics, bodyMemory: bodyMemory, logger: logger,
                        onClose: { listener.connectionClosed(from: $0) }))
            }
            for loop in loops { loop.start() }
            listener.start(loops)
            state = .running(listener, loops)
            warnOfExpiry()
            return sockets.map(\.address)
        }
    }

    /// Days until the certificate, or one of its chain, expires; negative when it has; nil without TLS.
    public var certificateDaysLeft: Double? { configuration.tls?.daysLeft }

    /// Reads certificate, key and client authorities again, for the handshakes from now on; open connections keep what
    /// they have. Without TLS there is nothing to do.
    /// - Throws: ``TLSError``; then everything stays as it is.
    public func reloadTLS() throws(TLSError) {
        guard let tls = configuration.tls else { return }
        try tls.reload()
        logger.info("the TLS certificate was read again")
        warnOfExpiry()
    }

    /// Days before expiry from which on there is a warning: a program that renews certificates has long done so by then.
    private static let expiryWarningDays = 14.0

    private func warnOfExpiry() {
        guard let days = certificateDaysLeft, days < Self.expiryWarningDays else { return }
        let message: Logger.Message =
            days < 0
            ? "the TLS certificate has expired" : "the TLS certificate expires within \(Int(days.rounded(.up))) days"
        logger.warning(message)
    }

    /// Makes every answer from now on the last of its connection (`Connection: close`), and goes on accepting and
    /// answering: clients and load balancers leave without losing a request.
    public func endPersistence() async {
        guard let (_, loops) = running else { return }
        for loop in loops { await loop.endPersistence() }
    }

    /// Accepts no more, closes idle connections, answers the requests that have begun, and returns when every
    /// connection is closed; those that are not after `grace` are cut off, and their handlers cancelled.
    ///
    /// - Returns: how many requests had begun and were cut off.
    @discardableResult
    public func stop(grace: Duration) async -> Int {
        let running: (Listener, [IOLoop])? = state.withLock { state in
            defer { state = .stopped }
            if case .running(let listener, let loops) = state { return (listener, loops) }
            return nil
        }
        guard let (listener, loops) = running else { return 0 }
        // First, so that no answer between the steps promises another.
        for loop in loops { await loop.endPersistence() }
        await listener.close()
        return await withTaskGroup { group in
            for loop in loops {
                group.addTask { await loop.drain(grace: grace) }
            }
            return await group.reduce(0, +)
        }
    }

    /// Returns once every thread of the server has come to it, which shows that none of them hangs.
    public func passQueues() async {
        guard let (listener, loops) = running else { return }
        await listener.pass()
        for loop in loops { await loop.pass() }
    }

    private var running: (Listener, [IOLoop])? {
        state.withLock { state in
            if case .running(let listener, let loops) = state { (listener, loops) } else { nil }
        }
    }
}
