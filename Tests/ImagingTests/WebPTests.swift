import Imaging
import Testing

private func damaged(_ file: [UInt8]) -> Bool {
    do {
        _ = try decodeImage(file)
        return false
    } catch {
        if case .damaged(.webp, let reason) = error { return !reason.isEmpty }
        if case .unknownFormat = error { return file.count < 12 }
        return false
    }
}

@Suite("WebP")
struct WebPTests {
    private static let goldens = Result { try Golden.all(of: "webp.npy") }

    @Test("lossy and lossless files, with and without alpha, are read to the pixels of Pillow")
    func read() throws {
        let goldens = try Self.goldens.get()
        #expect(goldens.count == 8)
        for golden in goldens {
            let image = try decodeImage(golden.file)
            #expect(golden.matches(image), "\(golden.name)")
            let header = try ImageHeader(of: golden.file[...])
            #expect(header.format == .webp && header.scans == 1)
            #expect(header.valueScale == (golden.name.hasPrefix("lossy") ? .unit : nil), "\(golden.name)")
            #expect((header.width, header.height) == (image.width, image.height))
            #expect(try decodeWebP(golden.file + [1, 2, 3]) == image, "what follows is ignored")
        }
        #expect(Set(goldens.map { $0.pixels.shape[2] }) == [3, 4])
    }

    @Test("a file cut off anywhere is an error")
    func truncated() throws {
        for golden in try Self.goldens.get() {
            for count in 0..<golden.file.count where !damaged(Array(golden.file[..<count])) {
                Issue.record("\(golden.name) cut at \(count)")
            }
        }
    }

    @Test("no changed byte crashes the reader")
    func flipped() throws {
        for golden in try Self.goldens.get() {
            for index in golden.file.indices {
                var copy = golden.file
                copy[index] ^= 0x10
                guard let image = try? decodeImage(copy, limits: DecodeLimits(side: 1000, pixels: 100_000)) else {
                    continue
                }
                #expect(image.pixels.count == image.width * image.height * image.mode.channels)
            }
        }
    }

    /// Two frames of 2 × 1 pixels, by Pillow 13.0.
    @Test("an animation is refused by name, by its header")
    func animated() throws {
        let file = try fixture("animation.webp")
        let refused = ImagingError.unsupported(format: .webp, feature: "an animation (save its frames as PNG)")
        #expect(throws: refused) { try decodeImage(file) }
        #expect(throws: refused) { try ImageHeader(of: file[...]) }
    }

    @Test("limits hold on both sides, by the header alone")
    func limits() throws {
        let file = try #require(try Self.goldens.get().first).file
        #expect(try decodeWebP(file, limits: DecodeLimits(side: 26, pixels: 494)).width == 26)
        #expect(throws: ImagingError.tooLarge(quantity: "width", value: 26, limit: 25)) {
            try decodeWebP(file, limits: DecodeLimits(side: 25))
        }
        #expect(throws: ImagingError.tooLarge(quantity: "pixels", value: 494, limit: 493)) {
            try decodeWebP(file, limits: DecodeLimits(pixels: 493))
        }
    }
}
