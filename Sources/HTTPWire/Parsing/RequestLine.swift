import System

/// `method SP request-target SP HTTP-version` (RFC 9112, section 3), as offsets from the first byte of the head.
struct RequestLine: Sendable {
    var method: Range<Int>
    var target: RequestTarget
    var version: HTTPVersion

    /// - Parameter line: not empty.
    init(_ span: Span<UInt8>, _ line: Range<Int>) throws(HTTPServerError) {
        var methodEnd = line.lowerBound
        while methodEnd < line.upperBound, span[methodEnd] != ASCII.space { methodEnd += 1 }
        var targetEnd = methodEnd + 1
        while targetEnd < line.upperBound, ASCII.isVisible(span[targetEnd]) { targetEnd += 1 }
        guard methodEnd > line.lowerBound, targetEnd > methodEnd + 1, targetEnd < line.upperBound,
            span[targetEnd] == ASCII.space
        else { throw .malformed(reason: "invalid request line") }
        version = try Self.version(span, targetEnd + 1..<line.upperBound)
        method = line.lowerBound..<methodEnd
        guard span.all(method, ASCII.isToken) else { throw .malformed(reason: "invalid method") }
        // Methods are case-sensitive (RFC 9110, section 9.1).
        guard !span.reads(method, "CONNECT") else { throw .unsupportedMethod }
        target = try RequestTarget(span, methodEnd + 1..<targetEnd, isOptions: span.reads(method, "OPTIONS"))
    }

    /// Version that `word` spells: `HTTP/1.0` or `HTTP/1.1`, in this case exactly (RFC 9112, section 2.3).
    private static func version(_ span: Span<UInt8>, _ word: Range<Int>) throws(HTTPServerError) -> HTTPVersion {
        let start = word.lowerBound
        guard word.count == 8, span.reads(word.prefix(5), "HTTP/"), ASCII.isDigit(span[start + 5]),
            span[start + 6] == UInt8(ascii: "."), ASCII.isDigit(span[start + 7])
        else { throw .malformed(reason: "invalid HTTP version in the request line") }
        switch (span[start + 5], span[start + 7]) {
        case (UInt8(ascii: "1"), UInt8(ascii: "1")): return .http11
        case (UInt8(ascii: "1"), UInt8(ascii: "0")): return .http10
        default: throw .unsupportedVersion
        }
    }
}

/// The second word of a request line (RFC 9112, section 3.2), as offsets from the first byte of the head.
struct RequestTarget: Sendable {
    enum Scheme: String { case http, https }

    /// Scheme of an absolute target; nil for another.
    var scheme: Scheme?
    /// Authority of an absolute target; nil for another.
    var authority: Range<Int>?
    /// Path and query; of an absolute target it may be a query alone, or empty.
    var path: Range<Int>
    /// Whether an empty path stands for `*`, as it does for OPTIONS (RFC 9112, section 3.2.4).
    var isAsterisk = false

    /// - Parameter word: visible ASCII, not empty.
    init(_ span: Span<UInt8>, _ word: Range<Int>, isOptions: Bool) throws(HTTPServerError) {
        guard span.all(word, { $0 != UInt8(ascii: "#") }) else {
            throw .malformed(reason: "a fragment in the request target")
        }
        path = word
        if span[word.lowerBound] == UInt8(ascii: "/") { return }
        if word.count == 1, span[word.lowerBound] == UInt8(ascii: "*") {
            guard isOptions else { throw .malformed(reason: "an asterisk target is for OPTIONS only") }
            return
        }
        let start: Int
        if word.count >= 7, span.spells(word.prefix(7), "http://") {
            (scheme, start) = (.http, word.lowerBound + 7)
        } else if word.count >= 8, span.spells(word.prefix(8), "https://") {
            (scheme, start) = (.https, word.lowerBound + 8)
        } else {
            throw .malformed(reason: "the request target must be a path, an http URI or an asterisk")
        }
        var end = start
        while end < word.upperBound, span[end] != UInt8(ascii: "/"), span[end] != UInt8(ascii: "?") { end += 1 }
        guard end > start, span.isAuthority(start..<end) else {
            throw .malformed(reason: "invalid authority in the request target")
        }
        authority = start..<end
        path = end..<word.upperBound
        isAsterisk = isOptions && path.isEmpty
    }

    /// Path and query as text, or `*`.
    func pathText(_ span: Span<UInt8>) -> String {
        if path.isEmpty { return isAsterisk ? "*" : "/" }
        return authority != nil && span[path.lowerBound] != UInt8(ascii: "/")
            ? "/" + span.text(path) : span.text(path)
    }
}
