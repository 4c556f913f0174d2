import HTTPTypes
import HTTPWire
import Testing

@Suite("Ended exchanges", .timeLimit(.minutes(15)))
struct EndedExchangeTests {
    private static let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

    private func post(_ body: String) -> String {
        "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// Labelled with its path.
    private static func labelled(_ head: HTTPRequest) -> ServerResponse {
        var response = ServerResponse.text("answer")
        response.labels.route = head.path
        return response
    }

    private func endings(_ driver: ConnectionDriver) -> [EndedExchange.Ending] { driver.ended.map(\.ending) }

    @Test("an answered request ends once, with its labels, when its last byte is sent")
    func complete() throws {
        let driver = ConnectionDriver(decide: { .respond(Self.labelled($0)) })
        driver.flushes = false
        driver.receive(Self.get)
        let size = driver.machine.output.count
        driver.flush(atMost: size - 1)
        #expect(driver.ended.isEmpty)
        driver.flush()
        let ended = try #require(driver.ended.first)
        #expect(ended.ending == .complete && ended.status == .ok && ended.version == .http11)
        #expect(ended.head?.path == "/a" && ended.labels.route == "/a")
        #expect(ended.answerBytes == size && ended.requestBytes == 0)
        driver.disconnect()
        #expect(driver.ended.count == 1)
    }

    @Test("a request that ends without an answer of its own has the labels that were decided on")
    func decidedLabels() {
        let labels = ExchangeLabels(route: "/b", keyName: "k", requestID: "1")
        for decision in [HTTPConnection.Decision.later, .readBody(limit: 100)] {
            let gone = ConnectionDriver(decide: { _ in decision })
            gone.labels = labels
            gone.receive(post("12345"))
            let held = gone.machine.labels
            #expect(held == labels)
            gone.disconnect()
            #expect(gone.ended.map(\.labels) == [labels])
        }
        // The words on a refusal may have their own.
        let refused = ConnectionDriver(decide: { _ in .readBody(limit: 3) })
        refused.labels = labels
        refused.refusal.labels.route = "refused"
        refused.receive(post("12345"))
        #expect(refused.ended.map(\.labels.route) == ["refused"])
    }

    @Test("pipelined requests end in order, each with its own bytes")
    func pipelined() {
        let driver = ConnectionDriver(decide: { .respond(.text($0.path == "/a" ? "short" : "a longer answer")) })
        driver.flushes = false
        driver.receive(Self.get + "GET /bb HTTP/1.1\r\nHost: h\r\n\r\n" + Self.get)
        let size = driver.machine.output.count
        while !driver.machine.output.isEmpty { driver.flush(atMost: 7) }
        #expect(driver.ended.map { $0.head?.path } == ["/a", "/bb", "/a"])
        #expect(endings(driver) == [.complete, .complete, .complete])
        #expect(driver.ended.map(\.answerBytes).reduce(0, +) == size)
        #expect(driver.ended[1].answerBytes == driver.ended[0].answerBytes + 11)
    }

    @Test("the bytes of a body are those that came, unchunked")
    func requestBytes() {
        let driver = ConnectionDriver(decide: { _ in .readBody(limit: 100) })
        driver.receive(post("12345"))
        driver.answer(.text("x"))
        driver.receive(
            "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        driver.answer(.text("x"))
        #expect(driver.ended.map(\.requestBytes) == [5, 7])
    }

    @Test("times are those of reading, handling and sending")
    func times() throws {
        let driver = ConnectionDriver(decide: { _ in .readBody(limit: 100) })
        driver.flushes = false
        let request = post("12345")
        driver.receive(String(request.prefix(10)))
        driver.pass(.milliseconds(20))
        driver.receive(String(request.dropFirst(10).dropLast(3)))
        driver.pass(.milliseconds(300))
        driver.receive(String(request.suffix(3)))
        driver.pass(.milliseconds(4000))
        driver.answer(.text("x"))
        driver.pass(.milliseconds(50))
        driver.flush()
        let ended = try #require(driver.ended.first)
        #expect(ended.reading == .milliseconds(320))
        #expect(ended.handling == .milliseconds(4000))
        #expect(ended.sending == .milliseconds(50))
    }

    @Test("a stream ends when its last chunk is sent, or is cut off")
    func streams() {
        for complete in [true, false] {
            let (stream, _) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
            let driver = ConnectionDriver(decide: { _ in
                .respond(ServerResponse(status: .ok, body: .stream(stream)))
            })
            driver.receive(Self.get)
            driver.streamPart("part")
            #expect(driver.ended.isEmpty)
            driver.streamEnd(complete: complete)
            if driver.closed { driver.disconnect() }
            #expect(endings(driver) == [complete ? .complete : .cutOff])
            #expect(driver.ended.first?.answerBytes == driver.sent.utf8.count)
        }
    }

    @Test("what the server refuses by itself ends as refused, a head that is none included")
    func refused() {
        let driver = ConnectionDriver(decide: { _ in .readBody(limit: 3) })
        driver.receive(post("12345"))
        #expect(endings(driver) == [.refused])
        #expect(driver.ended.first?.head?.path == "/b" && driver.ended.first?.status == .badRequest)
        let other = ConnectionDriver()
        other.receive("not HTTP\r\n\r\n")
        #expect(endings(other) == [.refused])
        #expect(other.ended.first?.head == nil && other.ended.first?.version == nil)
    }

    @Test("one that does not arrive, or is not taken, in time ends as a timeout")
    func timeouts() {
        let head = ConnectionDriver()
        head.receive("GET /a")
        head.pass(.seconds(11))
        #expect(endings(head) == [.timeout])
        #expect((head.ended.first?.reading ?? .zero) >= .seconds(11))

        let body = ConnectionDriver(decide: { _ in .readBody(limit: 100) })
        body.receive(String(post("12345").dropLast()))
        body.pass(.seconds(31))
        #expect(endings(body) == [.timeout] && body.ended.first?.requestBytes == 4)

        let answer = ConnectionDriver()
        answer.flushes = false
        answer.receive(Self.get)
        answer.flush(atMost: 5)
        answer.pass(.seconds(31))
        answer.disconnect()
        #expect(endings(answer) == [.timeout] && answer.ended.first?.answerBytes == 5)
    }

    @Test("a client that goes away ends its requests, answered or not")
    func gone() {
        let driver = ConnectionDriver(decide: { $0.path == "/a" ? .respond(.text("x")) : .readBody(limit: 100) })
        driver.flushes = false
        driver.receive(Self.get + post("12345"))
        driver.flush(atMost: 3)
        driver.disconnect()
        #expect(endings(driver) == [.clientGone, .clientGone])
        #expect(driver.ended.map(\.status) == [.ok, nil])
        #expect(driver.ended.map(\.answerBytes) == [3, 0])
        #expect(driver.ended.map(\.requestBytes) == [0, 5])
    }

    @Test("a client that was slow, but fast enough, is gone and not too late")
    func slowThenGone() {
        let driver = ConnectionDriver(decide: { _ in .readBody(limit: 1 << 20) })
        driver.receive("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n")
        driver.receive(String(repeating: "x", count: 60_000))
        driver.pass(.seconds(31))
        #expect(driver.ended.isEmpty)
        driver.disconnect()
        #expect(endings(driver) == [.clientGone] && driver.ended.first?.requestBytes == 60_000)
    }

    @Test("a connection that the server closes cuts its request off")
    func cutOff() {
        let driver = ConnectionDriver(decide: { _ in .readBody(limit: 100) })
        driver.receive(post("12345"))
        driver.machine.cutOff()
        driver.disconnect()
        #expect(endings(driver) == [.cutOff])
    }

    @Test("a connection without a request ends none")
    func idle() {
        let driver = ConnectionDriver()
        driver.receive("GET /a")
        driver.disconnect()
        #expect(driver.ended.isEmpty)
    }
}
