import HTTPTypes
import Testing

@testable import HTTPWire

@Suite("Connection timeouts")
struct TimeoutTests {
    private let justBefore = Duration.milliseconds(-1)

    @Test("a new connection that says nothing closes after the head timeout")
    func silent() {
        var driver = ConnectionDriver()
        driver.pass(.seconds(10) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed && driver.sent.isEmpty)
    }

    @Test("a head that comes too slowly is refused, however it trickles")
    func slowHead() {
        var driver = ConnectionDriver()
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
        var driver = ConnectionDriver()
        driver.receive(get(""))
        driver.pass(.seconds(75) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed && driver.refused.isEmpty)
    }

    @Test("the head of a later request has its own time")
    func laterHead() {
        var driver = ConnectionDriver()
        driver.receive(get(""))
        driver.pass(.seconds(70))
        driver.receive("GET")
        driver.pass(.seconds(10) + justBefore)
        #expect(driver.refused.isEmpty)
        driver.pass(.milliseconds(1))
        #expect(driver.refused == [.timeout(seconds: 10)])
    }

    @Test("a body has its time, and more for what has come")
    func body() {
        var driver = ConnectionDriver { _ in .readBody(limit: 1 << 20) }
        driver.receive(post("Content-Length: 100000\r\n"))
        driver.receive(String(repeating: "x", count: 2048))
        driver.pass(.seconds(32) + justBefore)
        #expect(driver.refused.isEmpty)
        driver.pass(.milliseconds(1))
        #expect(driver.refused == [.timeout(seconds: 32)])
    }

    @Test("an unwanted body that does not come closes the connection")
    func discarded() {
        var driver = ConnectionDriver()
        driver.receive(post("Content-Length: 10\r\n"))
        driver.pass(.seconds(30))
        #expect(driver.closed && driver.refused.isEmpty)
    }

    @Test("a handler may take as long as it needs")
    func handler() {
        var driver = ConnectionDriver { _ in .readBody(limit: 5) }
        driver.receive(get(""))
        driver.pass(.seconds(3600))
        #expect(!driver.closed)
        #expect(driver.machine.deadline == .max)
    }

    @Test("a client that takes nothing of an answer is dropped, one that takes a little is not")
    func write() {
        var driver = ConnectionDriver()
        driver.flushes = false
        driver.receive(get(""))
        driver.pass(.seconds(29))
        driver.flush(atMost: 1)
        driver.pass(.seconds(30) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed)
    }

    @Test("a client that does not close its side is waited for only so long")
    func linger() {
        var driver = ConnectionDriver()
        driver.receive(get("Connection: close\r\n"))
        driver.pass(.seconds(2) + justBefore)
        #expect(!driver.closed)
        driver.pass(.milliseconds(1))
        #expect(driver.closed)
    }
}
