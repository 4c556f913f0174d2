import HTTPTypes
import HTTPWire
import Testing

@Suite("Connection timeouts")
struct TimeoutTests {
    private let justBefore = Duration.milliseconds(-1)

    @Test("a new connection that says nothing closes after the head timeout")
    func silent() {
        let driver = ConnectionDriver()
        driver.pass(.seconds(10) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed && driver.sent.isEmpty)
    }

    @Test("a head that comes too slowly is refused, however it trickles")
    func slowHead() {
        let driver = ConnectionDriver()
        driver.pass(.seconds(5))
        for byte in "GET / HTT" {
            driver.receive(String(byte))
            driver.pass(.seconds(1))
        }
        #expect(driver.refused.isEmpty)
        driver.pass(.seconds(1))
        #expect(driver.refused == [.timeout(seconds: 10)])
        #expect(driver.finishedWriting)
    }

    @Test("a connection is idle for longer between requests")
    func idle() {
        let driver = ConnectionDriver()
        driver.receive(get(""))
        driver.pass(.seconds(75) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed && driver.refused.isEmpty)
    }

    @Test("the head of a later request has its own time")
    func laterHead() {
        let driver = ConnectionDriver()
        driver.receive(get(""))
        driver.pass(.seconds(70))
        driver.receive("GET")
        driver.pass(.seconds(10) + justBefore)
        #expect(driver.refused.isEmpty)
        driver.pass(.milliseconds(1))
        #expect(driver.refused == [.timeout(seconds: 10)])
    }

    @Test("a body that keeps its rate in each window of time may be long", arguments: [(0, true), (1, false)])
    func body(missing: Int, goesOn: Bool) {
        let driver = ConnectionDriver { _ in .readBody(limit: 1 << 20) }
        driver.receive(post("Content-Length: 1000000\r\n"))
        for _ in 0..<3 {
            driver.receive(String(repeating: "x", count: 30 * 1024))
            driver.pass(.seconds(30))
        }
        #expect(driver.refused.isEmpty)
        driver.receive(String(repeating: "x", count: 30 * 1024 - missing))
        driver.pass(.seconds(30) + justBefore)
        #expect(driver.refused.isEmpty)
        driver.pass(.milliseconds(1))
        #expect(driver.refused == (goesOn ? [] : [.bodyTooSlow(minimumRate: 1024, seconds: 30)]))
    }

    @Test("what of a body came fast earns no time for the rest")
    func stalledBody() {
        let driver = ConnectionDriver { _ in .readBody(limit: 1 << 20) }
        driver.receive(post("Content-Length: 1000000\r\n"))
        driver.receive(String(repeating: "x", count: 999_999))
        driver.pass(.seconds(30))
        driver.pass(.seconds(30))
        #expect(driver.refused == [.bodyTooSlow(minimumRate: 1024, seconds: 30)])
    }

    @Test("chunk framing is no progress of a body")
    func emptyProgress() {
        let driver = ConnectionDriver { _ in .readBody(limit: 1 << 20) }
        driver.receive(chunked("0\r\n"))
        for _ in 0..<29 {
            driver.receive("T: \(String(repeating: "x", count: 100))\r\n")
            driver.pass(.seconds(1))
        }
        #expect(driver.refused.isEmpty)
        driver.pass(.seconds(1))
        #expect(driver.refused == [.bodyTooSlow(minimumRate: 1024, seconds: 30)])
    }

    @Test("an unwanted body that does not come closes the connection")
    func discarded() {
        let driver = ConnectionDriver()
        driver.receive(post("Content-Length: 10\r\n"))
        driver.pass(.seconds(30))
        #expect(driver.closed && driver.refused.isEmpty)
    }

    @Test("a handler may take as long as it needs")
    func handler() {
        let driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(get(""))
        driver.pass(.seconds(3600))
        #expect(!driver.closed)
        #expect(driver.deadline == .max)
    }

    @Test("a client that takes nothing of an answer is dropped")
    func write() {
        let driver = ConnectionDriver()
        driver.flushes = false
        driver.receive(get(""))
        driver.pass(.seconds(30) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed)
    }

    @Test("an answer may be taken as slowly as the least rate, no slower", arguments: [(0, true), (1, false)])
    func slowReader(missing: Int, goesOn: Bool) {
        let answer = ServerResponse(status: .ok, body: .bytes([UInt8](repeating: 120, count: 1 << 20)))
        let driver = ConnectionDriver { _ in .respond(answer) }
        driver.flushes = false
        driver.receive(get(""))
        // the head lies apart
        driver.flush()
        for _ in 0..<3 {
            driver.flush(atMost: 30 * 1024)
            driver.pass(.seconds(30))
        }
        #expect(!driver.closed)
        driver.flush(atMost: 30 * 1024 - missing)
        driver.pass(.seconds(30))
        #expect(driver.closed == !goesOn)
    }

    @Test("a client that takes a byte now and then is dropped")
    func tricklingReader() {
        let answer = ServerResponse(status: .ok, body: .bytes([UInt8](repeating: 120, count: 1 << 20)))
        let driver = ConnectionDriver { _ in .respond(answer) }
        driver.flushes = false
        driver.receive(get(""))
        driver.pass(.seconds(29))
        driver.flush(atMost: 1)
        driver.pass(.seconds(1))
        #expect(driver.closed)
    }

    @Test("a client that does not close its side is waited for only so long")
    func linger() {
        let driver = ConnectionDriver()
        driver.receive(get("Connection: close\r\n"))
        driver.pass(.seconds(5) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed)
    }

    @Test("a client that still sends is waited for longer, and not for ever")
    func lingerTotal() {
        let driver = ConnectionDriver()
        driver.receive(get("Connection: close\r\n"))
        for _ in 0..<7 {
            driver.pass(.seconds(4))
            driver.receive("x")
        }
        #expect(!driver.closed)
        driver.pass(.seconds(2) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed)
    }
}
