import System

/// Version of HTTP that is spoken.
public enum HTTPVersion: Sendable {
    case http10, http11
}

/// Framing of a request's body, by which its end is found (RFC 9112, section 6.3).
package enum RequestFraming: Equatable, Sendable {
    /// Neither Content-Length nor Transfer-Encoding: there is no body.
    case none
    case length(Int)
    case chunked
}

/// Coding of a body before it was framed (RFC 9110, section 8.4.1).
package enum ContentCoding: Equatable, Sendable {
    case identity, gzip, deflate
    /// The value as received, shortened to 64 characters.
    case unsupported(String)
}

/// Part of a head that the connection needs to know; ``RequestParser/makeRequest()`` gives the rest.
package struct RequestHead: Equatable, Sendable {
    /// HTTP version of the request.
    package var version: HTTPVersion
    /// Whether the method is HEAD, whose answer has no body.
    package var isHEAD: Bool
    /// Framing of the body.
    package var framing: RequestFraming
    /// Content coding of the body.
    package var contentCoding: ContentCoding
    /// Whether the client wants to send more requests.
    package var keepAlive: Bool
    /// Whether the client waits for 100 (Continue) before it sends the body.
    package var expectsContinue: Bool
    /// Whether the client expects something that is not 100-continue.
    package var expectationFails: Bool
}

extension RequestHead {
    /// Reads the fields that frame the message and rule the connection.
    /// - Parameters:
    ///   - span: from the first byte of the head.
    ///   - host: where the value of Host is, if there is one.
    init(
        _ line: RequestLine, _ fields: [FieldPlace], _ span: Span<UInt8>, host: inout Range<Int>?
    ) throws(HTTPServerError) {
        version = line.version
        isHEAD = span.reads(line.method, "HEAD")
        var length: Int?
        var codings = TransferCodings()
        var (closes, keeps, expects, fails, isCoded) = (false, false, false, false, false)
        for index in fields.indices {
            let (name, value) = (fields[index].name, fields[index].value)
            // The length of its name tells nearly every other field apart.
            switch name.count {
            case 4 where span.spells(name, "host"):
                guard host == nil else { throw .malformed(reason: "more than one Host field") }
                guard span.isAuthority(value) else { throw .malformed(reason: "invalid Host field") }
                host = value
            case 14 where span.spells(name, "content-length"):
                guard length == nil else { throw .malformed(reason: "more than one Content-Length field") }
                length = try Self.length(span, value)
            case 17 where span.spells(name, "transfer-encoding"):
                try codings.add(span, value)
            case 16 where span.spells(name, "content-encoding"):
                isCoded = true
            case 10 where span.spells(name, "connection"):
                var list: Range<Int>? = value
                while let option = span.nextElement(&list) {
                    closes = closes || span.spells(option, "close")
                    keeps = keeps || span.spells(option, "keep-alive")
                }
            case 6 where span.spells(name, "expect"):
                var list: Range<Int>? = value
                while let expectation = span.nextElement(&list) {
                    let isContinue = span.spells(expectation, "100-continue")
                    expects = expects || isContinue
                    fails = fails || !isContinue && !expectation.isEmpty
                }
            default: break
            }
        }
        // RFC 9112, section 3.2; an old client need not say it.
        if host == nil, version == .http11 { throw .malformed(reason: "no Host field") }
        framing = try codings.framing(length: length, version: version)
        contentCoding = isCoded ? Self.contentCoding(fields, span) : .identity
        keepAlive = !closes && (version == .http11 || keeps)
        // An HTTP/1.0 client cannot expect anything (RFC 9110, section 10.1.1).
        expectsContinue = version == .http11 && expects
        expectationFails = version == .http11 && fails
    }

    /// Number of a Content-Length, `1*DIGIT` (RFC 9110, section 8.6); a list of equal numbers is refused too.
    private static func length(_ span: Span<UInt8>, _ value: Range<Int>) throws(HTTPServerError) -> Int {
        var length = 0
        var isValid = !value.isEmpty
        for index in value where isValid {
            let (product, isLong) = length.multipliedReportingOverflow(by: 10)
            let digit = Int(span[index]) - Int(UInt8(ascii: "0"))
            let (sum, isTooLong) = product.addingReportingOverflow(digit)
            isValid = (0...9).contains(digit) && !isLong && !isTooLong
            length = sum
        }
        guard isValid else { throw .malformed(reason: "invalid Content-Length") }
        return length
    }

    private static func contentCoding(_ fields: [FieldPlace], _ span: Span<UInt8>) -> ContentCoding {
        var count = 0
        var known = ContentCoding?.some(.identity)
        for index in fields.indices where span.spells(fields[index].name, "content-encoding") {
            var list: Range<Int>? = fields[index].value
            while let coding = span.nextElement(&list) {
                if coding.isEmpty { continue }
                count += 1
                known = Self.known(coding, span)
            }
        }
        if count <= 1, let known { return known }
        let values = fields.filter { span.spells($0.name, "content-encoding") }.map { span.text($0.value).lowercased() }
        return .unsupported(String(values.joined(separator: ", ").prefix(64)))
    }

    private static func known(_ coding: Range<Int>, _ span: Span<UInt8>) -> ContentCoding? {
        if span.spells(coding, "identity") { return .identity }
        if span.spells(coding, "gzip") || span.spells(coding, "x-gzip") { return .gzip }
        return span.spells(coding, "deflate") ? .deflate : nil
    }
}

/// The elements of all Transfer-Encoding fields of a head (RFC 9112, section 6.1).
private struct TransferCodings {
    private var count = 0
    private var chunked = 0
    private var lastIsChunked = false

    mutating func add(_ span: Span<UInt8>, _ value: Range<Int>) throws(HTTPServerError) {
        var list: Range<Int>? = value
        while let coding = span.nextElement(&list) {
            // Parameters and empty elements have no meaning here and are read differently by different servers.
            guard !coding.isEmpty, span.all(coding, ASCII.isToken) else {
                throw .malformed(reason: "invalid Transfer-Encoding")
            }
            count += 1
            lastIsChunked = span.spells(coding, "chunked")
            if lastIsChunked { chunked += 1 }
        }
    }

    /// Framing by RFC 9112, section 6.3, which refuses everything that two servers could read in two ways.
    func framing(length: Int?, version: HTTPVersion) throws(HTTPServerError) -> RequestFraming {
        guard count > 0 else { return length.map { .length($0) } ?? .none }
        guard version == .http11 else { throw .malformed(reason: "Transfer-Encoding in HTTP/1.0") }
        guard length == nil else { throw .malformed(reason: "both Transfer-Encoding and Content-Length") }
        guard lastIsChunked, chunked == 1 else {
            throw .malformed(reason: "chunked must be the last transfer coding, once")
        }
        guard count == 1 else { throw .unsupportedTransferCoding }
        return .chunked
    }
}
