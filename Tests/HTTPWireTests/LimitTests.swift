import HTTPWire
import Testing

@Suite("Parser limits")
struct LimitTests {
    @Test("the request line", arguments: [(0, true), (1, false)])
    func requestLine(over: Int, fits: Bool) {
        var limits = HTTPLimits()
        limits.requestLineBytes = 40
        let target = "/" + String(repeating: "x", count: 40 - "GET / HTTP/1.1".utf8.count + over)
        #expect(Parsed(get("", target: target), limits: limits).error == (fits ? nil : .targetTooLong(limit: 40)))
    }

    @Test("a request line that never ends is refused once it is too long")
    func endlessLine() {
        var limits = HTTPLimits()
        limits.requestLineBytes = 40
        #expect(Parsed(String(repeating: "x", count: 41), limits: limits).error == nil)
        #expect(Parsed(String(repeating: "x", count: 42), limits: limits).error == .targetTooLong(limit: 40))
    }

    @Test("the bytes of all fields", arguments: [(0, true), (1, false)])
    func fieldBytes(over: Int, fits: Bool) {
        var limits = HTTPLimits()
        limits.fieldBytes = 60
        let used = "Host: a\r\nX: \r\n".utf8.count
        let text = get("X: \(String(repeating: "v", count: 60 - used + over))\r\n")
        #expect(Parsed(text, limits: limits).error == (fits ? nil : .fieldsTooLarge(limit: 60, unit: "bytes")))
    }

    @Test("the number of fields", arguments: [(3, true), (4, false)])
    func fieldCount(count: Int, fits: Bool) {
        var limits = HTTPLimits()
        limits.fields = 4
        let text = get(String(repeating: "X: 1\r\n", count: count))
        #expect(Parsed(text, limits: limits).error == (fits ? nil : .fieldsTooLarge(limit: 4, unit: "fields")))
    }

    @Test("empty lines before a request", arguments: [(2, true), (3, false)])
    func emptyLines(count: Int, fits: Bool) {
        var limits = HTTPLimits()
        limits.leadingEmptyLines = 2
        let text = String(repeating: "\r\n", count: count) + get("")
        #expect(Parsed(text, limits: limits).error == (fits ? nil : .malformed(reason: "no request line")))
    }

    @Test("the number of chunks", arguments: [(5, true), (6, false)])
    func chunkCount(count: Int, fits: Bool) {
        var limits = HTTPLimits()
        limits.chunks = 5
        let text = chunked(String(repeating: "1\r\nx\r\n", count: count) + "0\r\n\r\n")
        #expect(
            Parsed(text, limits: limits).error
                == (fits ? nil : .malformed(reason: "more than 5 chunks, of fewer than 64 bytes each")))
    }

    @Test("a chunk extension", arguments: [(0, true), (1, false), (100, false)])
    func chunkExtension(over: Int, fits: Bool) {
        var limits = HTTPLimits()
        limits.chunkExtensionBytes = 10
        let text = chunked("1;\(String(repeating: "e", count: 9 + over))\r\nx\r\n0\r\n\r\n")
        #expect(
            Parsed(text, limits: limits).error
                == (fits ? nil : .malformed(reason: "a chunk extension longer than 10 bytes")))
    }

    @Test("the bytes of all trailers", arguments: [(0, true), (1, false)])
    func trailerBytes(over: Int, fits: Bool) {
        var limits = HTTPLimits()
        limits.trailerBytes = 20
        let text = chunked("0\r\nX: \(String(repeating: "v", count: 15 + over))\r\n\r\n")
        #expect(Parsed(text, limits: limits).error == (fits ? nil : .fieldsTooLarge(limit: 20, unit: "bytes")))
    }

    @Test("the number of trailers", arguments: [(4, true), (5, false)])
    func trailerCount(count: Int, fits: Bool) {
        var limits = HTTPLimits()
        limits.fields = 4
        let text = chunked("0\r\n\(String(repeating: "X: 1\r\n", count: count))\r\n")
        #expect(Parsed(text, limits: limits).error == (fits ? nil : .fieldsTooLarge(limit: 4, unit: "fields")))
    }
}
