import Archives
import Compression
import Testing

@Suite("Bytes that are read once")
struct ByteReaderTests {
    /// A reader that gets `bytes` in pieces of `size`.
    private func reader(_ bytes: [UInt8], size: Int) -> ByteReader {
        var rest = bytes[...]
        return ByteReader {
            defer { rest = rest.dropFirst(size) }
            return Array(rest.prefix(size))
        }
    }

    @Test("what was looked at comes again, wherever the pieces end", arguments: [1, 2, 3, 100])
    func peek(_ size: Int) throws {
        let bytes = reader(Array(0..<10), size: size)
        #expect(try Array(bytes.peek(4)) == [0, 1, 2, 3])
        #expect(try bytes.read(3) == [0, 1, 2])
        #expect(try bytes.skip(2) == 2)
        #expect(try Array(bytes.peek(100)) == [5, 6, 7, 8, 9])
        #expect(try bytes.skip(.max) == 5)
        #expect(try bytes.read(1).isEmpty && bytes.peek(1).isEmpty)
    }

    @Test("lines have a limit, and one that is too long is passed over", arguments: [1, 2, 5, 100])
    func lines(_ size: Int) throws {
        let bytes = reader(Array("abc\n\nabcd\r\nabcde\nxyz".utf8), size: size)
        #expect(try bytes.line(limit: 5) == Array("abc".utf8))
        #expect(try bytes.line(limit: 0) == [])
        #expect(try bytes.line(limit: 5) == Array("abcd\r".utf8))
        #expect(throws: ArchiveError.tooLarge(quantity: "bytes in a line", limit: 4)) { try bytes.line(limit: 4) }
        #expect(try bytes.line(limit: 3) == Array("xyz".utf8))
        #expect(try bytes.line(limit: 3) == nil)
    }

    @Test("the rest has a limit")
    func rest() throws {
        #expect(try ByteReader([1, 2, 3]).rest(limit: 3) == [1, 2, 3])
        #expect(throws: ArchiveError.tooLarge(quantity: "bytes", limit: 2)) {
            try ByteReader([1, 2, 3]).rest(limit: 2)
        }
    }

    @Test("gzip unfolds as it is read, and a stream cut off is an error", arguments: [1, 7, 100_000])
    func gzip(_ size: Int) throws {
        let plain = [UInt8](repeating: 5, count: 300_000)
        let folded = deflate(plain, coding: .gzip)
        #expect(try reader(folded, size: size).gunzipped().rest(limit: plain.count) == plain)
        #expect(throws: ArchiveError.truncated) {
            try reader(Array(folded.dropLast()), size: size).gunzipped().rest(limit: plain.count)
        }
        #expect(throws: ArchiveError.self) { try ByteReader([0x1f, 0x8b, 9, 9, 9]).gunzipped().rest(limit: 10) }
    }
}
