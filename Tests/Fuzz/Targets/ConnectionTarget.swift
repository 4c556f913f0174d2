import HTTPTypes
import HTTPWire

/// A connection driven by a script: each byte is something that client, handler, socket or clock does. Actions come in
/// an order that makes sense, bodies keep their limits, what is sent is exactly the answers given, and once client and
/// handler are done the connection closes.
@Sendable func fuzzConnection(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    var session = Session(limits: input.byte() & 1 == 0 ? HTTPLimits() : tightLimits)
    while !input.isEmpty, !session.isClosed { try session.step(&input) }
    try session.finish(&input)
    try session.checkAnswers()
}

/// Plays client, handler, socket and clock of one connection.
private struct Session: ~Copyable {
    /// What the handler owes.
    private enum Debt {
        case nothing, body, answer, refusal, part
    }

    private var machine: HTTPConnection
    private var now: Nanoseconds = 1_000_000_000
    private var debt = Debt.nothing
    /// Whether a streamed body has ended, in whatever way.
    private var isBodyOver = false
    private var bodyLeft = 0
    private var wasRefused = false
    /// Requests whose head the handler saw, and those that are told to have ended.
    private var decided = 0
    private var ended = 0
    private var finishedWriting = false
    private(set) var isClosed = false
    private var inputEnded = false
    private var head: RequestHead?
    private var sent: [UInt8] = []
    private var answers: [GivenAnswer] = []

    private static let date = Array("now".utf8)

    init(limits: HTTPLimits) {
        machine = HTTPConnection(limits: limits, timeouts: HTTPTimeouts(), at: now)
    }

    mutating func step(_ input: inout FuzzInput) throws {
        switch input.byte() % 8 {
        case 0, 1:
            let piece = input.take(1 + Int(input.byte()))
            if machine.wantsInput, !piece.isEmpty { machine.receive(piece.span, at: now) }
        case 2: flush(atMost: 1 + input.number())
        case 3:
            now += Nanoseconds(input.byte()) * 500_000_000
            machine.timeReached(now)
        case 4, 5: pay(&input)
        case 6: endInput()
        default:
            if input.byte() < 32 { machine.drain(at: now) }
            if debt == .body { machine.refuse(.badContentCoding(reason: "fuzz"), at: now) }
        }
        try act(&input)
    }

    /// Lets everything come to its end: the client takes all, asks for nothing more and goes; time passes.
    mutating func finish(_ input: inout FuzzInput) throws {
        var idleRounds = 0
        while true {
            flush(atMost: .max)
            try act(&input)
            if isClosed { return }
            if debt != .nothing && debt != .body {
                pay(&input)
            } else if machine.output.isEmpty {
                if !inputEnded, machine.wantsInput || machine.watchesHangUp {
                    endInput()
                } else {
                    try require(!inputEnded, "the client has gone with all its answers, and the connection stays")
                    try require(machine.deadline != .max, "nobody has anything to do and there is no deadline")
                    idleRounds += 1
                    try require(idleRounds < 8, "the connection stays open, however much time passes")
                    now = max(now, machine.deadline)
                    machine.timeReached(now)
                }
            }
            try act(&input)
            if isClosed { return }
        }
    }

    private mutating func endInput() {
        guard !inputEnded, machine.wantsInput || machine.watchesHangUp else { return }
        inputEnded = true
        machine.receiveEnd(at: now)
    }

    private mutating func flush(atMost count: Int) {
        guard !machine.output.isEmpty else { return }
        let part = machine.output.withNext { span, _ in (0..<min(count, span.count)).map { span[$0] } }
        sent += part
        machine.sent(part.count, at: now)
        takeEnded()
    }

    private mutating func act(_ input: inout FuzzInput) throws {
        while let action = machine.nextAction() {
            try require(!isClosed, "an action after the connection was closed")
            switch action {
            case .decide(let head):
                try require(debt == .nothing, "a request is decided on while another is being answered")
                try require(!wasRefused && !finishedWriting, "a request is read after the connection was refused")
                self.head = head
                decided += 1
                _ = machine.makeRequest()
                decide(head, &input)
            case .body(let part) where machine.streamsBody:
                try require(!part.isEmpty && !isBodyOver, "a part of a body that is over")
            case .bodyComplete where machine.streamsBody, .bodyFailed:
                try require(machine.streamsBody && !isBodyOver, "a body ends that nobody reads, or twice")
                isBodyOver = true
            case .body(let part):
                try require(debt == .body && !part.isEmpty, "a part of a body that nobody asked for")
                bodyLeft -= part.count
                try require(bodyLeft >= 0, "a body beyond its limit")
            case .bodyComplete:
                try require(debt == .body, "a body is complete that nobody asked for")
                debt = .answer
            case .refuse(_, let hasHead):
                try require(!wasRefused, "refused twice")
                try require(!hasHead || head != nil, "the refusal is of a request that nobody saw")
                if !hasHead { head = nil }
                wasRefused = true
                debt = .refusal
            case .stream: debt = .part
            case .sendMore:
                try require(answers.last?.isStream == true && debt == .nothing, "more is asked for of no stream")
                debt = .part
            case .finishWriting:
                try require(!finishedWriting && machine.output.isEmpty, "our side closes with bytes unsent")
                finishedWriting = true
            case .close:
                isClosed = true
                while machine.takeUnfinished(at: now) != nil { ended += 1 }
                // One may have been refused before its head was whole.
                try require((decided...decided + 1).contains(ended), "requests begin and end in different numbers")
            }
        }
    }

    private mutating func takeEnded() {
        while machine.takeEnded() != nil { ended += 1 }
    }

    private mutating func decide(_ head: RequestHead, _ input: inout FuzzInput) {
        let choice = input.byte()
        if choice & 3 == 0 {
            let limit = [0, 10, 1000, 100_000][Int(choice >> 2) & 3]
            bodyLeft = head.contentCoding == .identity ? limit : limit + limit / 64 + 1024
            debt = .body
            machine.decided(
                .readBody(limit: limit, lengthRequired: choice & 16 == 0), date: Self.date, at: now)
        } else if choice & 7 == 3 {
            debt = .answer
            isBodyOver = false
            machine.decided(.streamBody, date: Self.date, at: now)
        } else if choice & 7 == 1 {
            debt = .answer
            machine.decided(.later, date: Self.date, at: now)
        } else {
            let response = give(choice)
            machine.decided(.respond(response), date: Self.date, at: now)
        }
    }

    /// The handler does what it owes.
    private mutating func pay(_ input: inout FuzzInput) {
        if machine.streamsBody { machine.holdBody(input.byte() & 1 == 0, at: now) }
        switch debt {
        case .nothing, .body: break
        case .answer, .refusal:
            debt = .nothing
            machine.answer(give(input.byte()), date: Self.date, at: now)
        case .part:
            let choice = input.byte()
            debt = .nothing
            if choice & 3 == 0 {
                answers[answers.count - 1].isComplete = choice & 4 == 0
                machine.streamEnd(complete: choice & 4 == 0, at: now)
            } else {
                let part = [UInt8](repeating: UInt8(ascii: "s"), count: Int(choice) * 8)
                answers[answers.count - 1].body += part
                machine.streamPart(part, at: now)
            }
        }
    }

    private mutating func give(_ choice: UInt8) -> ServerResponse {
        let status: HTTPResponse.Status = [.ok, .noContent, .badRequest, .notModified][Int(choice >> 3) & 3]
        let size = [0, 7, 300, 20_000][Int(choice >> 5) & 3]
        let bytes = [UInt8](repeating: UInt8(ascii: "b"), count: size)
        let isStream = choice & 128 != 0
        answers.append(GivenAnswer(status: status.code, body: isStream ? [] : bytes, isStream: isStream, head: head))
        if isStream {
            return ServerResponse(status: status, body: .stream(AsyncThrowingStream { $0.finish() }))
        }
        return ServerResponse(status: status, body: size == 0 && choice & 4 == 0 ? .none : .bytes(bytes))
    }

    /// What was sent is the answers in their order, the last one perhaps cut off.
    func checkAnswers() throws {
        var reader = AnswerReader(sent)
        for (index, answer) in answers.enumerated() {
            let isLast = index == answers.count - 1
            guard let head = try reader.head(), head.status == answer.status else {
                // What was not sent when the connection was given up, or came too late to be sent.
                try require(isLast && reader.isAtEnd, "answer \(index) is missing")
                return
            }
            guard let body = try reader.body(head, of: answer) else {
                try require(isLast && reader.isAtEnd, "answer \(index) is cut off")
                return
            }
            try require(body == (answer.hasBody ? answer.body : []), "answer \(index) has another body")
            try require(!head.closes || reader.isAtEnd, "something follows the last answer")
            try require(isLast || !head.closes, "an answer was given after the last one")
        }
        try require(try reader.head() == nil && reader.isAtEnd, "more was sent than the answers")
    }
}

/// An answer as the handler gave it.
private struct GivenAnswer {
    var status: Int
    var body: [UInt8]
    var isStream: Bool
    var isComplete = true
    var head: RequestHead?

    init(status: Int, body: [UInt8], isStream: Bool, head: RequestHead?) {
        self.status = status
        self.body = body
        self.isStream = isStream
        self.head = head
    }

    var hasBody: Bool { status != 204 && status != 304 && head?.isHEAD != true }
}

/// Reads answers off the wire, by RFC 9112 and nothing else.
private struct AnswerReader {
    struct Head {
        var status: Int
        var length: Int?
        var isChunked = false
        var closes = false
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    /// The next final head; nil, with all bytes used up, where they end before it does.
    mutating func head() throws -> Head? {
        while true {
            guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) else {
                rest = []
                return nil
            }
            let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
            rest = rest[end.upperBound...]
            guard let line = lines.first, line.hasPrefix("HTTP/1.1 "), let status = Int(line.dropFirst(9).prefix(3))
            else { throw Violation("no status line where an answer begins") }
            if status == 100 { continue }
            var head = Head(status: status)
            for line in lines.dropFirst() {
                let parts = line.split(separator: ": ", maxSplits: 1)
                switch (parts.first, parts.last) {
                case ("content-length", let value?): head.length = Int(value)
                case ("transfer-encoding", "chunked"): head.isChunked = true
                case ("connection", "close"): head.closes = true
                case ("connection", "keep-alive"), ("date", _): break
                default: throw Violation("the field \(line) was not given")
                }
            }
            return head
        }
    }

    /// Nil, with all bytes used up, where they end before the body does.
    mutating func body(_ head: Head, of answer: GivenAnswer) throws -> [UInt8]? {
        guard answer.hasBody else { return [] }
        if head.isChunked { return try chunks() }
        guard let length = head.length ?? (head.closes ? rest.count : nil) else {
            throw Violation("the end of an answer cannot be found")
        }
        defer { rest = rest.dropFirst(length) }
        let body = Array(rest.prefix(length))
        return body.count == length && answer.isComplete ? body : nil
    }

    private mutating func chunks() throws -> [UInt8]? {
        var body: [UInt8] = []
        while let end = rest.firstRange(of: Array("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16) else {
                throw Violation("no chunk size where a chunk begins")
            }
            rest = rest[end.upperBound...]
            guard rest.count >= size + 2 else { break }
            body += rest.prefix(size)
            rest = rest.dropFirst(size)
            guard rest.popFirst() == 0x0D, rest.popFirst() == 0x0A else { throw Violation("a chunk without an end") }
            if size == 0 { return body }
        }
        rest = []
        return nil
    }
}
