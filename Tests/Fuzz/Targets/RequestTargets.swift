import HTTPTypes
import HTTPWire
import System

/// A head: what the connection sees of it, and the request for the handler.
struct ParsedHead: Equatable {
    var facts: RequestHead
    var request: HTTPRequest
}

/// What a parser made of some bytes. The parts of a body are joined, so that it does not depend on where they were cut.
struct ParsedRequests: Equatable {
    var heads: [ParsedHead] = []
    var bodies: [[UInt8]] = []
    var completed = 0
    var error: HTTPServerError?

    /// - Throws: ``Violation`` when the events are not heads, each with parts of its body and an end.
    init(_ pieces: [[UInt8]], limits: HTTPLimits) throws(Violation) {
        var parser = RequestParser(limits: limits)
        var isInside = false
        for piece in pieces {
            parser.receive(piece.span)
            while true {
                let event: RequestParser.Event?
                do throws(HTTPServerError) { event = try parser.next() } catch {
                    self.error = error
                    return
                }
                guard let event else { break }
                switch event {
                case .head(let head):
                    try require(!isInside, "a head inside a message")
                    isInside = true
                    heads.append(ParsedHead(facts: head, request: parser.makeRequest()))
                    bodies.append([])
                case .body(let part):
                    try require(isInside && !part.isEmpty, "a part of a body that is empty or belongs to nothing")
                    bodies[bodies.count - 1] += parser.withBytes(of: part, copy)
                case .end:
                    try require(isInside, "the end of a message that did not begin")
                    isInside = false
                    completed += 1
                }
            }
        }
    }

    init(_ bytes: [UInt8], limits: HTTPLimits = HTTPLimits()) throws(Violation) {
        try self.init([bytes], limits: limits)
    }
}

/// The bytes of `span`, to keep.
func copy(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

/// Small enough for a few hundred bytes to reach every one of them.
let tightLimits: HTTPLimits = {
    var limits = HTTPLimits()
    limits.requestLineBytes = 32
    limits.fieldBytes = 96
    limits.fields = 4
    limits.trailerBytes = 32
    limits.leadingEmptyLines = 1
    limits.chunkExtensionBytes = 8
    limits.chunks = 4
    limits.readAheadBytes = 256
    limits.unsentBytes = 256
    limits.discardedBodyBytes = 64
    limits.lingeringBytes = 512
    limits.requests = 8
    return limits
}()

/// The bytes of a request: what the parser accepts is free of what could be read in two ways, keeps its limits, and
/// written out again gives the same request.
@Sendable func fuzzRequest(_ bytes: [UInt8]) throws {
    for limits in [HTTPLimits(), tightLimits] {
        let parsed = try ParsedRequests(bytes, limits: limits)
        try require(parsed.completed >= parsed.heads.count - 1, "a message follows one that has not ended")
        for (index, head) in parsed.heads.enumerated() {
            try check(head, limits: limits)
            try checkLength(parsed.bodies[index], of: head, isComplete: index < parsed.completed)
            let again = try ParsedRequests(encoded(head))
            try require(again.error == nil && again.heads == [head], "written out and read again it is another request")
        }
    }
}

private func check(_ parsed: ParsedHead, limits: HTTPLimits) throws {
    let (head, request) = (parsed.facts, parsed.request)
    try require(request.method.rawValue.utf8.allSatisfy(ASCII.isToken), "the method is no token")
    let path = request.path ?? ""
    try require(path.utf8.allSatisfy(ASCII.isVisible), "the path holds white space or control characters")
    try require(path.hasPrefix("/") || path == "*" && request.method == .options, "the path does not begin with /")
    try require(path.utf8.count <= limits.requestLineBytes, "the path is longer than the request line may be")
    try require(request.headerFields.count <= limits.fields, "more fields than the limit")
    try require(head.version == .http10 || request.authority != nil, "HTTP/1.1 without an authority")
    if let authority = request.authority {
        let bytes = Array(authority.utf8)
        try require(bytes.span.isAuthority(0..<bytes.count), "the authority is none")
    }
    try require(head.isHEAD == (request.method == .head), "HEAD is taken for another method")
    var size = 0
    for field in request.headerFields {
        try require(field.name.canonicalName != "host", "Host is among the fields")
        try require(field.name.rawName.utf8.allSatisfy(ASCII.isToken), "a field's name is no token")
        let value = bytes(of: field)
        try require(value.allSatisfy(ASCII.isFieldValue), "a control character in a field's value")
        try require(
            ![0x20, 0x09].contains(value.first) && ![0x20, 0x09].contains(value.last), "white space around a value")
        size += field.name.rawName.utf8.count + 1 + value.count + 2
    }
    try require(size <= limits.fieldBytes, "more bytes of fields than the limit")
    let fields = request.headerFields
    switch head.framing {
    case .none:
        try require(!fields.contains(.contentLength) && !fields.contains(.transferEncoding), "a body was overlooked")
    case .length(let length):
        try require(length >= 0 && !fields.contains(.transferEncoding), "two framings")
        try require(fields[values: .contentLength].count == 1, "the length comes from no single field")
    case .chunked:
        try require(!fields.contains(.contentLength) && head.version == .http11, "chunked where it cannot be")
    }
}

private func checkLength(_ body: [UInt8], of head: ParsedHead, isComplete: Bool) throws {
    switch head.facts.framing {
    case .none: try require(body.isEmpty, "a body without a framing")
    case .length(let length):
        try require(isComplete ? body.count == length : body.count <= length, "a body of another length than was said")
    case .chunked: break
    }
}

private func bytes(of field: HTTPField) -> [UInt8] {
    unsafe field.withUnsafeBytesOfValue { unsafe Array($0) }
}

/// `head` on the wire, in one of the forms that mean it.
private func encoded(_ head: ParsedHead) -> [UInt8] {
    let request = head.request
    let version = head.facts.version == .http11 ? "1.1" : "1.0"
    var target = request.path ?? ""
    if let scheme = request.scheme, let authority = request.authority {
        target = "\(scheme)://\(authority)\(target == "*" ? "" : target)"
    }
    var text = Array("\(request.method.rawValue) \(target) HTTP/\(version)\r\n".utf8)
    if let authority = request.authority { text += "Host: \(authority)\r\n".utf8 }
    for field in request.headerFields { text += "\(field.name.rawName):".utf8 + bytes(of: field) + "\r\n".utf8 }
    return text + "\r\n".utf8
}

/// Chunks. Half of the inputs are the wire's bytes; the other half say how a body is cut into chunks, which must come
/// out whole.
@Sendable func fuzzChunked(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    guard input.byte() & 1 == 1 else {
        let wire = input.takeAll()
        for limits in [HTTPLimits(), tightLimits] {
            let parsed = try ParsedRequests([head + wire], limits: limits)
            guard let body = parsed.bodies.first else { throw Violation("the head was not read") }
            // A chunk takes at least a digit, two CRLFs and its bytes.
            try require(body.count <= max(0, wire.count - 3), "more came out than went in")
            let again = try ParsedRequests(head + chunks([body]))
            try require(
                again.bodies == [body] && again.completed == 1, "one chunk of the same bytes gives another body")
        }
        return
    }
    var parts: [[UInt8]] = []
    while !input.isEmpty { parts.append(input.take(1 + Int(input.byte()) % 64)) }
    parts.removeAll(where: \.isEmpty)
    let parsed = try ParsedRequests(head + chunks(parts))
    try require(
        parsed.error == nil && parsed.completed == 1, "chunks by the grammar are refused: \(parsed.error as Any)")
    try require(parsed.bodies == [parts.flatMap { $0 }], "the chunks' bytes are not the body")
}

/// `parts` as chunks, with an extension on some and a trailer field.
private func chunks(_ parts: [[UInt8]]) -> [UInt8] {
    var wire: [UInt8] = []
    for (index, part) in parts.enumerated() where !part.isEmpty {
        let zeros = String(repeating: "0", count: index % 4)
        wire += "\(zeros)\(String(part.count, radix: 16, uppercase: index % 2 == 0))".utf8
        if index % 3 == 0 { wire += ";name=\"value\"".utf8 }
        wire += "\r\n".utf8 + part + "\r\n".utf8
    }
    return wire + "0\r\nTrailer: x\r\n\r\n".utf8
}
