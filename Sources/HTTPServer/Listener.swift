import Dispatch
import HTTPWire
import Logging

/// Accepts connections and deals them out to the I/O loops.
actor Listener {
    nonisolated let executor = QueueExecutor(label: "tusk.http.accept")
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private let socket: ListeningSocket
    private let maxConnections: Int
    private let tls: TLSCredentials?
    private let logger: Logger
    private var loops: [IOLoop] = []
    private var nextLoop = 0
    private var open = 0
    private var clients: ClientCount
    private var source: (any DispatchSourceRead)?
    private var isListening = false
    /// Out of descriptors: tries again in a moment.
    private var isResting = false

    private var lastWarning: Nanoseconds?

    /// A busy server would repeat itself many times a second.
    private static let warningInterval: Nanoseconds = 10_000_000_000
    /// A listening socket stays readable while accept fails, so without a rest it would take a whole core.
    private static let rest = DispatchTimeInterval.milliseconds(100)

    init(
        socket: ListeningSocket, maxConnections: Int, maxConnectionsPerClient: Int, tls: TLSCredentials?,
        logger: Logger
    ) {
        self.socket = socket
        self.tls = tls
        self.maxConnections = max(maxConnections, 1)
        clients = ClientCount(limit: maxConnectionsPerClient)
        self.logger = logger
    }

    nonisolated func start(_ loops: [IOLoop]) {
        executor.queue.async { self.assumeIsolated { $0.begin(loops) } }
    }

    /// Tells that a connection from `peer` is gone, from any queue.
    nonisolated func connectionClosed(from peer: String) {
        executor.queue.async { self.assumeIsolated { $0.noteClosed(from: peer) } }
    }

    /// Accepts what already waits, then closes the listening socket and returns.
    func close() async {
        guard let source else { return }
        acceptAll()
        socket.stopListening()
        self.source = nil
        await withCheckedContinuation { done in
            source.setCancelHandler { [socket] in
                withExtendedLifetime(socket) {}
                done.resume()
            }
            if !isListening { source.resume() }
            source.cancel()
        }
        loops = []
    }

    private func begin(_ loops: [IOLoop]) {
        self.loops = loops
        let source = DispatchSource.makeReadSource(fileDescriptor: socket.number, queue: executor.queue)
        source.setEventHandler { [weak self] in self?.assumeIsolated { $0.acceptAll() } }
        source.setCancelHandler { [socket] in withExtendedLifetime(socket) {} }
        source.activate()
        self.source = source
        isListening = true
    }

    private func acceptAll() {
        guard source != nil else { return }
        while open < maxConnections, !isResting {
            switch socket.accept() {
            case .connection(let descriptor, let peer):
                // Closed without a word: an answer would cost the work and the memory that the limit is there to save,
                // under TLS a whole handshake.
                guard clients.admit(peer) else {
                    warn("a client is at its limit of connections")
                    continue
                }
                let info = ConnectionInfo(peer: peer, isLoopback: socket.isLoopback)
                guard let transport = makeTransport(descriptor, info: info, tls: tls) else {
                    warn("no memory for another TLS connection")
                    clients.leave(peer)
                    continue
                }
                open += 1
                let loop = loops[nextLoop]
                nextLoop = (nextLoop + 1) % loops.count
                loop.executor.queue.async { loop.assumeIsolated { $0.adopt(transport) } }
            case .none: return
            case .again: continue
            case .exhausted(let code):
                warn("cannot accept connections: \(systemErrorText(code))")
                isResting = true
                executor.queue.asyncAfter(deadline: .now() + Self.rest) { [weak self] in
                    self?.assumeIsolated {
                        $0.isResting = false
                        $0.updateListening()
                    }
                }
            }
        }
        if open == maxConnections {
            warn("at the limit of connections")
        }
        updateListening()
    }

    private func warn(_ message: Logger.Message) {
        let now = monotonicNow()
        if let lastWarning, now - lastWarning < Self.warningInterval { return }
        lastWarning = now
        logger.warning(message, metadata: ["open": "\(open)", "limit": "\(maxConnections)"])
    }

    private func noteClosed(from peer: String) {
        open -= 1
        clients.leave(peer)
        updateListening()
    }

    private func updateListening() {
        guard let source else { return }
        let wanted = open < maxConnections && !isResting
        guard wanted != isListening else { return }
        isListening = wanted
        if wanted { source.resume() } else { source.suspend() }
    }
}
