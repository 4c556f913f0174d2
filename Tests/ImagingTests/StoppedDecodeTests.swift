import Compression
import Imaging
import Testing

/// Answers `false` some times, then `true`, and counts.
private final class Stop {
    var asked = 0
    let after: Int
    init(after: Int) { self.after = after }
    func isStopped() -> Bool {
        asked += 1
        return asked > after
    }
}

@Suite("Decoding that is stopped")
struct StoppedDecodeTests {
    private func questions(of bytes: [UInt8]) throws -> Int {
        let stop = Stop(after: .max)
        _ = try decodeImage(bytes, isStopped: stop.isStopped)
        return stop.asked
    }

    @Test("a decoder that may not begin does not")
    func atOnce() {
        for file in [JPEGFiles.gray, JPEGFiles.progressive, PNGBuilder(width: 8, height: 8).file { x, _, _ in x }] {
            #expect(throws: ImagingError.stopped) { try decodeImage(file) { true } }
        }
    }

    @Test(
        "a decoder asks all along, and stops wherever the answer is yes",
        arguments: [
            JPEGFiles.color, JPEGFiles.progressive,
            PNGBuilder(width: 9, height: 700).file { x, y, _ in (x &* 31 ^ y &* 17) & 255 },
            try! Golden.all(of: "webp.npy")[3].file,
            try! Golden.all(of: "orientation.npy").first { $0.name.hasPrefix("JPEG 6") }!.file,
        ])
    func anywhere(_ file: [UInt8]) throws {
        let count = try questions(of: file)
        for after in 0..<count {
            let stop = Stop(after: after)
            #expect(throws: ImagingError.stopped) { try decodeImage(file, isStopped: stop.isStopped) }
            #expect(stop.asked == after + 1, "one that is stopped asks no more")
        }
        _ = try decodeImage(file, isStopped: Stop(after: count).isStopped)
    }

    @Test("a progressive JPEG is asked for in every scan, not only for every row")
    func scans() throws {
        // A row of blocks, ten scans, nine rows of pixels.
        #expect(try questions(of: JPEGFiles.progressive) >= questions(of: JPEGFiles.color) + 9)
    }

    @Test("a PNG is asked for as it unfolds, however small it is")
    func flat() throws {
        // 2 MiB of zeros in 2 KiB.
        let file = PNGBuilder(width: 2048, height: 1024).file { _, _, _ in 0 }
        #expect(file.count < 4096)
        let tall = PNGBuilder(width: 2048, height: 8192).file { _, _, _ in 0 }
        #expect(try questions(of: tall) > questions(of: file))
    }

    @Test("what follows the last row is not unfolded")
    func surplus() throws {
        // 64 MiB behind 64 pixels, in 64 KiB.
        let builder = PNGBuilder(width: 8, height: 8)
        let rows = builder.filteredRows { x, _, _ in x }
        let file = builder.file(idat: deflate(rows + [UInt8](repeating: 0, count: 64 << 20), coding: .deflate))
        let stop = Stop(after: .max)
        #expect(try decodeImage(file, isStopped: stop.isStopped) == decodeImage(builder.file { x, _, _ in x }))
        // Reads of 256 bytes: a header, and what a row can need at most.
        #expect(stop.asked < 64)
    }

    @Test("image data in chunks of one byte is read, interrupted data is not")
    func chunks() throws {
        let builder = PNGBuilder(width: 8, height: 8)
        let whole = builder.file { x, y, _ in x &* 7 &+ y }
        let stream = deflate(builder.filteredRows { x, y, _ in x &* 7 &+ y }, coding: .deflate)
        let start = PNGBuilder.signature + PNGBuilder.chunk("IHDR", builder.header)
        let data = stream.map { PNGBuilder.chunk("IDAT", [$0]) }
        let end = PNGBuilder.chunk("IEND", [])
        #expect(try decodePNG(start + data.joined() + end) == decodePNG(whole))
        let interrupted = Array(data.joined(separator: PNGBuilder.chunk("tRNS", [0, 1])))
        #expect(throws: ImagingError.damaged(format: .png, reason: "the image data is interrupted")) {
            try decodePNG(start + interrupted + end)
        }
    }
}
