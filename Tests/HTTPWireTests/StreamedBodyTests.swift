import HTTPTypes
import HTTPWire
import Testing

@Suite("Bodies that are read as they come")
struct StreamedBodyTests {
    private func driver(
        limits: HTTPLimits = HTTPLimits(), timeouts: HTTPTimeouts = HTTPTimeouts(), allowsHalfClose: Bool = false
    ) -> ConnectionDriver {
        ConnectionDriver(limits: limits, timeouts: timeouts, allowsHalfClose: allowsHalfClose) {
            $0.method == .post ? .streamBody : .respond(.text($0.path ?? ""))
        }
    }

    @Test("the answer may begin, and go on, before the body has ended; then the connection goes on")
    func duplex() {
        let driver = driver()
        driver.receive(chunked("2\r\nhe\r\n"))
        #expect(driver.received == "he" && driver.wantsInput)
        driver.answer(.stream)
        driver.streamPart("one")
        #expect(driver.sent.hasSuffix("3\r\none\r\n") && driver.wantsInput)
        driver.receive("3\r\nllo\r\n")
        driver.streamPart("two")
        driver.receive("0\r\n\r\n")
        #expect(driver.requests == ["hello"])
        driver.streamEnd(complete: true)
        driver.receive(get("", target: "/next"))
        #expect(driver.decided.count == 2 && !driver.closed && driver.sent.hasSuffix("/next"))
    }

    @Test("the body may end before its answer begins")
    func simplex() {
        let driver = driver()
        driver.receive(post("Content-Length: 5\r\n", body: "hello") + get("", target: "/2"))
        #expect(driver.requests == ["hello"] && driver.decided.count == 1)
        driver.answer(.text("a"))
        #expect(driver.answers == ["a", "/2"])
    }

    @Test("an answer that does not wait for the body ends the connection")
    func answeredEarly() {
        let whole = driver()
        whole.receive(post("Content-Length: 5\r\n", body: "he"))
        whole.answer(.text("no"))
        #expect(whole.sent.contains("connection: close") && whole.finishedWriting)
        let stream = driver()
        stream.receive(post("Content-Length: 5\r\n", body: "he"))
        stream.answer(.stream)
        stream.streamPart("x")
        stream.streamEnd(complete: true)
        #expect(stream.sent.hasSuffix("0\r\n\r\n") && stream.finishedWriting && !stream.closed)
        stream.receive("llo" + get(""))
        #expect(stream.decided.count == 1)
    }

    @Test("while the body is held back nothing is read beyond the limit, and its client's time stands still")
    func held() {
        var limits = HTTPLimits()
        limits.readAheadBytes = 10
        let driver = driver(limits: limits)
        driver.receive(post("Content-Length: 100\r\n", body: "0123456789"))
        #expect(driver.received == "0123456789")
        driver.holdBody(true)
        driver.receive("abcdefghij")
        #expect(driver.received == "0123456789" && !driver.wantsInput && driver.deadline == .max)
        driver.pass(.seconds(1000))
        #expect(!driver.closed && driver.bodyFailures.isEmpty)
        driver.holdBody(false)
        #expect(driver.received == "0123456789abcdefghij" && driver.wantsInput)
        driver.pass(.seconds(29))
        #expect(driver.bodyFailures.isEmpty)
    }

    @Test("a body that is too slow, or is not by the grammar, fails; the answer may still say so")
    func failures() {
        let slow = driver()
        slow.receive(post("Content-Length: 100\r\n", body: "x"))
        slow.answer(.stream)
        slow.pass(.seconds(30))
        #expect(slow.bodyFailures == [.bodyTooSlow(minimumRate: 1024, seconds: 30)])
        slow.streamPart("error")
        slow.streamEnd(complete: true)
        #expect(slow.sent.hasSuffix("5\r\nerror\r\n0\r\n\r\n") && slow.finishedWriting)

        let broken = driver()
        broken.receive(chunked("2\r\nhexx"))
        #expect(broken.bodyFailures.count == 1 && broken.refused.isEmpty)
        broken.answer(.text("bad", status: .badRequest))
        #expect(broken.sent.contains("400 Bad Request") && broken.finishedWriting)
    }

    @Test("a client that sends need not take the answer yet, one that is held back must")
    func writeTime() {
        let driver = driver()
        driver.flushes = false
        driver.receive(post("Content-Length: 10000000\r\n"))
        driver.answer(.stream)
        for _ in 0..<3 {
            driver.receive(String(repeating: "x", count: 40_000))
            driver.pass(.seconds(30))
        }
        #expect(!driver.closed && driver.bodyFailures.isEmpty)
        driver.holdBody(true)
        driver.pass(.seconds(29))
        #expect(!driver.closed)
        driver.pass(.seconds(1))
        #expect(driver.closed)
    }

    @Test("a client that leaves in the middle of its body is gone")
    func gone() {
        for allowsHalfClose in [false, true] {
            let driver = driver(allowsHalfClose: allowsHalfClose)
            driver.receive(post("Content-Length: 5\r\nConnection: close\r\n", body: "he"))
            driver.answer(.stream)
            driver.receiveEnd()
            #expect(driver.closed)
        }
        let whole = driver(allowsHalfClose: true)
        whole.receive(post("Content-Length: 5\r\nConnection: close\r\n", body: "hello"))
        whole.receiveEnd()
        #expect(!whole.closed)
        whole.answer(.text("done"))
        #expect(whole.answers == ["done"])
    }

    @Test("what cannot be read is refused before any of it comes, and 100 is sent for what can")
    func heads() {
        let missing = driver()
        missing.receive("POST / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(missing.refused == [.lengthRequired])
        let coding = driver()
        coding.receive(post("Content-Length: 5\r\nContent-Encoding: br\r\n"))
        #expect(coding.refused == [.unsupportedContentCoding("br")])
        let waiting = driver()
        waiting.receive(post("Content-Length: 5\r\nExpect: 100-continue\r\n"))
        #expect(waiting.sent.hasPrefix("HTTP/1.1 100 Continue"))
    }

    @Test("a body of any length may come in chunks of its least size, and not in smaller ones")
    func chunks() {
        var limits = HTTPLimits()
        limits.chunks = 3
        func failures(_ size: Int, _ count: Int) -> Int {
            let driver = driver(limits: limits)
            let chunk = String(size, radix: 16) + "\r\n" + String(repeating: "x", count: size) + "\r\n"
            driver.receive(chunked(String(repeating: chunk, count: count)))
            return driver.bodyFailures.count
        }
        #expect(failures(HTTPLimits.bytesPerFurtherChunk, 1000) == 0)
        #expect(failures(1, 3) == 0)
        #expect(failures(1, 4) == 1)
        #expect(failures(HTTPLimits.bytesPerFurtherChunk - 1, 1000) == 1)
    }
}
