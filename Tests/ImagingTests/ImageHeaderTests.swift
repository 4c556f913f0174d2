import Imaging
import Testing

@Suite("Headers of images")
struct ImageHeaderTests {
    @Test("a PNG has its size and its passes", arguments: [(false, 1), (true, 7)])
    func png(isInterlaced: Bool, passes: Int) throws {
        var builder = PNGBuilder(width: 300, height: 20)
        builder.interlaced = isInterlaced
        let file = builder.file { x, _, _ in x & 255 }
        let header = try ImageHeader(of: file[...])
        #expect(header.format == .png && header.width == 300 && header.height == 20 && header.scans == passes)
        #expect(header.pixels == 6000 && header.scannedPixels == 6000 * passes)
        // The first chunk is enough.
        #expect(try ImageHeader(of: file[..<33]) == header)
        #expect(throws: ImagingError.self) { try ImageHeader(of: file[..<32]) }
    }

    @Test(
        "a JPEG has its size and its scans",
        arguments: [(JPEGFiles.gray, 1), (JPEGFiles.color, 1), (JPEGFiles.progressive, 10)])
    func jpeg(_ file: [UInt8], scans: Int) throws {
        let header = try ImageHeader(of: file[...])
        #expect(header.format == .jpeg && header.width == 10 && header.height == 9 && header.scans == scans)
        #expect(header.scannedPixels == 90 * scans)
        // What follows the end of the image is not part of it.
        #expect(try ImageHeader(of: (file + file)[...]) == header)
        // A slice has other indices.
        #expect(try ImageHeader(of: ([0, 0, 0] + file)[3...]) == header)
    }

    @Test("stuffed bytes, restart markers and fill bytes are no scans, and segments may hold anything")
    func markers() throws {
        let size: [UInt8] = [0, 11, 8, 0, 5, 0, 7, 1, 1, 0x11, 0]
        let scan: [UInt8] = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]
        var file: [UInt8] = [0xFF, 0xD8]
        // A comment that holds a whole scan and an end.
        file += [0xFF, 0xFE, 0, UInt8(scan.count + 4)] + scan + [0xFF, 0xD9]
        file += [0xFF, 0xC2] + size
        file += scan + [1, 0xFF, 0, 0xDA, 0xFF, 0xD0, 2, 0xFF, 0xD7, 0xFF, 0xFF] + scan + [3, 0xFF, 0xD9] + scan
        let header = try ImageHeader(of: file[...])
        #expect(header.width == 7 && header.height == 5 && header.scans == 2)
    }

    @Test("every beginning of a file has a header, or an error", arguments: [JPEGFiles.color, JPEGFiles.progressive])
    func truncated(_ file: [UInt8]) {
        let whole = try? ImageHeader(of: file[...])
        for count in 0...file.count {
            guard let header = try? ImageHeader(of: file[..<count]) else { continue }
            #expect(header.width == whole?.width && header.scans <= whole?.scans ?? 0)
        }
    }

    @Test("what is no image has none")
    func unknown() {
        #expect(throws: ImagingError.unknownFormat(nil)) { try ImageHeader(of: [1, 2, 3]) }
        #expect(throws: ImagingError.damaged(format: .jpeg, reason: "no frame header")) {
            try ImageHeader(of: [0xFF, 0xD8, 0xFF, 0xD9])
        }
    }

    @Test("limits on scans, and on pixels times scans, hold on both sides")
    func limits() throws {
        let file = JPEGFiles.progressive
        #expect(try decodeJPEG(file, limits: DecodeLimits(scans: 10, scannedPixels: 900)).width == 10)
        #expect(throws: ImagingError.tooLarge(quantity: "scans", value: 10, limit: 9)) {
            try decodeJPEG(file, limits: DecodeLimits(scans: 9))
        }
        #expect(throws: ImagingError.tooLarge(quantity: "pixels times scans", value: 900, limit: 899)) {
            try decodeJPEG(file, limits: DecodeLimits(scannedPixels: 899))
        }
        // Seven passes of a PNG are no scans of a JPEG.
        var builder = PNGBuilder(width: 10, height: 9)
        builder.interlaced = true
        let png = builder.file { x, _, _ in x }
        #expect(try decodePNG(png, limits: DecodeLimits(scans: 1, scannedPixels: 630)).width == 10)
        #expect(throws: ImagingError.tooLarge(quantity: "pixels times scans", value: 630, limit: 629)) {
            try decodePNG(png, limits: DecodeLimits(scannedPixels: 629))
        }
    }
}
