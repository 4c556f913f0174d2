import CAllocationCounter
import HTTPTypes
import HTTPWire
import Testing

@Suite("Memory of a connection")
struct MemoryTests {
    private static let requests = [
        get("User-Agent: test\r\nAccept: */*\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\n", target: "/health"),
        "HEAD http://example.org:8080/health?verbose=1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        post("Content-Type: image/png\r\nContent-Length: 1000\r\n", body: String(repeating: "x", count: 1000)),
        chunked("5;a=b\r\nhello\r\n3e8\r\n\(String(repeating: "x", count: 1000))\r\n0\r\nT: 1\r\n\r\n"),
        post("Expect: 100-continue\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n", body: "x"),
    ]

    @Test("a parser allocates nothing for a request like the ones before", arguments: requests)
    func parser(_ text: String) throws {
        let bytes = Array(text.utf8)
        var parser = RequestParser(limits: HTTPLimits())
        var (heads, length, ends) = (0, 0, 0)
        func run() throws {
            parser.receive(bytes.span)
            while let event = try parser.next() {
                switch event {
                case .head: heads += 1
                case .body(let part): length += parser.withBytes(of: part) { $0.count }
                case .end: ends += 1
                }
            }
        }
        for _ in 0..<3 { try run() }
        let before = allocation_count()
        for _ in 0..<100 { try run() }
        let allocated = allocation_count() - before
        #expect(allocated == 0)
        #expect(heads == 103 && ends == 103)
        #expect(length % 103 == 0)
    }

    @Test("a connection allocates nothing for a request like the ones before, up to its answer", arguments: requests)
    func connection(_ text: String) {
        let bytes = Array(text.utf8)
        let answer = ServerResponse(status: .ok, fields: [.contentType: "text/plain"], body: .bytes([1, 2, 3]))
        let date = Array("today".utf8)
        var machine = HTTPConnection(limits: HTTPLimits(), timeouts: HTTPTimeouts(), at: 0)
        var (decided, answered, ended, length, allocatedByAnswers) = (0, 0, 0, 0, 0)
        func run() {
            machine.receive(bytes.span, at: 1)
            while true {
                while let action = machine.nextAction() {
                    switch action {
                    case .decide:
                        decided += 1
                        machine.decided(.readBody(limit: 10_000), date: date, at: 1)
                    case .body(let part): length += machine.withBytes(of: part) { $0.count }
                    case .bodyComplete:
                        answered += 1
                        let before = allocation_count()
                        machine.answer(answer, date: date, at: 1)
                        allocatedByAnswers += allocation_count() - before
                    default: Issue.record("\(action)")
                    }
                }
                if machine.output.isEmpty { return }
                machine.sent(machine.output.count, at: 1)
                while machine.takeEnded() != nil { ended += 1 }
            }
        }
        for _ in 0..<3 { run() }
        allocatedByAnswers = 0
        let before = allocation_count()
        for _ in 0..<100 { run() }
        let allocated = allocation_count() - before
        #expect(allocated == allocatedByAnswers)
        #expect(allocatedByAnswers <= 200, "HTTPTypes' list of fields, when it is walked")
        #expect(decided == 103 && answered == 103 && ended == 103)
    }

    @Test("the counter counts")
    func counter() {
        let before = allocation_count()
        let block = [Int](repeating: 1, count: 1000)
        #expect(block.count == 1000 && allocation_count() > before)
    }

    @Test("a new connection holds nothing, and an idle one nothing after a second")
    func idle() {
        let driver = ConnectionDriver()
        #expect(driver.heldBytes == 0)
        driver.receive(get(""))
        #expect(driver.heldBytes > 0)
        driver.pass(.milliseconds(999))
        #expect(driver.heldBytes > 0)
        driver.pass(.milliseconds(1))
        #expect(driver.heldBytes == 0)
        #expect(!driver.closed)
        driver.receive(get("", target: "/again"))
        #expect(driver.answers == ["/", "/again"])
        driver.pass(.seconds(75))
        #expect(driver.closed)
    }

    @Test("a connection that is over holds nothing of what came behind the last request")
    func last() {
        let driver = ConnectionDriver()
        driver.receive(get("Connection: close\r\n") + String(repeating: "x", count: 50_000))
        driver.receive(String(repeating: "x", count: 50_000))
        #expect(driver.heldBytes < 4096)
    }

    @Test("a slow reader costs its answer")
    func slowReader() {
        let body = [UInt8](repeating: 7, count: 8 << 20)
        let driver = ConnectionDriver { _ in .respond(ServerResponse(status: .ok, body: .bytes(body))) }
        driver.flushes = false
        driver.receive(String(repeating: get(""), count: 1000))
        while driver.wantsInput { driver.receive(String(repeating: get(""), count: 1000)) }
        #expect(driver.decided.count == 1)
        #expect(driver.heldBytes < body.count + 4 * HTTPLimits().readAheadBytes)
    }

    @Test("a slow writer costs what of its body came in, and that is handed on at once")
    func slowWriter() {
        let driver = ConnectionDriver { _ in .readBody(limit: 64 << 20) }
        driver.receive(post("Content-Length: \(64 << 20)\r\n"))
        for _ in 0..<1000 {
            driver.receive(String(repeating: "x", count: 10_000))
            #expect(driver.heldBytes < 32 * 1024)
        }
        let head = ConnectionDriver()
        head.receive("GET / HTTP/1.1\r\nX: ")
        for _ in 0..<32_000 { head.receive("x") }
        #expect(head.refused.isEmpty)
        #expect(head.heldBytes < 128 * 1024)
    }

    @Test("no client makes a connection hold more than the bound of docs/reference/http-server.md")
    func bound() {
        let read = 64 * 1024
        let limits = HTTPLimits()
        let bound = 2 * (max(limits.requestLineBytes + limits.fieldBytes, limits.readAheadBytes) + read)
        let driver = ConnectionDriver { _ in .readBody(limit: 10) }
        driver.receive(get(""))
        while driver.wantsInput { driver.receive(String(repeating: "x", count: read)) }
        #expect(driver.heldBytes <= bound)
    }
}
