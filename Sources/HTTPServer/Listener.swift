import Dispatch
import HTTPWire
import Logging

/// Accepts connections at every address and deals them out to the I/O loops.
actor Listener {
    nonisolated let executor = QueueExecutor(label: "tusk.http.accept")
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private struct Entrance {
        let socket: ListeningSocket
        let source: any DispatchSourceRead
    }

    private let sockets: [ListeningSocket]
    private let maxConnections: Int
    private let logger: Logger
    private var loops: [IOLoop] = []
    private var nextLoop = 0
    private var open = 0
    /// By the socket's descriptor.
    private var entrances: [Int32: Entrance] = [:]
    private var isListening = false
    /// Out of descriptors: tries again in a moment.
    private var isResting = false
    /// Attempts to accept that found no descriptor, since connections were last accepted freely.
    private var failedAttempts = 0
    private var toldOfFailure = false

    private var lastWarning: Nanoseconds?

    /// A busy server would repeat itself many times a second.
    private static let warningInterval: Nanoseconds = 10_000_000_000
    /// A listening socket stays readable while accept fails, so without a rest it would take a whole core.
    static let rest = Duration.milliseconds(100)

    init(sockets: [ListeningSocket], maxConnections: Int, logger: Logger) {
        self.sockets = sockets
        self.maxConnections = max(maxConnections, 1)
        self.logger = logger
    }

    nonisolated func start(_ loops: [IOLoop]) {
        executor.queue.async { self.assumeIsolated { $0.begin(loops) } }
    }

    /// Tells that a connection is gone, from any queue.
    nonisolated func connectionClosed() {
        executor.queue.async { self.assumeIsolated { $0.noteClosed() } }
    }

    /// Returns once the accept queue has come to it.
    func pass() {}

    /// Accepts what already waits, then closes the listening sockets and returns. What waits at an inherited socket is
    /// left to the processes that share it.
    func close() async {
        // Whoever looks for a socket file from now on shall not find one that refuses.
        for entrance in entrances.values { entrance.socket.removeFile() }
        for entrance in entrances.values where !entrance.socket.isInherited { acceptAll(entrance.socket) }
        let closing = entrances.values.map(\.source)
        for entrance in entrances.values { entrance.socket.stopListening() }
        let wasListening = isListening
        entrances = [:]
        loops = []
        for source in closing {
            await withCheckedContinuation { done in
                // The source may touch the socket until this ran, so it keeps it open.
                source.setCancelHandler { [sockets] in
                    withExtendedLifetime(sockets) {}
                    done.resume()
                }
                if !wasListening { source.resume() }
                source.cancel()
            }
        }
    }

    private func begin(_ loops: [IOLoop]) {
        self.loops = loops
        for socket in sockets {
            let source = DispatchSource.makeReadSource(fileDescriptor: socket.number, queue: executor.queue)
            source.setEventHandler { [weak self] in self?.assumeIsolated { $0.acceptAll(socket) } }
            source.setCancelHandler { withExtendedLifetime(socket) {} }
            source.activate()
            entrances[socket.number] = Entrance(socket: socket, source: source)
        }
        isListening = true
    }

    private func acceptAll(_ socket: ListeningSocket) {
        guard entrances[socket.number] != nil else { return }
        accepting: while open < maxConnections, !isResting {
            switch socket.accept() {
            case .connection(let descriptor, let peer):
                open += 1
                let transport = SocketTransport(descriptor, info: socket.info(peer: peer))
                let loop = loops[nextLoop]
                nextLoop = (nextLoop + 1) % loops.count
                loop.executor.queue.async { loop.assumeIsolated { $0.adopt(transport) } }
            case .none:
                noteAccepting()
                break accepting
            case .again: continue
            case .exhausted(let code):
                failedAttempts += 1
                if warn("cannot accept connections: \(systemErrorText(code))") { toldOfFailure = true }
                rest()
            case .ended(let code):
                logger.error(
                    "listens no more on \(socket.address): \(systemErrorText(code))")
                entrances.removeValue(forKey: socket.number)?.source.cancel()
                return
            }
        }
        if open == maxConnections {
            _ = warn("at the limit of connections")
        }
        updateListening()
    }

    private func rest() {
        isResting = true
        executor.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(Self.rest.nanoseconds))) { [weak self] in
            self?.assumeIsolated {
                $0.isResting = false
                $0.updateListening()
            }
        }
    }

    /// Nothing kept connections from being accepted.
    private func noteAccepting() {
        guard failedAttempts > 0 else { return }
        if toldOfFailure {
            logger.notice("accepts connections again", metadata: ["failed_attempts": "\(failedAttempts)"])
        }
        failedAttempts = 0
        toldOfFailure = false
    }

    /// - Returns: whether it was said, rather than too soon after the last warning.
    private func warn(_ message: Logger.Message) -> Bool {
        let now = monotonicNow()
        if let lastWarning, now - lastWarning < Self.warningInterval { return false }
        lastWarning = now
        logger.warning(message, metadata: ["open": "\(open)", "limit": "\(maxConnections)"])
        return true
    }

    private func noteClosed() {
        open -= 1
        updateListening()
    }

    private func updateListening() {
        let wanted = open < maxConnections && !isResting
        guard wanted != isListening else { return }
        isListening = wanted
        for entrance in entrances.values {
            if wanted { entrance.source.resume() } else { entrance.source.suspend() }
        }
    }
}
