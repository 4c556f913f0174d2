import HTTPTypes
import HTTPWire
import Testing

@Suite("Response encoder")
struct ResponseEncoderTests {
    private func head(
        _ response: ServerResponse, version: HTTPVersion = .http11, keepAlive: Bool = true
    ) -> String {
        var output = OutputBuffer()
        ResponseEncoder.encodeHead(
            response.status, response.fields, framing: ResponseEncoder.framing(of: response, version: version),
            version: version, keepAlive: keepAlive, date: Array("today".utf8), into: &output)
        return output.withNext { span, _ in
            String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
        }
    }

    @Test("a body has its length")
    func length() {
        let response = ServerResponse(status: .ok, fields: [.contentType: "text/plain"], body: .bytes([1, 2, 3]))
        #expect(
            head(response) == "HTTP/1.1 200 OK\r\ndate: today\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\n")
    }

    @Test("a missing body has length 0, and 204 and 304 say no length")
    func noBody() {
        #expect(head(.init(status: .notFound)).contains("content-length: 0"))
        #expect(!head(.init(status: .noContent, body: .bytes([1]))).contains("content-length"))
        #expect(!head(.init(status: .notModified)).contains("content-length"))
    }

    @Test("a stream is chunked, and for HTTP/1.0 ends with the connection")
    func stream() {
        let response = ServerResponse(status: .ok, body: .stream(AsyncThrowingStream { $0.finish() }))
        #expect(head(response).contains("transfer-encoding: chunked"))
        let old = head(response, version: .http10, keepAlive: false)
        #expect(!old.contains("transfer-encoding"))
        #expect(old.contains("connection: close"))
    }

    @Test("the connection is mentioned where the version does not imply it")
    func connection() {
        let response = ServerResponse(status: .ok)
        #expect(!head(response).contains("connection"))
        #expect(head(response, keepAlive: false).contains("connection: close"))
        #expect(head(response, version: .http10).contains("connection: keep-alive"))
        #expect(head(response, version: .http10, keepAlive: false).contains("connection: close"))
    }

    @Test("what a handler says of framing is dropped")
    func ours() {
        let response = ServerResponse(
            status: .ok,
            fields: [.contentLength: "99", .transferEncoding: "chunked", .connection: "upgrade", .date: "never"])
        #expect(head(response) == "HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 0\r\n\r\n")
    }

    @Test(
        "dates are written as RFC 9110 does",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"),
        ])
    func dates(seconds: Int, text: String) {
        #expect(HTTPDate.format(secondsSince1970: seconds) == text)
    }

    @Test("bytes come out in order, however many are taken at a time", arguments: [1, 7, 20_000, 100_000])
    func output(step: Int) {
        var output = OutputBuffer()
        let body = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        output.append("head")
        output.append(body: body)
        var received: [UInt8] = []
        while !output.isEmpty {
            let part = output.withNext { span, _ in (0..<min(step, span.count)).map { span[$0] } }
            output.consume(part.count)
            received += part
        }
        #expect(received == Array("head".utf8) + body)
    }
}
