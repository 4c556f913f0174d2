import HTTPTypes
import HTTPWire
import Testing

@Suite("Heads that come again")
struct RepeatedHeadTests {
    private static let messages = [
        get("User-Agent: test\r\nAccept: */*\r\n", target: "/health?a=b"),
        "HEAD http://example.org:8080/health HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        post("Content-Length: 5\r\nX-Request-Id: 1\r\n", body: "hello"),
        post("Expect: 100-continue\r\nContent-Length: 2\r\n", body: "hi"),
        chunked("5;a=b\r\nhello\r\n2\r\nhi\r\n0\r\nHost: b\r\nX: 1\r\n\r\n"),
        get("X:  \t caf\u{E9} \r\nx: 2\r\nEmpty:\r\n"),
        "OPTIONS * HTTP/1.1\r\nhOsT: a\r\n\r\n",
    ]

    /// What a driver with a handler that wants the body, and answers with its number, sends for each message.
    private func answers(_ messages: [String], limits: HTTPLimits = HTTPLimits()) -> (sent: [String], ConnectionDriver)
    {
        let driver = ConnectionDriver(limits: limits) { _ in .readBody(limit: 100) }
        let sent = messages.map { message in
            let before = driver.sent.utf8.count
            // The head first, so that a client that expects 100 (Continue) gets it.
            let end = message.firstRange(of: "\r\n\r\n")?.upperBound ?? message.endIndex
            driver.receive(String(message[..<end]))
            driver.receive(String(message[end...]))
            driver.answer(.text("answer"))
            return String(decoding: Array(driver.sent.utf8.dropFirst(before)), as: UTF8.self)
        }
        return (sent, driver)
    }

    @Test("an answer to a head that comes again is the first one, and so is what a handler sees", arguments: messages)
    func sameAnswer(_ message: String) {
        let (sent, driver) = answers(Array(repeating: message, count: 5))
        #expect(driver.repeats == [false, false, true, true, true], "the first head of a connection is not kept")
        #expect(Set(sent).count == 1 && sent[0].hasSuffix(message.hasPrefix("HEAD") ? "\r\n\r\n" : "answer"))
        #expect(sent[0].contains("100 Continue") == message.contains("Expect"))
        #expect(Set(driver.heads).count == 1 && driver.heads.count == 5)
        #expect(Set(driver.requests).count == 1 && driver.requests.count == 5)
        #expect(driver.ended.map(\.head) == driver.heads && Set(driver.ended.map(\.answerBytes)).count == 1)
        #expect(Set(driver.ended.map(\.requestBytes)).count == 1)
        #expect(!driver.closed)
    }

    @Test(
        "a head that closes its connection does so behind others that keep it",
        arguments: ["HTTP/1.0\r\n\r\n", "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])
    func close(_ rest: String) {
        let (sent, driver) = answers([get(""), get(""), "GET / \(rest)", "GET / \(rest)"])
        #expect(driver.repeats == [false, false, false])
        #expect(sent[2].contains("connection: close") && sent[3].isEmpty)
        #expect(driver.finishedWriting)
    }

    @Test("bodies behind equal heads are each their own, whatever their framing")
    func bodies() {
        let plain = ["one", "two", "six"].map { post("Content-Length: 3\r\n", body: $0) }
        #expect(answers(plain).1.requests == ["one", "two", "six"])
        let bodies = [
            "3\r\none\r\n0\r\n\r\n", "1\r\nt\r\n2\r\nwo\r\n0\r\n\r\n", "0\r\nContent-Length: 7\r\n\r\n",
            "5\r\nthree\r\n0\r\n\r\n",
        ]
        let driver = answers(bodies.map(chunked)).1
        #expect(driver.requests == ["one", "two", "", "three"])
        #expect(driver.repeats == [false, false, true, true])
        #expect(
            driver.heads[3].headerFields == driver.heads[0].headerFields, "trailers are not fields of the next head")
    }

    @Test("where the bytes are cut makes no difference")
    func cuts() {
        let messages = Self.messages.flatMap { [$0, $0, $0] } + [Self.messages[0], Self.messages[2], Self.messages[0]]
        // Each by a parser of its own.
        let expected = messages.map { Parsed($0) }
        let bytes = Array(messages.joined().utf8)
        for length in Array(1...90) + [150, 200, 257, 1000, bytes.count] {
            let parsed = Parsed(
                stride(from: 0, to: bytes.count, by: length).map { bytes[$0..<min($0 + length, bytes.count)] })
            #expect(parsed.error == nil && parsed.completed == messages.count)
            #expect(parsed.heads == expected.flatMap(\.heads), "pieces of \(length)")
            #expect(parsed.bodies == expected.flatMap(\.bodies), "pieces of \(length)")
        }
    }

    @Test(
        "a head that differs in a byte is its own",
        arguments: [
            "GET /a HTTP/1.1\r\nHost: b\r\nX: 1\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\nX: 2\r\n\r\n",
            "PUT /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", "GET /b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
            "GET /a HTTP/1.0\r\nHost: a\r\nX: 1\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 1\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\nx: 1\r\n\r\n",
        ])
    func different(_ other: String) {
        let head = "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"
        let driver = ConnectionDriver()
        driver.receive(head + head + head + other)
        #expect(driver.repeats == [false, false, true, false])
        #expect(driver.heads[3] == Parsed(other).heads[0].request)
        guard !driver.finishedWriting else { return }
        driver.receive(head + other + other)
        #expect(driver.repeats.suffix(3) == [false, false, true])
        #expect(driver.heads.suffix(3) == [driver.heads[0], driver.heads[3], driver.heads[3]])
    }

    @Test("equal heads behind each other are answered in order, one for each")
    func pipeline() {
        let driver = ConnectionDriver { _ in .later }
        driver.receive(String(repeating: get(""), count: 40))
        for number in 0..<40 {
            #expect(driver.decided.count == number + 1)
            driver.answer(.text("\(number)"))
        }
        #expect(driver.answers == (0..<40).map(String.init))
        #expect(driver.repeats.dropFirst(2).allSatisfy { $0 })
    }

    @Test("what a handler decides holds for one request, not for those of the same head")
    func decisions() {
        let driver = ConnectionDriver()
        var number = 0
        driver.decide = { _ in
            number += 1
            return switch number % 4 {
            case 0: .respond(.text("respond"))
            case 1: .readBody(limit: 10)
            case 2: .later
            default: .readBody(limit: 3)
            }
        }
        let message = post("Content-Length: 5\r\n", body: "12345")
        driver.receive(message)
        driver.answer(.text("read"))
        driver.receive(message)
        driver.answer(.text("later"))
        #expect(driver.requests == ["12345"])
        driver.receive(message)
        #expect(driver.refused == [.bodyTooLarge(limit: 3)])
        #expect(driver.answers == ["read", "later", "refused"])
        #expect(driver.ended.map(\.head) == driver.heads)
        #expect(driver.repeats == [false, false, true])
        number = 3
        let skipping = ConnectionDriver(decide: driver.decide)
        for _ in 0..<3 {
            number = 3
            skipping.receive(message)
        }
        #expect(skipping.answers == ["respond", "respond", "respond"], "bodies that nobody wants are skipped")
    }

    @Test("limits and ends count a head that comes again as any other")
    func limits() {
        var limits = HTTPLimits()
        limits.requests = 4
        let (sent, _) = answers(Array(repeating: get(""), count: 5), limits: limits)
        #expect(sent.map { $0.contains("connection: close") } == [false, false, false, true, false])
        #expect(sent[4].isEmpty)

        let ending = ConnectionDriver()
        ending.receive(get("") + get("") + get(""))
        ending.machine.endPersistence()
        ending.receive(get(""))
        #expect(ending.repeats == [false, false, true, true] && ending.finishedWriting)
        #expect(ending.sent.hasSuffix("connection: close\r\n\r\n/"))

        let drained = ConnectionDriver { _ in .later }
        drained.receive(get(""))
        drained.answer(.text("a"))
        drained.receive(get("") + get(""))
        drained.drain()
        drained.answer(.text("b"))
        #expect(drained.answers == ["a", "b"] && drained.finishedWriting)
    }

    @Test("a part of a head that was there before waits, times out and is refused as any other")
    func timeouts() {
        let driver = ConnectionDriver()
        let head = get("X: 1\r\n")
        driver.receive(head + head + head)
        driver.receive(String(head.dropLast(2)))
        #expect(driver.decided.count == 3)
        driver.pass(HTTPTimeouts().head)
        guard case .timeout = driver.refused.first else {
            Issue.record("\(driver.refused)")
            return
        }
        #expect(driver.ended.last?.head == nil)

        let bad = ConnectionDriver()
        bad.receive(head + head + head + "GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        #expect(bad.refused.count == 1 && bad.decided.count == 3)

        let spaced = ConnectionDriver()
        spaced.receive(head + head + "\r\n" + head + head)
        #expect(spaced.repeats == [false, false, false, true])
        #expect(Set(spaced.heads).count == 1)
    }

    @Test("a head is kept up to a length, and until its connection was idle for a second")
    func memory() {
        func head(_ length: Int) -> String {
            let rest = length - get("X: \r\n").utf8.count
            return get("X: \(String(repeating: "x", count: rest))\r\n")
        }
        for (length, isKept) in [(1024, true), (1025, false)] {
            let driver = ConnectionDriver()
            for _ in 0..<3 { driver.receive(head(length)) }
            #expect(driver.repeats == [false, false, isKept])
            #expect(driver.machine.keepsRequest == isKept)
            driver.receive(get("") + get(""))
            #expect(driver.repeats.suffix(2) == [false, true])
        }
        let driver = ConnectionDriver()
        for number in 0..<2000 {
            driver.receive(get("Number: \(number)\r\nX: \(String(repeating: "x", count: 900))\r\n"))
        }
        #expect(driver.heldBytes < 16 * 1024)
        #expect(driver.heads.last?.headerFields[HTTPField.Name("Number")!] == "1999")
        driver.pass(.seconds(1))
        #expect(driver.heldBytes == 0)
        let isKept = driver.machine.keepsRequest
        #expect(!isKept)
        let last = get("")
        driver.receive(last + last + last)
        #expect(driver.repeats.suffix(3) == [false, true, true])
    }
}
