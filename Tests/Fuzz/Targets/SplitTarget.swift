import HTTPTypes
import HTTPWire

/// The same bytes whole and cut at random: parser and connection must do the same.
///
/// Of the connection's bytes 100 (Continue) is left out: it is sent only to a client that has not begun its body.
@Sendable func fuzzSplit(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let seed = input.number()
    let limits = seed & 4 == 0 ? HTTPLimits() : tightLimits
    let wire = input.takeAll()
    let pieces = split(wire, seed: seed)
    let (whole, cut) = (try ParsedRequests([wire], limits: limits), try ParsedRequests(pieces, limits: limits))
    try require(whole == cut, "the parser gave \(whole) whole and \(cut) cut")

    let (first, second) = (PromptServer(limits).run([wire]), PromptServer(limits).run(pieces))
    try require(first == second, "the connection gave \(first) whole and \(second) cut")
}

/// A connection whose handler answers at once and whose client takes everything at once.
private struct PromptServer: Equatable {
    private(set) var sent: [UInt8] = []
    private(set) var heads: [ParsedHead] = []
    /// Those that came whole.
    private(set) var bodies: [[UInt8]] = []
    private(set) var refused: [HTTPServerError] = []
    private(set) var finishedWriting = false
    private(set) var closed = false
    private var body: [UInt8] = []
    private let limits: HTTPLimits

    init(_ limits: HTTPLimits) { self.limits = limits }

    func run(_ pieces: [[UInt8]]) -> PromptServer {
        var result = self
        var machine = HTTPConnection(limits: limits, timeouts: HTTPTimeouts(), at: 0)
        for piece in pieces where machine.wantsInput {
            machine.receive(piece.span, at: 0)
            result.perform(&machine)
        }
        machine.receiveEnd(at: 0)
        result.perform(&machine)
        let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        result.sent = Array(result.sent.split(separator: interim, omittingEmptySubsequences: false).joined())
        return result
    }

    private mutating func perform(_ machine: inout HTTPConnection) {
        while true {
            while let action = machine.nextAction() {
                switch action {
                case .decide(let head):
                    let request = machine.makeRequest()
                    heads.append(ParsedHead(facts: head, request: request))
                    body = []
                    machine.decided(Self.decide(request), date: Array("now".utf8), at: 0)
                case .body(let part): body += machine.withBytes(of: part, copy)
                case .bodyComplete:
                    bodies.append(body)
                    answer(.ok, &machine)
                case .refuse(let error, _):
                    // How much of a refused body had come by then depends on the cuts.
                    body = []
                    refused.append(error)
                    answer(.badRequest, &machine)
                case .bodyFailed, .stream, .sendMore: preconditionFailure("nothing is streamed here")
                case .finishWriting: finishedWriting = true
                case .close: closed = true
                }
            }
            if closed || machine.output.isEmpty { return }
            let part = machine.output.withNext { span, _ in copy(span) }
            sent += part
            machine.sent(part.count, at: 0)
        }
    }

    private func answer(_ status: HTTPResponse.Status, _ machine: inout HTTPConnection) {
        let response = ServerResponse(status: status, body: .bytes(Array("body".utf8)))
        machine.answer(response, date: Array("now".utf8), at: 0)
    }

    private static func decide(_ request: HTTPRequest) -> HTTPConnection.Decision {
        switch request.method {
        case .post: .readBody(limit: 100, lengthRequired: true)
        case .put: .readBody(limit: 100)
        default: .respond(ServerResponse(status: .ok, body: .bytes(Array((request.path ?? "").utf8))))
        }
    }
}
