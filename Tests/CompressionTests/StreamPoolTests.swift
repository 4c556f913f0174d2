import Compression
import Testing

@Suite("Stream pools")
struct StreamPoolTests {
    private static func text(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(97 + $0 * $0 % 7) } }

    @Test("one state serves a thousand streams, sound, damaged and abandoned ones")
    func inflaters() throws {
        let pool = InflateState.pool(capacity: 4)
        let bytes = Self.text(40_000)
        let coded = [deflate(bytes, coding: .gzip), deflate(bytes, coding: .deflate)]
        for round in 0..<1000 {
            var inflater = Inflater(coding: .auto, from: pool)
            var output: [UInt8] = []
            switch round % 4 {
            case 0: try? inflater.inflate([0xFF, 0xFF, 0xFF, 0xFF], into: &output, limit: 10)
            case 1: try? inflater.inflate(coded[0], into: &output, limit: 1000)
            case 2: try inflater.inflate(Array(coded[1].prefix(100)), into: &output, limit: bytes.count)
            default:
                try inflater.inflate(coded[round / 4 % 2], into: &output, limit: bytes.count)
                try inflater.finish()
                #expect(output == bytes)
            }
        }
        #expect(pool.made == 1 && pool.resting == 1)
    }

    @Test("a reused deflater writes what a fresh one does", arguments: Coding.allCases)
    func deflaters(_ coding: Coding) throws {
        let pool = DeflateState.pool(coding)
        func write(_ bytes: [UInt8]) -> [UInt8] {
            var deflater = Deflater(from: pool)
            var output: [UInt8] = []
            deflater.deflate(bytes, into: &output, flush: .finish)
            return output
        }
        let first = write(Self.text(5000))
        do {
            // left in the middle of a stream
            var deflater = Deflater(from: pool)
            var output: [UInt8] = []
            deflater.deflate(Self.text(100_000), into: &output, flush: .none)
        }
        #expect(write(Self.text(5000)) == first)
        #expect(try inflate(first, coding: .auto, limit: 5000) == Self.text(5000))
        #expect(pool.made == 1 && pool.resting == 1)
    }

    @Test("more may be in use than are kept")
    func capacity() throws {
        let pool = InflateState.pool(capacity: 1)
        func nested(_ depth: Int) {
            if depth == 0 { return }
            let inflater = Inflater(coding: .gzip, from: pool)
            nested(depth - 1)
            #expect(throws: CompressionError.truncated) { try inflater.finish() }
        }
        nested(3)
        #expect(pool.made == 3 && pool.resting == 1)
    }

    @Test("after a flush everything that came can be read", arguments: Coding.allCases, [1, 20_000, 200_000])
    func flush(_ coding: Coding, size: Int) throws {
        var deflater = Deflater(coding: coding)
        var inflater = Inflater(coding: coding == .gzip ? .gzip : .deflate)
        var read: [UInt8] = []
        var expected: [UInt8] = []
        for part in 0..<5 {
            let bytes = Self.text(size + part)
            var coded: [UInt8] = []
            deflater.deflate(bytes, into: &coded, flush: .sync)
            try inflater.inflate(coded, into: &read, limit: bytes.count)
            expected += bytes
            #expect(read == expected)
        }
        var end: [UInt8] = []
        deflater.deflate([], into: &end, flush: .finish)
        try inflater.inflate(end, into: &read, limit: 0)
        try inflater.finish()
    }
}
