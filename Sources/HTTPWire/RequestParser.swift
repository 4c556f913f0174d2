import HTTPTypes

/// Bytes in, requests out: HTTP/1.0 and 1.1 by RFC 9112, refusing whatever two implementations could read differently.
///
/// A pure value: where the bytes are cut makes no difference to what comes out. After it threw it must not be used
/// again, because the place where the next message would begin is unknown.
package struct RequestParser: Sendable {
    package enum Event: Equatable, Sendable {
        case head(RequestHead)
        /// The next bytes of the body, without its transfer coding; never empty.
        case body([UInt8])
        /// The message is over; the next event, if any, is a head.
        case end
    }

    private enum State {
        case requestLine(emptyLines: Int)
        case fields(PartialHead)
        case body(BodyParser)
    }

    /// A head whose fields are still arriving.
    private struct PartialHead: Sendable {
        var method: HTTPRequest.Method
        var target: RequestTarget
        var version: HTTPVersion
        var section = FieldSection()
    }

    private let limits: HTTPLimits
    private var buffer = InputBuffer()
    private var state = State.requestLine(emptyLines: 0)

    package init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Bytes received and not consumed yet.
    package var bufferedBytes: Int { buffer.count }

    /// Nothing of a next request has arrived.
    package var isIdle: Bool {
        if case .requestLine(emptyLines: 0) = state { buffer.isEmpty } else { false }
    }

    /// Takes in received bytes; then call ``next()`` until it returns nil.
    package mutating func receive(_ bytes: Span<UInt8>) {
        buffer.append(bytes)
    }

    /// The next event, or nil when more bytes are needed.
    package mutating func next() throws(HTTPServerError) -> Event? {
        while true {
            switch state {
            case .requestLine(let emptyLines):
                // What is no HTTP at all, such as TLS, need not bring a line end to be known.
                if let first = buffer.first, !Character.isToken(first), first != Character.carriageReturn,
                    first != Character.lineFeed
                {
                    throw .malformed(reason: "invalid request line")
                }
                let limit = limits.requestLineBytes
                guard let line = try nextLine(limit: limit, or: .targetTooLong(limit: limit)) else { return nil }
                if line.isEmpty {
                    guard emptyLines < limits.leadingEmptyLines else {
                        throw .malformed(reason: "no request line")
                    }
                    state = .requestLine(emptyLines: emptyLines + 1)
                } else {
                    state = .fields(try parseRequestLine(line))
                }

            case .fields(var partial):
                // The state must not hold a second reference to the fields while they grow.
                state = .requestLine(emptyLines: 0)
                let done = try partial.section.read(
                    from: &buffer, bytes: limits.fieldBytes, fields: limits.fields, keep: true)
                guard done else {
                    state = .fields(partial)
                    return nil
                }
                let head = try RequestHead(
                    method: partial.method, target: partial.target, version: partial.version,
                    fields: partial.section.fields)
                state = .body(BodyParser(head.framing))
                return .head(head)

            case .body(var body):
                let event = try body.next(from: &buffer, limits: limits)
                state = event == .end ? .requestLine(emptyLines: 0) : .body(body)
                return event
            }
        }
    }

    private mutating func nextLine(limit: Int, or error: HTTPServerError) throws(HTTPServerError) -> Range<Int>? {
        switch buffer.nextLine(limit: limit) {
        case .incomplete: nil
        case .tooLong: throw error
        case .bareLineFeed: throw .malformed(reason: "a line that does not end with CRLF")
        case .line(let range): range
        }
    }

    /// `method SP request-target SP HTTP-version`, with single spaces (RFC 9112, section 3).
    private func parseRequestLine(_ line: Range<Int>) throws(HTTPServerError) -> PartialHead {
        let bytes = buffer.bytes
        guard let methodEnd = bytes[line].firstIndex(of: Character.space), methodEnd > line.lowerBound else {
            throw .malformed(reason: "invalid request line")
        }
        let afterMethod = methodEnd + 1
        guard let targetEnd = bytes[afterMethod..<line.upperBound].firstIndex(of: Character.space),
            targetEnd > afterMethod,
            bytes[afterMethod..<targetEnd].allSatisfy(Character.isVisible)
        else { throw .malformed(reason: "invalid request line") }

        let version = try parseVersion(bytes[(targetEnd + 1)..<line.upperBound])
        guard bytes[line.lowerBound..<methodEnd].allSatisfy(Character.isToken),
            let method = HTTPRequest.Method(String(decoding: bytes[line.lowerBound..<methodEnd], as: UTF8.self))
        else { throw .malformed(reason: "invalid method") }
        let target = String(decoding: bytes[afterMethod..<targetEnd], as: UTF8.self)
        return PartialHead(method: method, target: try RequestTarget(target, method: method), version: version)
    }

    /// `HTTP/1.0` or `HTTP/1.1`, in this case exactly (RFC 9112, section 2.3).
    private func parseVersion(_ word: ArraySlice<UInt8>) throws(HTTPServerError) -> HTTPVersion {
        let start = word.startIndex
        guard word.count == 8, word.starts(with: "HTTP/".utf8), Character.isDigit(word[start + 5]),
            word[start + 6] == UInt8(ascii: "."), Character.isDigit(word[start + 7])
        else { throw .malformed(reason: "invalid HTTP version in the request line") }
        switch (word[start + 5], word[start + 7]) {
        case (UInt8(ascii: "1"), UInt8(ascii: "1")): return .http11
        case (UInt8(ascii: "1"), UInt8(ascii: "0")): return .http10
        default: throw .unsupportedVersion
        }
    }
}
