import HTTPTypes
import Testing

@testable import HTTPWire

@Suite("Request parser")
struct RequestParserTests {
    @Test("a request gives its method, target, authority and fields")
    func wholeRequest() throws {
        let parsed = Parsed(
            "PUT /a%20b?x=1&y=%2F HTTP/1.1\r\nhost: example.org:8080\r\nX-A:1\r\nx-a: \t two \t\r\n"
                + "X-Empty:\r\nContent-Length: 5\r\n\r\nhello")
        let head = try #require(parsed.heads.first)
        #expect(parsed.error == nil)
        #expect(head.request.method == .put)
        #expect(head.request.path == "/a%20b?x=1&y=%2F")
        #expect(head.request.authority == "example.org:8080")
        #expect(head.request.scheme == nil)
        #expect(head.request.headerFields.filter { $0.name.canonicalName == "x-a" }.map(\.value) == ["1", "two"])
        #expect(head.request.headerFields.first { $0.name.rawName == "X-Empty" }?.value == "")
        #expect(!head.request.headerFields.contains { $0.name.canonicalName == "host" })
        #expect(head.framing == .length(5))
        #expect(parsed.bodyTexts == ["hello"])
        #expect(parsed.completed == 1)
    }

    @Test("bytes above ASCII in a field value are kept")
    func obsText() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [0xE9, 0x41] + Array("\r\n\r\n".utf8)
        let head = try #require(Parsed([bytes[...]]).heads.first)
        let field = try #require(head.request.headerFields.first { $0.name.rawName == "X" })
        #expect(unsafe field.withUnsafeBytesOfValue { unsafe Array($0) } == [0xE9, 0x41])
    }

    @Test(
        "the forms of a target",
        arguments: [
            ("GET / HTTP/1.1", "/", "a"),
            ("GET http://b HTTP/1.1", "/", "b"),
            ("GET HTTP://b:80/x?y HTTP/1.1", "/x?y", "b:80"),
            ("GET https://b?y HTTP/1.1", "/?y", "b"),
            ("GET http://[::1]:80/ HTTP/1.1", "/", "[::1]:80"),
            ("OPTIONS * HTTP/1.1", "*", "a"),
            ("OPTIONS http://b HTTP/1.1", "*", "b"),
            ("GET //x HTTP/1.1", "//x", "a"),
        ])
    func targets(line: String, path: String, authority: String) throws {
        let parsed = Parsed(line + "\r\nHost: a\r\n\r\n")
        let head = try #require(parsed.heads.first, "\(String(describing: parsed.error))")
        #expect(head.request.path == path)
        #expect(head.request.authority == authority)
    }

    @Test(
        "whether the connection stays open",
        arguments: [
            ("HTTP/1.1", "", true),
            ("HTTP/1.1", "Connection: close\r\n", false),
            ("HTTP/1.1", "Connection: x, Close\r\n", false),
            ("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n", false),
            ("HTTP/1.0", "", false),
            ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
        ])
    func persistence(version: String, fields: String, keepAlive: Bool) throws {
        let head = try #require(Parsed("GET / \(version)\r\nHost: a\r\n\(fields)\r\n").heads.first)
        #expect(head.keepAlive == keepAlive)
    }

    @Test("HTTP/1.0 needs no Host and cannot expect")
    func http10() throws {
        let head = try #require(Parsed("GET / HTTP/1.0\r\nExpect: 100-continue, x\r\n\r\n").heads.first)
        #expect(head.request.authority == nil)
        #expect(!head.expectsContinue)
        #expect(!head.expectationFails)
    }

    @Test(
        "expectations are recognised",
        arguments: [
            ("100-Continue", true, false), ("200-ok", false, true), ("100-continue, x", true, true),
        ])
    func expectations(value: String, expects: Bool, fails: Bool) throws {
        let head = try #require(Parsed(get("Expect: \(value)\r\n")).heads.first)
        #expect(head.expectsContinue == expects)
        #expect(head.expectationFails == fails)
    }

    @Test(
        "content codings are recognised",
        arguments: [
            ("gzip", ContentCoding.gzip), ("X-GZIP", .gzip), ("deflate", .deflate), ("identity", .identity),
            ("br", .unsupported("br")), ("gzip, gzip", .unsupported("gzip, gzip")),
        ])
    func contentCodings(value: String, coding: ContentCoding) throws {
        #expect(try #require(Parsed(get("Content-Encoding: \(value)\r\n")).heads.first).contentCoding == coding)
    }

    @Test("pipelined requests come out in order")
    func pipelined() {
        let parsed = Parsed(get("", target: "/1") + post("Content-Length: 2\r\n", body: "ab") + get("", target: "/3"))
        #expect(parsed.heads.map(\.request.path) == ["/1", "/", "/3"])
        #expect(parsed.bodyTexts == ["", "ab", ""])
        #expect(parsed.completed == 3)
    }

    @Test("where the bytes are cut makes no difference", arguments: RequestParserTests.samples)
    func everySplit(text: String) {
        let bytes = Array(text.utf8)
        let whole = Parsed([bytes[...]])
        for offset in 0...bytes.count {
            #expect(Parsed([bytes[..<offset], bytes[offset...]]) == whole, "cut at \(offset)")
        }
        #expect(Parsed(bytes.indices.map { bytes[$0...$0] }) == whole, "byte by byte")
    }

    static let samples =
        [
            get("Accept: */*\r\nX-Long: \(String(repeating: "v", count: 40))\r\n") + get("", target: "/2"),
            "\r\n\r\n" + post("Content-Length: 10\r\n", body: "0123456789") + get(""),
            chunked("5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n") + get(""),
        ] + malformed.map(\.text)

    struct Malformed: Sendable, CustomTestStringConvertible {
        var text: String
        var error: HTTPServerError
        var testDescription: String { text.debugDescription }
        init(_ text: String, _ error: HTTPServerError) {
            self.text = text
            self.error = error
        }
        init(_ text: String, _ reason: String) { self.init(text, .malformed(reason: reason)) }
    }

    @Test("what two servers could read differently is refused", arguments: malformed)
    func refused(_ sample: Malformed) {
        #expect(Parsed(sample.text).error == sample.error)
    }

    private static let noCRLF = "a line that does not end with CRLF"
    static let malformed: [Malformed] = [
        // Request line: RFC 9112, section 3.
        .init("GET  / HTTP/1.1\r\n", "invalid request line"),
        .init(" GET / HTTP/1.1\r\n", "invalid request line"),
        .init("GET /\r\n", "invalid request line"),
        .init("GET / HTTP/1.1 \r\n", "invalid HTTP version in the request line"),
        .init("GET / \tHTTP/1.1\r\n", "invalid HTTP version in the request line"),
        .init("GET / http/1.1\r\n", "invalid HTTP version in the request line"),
        .init("GET / HTTP/1.10\r\n", "invalid HTTP version in the request line"),
        .init("GET / HTTP/2.0\r\n", .unsupportedVersion),
        .init("GET / HTTP/1.2\r\n", .unsupportedVersion),
        .init("GET / HTTP/0.9\r\n", .unsupportedVersion),
        .init("G(T / HTTP/1.1\r\n", "invalid method"),
        .init("GET /\u{1}x HTTP/1.1\r\n", "invalid request line"),
        .init("GET /é HTTP/1.1\r\n", "invalid request line"),
        .init("GET /x#y HTTP/1.1\r\n", "a fragment in the request target"),
        .init("GET * HTTP/1.1\r\n", "an asterisk target is for OPTIONS only"),
        .init("CONNECT a:80 HTTP/1.1\r\n", "the request target must be a path, an http URI or an asterisk"),
        .init("GET ftp://a/ HTTP/1.1\r\n", "the request target must be a path, an http URI or an asterisk"),
        .init("GET http:///x HTTP/1.1\r\n", "invalid authority in the request target"),
        .init("GET http://u@a/ HTTP/1.1\r\n", "invalid authority in the request target"),
        .init("\u{16}\u{3}\u{1}\r\n", "invalid request line"),
        .init("\r\n\r\n\r\n\r\n\r\n", "no request line"),
        // Line ends and fields: sections 2.2 and 5.
        .init("GET / HTTP/1.1\n", noCRLF),
        .init("GET / HTTP/1.1\r\nHost: a\n", noCRLF),
        .init("GET / HTTP/1.1\r\nHost: a\r\n\n", noCRLF),
        .init(get("X: a\rb\r\n"), "a control character in a field value"),
        .init(get("X: a\u{0}b\r\n"), "a control character in a field value"),
        .init(get("X: a\u{7f}\r\n"), "a control character in a field value"),
        .init(get("X : 1\r\n"), "invalid field name"),
        .init(get("X\t: 1\r\n"), "invalid field name"),
        .init(get(": 1\r\n"), "invalid field name"),
        .init(get("X\r\n"), "invalid field name"),
        .init(get("Ünicode: 1\r\n"), "invalid field name"),
        .init(get("X: 1\r\n folded\r\n"), "a folded field line, or white space before the first field"),
        .init("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "a folded field line, or white space before the first field"),
        // Host: section 3.2.
        .init("GET / HTTP/1.1\r\n\r\n", "no Host field"),
        .init(get("Host: a\r\n"), "more than one Host field"),
        .init("GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n", "more than one Host field"),
        .init("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "invalid Host field"),
        .init("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "invalid Host field"),
        .init("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "invalid Host field"),
        .init("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", "invalid Host field"),
        .init("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "invalid Host field"),
        .init("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "invalid Host field"),
        // Framing: sections 6.1 to 6.3.
        .init(post("Content-Length: 1\r\nContent-Length: 1\r\n"), "more than one Content-Length field"),
        .init(post("Content-Length: 1\r\ncontent-length: 2\r\n"), "more than one Content-Length field"),
        .init(post("Content-Length: 1, 1\r\n"), "invalid Content-Length"),
        .init(post("Content-Length: +1\r\n"), "invalid Content-Length"),
        .init(post("Content-Length: -1\r\n"), "invalid Content-Length"),
        .init(post("Content-Length: 0x1\r\n"), "invalid Content-Length"),
        .init(post("Content-Length: 1 1\r\n"), "invalid Content-Length"),
        .init(post("Content-Length:\r\n"), "invalid Content-Length"),
        .init(post("Content-Length: 9223372036854775808\r\n"), "invalid Content-Length"),
        .init(
            post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
            "both Transfer-Encoding and Content-Length"),
        .init(
            post("Transfer-Encoding: identity\r\nContent-Length: 1\r\n"),
            "both Transfer-Encoding and Content-Length"),
        .init("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding in HTTP/1.0"),
        .init(post("Transfer-Encoding: chunked, chunked\r\n"), "chunked must be the last transfer coding, once"),
        .init(
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            "chunked must be the last transfer coding, once"),
        .init(post("Transfer-Encoding: chunked, gzip\r\n"), "chunked must be the last transfer coding, once"),
        .init(post("Transfer-Encoding:\r\n"), "empty Transfer-Encoding"),
        .init(post("Transfer-Encoding: gzip, chunked\r\n"), .unsupportedTransferCoding),
        .init(post("Transfer-Encoding: identity\r\n"), .unsupportedTransferCoding),
        .init(post("Transfer-Encoding: xchunked\r\n"), .unsupportedTransferCoding),
        .init(post("Transfer-Encoding: chunked;q=1\r\n"), .unsupportedTransferCoding),
        .init(post("Transfer-Encoding: \"chunked\"\r\n"), .unsupportedTransferCoding),
        .init(post("Transfer-Encoding: \u{b}chunked\r\n"), "a control character in a field value"),
        // Chunks: section 7.1.
        .init(chunked("\r\n"), "invalid chunk size"),
        .init(chunked("g\r\n"), "invalid chunk size"),
        .init(chunked("0x5\r\n"), "invalid chunk size"),
        .init(chunked("-1\r\n"), "invalid chunk size"),
        .init(chunked(" 5\r\n"), "invalid chunk size"),
        .init(chunked("5 \r\n"), "invalid chunk size"),
        .init(chunked("5 ;x\r\n"), "invalid chunk size"),
        .init(chunked("FFFFFFFFFFFFFFFF\r\n"), "invalid chunk size"),
        .init(chunked("8000000000000000\r\n"), "invalid chunk size"),
        .init(chunked("00000000000000001\r\n"), "invalid chunk size"),
        .init(chunked("5;\u{0}\r\n"), "invalid chunk extension"),
        .init(chunked("5;a\rb\r\n"), "invalid chunk extension"),
        .init(chunked("5\n"), noCRLF),
        .init(chunked("5\r\nhelloX\r\n"), "a chunk that does not end with CRLF"),
        .init(chunked("5\r\nhello\n0\r\n"), "a chunk that does not end with CRLF"),
        .init(chunked("0\r\nX : 1\r\n\r\n"), "invalid field name"),
        .init(chunked("0\r\nX: 1\n"), noCRLF),
    ]
}
