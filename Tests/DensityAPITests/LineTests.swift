import DensityAPI
import HTTPTypes
import HTTPWire
import Imaging
import Serving
import TestSupport
import Testing

@Suite("Bodies of lines")
struct LineTests {
    private func post(
        _ api: TestAPI, _ parts: [[UInt8]], query: String = "", ending: HTTPServerError? = nil, accept: String = "*/*"
    ) async throws -> Answer {
        let head = HTTPRequest(
            method: .post, scheme: "http", authority: "test", path: "/logprob" + query,
            headerFields: [.contentType: "application/x-ndjson", .accept: accept])
        guard case .streamBody(_, let then) = api.api.decide(head, on: .test) else {
            return try await Answer(await api.api.response(to: head, on: .test))
        }
        return try await Answer(await then(StreamedBody(parts, ending: ending)))
    }

    private func lines(_ answer: Answer) throws -> [DensityJSON] {
        try answer.text.split(separator: "\n").map { line in
            try Answer(status: answer.status, fields: answer.fields, text: String(line)).decoded()
        }
    }

    @Test("each line is an image, answered in order with its index, a bad one in its place")
    func entries() async throws {
        let png = base64(try encodePNG(gray(2)))
        let text = """
            [[1,1,1],[1,1,1]]\r
            {"image":[1,2,3,4,5,6]}

            "\(png)"
            {"images":[[1,1,1,1,1,1]]}
            no JSON
            [[1]]
            "data:image/png;base64,\(png)"
            """
        for size in [1, 7, 1000] {
            let bytes = Array(text.utf8)
            let parts = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min(bytes.count, $0 + size)])
            }
            let answer = try await post(TestAPI(), parts)
            #expect(answer.status == 200 && answer.type == "application/x-ndjson")
            let entries = try lines(answer)
            #expect(entries.map(\.index) == Array(0..<7))
            #expect(entries.map(\.logProb) == [-6, -21, -12, nil, nil, nil, -12])
            #expect(entries[3].type == "urn:tusk:problem:image-value")
            #expect(entries[4].error?.contains("the line is not JSON: at byte 1") == true)
            #expect(entries[5].type == "urn:tusk:problem:image-size")
        }
    }

    @Test("there may be more images than one request may have, and no more than that are scored at once")
    func many() async throws {
        let api = try await TestAPI(options: { $0.maxRequestRows = 5 })
        let answer = try await post(
            api, Array(repeating: Array("[1,1,1,1,1,1]\n".utf8), count: 100), query: "?samples=2")
        #expect(try lines(answer).map(\.index) == Array(0..<100))
        #expect(api.model.densityCalls.allSatisfy { $0 <= 4 })
        #expect(try await post(api, []).body.isEmpty)
    }

    @Test("a line may be as long as its limit, and what is longer is passed over in its place")
    func longLines() async throws {
        let api = try await TestAPI(options: { $0.maxImageBytes = 20 })
        let text = [
            "[1,1,1,1,1,1]       ", "[1,1,1,1,1,1]        ", "[2,2,2,2,2,2]", String(repeating: "x", count: 100),
        ]
        let entries = try lines(await post(api, [Array(text.joined(separator: "\n").utf8)]))
        #expect(entries.map(\.logProb) == [-6, nil, -12, nil])
        #expect(entries[1].type == "urn:tusk:problem:body-too-large" && entries[1].error?.contains("20 bytes") == true)
    }

    @Test("what goes wrong on the way is the last line, without an index; before the first it has a status")
    func endings() async throws {
        let line = Array("[1,1,1,1,1,1]\n".utf8)
        let cut = try await post(TestAPI(), [line], ending: .bodyTooSlow(minimumRate: 1024, seconds: 30))
        #expect(cut.status == 200)
        #expect(try lines(cut).map(\.index) == [0, nil])
        let none = try await post(TestAPI(), [], ending: .bodyTooSlow(minimumRate: 1024, seconds: 30))
        _ = try none.problem(408, "request-timeout")
        let api = try await TestAPI(options: { $0.streamBlockImages = 1 })
        let late = try await post(api, [line, line, Array("[1,".utf8)], ending: .malformed(reason: "a bad chunk"))
        let entries = try lines(late)
        #expect(entries.map(\.index) == [0, 1, nil])
        #expect(entries[2].error == "a bad chunk" && entries[2].type == "urn:tusk:problem:malformed-request")
        #expect(try await post(TestAPI(), [], ending: .badContentCoding(reason: "x")).status == 400)
    }

    @Test("the answer can only be lines, and other routes take none")
    func negotiation() async throws {
        let refused = try await post(TestAPI(), [], accept: "application/json")
        #expect(try refused.problem(406, "not-acceptable").contains("application/x-ndjson"))
        for path in ["/typicality", "/encode", "/complete"] {
            let answer = try await TestAPI(FakeDensity(decision: .test())).post(path, type: "application/x-ndjson", [])
            _ = try answer.problem(415, "unsupported-media-type")
        }
    }

    @Test("lines are found wherever the parts are cut")
    func bodyLines() {
        let text = Array("ab\n\n \r\ncdefg\nh".utf8)
        for first in 0...text.count {
            var lines = BodyLines(limit: 4)
            lines.receive(Array(text[..<first]))
            var found = lines.take(1)
            lines.receive(Array(text[first...]))
            found += lines.take(9)
            lines.end()
            found += lines.take(9)
            #expect(found == [.text([0x61, 0x62]), .tooLong, .text([0x68])])
            #expect(lines.heldBytes == 0)
        }
    }

    @Test("a backlog holds its maker back at its limit, and ends with whoever takes it")
    func backlog() async throws {
        let made = Locked(0)
        let parts = Backlog.parts(limit: 10) { backlog in
            for _ in 0..<10 {
                await backlog.put([1, 2, 3, 4])
                if Task.isCancelled { break }
                made.change { $0 += 1 }
            }
        }
        var iterator = parts.makeAsyncIterator()
        await eventually { made.value == 2 }
        #expect(try await iterator.next() == [1, 2, 3, 4])
        await eventually { made.value == 3 }
        var rest = 0
        while let part = try await iterator.next() { rest += part.count }
        #expect(rest == 36)
    }
}

extension Answer {
    /// An answer of which only its text matters.
    init(status: Int, fields: HTTPFields, text: String) {
        (self.status, self.fields, body, pieces) = (status, fields, Array(text.utf8), 1)
    }
}
