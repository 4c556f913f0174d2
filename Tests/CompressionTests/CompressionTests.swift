import Compression
import Testing

/// Bytes that compress, but not to nothing.
private func text(_ count: Int) -> [UInt8] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(state >> 27)
    }
}

private func pieces(of bytes: [UInt8], size: Int, coding: InflaterCoding, limit: Int) throws -> [UInt8] {
    var inflater = Inflater(coding: coding)
    var output: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
        try inflater.inflate(
            Array(bytes[start..<min(start + size, bytes.count)]), into: &output, limit: limit - output.count)
    }
    try inflater.finish()
    return output
}

@Suite("Compression")
struct CompressionTests {
    @Test("what was compressed comes back", arguments: Coding.allCases, [0, 1, 6, 9])
    func roundTrip(_ coding: Coding, level: Int) throws {
        for count in [0, 1, 2, 100, 16_384, 100_000] {
            let bytes = text(count)
            let coded = deflate(bytes, coding: coding, level: level)
            #expect(try inflate(coded, coding: coding == .gzip ? .gzip : .deflate, limit: count) == bytes)
            #expect(try inflate(coded, coding: .auto, limit: count) == bytes)
            if level > 0 && count > 1000 { #expect(coded.count < count) }
        }
    }

    /// Of "tusk", by Python's `zlib.compressobj(9, zlib.DEFLATED, bits)`.
    @Test(
        "streams of another writer are read",
        arguments: [
            [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 43, 41, 45, 206, 6, 0, 137, 208, 81, 73, 4, 0, 0, 0],
            [120, 218, 43, 41, 45, 206, 6, 0, 4, 132, 1, 200],
            [43, 41, 45, 206, 6, 0],
        ] as [[UInt8]])
    func foreign(_ bytes: [UInt8]) throws {
        #expect(try inflate(bytes, coding: .auto, limit: 100) == Array("tusk".utf8))
    }

    /// A stored block, whose header's five free bits make it look as the beginning of a zlib stream, and an empty last one.
    @Test("raw deflate is read as such, whatever its first bytes look like")
    func raw() throws {
        let bytes: [UInt8] = [0x78, 0x01, 0x00, 0xfe, 0xff, 0x74, 0x01, 0x00, 0x00, 0xff, 0xff]
        #expect(try inflate(bytes, coding: .raw, limit: 1) == [0x74])
        #expect(throws: CompressionError.self) { try inflate(bytes, coding: .deflate, limit: 1) }
        let plain = text(1000)
        let zlib = deflate(plain, coding: .deflate)
        let folded = Array(zlib.dropFirst(2).dropLast(4))
        #expect(try inflate(folded, coding: .raw, limit: 1000) == plain)
        #expect(throws: CompressionError.trailingBytes) { try inflate(folded + [0], coding: .raw, limit: 1000) }
        #expect(throws: CompressionError.truncated) { try inflate(Array(folded.dropLast()), coding: .raw, limit: 1000) }
    }

    @Test("input may be split anywhere", arguments: Coding.allCases)
    func split(_ coding: Coding) throws {
        let bytes = text(3000)
        let coded = deflate(bytes, coding: coding)
        for size in [1, 2, 3, 7, 100, 1000] {
            #expect(try pieces(of: coded, size: size, coding: .auto, limit: 3000) == bytes)
        }
    }

    @Test("a stream cut off anywhere is truncated, never short", arguments: Coding.allCases)
    func truncated(_ coding: Coding) {
        let coded = deflate(text(500), coding: coding)
        for count in 0..<coded.count {
            #expect(throws: CompressionError.truncated) {
                try inflate(Array(coded[..<count]), coding: coding == .gzip ? .gzip : .deflate, limit: 500)
            }
        }
    }

    @Test("a damaged checksum is found", arguments: Coding.allCases)
    func checksum(_ coding: Coding) {
        var coded = deflate(text(500), coding: coding)
        coded[coded.count - (coding == .gzip ? 5 : 1)] ^= 1
        #expect(throws: CompressionError.damaged(reason: "incorrect data check")) {
            try inflate(coded, coding: .auto, limit: 500)
        }
    }

    @Test("a damaged length is found")
    func length() {
        var coded = deflate(text(500), coding: .gzip)
        coded[coded.count - 1] ^= 1
        #expect(throws: CompressionError.damaged(reason: "incorrect length check")) {
            try inflate(coded, coding: .gzip, limit: 500)
        }
    }

    @Test("the limit is exact on both sides", arguments: Coding.allCases, [1, 16_384, 50_000])
    func limit(_ coding: Coding, count: Int) throws {
        let coded = deflate(text(count), coding: coding)
        #expect(try inflate(coded, coding: .auto, limit: count).count == count)
        #expect(throws: CompressionError.outputTooLarge(limit: count - 1)) {
            try inflate(coded, coding: .auto, limit: count - 1)
        }
    }

    @Test("a bomb is stopped at the limit")
    func bomb() throws {
        let coded = deflate([UInt8](repeating: 0, count: 50_000_000), coding: .gzip, level: 9)
        var inflater = Inflater(coding: .gzip)
        var output: [UInt8] = []
        do {
            try inflater.inflate(coded, into: &output, limit: 1000)
            Issue.record("no error")
        } catch {
            #expect(error == .outputTooLarge(limit: 1000))
        }
        #expect(output.count == 1000)
    }

    @Test("an error stays")
    func errorStays() throws {
        var inflater = Inflater(coding: .deflate)
        var output: [UInt8] = []
        var errors: [CompressionError] = []
        for bytes in [[0xff, 0xff, 0xff], deflate([1, 2, 3], coding: .deflate)] {
            do {
                try inflater.inflate(bytes, into: &output, limit: 100)
            } catch { errors.append(error) }
        }
        do { try inflater.finish() } catch { errors.append(error) }
        #expect(errors == Array(repeating: .damaged(reason: "invalid block type"), count: 3))
    }

    @Test("gzip members in a row are one stream")
    func members() throws {
        let parts = [text(1000), [], text(3)]
        let coded = parts.flatMap { deflate($0, coding: .gzip) }
        #expect(try inflate(coded, coding: .gzip, limit: 1003) == Array(parts.joined()))
        #expect(try pieces(of: coded, size: 1, coding: .auto, limit: 1003) == Array(parts.joined()))
        #expect(throws: CompressionError.truncated) {
            try inflate(Array(coded.dropLast()), coding: .gzip, limit: 1003)
        }
    }

    @Test("nothing may follow the end")
    func trailing() {
        #expect(throws: CompressionError.trailingBytes) {
            try inflate(deflate([1], coding: .deflate) + [0], coding: .deflate, limit: 100)
        }
        #expect(throws: CompressionError.damaged(reason: "incorrect header check")) {
            try inflate(deflate([1], coding: .gzip) + [0, 0], coding: .gzip, limit: 100)
        }
    }

    @Test(
        "zeros behind the gzip of a file, which fill a block, are passed over, and a stream is told from what follows it"
    )
    func padding() throws {
        let coded = deflate([1, 2], coding: .gzip) + [0, 0, 0]
        #expect(try inflate(coded, coding: .gzipFile, limit: 2) == [1, 2])
        #expect(throws: CompressionError.trailingBytes) { try inflate(coded + [1], coding: .gzipFile, limit: 2) }
        let raw = Array(deflate([1, 2], coding: .deflate).dropFirst(2).dropLast(4))
        for held in 0...raw.count {
            var inflater = Inflater(coding: .raw)
            var output: [UInt8] = []
            let first = try inflater.inflate(upToEndIn: Array(raw[..<held]), into: &output, limit: 10)
            #expect(first.used == held && first.hasEnded == (held == raw.count))
            let rest = try inflater.inflate(upToEndIn: Array(raw[held...]) + [9, 9], into: &output, limit: 10)
            #expect(rest.used == raw.count - held && rest.hasEnded && output == [1, 2])
        }
    }

    @Test("the wrong coding is an error")
    func wrongCoding() {
        #expect(throws: CompressionError.damaged(reason: "incorrect header check")) {
            try inflate(deflate([1], coding: .deflate), coding: .gzip, limit: 100)
        }
        #expect(throws: CompressionError.self) {
            try inflate(deflate([1], coding: .gzip), coding: .deflate, limit: 100)
        }
    }

    /// The check value of CRC-32 in Greg Cook's catalogue of CRC algorithms, and the checksum of PNG's empty IEND chunk.
    @Test("CRC-32 is the published one, in one piece or several")
    func checksum() {
        let digits = Array("123456789".utf8)
        #expect(unsafe crc32(digits.span.bytes) == 0xcbf4_3926)
        let first = unsafe crc32(digits.span.bytes.extracting(0..<4))
        #expect(unsafe crc32(digits.span.bytes.extracting(4..<9), continuing: first) == 0xcbf4_3926)
        #expect(unsafe crc32(Array("IEND".utf8).span.bytes) == 0xae42_6082)
        #expect(unsafe crc32([UInt8]().span.bytes) == 0)
    }
}
