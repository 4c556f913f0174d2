import HTTPTypes
import HTTPWire
import Testing

/// One line of the conformance table: bytes, and what a server must make of them.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    enum Outcome: Equatable, Sendable {
        /// The requests, each as `METHOD target authority body`, and whether the connection stays open after them.
        case served([String], stays: Bool)
        /// Answered with an error, after which the connection closes.
        case refused(HTTPServerError)
    }

    /// Of RFC 9112, where no other is named.
    var section: String
    var text: String
    var outcome: Outcome

    var testDescription: String { "\(section) \(text.debugDescription.prefix(120))" }

    /// - Parameter request: without body and with it, as in ``Outcome/served(_:stays:)``.
    init(_ section: String, _ text: String, serves requests: String..., stays: Bool = true) {
        (self.section, self.text, outcome) = (section, text, .served(requests, stays: stays))
    }

    init(_ section: String, _ text: String, _ error: HTTPServerError) {
        (self.section, self.text, outcome) = (section, text, .refused(error))
    }

    init(_ section: String, _ text: String, _ reason: String) {
        self.init(section, text, .malformed(reason: reason))
    }
}

/// What one connection did with some bytes.
private struct Observed: Equatable {
    var requests: [String] = []
    var refused: [HTTPServerError] = []
    var answers: [String] = []
    var stays = true

    /// Every request is read with its body and answered with what it was.
    init(_ pieces: [ArraySlice<UInt8>]) {
        let driver = ConnectionDriver { _ in .readBody(limit: 1000) }
        for piece in pieces {
            driver.receive(piece)
            while requests.count < driver.requests.count {
                let (head, body) = (driver.heads[driver.heads.count - 1], driver.requests[requests.count])
                let words = [head.method.rawValue, head.path, head.authority, body]
                requests.append(words.compactMap(\.self).filter { !$0.isEmpty }.joined(separator: " "))
                driver.answer(.text(requests[requests.count - 1]))
            }
        }
        refused = driver.refused
        stays = !driver.finishedWriting && !driver.closed
        // 100 is sent where the body was not there yet, which depends on where the bytes were cut.
        answers = driver.answers.filter { !$0.isEmpty }
    }
}

@Suite("Conformance to RFC 9110 and 9112")
struct ConformanceTests {
    private static let next = get("", target: "/next")

    @Test("each message has its outcome", arguments: ConformanceCase.all)
    func outcome(_ row: ConformanceCase) {
        let seen = Observed([Array(row.text.utf8)[...]])
        switch row.outcome {
        case .served(let requests, let stays):
            #expect(seen.requests == requests)
            #expect(seen.refused.isEmpty)
            #expect(seen.stays == stays)
        case .refused(let error):
            #expect(seen.refused == [error])
            #expect(seen.requests.isEmpty)
            #expect(!seen.stays)
        }
    }

    @Test("it does not depend on where the bytes are cut, nor on what follows", arguments: ConformanceCase.all)
    func everyCut(_ row: ConformanceCase) {
        for text in [row.text, row.text + Self.next] {
            let bytes = Array(text.utf8)
            let whole = Observed([bytes[...]])
            for offset in 1..<bytes.count {
                #expect(Observed([bytes[..<offset], bytes[offset...]]) == whole, "cut at \(offset)")
            }
            #expect(Observed(bytes.indices.map { bytes[$0...$0] }) == whole, "byte by byte")
        }
    }

    @Test(
        "a request that follows is served where the connection stays, and never read else",
        arguments: ConformanceCase.all)
    func following(_ row: ConformanceCase) {
        let alone = Observed([Array(row.text.utf8)[...]])
        let followed = Observed([Array((row.text + Self.next).utf8)[...], Array((Self.next + Self.next).utf8)[...]])
        if case .served(_, stays: true) = row.outcome {
            #expect(followed.requests == alone.requests + Array(repeating: "GET /next a", count: 3))
            #expect(followed.stays)
        } else {
            #expect(followed == alone)
        }
    }

    @Test("HEAD has the fields of GET and no body; what follows is framed right")
    func head() {
        let driver = ConnectionDriver()
        driver.receive("HEAD /four HTTP/1.1\r\nHost: a\r\n\r\n" + Self.next)
        #expect(driver.sent.contains("content-length: 5\r\n\r\nHTTP/1.1 200 OK"))
        #expect(driver.answers == ["", "/next"])
    }

    @Test("fields of a trailer section never reach the handler", arguments: forbiddenTrailers)
    func trailers(_ field: String) throws {
        let parsed = Parsed(chunked("1\r\nx\r\n0\r\n\(field)\r\n\r\n") + Self.next)
        #expect(parsed.error == nil && parsed.bodyTexts == ["x", ""])
        #expect(parsed.heads[0].request.headerFields.count == 1, "Transfer-Encoding alone")
        #expect(parsed.heads[1].request.path == "/next")
    }

    static let forbiddenTrailers = [
        "Content-Length: 5", "Transfer-Encoding: chunked", "Host: evil", "Content-Encoding: gzip", "Connection: close",
        "Authorization: Bearer x", "Expect: 100-continue", "X-Request-Id: 1",
    ]
}
