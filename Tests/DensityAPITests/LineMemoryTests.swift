import DensityAPI
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

@Suite("Memory of bodies of lines")
struct LineMemoryTests {
    /// Lines of a body, and of each of its parts.
    private static let (count, partLines) = (5_000, 100)
    private static let line = Array("[1,1,1,1,1,1]\n".utf8)

    @Test(
        "of 5,000 lines no more waits than the backlog and a block, whatever the reader's pace",
        arguments: [0, 1 << 16])
    func bounded(backlog: Int) async throws {
        let api = try await TestAPI(options: { $0.maxStreamBacklog = backlog })
        let head = HTTPRequest(
            method: .post, scheme: "http", authority: "test", path: "/logprob",
            headerFields: [.contentType: "application/x-ndjson"])
        let (sent, held) = (Locked(0), Locked(0))
        let part = Array(repeatElement(Self.line, count: Self.partLines).joined())
        let parts = AsyncThrowingStream<[UInt8], any Error> {
            if sent.value == Self.count { return nil }
            sent.change { $0 += Self.partLines }
            return part
        }
        guard case .streamBody(_, let then) = api.api.decide(head, on: .test) else {
            Issue.record("lines are streamed")
            return
        }
        let response = await then(
            StreamedBody(parts: BodyParts(parts)) { bytes in held.change { $0 = max($0, bytes) } })
        guard case .stream(let answer) = response.body else {
            Issue.record("the answer is a stream")
            return
        }
        var (read, bytes, ahead, largest) = (0, 0, 0, 0)
        for try await piece in answer {
            read += piece.count { $0 == 0x0A }
            bytes += piece.count
            largest = max(largest, piece.count)
            // a reader that lets the service come to rest, and then one that takes what there is
            if read < 4000 {
                var before = -1
                while sent.value != before {
                    before = sent.value
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            ahead = max(ahead, sent.value - read)
        }
        #expect(read == Self.count && bytes > 40 * Self.count)
        // the backlog, a block that waits to get in, one that is scored, and what came of the body
        let block = 64
        let bound = backlog / (bytes / Self.count) + 3 * block + 2 * Self.partLines
        #expect(ahead <= bound, "\(ahead) lines ahead of the reader, of \(bound)")
        #expect(ahead >= backlog / largest, "the service goes ahead")
        #expect(held.value <= max(backlog, largest) + 2 * (part.count + block * Self.line.count), "\(held.value) bytes")
    }
}
