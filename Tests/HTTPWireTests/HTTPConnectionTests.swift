import HTTPTypes
import HTTPWire
import Testing

@Suite("HTTP connection")
struct HTTPConnectionTests {
    @Test("a connection answers one request after another")
    func keepAlive() {
        let driver = ConnectionDriver()
        driver.receive(get("", target: "/1"))
        driver.receive(get("", target: "/2"))
        #expect(driver.answers == ["/1", "/2"])
        #expect(!driver.closed && !driver.finishedWriting)
    }

    @Test("after the last request our side closes, then all of it when the client closes")
    func close() {
        let driver = ConnectionDriver()
        driver.receive(get("Connection: close\r\n") + get("", target: "/ignored"))
        #expect(driver.decided == ["/"])
        #expect(driver.sent.contains("connection: close"))
        #expect(driver.finishedWriting && !driver.closed)
        driver.receiveEnd()
        #expect(driver.closed)
    }

    @Test("HTTP/1.0 closes unless it asks to stay")
    func http10() {
        let driver = ConnectionDriver()
        driver.receive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(driver.sent.contains("connection: keep-alive") && !driver.finishedWriting)
        driver.receive("GET / HTTP/1.0\r\n\r\n")
        #expect(driver.finishedWriting)
    }

    @Test("the answer to HEAD has the length of the body and no body")
    func head() {
        let driver = ConnectionDriver()
        driver.receive("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n" + get("", target: "/x"))
        #expect(driver.sent.contains("content-length: 4\r\n\r\nHTTP/1.1 200 OK"))
        #expect(driver.answers == ["", "/x"])
    }

    @Test("a streamed answer to HEAD is never started")
    func headStream() {
        let driver = ConnectionDriver { _ in .respond(.stream) }
        driver.receive("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(driver.sent.hasSuffix("transfer-encoding: chunked\r\n\r\n"))
        driver.receive("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(driver.decided.count == 2)
    }

    @Test("pipelined requests wait for the one before, and are answered in order")
    func pipelining() {
        let driver = ConnectionDriver { $0.path == "/slow" ? .readBody(limit: 9) : .respond(.text($0.path ?? "")) }
        driver.receive(get("", target: "/1") + get("", target: "/slow") + get("", target: "/3"))
        #expect(driver.decided == ["/1", "/slow"])
        driver.answer(.text("slow"))
        #expect(driver.answers == ["/1", "slow", "/3"])
    }

    @Test("an answer that comes later is waited for, and those behind it with it")
    func later() {
        let driver = ConnectionDriver { $0.path == "/slow" ? .later : .respond(.text($0.path ?? "")) }
        driver.receive(get("", target: "/slow") + get("", target: "/2"))
        #expect(driver.decided == ["/slow"] && driver.requests.isEmpty && driver.sent.isEmpty)
        #expect(driver.deadline == .max && driver.watchesHangUp)
        driver.answer(.text("slow"))
        #expect(driver.answers == ["slow", "/2"] && !driver.closed)
    }

    @Test("a client that leaves while its answer is made is gone")
    func laterGone() {
        let driver = ConnectionDriver { _ in .later }
        driver.receive(get(""))
        driver.receiveEnd()
        #expect(driver.closed)
    }

    @Test("the body of a request whose answer comes later is dropped as that of one answered at once is")
    func laterBody() {
        for decision in [HTTPConnection.Decision.later, .respond(.text("a"))] {
            func answered(_ request: String, _ rest: String = "") -> ConnectionDriver {
                let driver = ConnectionDriver { _ in decision }
                driver.receive(request)
                if case .later = decision { driver.answer(.text("a")) }
                driver.receive(rest)
                return driver
            }
            let small = answered(post("Content-Length: 5\r\n", body: "he"), "llo" + get(""))
            #expect(small.decided.count == 2 && small.requests.isEmpty && !small.sent.contains("connection: close"))
            for text in [chunked("1\r\nx\r\n0\r\n\r\n"), post("Expect: 100-continue\r\nContent-Length: 5\r\n")] {
                let last = answered(text, get(""))
                #expect(last.decided.count == 1 && last.requests.isEmpty)
                #expect(last.sent.contains("connection: close") && !last.sent.contains("100 Continue"))
            }
        }
    }

    @Test("what is pipelined behind a request is bounded")
    func readAhead() {
        var limits = HTTPLimits()
        limits.readAheadBytes = 100
        let driver = ConnectionDriver(limits: limits) { _ in .readBody(limit: 9) }
        driver.receive(get(""))
        driver.receive(String(repeating: "x", count: 99))
        #expect(driver.wantsInput)
        driver.receive("x")
        #expect(!driver.wantsInput)
    }

    @Test("a client that takes no answers is not read from")
    func unsent() {
        var limits = HTTPLimits()
        limits.unsentBytes = 100
        limits.readAheadBytes = 1
        let driver = ConnectionDriver(limits: limits)
        driver.flushes = false
        driver.receive(String(repeating: get(""), count: 10))
        #expect(driver.decided.count == 2, "each answer is 50 bytes")
        #expect(!driver.wantsInput)
        driver.flushes = true
        driver.run()
        #expect(driver.answers.count == 10)
        #expect(driver.wantsInput)
    }

    @Test(
        "a body is read whole, by length or in chunks",
        arguments: [
            post("Content-Length: 5\r\n", body: "hello"), chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\nT: 1\r\n\r\n"),
        ])
    func bodies(text: String) {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        for character in text { driver.receive(String(character)) }
        #expect(driver.requests == ["hello"])
        driver.answer(.text("done"))
        driver.receive(get(""))
        #expect(driver.decided.count == 2)
    }

    @Test(
        "a body over the limit is refused",
        arguments: [
            post("Content-Length: 6\r\n"), post("Content-Length: 9223372036854775807\r\n"),
            chunked("2\r\nhe\r\n4\r\nllo!"),
        ])
    func bodyLimit(text: String) {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(text)
        #expect(driver.refused == [.bodyTooLarge(limit: 5)])
        #expect(driver.sent.contains("connection: close") && driver.finishedWriting)
        #expect(driver.requests.isEmpty)
    }

    @Test("a coded body may be a little longer than its limit, no more")
    func codedBodyLimit() {
        for (length, fits) in [(6400 + 100 + 1024, true), (6400 + 100 + 1025, false)] {
            let driver = ConnectionDriver { _ in .readBody(limit: 6400) }
            driver.receive(post("Content-Encoding: gzip\r\nContent-Length: \(length)\r\n"))
            #expect(driver.refused == (fits ? [] : [.bodyTooLarge(limit: 6400)]))
        }
    }

    @Test("an unknown content coding is refused only when the body is wanted")
    func contentCoding() {
        let text = post("Content-Encoding: br\r\nContent-Length: 1\r\n", body: "x")
        let wanted = ConnectionDriver { _ in .readBody(limit: 5) }
        wanted.receive(text)
        #expect(wanted.refused == [.unsupportedContentCoding("br")])
        let unwanted = ConnectionDriver()
        unwanted.receive(text + get("", target: "/2"))
        #expect(unwanted.refused.isEmpty)
        #expect(unwanted.answers == ["/", "/2"])
    }

    @Test("a missing length is refused where the handler says so")
    func lengthRequired() {
        let strict = ConnectionDriver { _ in .readBody(limit: 5, lengthRequired: true) }
        strict.receive(post(""))
        #expect(strict.refused == [.lengthRequired])
        let lenient = ConnectionDriver { _ in .readBody(limit: 5) }
        lenient.receive(post(""))
        #expect(lenient.requests == [""])
        let empty = ConnectionDriver { _ in .readBody(limit: 5, lengthRequired: true) }
        empty.receive(post("Content-Length: 0\r\n"))
        #expect(empty.requests == [""])
    }

    @Test("bytes that are not HTTP are answered and the connection closes")
    func malformed() {
        let driver = ConnectionDriver()
        driver.receive(get("", target: "/1") + "nonsense\r\n" + get("", target: "/2"))
        #expect(driver.refused == [.malformed(reason: "invalid request line")])
        #expect(driver.answers == ["/1", "refused"])
        #expect(driver.sent.contains("connection: close") && driver.finishedWriting)
    }

    @Test("a broken chunk refuses the request before the handler has it")
    func brokenChunk() {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(chunked("1\r\nxy"))
        driver.receive("z")
        #expect(driver.refused == [.malformed(reason: "a chunk that does not end with CRLF")])
        #expect(driver.requests.isEmpty)
    }

    // MARK: Expect: 100-continue

    @Test("100 is sent when the body is wanted and has not come")
    func continues() {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(post("Expect: 100-continue\r\nContent-Length: 2\r\n"))
        #expect(driver.sent == "HTTP/1.1 100 Continue\r\n\r\n")
        driver.receive("hi")
        #expect(driver.requests == ["hi"])
    }

    @Test("100 is left out when the body is already there, or empty")
    func noNeedToContinue() {
        for text in [
            post("Expect: 100-continue\r\nContent-Length: 2\r\n", body: "hi"),
            post("Expect: 100-continue\r\nContent-Length: 0\r\n"), post("Expect: 100-continue\r\n"),
        ] {
            let driver = ConnectionDriver { _ in .readBody(limit: 5) }
            driver.receive(text)
            #expect(driver.sent.isEmpty)
            #expect(driver.requests.count == 1)
        }
    }

    @Test("a refused body is not asked for, and the connection closes")
    func refusedExpectation() {
        let byHandler = ConnectionDriver { _ in .respond(.text("no", status: .notFound)) }
        byHandler.receive(post("Expect: 100-continue\r\nContent-Length: 2\r\n"))
        #expect(byHandler.sent.hasPrefix("HTTP/1.1 404") && byHandler.finishedWriting)
        let bySize = ConnectionDriver { _ in .readBody(limit: 1) }
        bySize.receive(post("Expect: 100-continue\r\nContent-Length: 2\r\n"))
        #expect(bySize.refused == [.bodyTooLarge(limit: 1)])
        #expect(!bySize.sent.contains("100 Continue"))
    }

    @Test("another expectation is refused")
    func unknownExpectation() {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(post("Expect: tea\r\nContent-Length: 2\r\n"))
        #expect(driver.refused == [.expectationFailed])
    }

    // MARK: Bodies that nobody wants

    @Test("a small unwanted body is dropped and the connection goes on", arguments: [(10, true), (11, false)])
    func unwantedBody(length: Int, goesOn: Bool) {
        var limits = HTTPLimits()
        limits.discardedBodyBytes = 10
        let driver = ConnectionDriver(limits: limits)
        driver.receive(post("Content-Length: \(length)\r\n"))
        #expect(driver.answers == ["/"])
        driver.receive(String(repeating: "x", count: length) + get("", target: "/2"))
        #expect(driver.answers == (goesOn ? ["/", "/2"] : ["/"]))
        #expect(driver.finishedWriting == !goesOn)
    }

    @Test("an unwanted body of unknown length closes the connection")
    func unwantedChunks() {
        let driver = ConnectionDriver()
        driver.receive(chunked("1\r\nx\r\n0\r\n\r\n") + get("", target: "/2"))
        #expect(driver.answers == ["/"])
        #expect(driver.finishedWriting)
    }

    @Test("what comes after the last answer is dropped, up to a limit")
    func lingering() {
        var limits = HTTPLimits()
        limits.lingeringBytes = 10
        let driver = ConnectionDriver(limits: limits)
        driver.receive(get("Connection: close\r\n"))
        driver.receive("123456789")
        #expect(!driver.closed)
        driver.receive("0")
        #expect(driver.closed)
    }

    @Test("a body whose Expect is not understood is not skipped, since it may not come")
    func unknownExpectationUnread() {
        let driver = ConnectionDriver()
        driver.receive(post("Expect: y 100-continue\r\nContent-Length: 2\r\n") + get("", target: "/2"))
        #expect(driver.answers == ["/"])
        #expect(driver.sent.contains("connection: close") && driver.finishedWriting)
    }

    @Test("the last request that a connection may have is answered with close", arguments: [(2, true), (3, false)])
    func requests(count: Int, stays: Bool) {
        var limits = HTTPLimits()
        limits.requests = 3
        let driver = ConnectionDriver(limits: limits)
        for index in 1...count { driver.receive(get("", target: "/\(index)")) }
        #expect(driver.answers.count == count)
        #expect(driver.sent.contains("connection: close") == !stays)
        #expect(driver.finishedWriting == !stays)
        driver.receive(get("", target: "/next"))
        #expect(driver.decided.contains("/next") == stays)
    }

    // MARK: Streams

    @Test("a stream is sent part by part, each asked for when the last was taken")
    func stream() {
        let driver = ConnectionDriver { _ in .respond(.stream) }
        driver.receive(get(""))
        driver.flushes = false
        driver.streamPart("hello")
        #expect(driver.sendMore == 0)
        driver.flush(atMost: 3)
        driver.run()
        #expect(driver.sendMore == 0)
        driver.flush()
        driver.run()
        #expect(driver.sendMore == 1)
        driver.flushes = true
        driver.streamPart("")
        #expect(driver.sendMore == 2, "an empty part would end the body, and is left out")
        driver.streamEnd(complete: true)
        #expect(driver.sent.hasSuffix("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
        driver.receive(get(""))
        #expect(driver.decided.count == 2)
    }

    @Test("a stream that breaks off closes without the last chunk")
    func brokenStream() {
        let driver = ConnectionDriver { _ in .respond(.stream) }
        driver.receive(get(""))
        driver.streamPart("hello")
        driver.streamEnd(complete: false)
        #expect(driver.closed)
        #expect(driver.sent.hasSuffix("hello\r\n"))
    }

    @Test("a stream to HTTP/1.0 has no chunks and ends with the connection")
    func oldStream() {
        let driver = ConnectionDriver { _ in .respond(.stream) }
        driver.receive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        driver.streamPart("hello")
        driver.streamEnd(complete: true)
        #expect(driver.sent.hasSuffix("\r\n\r\nhello"))
        #expect(driver.finishedWriting)
    }

    @Test("the words on a request that could not be read may be a stream too")
    func streamedRefusal() {
        let driver = ConnectionDriver()
        driver.refusal = .stream
        driver.receive("GET / HTTP/1.1\r\n\r\n")
        driver.streamPart("hello")
        driver.streamEnd(complete: true)
        #expect(driver.sent.hasSuffix("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
        #expect(driver.finishedWriting)
    }

    // MARK: Clients that go away

    @Test("a client that closes while its request is worked on is gone")
    func gone() {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(get(""))
        #expect(driver.watchesHangUp)
        driver.receiveEnd()
        #expect(driver.closed)
        driver.answer(.text("late"))
        #expect(driver.sent.isEmpty)
    }

    @Test(
        "a client that closes its side is gone, although it said that its request is the last",
        arguments: [get("Connection: close\r\n"), "GET / HTTP/1.0\r\n\r\n"])
    func goneAfterLast(request: String) {
        let driver = ConnectionDriver { _ in .later }
        driver.receive(request)
        #expect(driver.watchesHangUp && !driver.closed)
        driver.receiveEnd()
        #expect(driver.closed && driver.sent.isEmpty)
        driver.disconnect()
        #expect(driver.ended.map(\.ending) == [.clientGone])
        // In the middle of a streamed answer too.
        let stream = ConnectionDriver { _ in .later }
        stream.receive(request)
        stream.answer(.stream)
        #expect(stream.watchesHangUp && !stream.closed)
        stream.receiveEnd()
        #expect(stream.closed)
    }

    @Test(
        "no work is begun for a client that closed its side while its request waited behind others",
        arguments: [false, true])
    func goneBeforeItsTurn(hasBody: Bool) {
        var limits = HTTPLimits()
        limits.unsentBytes = 1
        let driver = ConnectionDriver(limits: limits) {
            $0.path == "/1" ? .respond(.text("/1")) : hasBody ? .readBody(limit: 5) : .later
        }
        driver.flushes = false
        driver.receive(get("", target: "/1") + post("Content-Length: 5\r\n", body: "hello"))
        driver.receiveEnd()
        driver.flushes = true
        driver.run()
        #expect(driver.closed && driver.requests.isEmpty && driver.answers == ["/1"])
    }

    @Test("where half-closed connections are allowed, who said that its request is the last still gets the answer")
    func halfClosed() {
        let driver = ConnectionDriver(allowsHalfClose: true) { _ in .readBody(limit: 5) }
        driver.receive(get("Connection: close\r\n"))
        #expect(!driver.watchesHangUp)
        driver.receiveEnd()
        #expect(!driver.closed && !driver.wantsInput)
        driver.answer(.text("answer"))
        #expect(driver.answers == ["answer"])
        #expect(driver.closed)
    }

    @Test("requests that came whole before the client closed its side are answered")
    func halfClosedPipeline() {
        let driver = ConnectionDriver()
        driver.flushes = false
        driver.receive(get("", target: "/1") + get("", target: "/2") + "GET /3 HT")
        driver.receiveEnd()
        driver.flushes = true
        driver.run()
        #expect(driver.answers == ["/1", "/2"])
        #expect(driver.closed && driver.refused.isEmpty)
    }

    @Test("a body that breaks off is not handed on")
    func halfBody() {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(post("Content-Length: 5\r\n", body: "hel"))
        driver.receiveEnd()
        #expect(driver.closed && driver.requests.isEmpty && driver.sent.isEmpty)
    }

    @Test("a body that broke off while its request waited behind others is not waited for", arguments: [true, false])
    func halfBodyBehindOthers(isWanted: Bool) {
        var limits = HTTPLimits()
        limits.unsentBytes = 1
        let driver = ConnectionDriver(limits: limits) {
            $0.method == .post && isWanted ? .readBody(limit: 5) : .respond(.text($0.path ?? ""))
        }
        driver.flushes = false
        driver.receive(get("", target: "/1") + post("Content-Length: 5\r\n", body: "hel"))
        driver.receiveEnd()
        driver.flushes = true
        driver.run()
        #expect(driver.closed)
        #expect(driver.answers == (isWanted ? ["/1"] : ["/1", "/"]))
    }

    // MARK: Draining

    @Test("draining closes an idle connection at once")
    func drainIdle() {
        let driver = ConnectionDriver()
        driver.receive(get(""))
        driver.drain()
        #expect(driver.closed)
    }

    @Test("draining leaves a new connection a moment for its first request")
    func drainFresh() {
        let quick = ConnectionDriver()
        quick.drain()
        #expect(!quick.closed)
        quick.receive(get("", target: "/1"))
        #expect(quick.answers == ["/1"] && quick.finishedWriting)

        let silent = ConnectionDriver(timeouts: timeouts { $0.linger = .seconds(2) })
        silent.pass(.seconds(9))
        silent.drain()
        silent.pass(.milliseconds(1999))
        #expect(!silent.closed)
        silent.pass(.milliseconds(1))
        #expect(silent.closed && silent.sent.isEmpty)
    }

    @Test("draining leaves an unfinished head a second, whether it began before or after, and owes it nothing")
    func drainHead() {
        let finished = ConnectionDriver()
        finished.receive("GET /1 HTTP/1.1\r\n")
        finished.drain()
        finished.pass(.milliseconds(999))
        finished.receive("Host: a\r\n\r\n")
        #expect(finished.answers == ["/1"] && finished.finishedWriting)

        for drainsFirst in [false, true] {
            let driver = ConnectionDriver()
            if !drainsFirst { driver.receive(get("", target: "/1")) }
            if drainsFirst { driver.drain() }
            driver.pass(.seconds(2))
            driver.receive("GET /2 HT")
            driver.pass(.milliseconds(500))
            if !drainsFirst { driver.drain() }
            #expect(!driver.owesAnswer)
            let left: Duration = drainsFirst ? .milliseconds(500) : .seconds(1)
            driver.pass(left - .milliseconds(1))
            #expect(!driver.closed)
            driver.pass(.milliseconds(1))
            #expect(driver.closed && driver.refused.isEmpty)
            #expect(driver.answers == (drainsFirst ? [] : ["/1"]))
        }
    }

    @Test("draining does not lengthen the time of a head")
    func drainLateHead() {
        let driver = ConnectionDriver()
        driver.receive("GET / HT")
        driver.pass(.milliseconds(9999))
        driver.drain()
        driver.pass(.milliseconds(1))
        #expect(driver.closed)
    }

    private func timeouts(_ change: (inout HTTPTimeouts) -> Void) -> HTTPTimeouts {
        var timeouts = HTTPTimeouts()
        change(&timeouts)
        return timeouts
    }

    @Test("after the end of persistence an idle connection stays for one more answer")
    func endOfPersistence() {
        let driver = ConnectionDriver()
        driver.receive(get("", target: "/1"))
        driver.machine.endPersistence()
        driver.run()
        #expect(!driver.closed && !driver.sent.contains("connection: close"))
        driver.receive(get("", target: "/2") + get("", target: "/3"))
        #expect(driver.answers == ["/1", "/2"])
        #expect(driver.sent.contains("connection: close") && driver.finishedWriting)
    }

    @Test("an answer is owed from the first byte of a request to the last of its answer")
    func owedAnswer() {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.flushes = false
        #expect(!driver.owesAnswer)
        driver.receive("POST / HTTP/1.1\r\n")
        #expect(driver.owesAnswer)
        driver.receive("Host: a\r\nContent-Length: 5\r\n\r\nhe")
        #expect(driver.owesAnswer)
        driver.receive("llo")
        #expect(driver.owesAnswer)
        driver.answer(.text("answer"))
        #expect(driver.owesAnswer)
        while !driver.machine.output.isEmpty { driver.flush() }
        driver.run()
        #expect(!driver.owesAnswer && !driver.closed)
    }

    @Test("draining answers what has begun, says so, and closes")
    func drainBusy() {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(post("Content-Length: 5\r\n", body: "he"))
        driver.drain()
        driver.receive("llo")
        #expect(driver.requests == ["hello"])
        driver.answer(.text("answer"))
        #expect(driver.sent.contains("connection: close") && driver.finishedWriting)
    }
}

extension ServerResponse {
    static var stream: ServerResponse {
        ServerResponse(status: .ok, body: .stream(AsyncThrowingStream { $0.finish() }))
    }
}
