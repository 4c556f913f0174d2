import HTTPWire
import Logging
import Metrics
import System

/// One thread and the connections pinned to it: performs what their machines ask for.
actor IOLoop {
    nonisolated let executor: EventThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private let configuration: HTTPServerConfiguration
    private let handler: any HTTPHandler
    private let metrics: ServerMetrics
    private let bodyMemory: BodyMemory
    /// Called once for each connection that ``adopt(_:)`` took, with its client's address.
    private let onClose: @Sendable (_ peer: String) -> Void
    private let logger: Logger
    private let poller: Poller

    private var connections: [Int: LiveConnection] = [:]
    private var nextID = 0
    private var nextFeed = 0
    /// Buffer in which every connection's bytes are received, before its machine takes them.
    private var scratch = [UInt8](repeating: 0, count: IOLoop.scratchBytes)
    private var date = CachedDate()
    private var tickScheduled = false
    /// Whether every answer is the last of its connection.
    private var endsPersistence = false
    private var draining = false
    /// Number of requests that were cut off when the time to finish them had passed.
    private var cutOff = 0
    private var whenEmpty: [CheckedContinuation<Void, Never>] = []

    private static let scratchBytes = 64 * 1024
    /// Most reads of one connection before the others of its thread have their turn.
    private static let readsPerTurn = 4
    /// Time between two looks at timeouts, by which one fires late at most.
    private static let tick: Nanoseconds = 100_000_000

    /// - Throws: ``HTTPListenError/system(call:code:)``.
    init(
        configuration: HTTPServerConfiguration, handler: any HTTPHandler, metrics: ServerMetrics,
        bodyMemory: BodyMemory, logger: Logger, onClose: @escaping @Sendable (_ peer: String) -> Void
    ) throws(HTTPListenError) {
        executor = try EventThread()
        poller = executor.poller
        self.configuration = configuration
        self.handler = handler
        self.metrics = metrics
        self.bodyMemory = bodyMemory
        self.logger = logger
        self.onClose = onClose
    }

    nonisolated func start() {
        executor.activate { [weak self] in self?.assumeIsolated { $0.socketsReady() } }
    }

    // MARK: - From the listener and the server

    /// Takes over a new connection.
    func adopt(_ transport: any Transport) {
        let id = nextID
        nextID += 1
        var machine = HTTPConnection(
            limits: configuration.limits, timeouts: configuration.timeouts,
            allowsHalfClose: configuration.allowsHalfClose, at: monotonicNow())
        if endsPersistence { machine.endPersistence() }
        if draining { machine.drain(at: monotonicNow()) }
        let connection = LiveConnection(id: id, transport: transport, machine: machine)
        let code = poller.add(transport.descriptor, id: id, connection.interest)
        guard code == 0 else {
            logger.warning("cannot watch a connection: \(SystemError(code))")
            onClose(transport.info.peer)
            return
        }
        connections[id] = connection
        metrics.connections.add()
        scheduleTick()
        pump(connection)
    }

    /// Returns once the thread has come to this call, which shows that it does not hang.
    func pass() {}

    /// Makes the next answer of every connection its last.
    func endPersistence() {
        endsPersistence = true
        for connection in connections.values { connection.machine.endPersistence() }
    }

    /// Lets every connection finish what it is at, closes what is left after `grace`, and returns when none is open.
    /// - Returns: how many requests were cut off.
    func drain(grace: Duration) async -> Int {
        draining = true
        for connection in Array(connections.values) {
            // What waits in the socket has been sent before we closed, and gets its answer.
            read(connection)
            guard connections[connection.id] != nil else { continue }
            connection.machine.drain(at: monotonicNow())
            pump(connection)
        }
        guard !connections.isEmpty else { return cutOff }
        executor.after(grace.nanoseconds) { [weak self] in self?.assumeIsolated { $0.closeAll() } }
        await withCheckedContinuation { whenEmpty.append($0) }
        return cutOff
    }

    private func closeAll() {
        cutOff += connections.values.count { $0.machine.owesAnswer }
        for connection in Array(connections.values) {
            connection.machine.cutOff()
            close(connection)
        }
    }

    // MARK: - From the poller and the clock

    private func socketsReady() {
        for index in 0..<poller.count { socketReady(poller.event(index)) }
    }

    private func socketReady(_ event: Poller.Event) {
        // An earlier event of the same batch may have closed it.
        guard let connection = connections[event.id] else { return }
        if connection.isFinishBlocked, event.meets(connection.transport.writeInterest) {
            connection.isFinishBlocked = !connection.transport.finishWriting()
        }
        if event.meets(connection.transport.writeInterest) {
            connection.isWriteBlocked = false
            pump(connection)
        }
        if connection.machine.wantsInput {
            if event.meets(connection.transport.readInterest) || event.failed { read(connection) }
        } else if event.failed {
            close(connection)
        } else if event.hungUp, connection.machine.watchesHangUp {
            connection.machine.receiveEnd(at: monotonicNow())
            pump(connection)
        }
    }

    private func read(_ connection: LiveConnection) {
        for _ in 0..<Self.readsPerTurn {
            guard connection.machine.wantsInput else { return }
            var buffer = scratch.mutableSpan
            switch connection.transport.read(into: &buffer) {
            case .bytes(let count):
                metrics.receivedBytes.add(count)
                if connection.noteHandshake() { metrics.handshakes.add() }
                connection.machine.receive(scratch.span.extracting(..<count), at: monotonicNow())
                pump(connection)
                if count < min(scratch.count, connection.transport.longestRead) { return }
            case .end:
                connection.machine.receiveEnd(at: monotonicNow())
                pump(connection)
                return
            case .wouldBlock:
                // TLS may wait for room to write instead.
                pump(connection)
                return
            case .unencrypted:
                connection.machine.refuse(.encryptionRequired, at: monotonicNow())
                pump(connection)
                return
            case .refused(let reason):
                metrics.failedHandshakes.add()
                logger.debug(
                    "a TLS handshake failed",
                    metadata: ["reason": "\(reason)", "peer": "\(connection.transport.info.peer)"])
                connection.machine.endUnanswered(at: monotonicNow())
                pump(connection)
                return
            case .failed:
                close(connection)
                return
            }
        }
    }

    private func scheduleTick() {
        guard !tickScheduled, !connections.isEmpty else { return }
        tickScheduled = true
        executor.after(Self.tick) { [weak self] in self?.assumeIsolated { $0.lookAtClock() } }
    }

    private func lookAtClock() {
        tickScheduled = false
        let now = monotonicNow()
        for connection in connections.values.filter({ $0.machine.deadline <= now }) {
            connection.machine.timeReached(now)
            if !connection.machine.keepsRequest { connection.decider = nil }
            pump(connection)
        }
        scheduleTick()
    }

    // MARK: - From the handler's task

    private func answered(_ response: ServerResponse, _ id: Int) {
        guard let connection = connections[id] else { return }
        connection.machine.answer(response, date: date.now(), at: monotonicNow())
        pump(connection)
    }

    /// Sends one part of a streamed answer; returns when the socket has taken it, false when there is no use in more.
    private func send(_ part: [UInt8], _ id: Int) async -> Bool {
        guard let connection = connections[id] else { return false }
        return await withCheckedContinuation { waiter in
            connection.wait(waiter)
            connection.machine.streamPart(part, at: monotonicNow())
            pump(connection)
        }
    }

    /// The next part of a body that is streamed, once there is one; nil at its end.
    private func nextPart(of feed: Int, _ id: Int) async throws -> [UInt8]? {
        guard let connection = connections[id], connection.feed?.number == feed else { throw CancellationError() }
        return try await withCheckedThrowingContinuation { reader in
            connection.feed?.next(reader)
            connection.machine.holdBody(connection.feed?.isFull == true, at: monotonicNow())
            pump(connection)
        }
    }

    private func endStream(complete: Bool, _ id: Int) {
        guard let connection = connections[id] else { return }
        connection.machine.streamEnd(complete: complete, at: monotonicNow())
        pump(connection)
    }

    private nonisolated func feed(_ stream: BodyParts, to id: Int) async {
        do {
            for try await part in stream {
                guard await send(part, id) else { return }
            }
            await endStream(complete: true, id)
        } catch {
            // The client sees that the answer is cut off; why is for the handler to tell, who made the stream.
            await endStream(complete: false, id)
        }
    }

    // MARK: - Performing

    /// Performs and sends until the machine waits for an input or the socket takes no more.
    private func pump(_ connection: LiveConnection) {
        if let feed = connection.feed, !connection.machine.streamsBody {
            connection.feed = nil
            feed.fail(CancellationError())
        }
        while true {
            while let action = connection.machine.nextAction() {
                guard perform(action, for: connection) else { return }
            }
            guard !connection.machine.output.isEmpty, !connection.isWriteBlocked else { break }
            let result = connection.machine.output.withNext { connection.transport.write($0, more: $1) }
            switch result {
            case .bytes(let count):
                metrics.sentBytes.add(count)
                connection.machine.sent(count, at: monotonicNow())
                while let exchange = connection.machine.takeEnded() { tell(exchange, of: connection) }
            case .wouldBlock: connection.isWriteBlocked = true
            case .failed:
                close(connection)
                return
            }
        }
        let interest = connection.wantedInterest
        guard interest != connection.interest else { return }
        connection.interest = interest
        let code = poller.change(connection.transport.descriptor, id: connection.id, interest)
        if code != 0 {
            logger.warning("cannot watch a connection: \(SystemError(code))")
            close(connection)
        }
    }

    /// - Returns: whether the connection is still there.
    private func perform(_ action: HTTPConnection.Action, for connection: LiveConnection) -> Bool {
        switch action {
        case .decide(let head):
            metrics.requests.add()
            switch decider(of: connection)() {
            case .respond(let response):
                connection.machine.decided(.respond(response), date: date.now(), at: monotonicNow())
            case .later(let labels, let work):
                connection.machine.decided(.later, labels: labels, date: date.now(), at: monotonicNow())
                answer(connection, with: work)
            case .readBody(let limit, let lengthRequired, let labels, let then):
                let collector = BodyCollector(
                    coding: head.contentCoding, limit: limit, limits: configuration.limits, memory: bodyMemory,
                    owner: BodyMemory.Owner(connection.transport.info, keyName: labels.keyName))
                connection.body = AwaitedBody(collector: collector, then: then)
                connection.machine.decided(
                    .readBody(limit: limit, lengthRequired: lengthRequired), labels: labels, date: date.now(),
                    at: monotonicNow())
            case .streamBody(let labels, let then):
                connection.machine.decided(.streamBody, labels: labels, date: date.now(), at: monotonicNow())
                if connection.machine.streamsBody { stream(head, to: then, labels, on: connection) }
            }
        case .body(let part):
            do throws(HTTPServerError) {
                try connection.machine.withBytes(of: part) { span throws(HTTPServerError) in
                    try connection.body?.collector.append(span)
                    try connection.feed?.append(span)
                }
                if connection.feed?.isFull == true { connection.machine.holdBody(true, at: monotonicNow()) }
            } catch {
                fail(connection, error)
            }
        case .bodyComplete where connection.feed != nil:
            do throws(HTTPServerError) { try connection.feed?.finish() } catch { fail(connection, error) }
        case .bodyFailed(let error):
            connection.feed?.fail(error)
        case .bodyComplete:
            do throws(HTTPServerError) {
                answer(connection, with: try connection.takeWork())
            } catch {
                connection.machine.refuse(error, at: monotonicNow())
            }
        case .refuse(let error, let hasHead):
            let head = hasHead ? connection.machine.request : nil
            let labels = hasHead ? connection.machine.labels : ExchangeLabels()
            connection.body = nil
            let response = handler.respond(to: error, head: head, labels: labels, on: connection.transport.info)
            connection.machine.answer(response, date: date.now(), at: monotonicNow())
        case .stream(let stream):
            let id = connection.id
            connection.task = Task { @concurrent in await feed(stream, to: id) }
        case .sendMore:
            connection.resumeStream(wantsMore: true)
        case .finishWriting:
            connection.isFinishBlocked = !connection.transport.finishWriting()
        case .close:
            close(connection)
            return false
        }
        return true
    }

    /// Gives up the body, which cannot be accepted.
    private func fail(_ connection: LiveConnection, _ error: HTTPServerError) {
        if let feed = connection.feed {
            connection.machine.abandonBody(at: monotonicNow())
            feed.fail(error)
        } else {
            connection.machine.refuse(error, at: monotonicNow())
        }
    }

    /// Begins the work that makes an answer out of a body while it comes.
    private func stream(
        _ head: RequestHead, to then: @escaping @Sendable (StreamedBody) async -> ServerResponse,
        _ labels: ExchangeLabels,
        on connection: LiveConnection
    ) {
        nextFeed += 1
        let (id, number) = (connection.id, nextFeed)
        let feed = BodyFeed(
            number: number, coding: head.contentCoding, limits: configuration.limits, memory: bodyMemory,
            owner: BodyMemory.Owner(connection.transport.info, keyName: labels.keyName))
        connection.feed = feed
        let parts = AsyncThrowingStream { [weak self] () async throws -> [UInt8]? in
            guard let self else { throw CancellationError() }
            return try await nextPart(of: number, id)
        }
        let body = StreamedBody(parts: BodyParts(parts)) { [share = feed.share] bytes throws(HTTPServerError) in
            try share.grow(to: bytes)
        }
        answer(connection) { await then(body) }
    }

    /// What decides on the connection's request: made of its head, or kept from the request before where that had the same.
    private func decider(of connection: LiveConnection) -> HeadDecider {
        if connection.machine.repeatRequest(), let decider = connection.decider { return decider }
        let decider = handler.decider(of: connection.machine.makeRequest(), on: connection.transport.info)
        connection.decider = connection.machine.keepsRequest ? decider : nil
        return decider
    }

    /// Sends the answer of `work`, which runs away from this thread.
    private func answer(_ connection: LiveConnection, with work: @escaping @Sendable () async -> ServerResponse) {
        let id = connection.id
        connection.task = Task { @concurrent in await answered(await work(), id) }
    }

    private func tell(_ exchange: EndedExchange, of connection: LiveConnection) {
        // One whose head could not be parsed was never begun.
        if exchange.version != nil { metrics.requests.subtract() }
        handler.exchangeEnded(exchange, on: connection.transport.info)
    }

    private func close(_ connection: LiveConnection) {
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        metrics.connections.subtract()
        let now = monotonicNow()
        while let exchange = connection.machine.takeUnfinished(at: now) { tell(exchange, of: connection) }
        poller.remove(connection.transport.descriptor)
        if !connection.machine.output.isEmpty { connection.transport.abandon() }
        connection.task?.cancel()
        connection.resumeStream(wantsMore: false)
        connection.feed.take()?.fail(CancellationError())
        onClose(connection.transport.info.peer)
        if connections.isEmpty {
            for waiter in whenEmpty { waiter.resume() }
            whenEmpty = []
        }
    }
}
