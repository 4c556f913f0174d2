import HTTPWire
import Logging
import Metrics
import System

/// Acceptor of connections at every address, which deals them out to the I/O loops.
actor Listener {
    nonisolated let executor: EventThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// Poller of the listening sockets.
    private let poller: Poller
    private let maxConnections: Int
    private let tls: TLSCredentials?
    private let metrics: ServerMetrics
    private let logger: Logger
    private var sockets: [Int: ListeningSocket]
    private var loops: [IOLoop] = []
    private var nextLoop = 0
    private var open = 0
    /// Number of connections that were accepted, which numbers the last of them.
    private var accepted: UInt64 = 0
    private var clients: ClientCount
    private var isListening = true
    /// Whether accepting rests for a moment, for want of descriptors.
    private var isResting = false
    /// Number of attempts to accept that found no descriptor, since connections were last accepted freely.
    private var failedAttempts = 0
    private var toldOfFailure = false

    private var lastWarning: Nanoseconds?

    /// Least time between two warnings, in nanoseconds: a busy server would repeat itself many times a second.
    private static let warningInterval: Nanoseconds = 10_000_000_000
    /// Rest after accept failed: a listening socket stays readable meanwhile, and would take a whole core.
    private static let rest: Nanoseconds = 100_000_000

    /// - Throws: ``HTTPListenError/system(call:code:)``.
    init(
        sockets: [ListeningSocket], configuration: HTTPServerConfiguration, metrics: ServerMetrics, logger: Logger
    ) throws(HTTPListenError) {
        executor = try EventThread()
        poller = executor.poller
        self.sockets = Dictionary(uniqueKeysWithValues: sockets.enumerated().map { ($0, $1) })
        tls = configuration.tls
        self.metrics = metrics
        maxConnections = max(configuration.maxConnections, 1)
        clients = ClientCount(limit: configuration.maxConnectionsPerClient)
        self.logger = logger
    }

    nonisolated func start(_ loops: [IOLoop]) {
        executor.async { self.assumeIsolated { $0.begin(loops) } }
    }

    /// Tells that a connection from `peer` is gone, from any thread.
    nonisolated func connectionClosed(from peer: String) {
        executor.async { self.assumeIsolated { $0.noteClosed(from: peer) } }
    }

    /// Returns once the accepting thread has come to this call, which shows that it does not hang.
    func pass() {}

    /// Accepts what already waits, then closes the listening sockets and returns. What waits at an inherited socket is
    /// left to the processes that share it.
    func close() {
        for (id, socket) in sockets {
            // Whoever looks for a socket file from now on shall not find one that refuses.
            socket.removeFile()
            if !socket.isInherited { acceptAll(id) }
            socket.stopListening()
            poller.remove(socket.number)
        }
        sockets = [:]
        loops = []
    }

    private func begin(_ loops: [IOLoop]) {
        self.loops = loops
        for (id, socket) in sockets {
            let code = poller.add(socket.number, id: id, .read)
            if code != 0 { giveUp(id, SystemError(code).description) }
        }
        executor.activate { [weak self] in self?.assumeIsolated { $0.socketsReady() } }
    }

    private func socketsReady() {
        for index in 0..<poller.count {
            let event = poller.event(index)
            if event.failed {
                giveUp(event.id, "another process has shut it down")
            } else {
                acceptAll(event.id)
            }
        }
    }

    private func acceptAll(_ id: Int) {
        guard let socket = sockets[id] else { return }
        accepting: while open < maxConnections, !isResting {
            switch socket.accept() {
            case .connection(let descriptor, let peer): admit(descriptor, socket.info(peer: peer))
            case .none:
                noteAccepting()
                break accepting
            case .again: continue
            case .exhausted(let code):
                failedAttempts += 1
                if warn("cannot accept connections: \(SystemError(code))") { toldOfFailure = true }
                rest()
            case .ended(let code):
                giveUp(id, SystemError(code).description)
                return
            }
        }
        if open == maxConnections { warn("at the limit of connections") }
        updateListening()
    }

    private func admit(_ descriptor: consuming Descriptor, _ info: ConnectionInfo) {
        // Closed without a word: an answer would cost the work and the memory that the limit is there to save, under TLS
        // a whole handshake.
        guard clients.admit(info.peer) else {
            metrics.refused.add()
            warn("a client is at its limit of connections")
            return
        }
        accepted += 1
        var info = info
        info.number = accepted
        guard let transport = makeTransport(descriptor, info: info, tls: tls) else {
            metrics.refused.add()
            warn("no memory for another TLS connection")
            clients.leave(info.peer)
            return
        }
        open += 1
        metrics.accepted.add()
        let loop = loops[nextLoop]
        nextLoop = (nextLoop + 1) % loops.count
        loop.executor.async { loop.assumeIsolated { $0.adopt(transport) } }
    }

    private func giveUp(_ id: Int, _ reason: String) {
        guard let socket = sockets.removeValue(forKey: id) else { return }
        logger.error("listens no more on \(socket.address): \(reason)")
        poller.remove(socket.number)
    }

    private func rest() {
        isResting = true
        executor.after(Self.rest) { [weak self] in
            self?.assumeIsolated {
                $0.isResting = false
                $0.updateListening()
            }
        }
    }

    /// Notes that nothing kept connections from being accepted.
    private func noteAccepting() {
        guard failedAttempts > 0 else { return }
        if toldOfFailure {
            logger.notice("accepts connections again", metadata: ["failed_attempts": "\(failedAttempts)"])
        }
        failedAttempts = 0
        toldOfFailure = false
    }

    /// - Returns: whether it was said, rather than too soon after the last warning.
    @discardableResult
    private func warn(_ message: Logger.Message) -> Bool {
        let now = monotonicNow()
        if let lastWarning, now - lastWarning < Self.warningInterval { return false }
        lastWarning = now
        logger.warning(message, metadata: ["open": "\(open)", "limit": "\(maxConnections)"])
        return true
    }

    private func noteClosed(from peer: String) {
        open -= 1
        clients.leave(peer)
        updateListening()
    }

    private func updateListening() {
        let wanted = open < maxConnections && !isResting
        guard wanted != isListening else { return }
        isListening = wanted
        for (id, socket) in sockets {
            let code = poller.change(socket.number, id: id, wanted ? .read : [])
            if code != 0 { giveUp(id, SystemError(code).description) }
        }
    }
}
