import Imaging
import Testing

@Suite("JPEG")
struct JPEGTests {
    @Test("files are read as another libjpeg reads them")
    func golden() throws {
        let gray = try decodeImage(JPEGFiles.gray)
        #expect(gray.mode == .gray && gray.width == 10 && gray.height == 9 && !gray.isReducedFrom16Bit)
        #expect(gray.pixels == JPEGFiles.grayPixels)
        let color = try decodeImage(JPEGFiles.color)
        #expect(color.mode == .rgb && color.width == 10 && color.height == 9)
        #expect(color.pixels == JPEGFiles.colorPixels)
        // The same coefficients in another order.
        #expect(try decodeImage(JPEGFiles.progressive) == color)
    }

    @Test("a file cut off anywhere is an error", arguments: [JPEGFiles.gray, JPEGFiles.color, JPEGFiles.progressive])
    func truncated(_ bytes: [UInt8]) {
        for count in 0..<bytes.count {
            do {
                _ = try decodeJPEG(Array(bytes[..<count]))
                Issue.record("cut at \(count) was read")
            } catch {
                guard case .damaged(.jpeg, let reason) = error else {
                    Issue.record("\(error)")
                    continue
                }
                #expect(!reason.isEmpty && !reason.contains("tj"), "names nothing of ours: \(reason)")
            }
        }
    }

    @Test("no changed byte crashes the reader", arguments: [JPEGFiles.gray, JPEGFiles.color, JPEGFiles.progressive])
    func flipped(_ bytes: [UInt8]) {
        // JPEG has no checksums, so some changes are only other pictures; none may be of another kind or size than told.
        var errors = 0
        for index in bytes.indices {
            for bit: UInt8 in [0x01, 0x10, 0x80] {
                var copy = bytes
                copy[index] ^= bit
                do {
                    let image = try decodeJPEG(copy, limits: DecodeLimits(side: 1000, pixels: 100_000))
                    #expect(image.pixels.count == image.width * image.height * image.mode.channels)
                } catch { errors += 1 }
            }
        }
        #expect(errors > bytes.count / 10)
    }

    @Test("limits hold on both sides")
    func limits() throws {
        #expect(try decodeJPEG(JPEGFiles.gray, limits: DecodeLimits(side: 10, pixels: 90)).width == 10)
        #expect(throws: ImagingError.tooLarge(quantity: "width", value: 10, limit: 9)) {
            try decodeJPEG(JPEGFiles.gray, limits: DecodeLimits(side: 9, pixels: 90))
        }
        #expect(throws: ImagingError.tooLarge(quantity: "pixels", value: 90, limit: 89)) {
            try decodeJPEG(JPEGFiles.gray, limits: DecodeLimits(side: 10, pixels: 89))
        }
        // A frame header that claims 65,500 × 65,500 pixels.
        var huge = JPEGFiles.gray
        let frame = try #require(huge.indices.first { huge[$0] == 0xff && huge[$0 + 1] == 0xc0 })
        for (offset, value) in [(5, 0xff), (6, 0xdc), (7, 0xff), (8, 0xdc)] { huge[frame + offset] = UInt8(value) }
        #expect(throws: ImagingError.tooLarge(quantity: "width", value: 65_500, limit: 16_384)) {
            try decodeJPEG(huge)
        }
    }
}
