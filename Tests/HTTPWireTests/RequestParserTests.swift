import HTTPTypes
import HTTPWire
import Testing

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
}
