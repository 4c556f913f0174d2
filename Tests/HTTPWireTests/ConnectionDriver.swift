import HTTPTypes
import HTTPWire

/// Drives a connection machine as a server would, without a socket or a clock.
final class ConnectionDriver {
    var machine: HTTPConnection
    var decide: (HTTPRequest) -> HTTPConnection.Decision
    /// What the handler labels every request with.
    var labels = ExchangeLabels()
    /// Whether what waits to be sent is taken at once.
    var flushes = true
    /// The handler's words on what was refused.
    var refusal = ServerResponse.text("refused", status: .badRequest)

    private(set) var now: Nanoseconds = 1_000_000_000
    /// All that was sent.
    private(set) var sent = ""
    /// The paths that the handler decided on.
    private(set) var decided: [String] = []
    /// The requests that the handler decided on.
    private(set) var heads: [HTTPRequest] = []
    /// Whether each of their heads was that of the request before, so that nothing was made of it.
    private(set) var repeats: [Bool] = []
    /// The bodies that are complete, as a handler would get them.
    private(set) var requests: [String] = []
    private(set) var refused: [HTTPServerError] = []
    /// What ended streamed bodies too early.
    private(set) var bodyFailures: [HTTPServerError] = []
    /// The bytes of the last body that came so far.
    var received: String { String(decoding: body, as: UTF8.self) }
    /// The requests that are over.
    private(set) var ended: [EndedExchange] = []
    private(set) var sendMore = 0
    private(set) var finishedWriting = false
    private(set) var closed = false
    private var body: [UInt8] = []

    // What the machine says, for expectations, which would copy it.
    var deadline: Nanoseconds { machine.deadline }
    var heldBytes: Int { machine.heldBytes }
    var owesAnswer: Bool { machine.owesAnswer }
    var wantsInput: Bool { machine.wantsInput }
    var watchesHangUp: Bool { machine.watchesHangUp }

    static let date = Array("now".utf8)

    /// Without `decide` every request is answered at once with its own path.
    init(
        limits: HTTPLimits = HTTPLimits(), timeouts: HTTPTimeouts = HTTPTimeouts(), allowsHalfClose: Bool = false,
        decide: @escaping (HTTPRequest) -> HTTPConnection.Decision = { .respond(.text($0.path ?? "")) }
    ) {
        machine = HTTPConnection(
            limits: limits, timeouts: timeouts, allowsHalfClose: allowsHalfClose, at: now)
        self.decide = decide
    }

    func receive(_ text: String) {
        receive(Array(text.utf8)[...])
    }

    func receive(_ bytes: ArraySlice<UInt8>) {
        machine.receive(bytes.span, at: now)
        run()
    }

    func receiveEnd() {
        machine.receiveEnd(at: now)
        run()
    }

    func answer(_ response: ServerResponse) {
        machine.answer(response, date: Self.date, at: now)
        run()
    }

    func streamPart(_ text: String) {
        machine.streamPart(Array(text.utf8), at: now)
        run()
    }

    func streamEnd(complete: Bool) {
        machine.streamEnd(complete: complete, at: now)
        run()
    }

    func holdBody(_ isHeld: Bool) {
        machine.holdBody(isHeld, at: now)
        run()
    }

    func drain() {
        machine.drain(at: now)
        run()
    }

    func pass(_ duration: Duration) {
        now += duration.nanoseconds
        machine.timeReached(now)
        run()
    }

    /// Sends at most `count` of the bytes that wait.
    func flush(atMost count: Int = .max) {
        guard !machine.output.isEmpty else { return }
        let part = machine.output.withNext { span, _ in (0..<min(count, span.count)).map { span[$0] } }
        sent += String(decoding: part, as: UTF8.self)
        machine.sent(part.count, at: now)
        while let exchange = machine.takeEnded() { ended.append(exchange) }
    }

    /// The connection goes away, as it does after ``HTTPConnection/Action/close`` or when its socket fails.
    func disconnect() {
        while let exchange = machine.takeUnfinished(at: now) { ended.append(exchange) }
    }

    func run() {
        while true {
            while let action = machine.nextAction() { perform(action) }
            guard flushes, !closed, !machine.output.isEmpty else { return }
            flush()
        }
    }

    private func perform(_ action: HTTPConnection.Action) {
        switch action {
        case .decide:
            repeats.append(machine.repeatRequest())
            let request = machine.makeRequest()
            decided.append(request.path ?? "")
            heads.append(request)
            body = []
            machine.decided(decide(request), labels: labels, date: Self.date, at: now)
        case .body(let part): machine.withBytes(of: part) { span in body += span.indices.map { span[$0] } }
        case .bodyComplete: requests.append(String(decoding: body, as: UTF8.self))
        case .refuse(let error, _):
            refused.append(error)
            machine.answer(refusal, date: Self.date, at: now)
        case .bodyFailed(let error): bodyFailures.append(error)
        case .stream: break
        case .sendMore: sendMore += 1
        case .finishWriting: finishedWriting = true
        case .close: closed = true
        }
    }

    /// The bodies of the answers sent so far, for answers made by ``ServerResponse/text(_:status:)``.
    var answers: [String] {
        sent.components(separatedBy: "HTTP/1.1 ").dropFirst().map { answer in
            answer.components(separatedBy: "\r\n\r\n").dropFirst().joined()
        }
    }
}

extension ServerResponse {
    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> ServerResponse {
        ServerResponse(status: status, body: .bytes(Array(text.utf8)))
    }
}

extension String {
    func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
