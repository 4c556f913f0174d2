import Imaging
import Testing

@Suite("Orientation")
struct OrientationTests {
    @Test("pictures are shown as Pillow's exif_transpose shows them, and their headers tell that size")
    func shown() throws {
        let goldens = try Golden.all(of: "orientation.npy")
        #expect(goldens.count == 91)
        for golden in goldens {
            let image = try decodeImage(golden.file)
            #expect(golden.matches(image), "\(golden.name)")
            let header = try ImageHeader(of: golden.file[...])
            #expect((header.width, header.height) == (image.width, image.height), "\(golden.name)")
        }
        #expect(Set(goldens.map(\.pixels.shape)) == [[3, 5, 3], [5, 3, 3]])
    }

    /// Exif data of one directory, whose entries are bytes.
    private func exif(_ entries: [[UInt8]], isBigEndian: Bool = false, directory: Int = 8) -> [UInt8] {
        let number = { (value: Int, size: Int) -> [UInt8] in
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return isBigEndian ? bytes.reversed() : bytes
        }
        return (isBigEndian ? [0x4D, 0x4D] : [0x49, 0x49]) + number(42, 2) + number(directory, 4)
            + number(entries.count, 2)
            + entries.joined() + number(0, 4)
    }

    /// A gray picture 2 wide and 1 high, with this chunk of Exif data.
    private func file(_ exif: [UInt8], afterImage: Bool = false, breaking: Bool = false) -> [UInt8] {
        var builder = PNGBuilder(width: 2, height: 1)
        if !afterImage { builder.extra = [("eXIf", exif)] }
        var file = builder.file { x, _, _ in x == 0 ? 10 : 20 }
        if afterImage { file.insert(contentsOf: PNGBuilder.chunk("eXIf", exif), at: file.count - 12) }
        if breaking {
            let start = file.firstRange(of: Array("eXIf".utf8))!.upperBound  // it is there
            file[start + exif.count] ^= 1
        }
        return file
    }

    private let turned: [UInt8] = [0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]
    private let maker: [UInt8] = [0x0F, 0x01, 2, 0, 1, 0, 0, 0, 0x41, 0, 0, 0]

    @Test("the orientation is found behind other tags, in other types, and behind the image")
    func found() throws {
        let byte: [UInt8] = [0x12, 0x01, 1, 0, 1, 0, 0, 0, 6, 0, 0, 0]
        let long: [UInt8] = [0x12, 0x01, 4, 0, 1, 0, 0, 0, 6, 0, 0, 0]
        let big: [UInt8] = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]
        for data in [
            exif([turned]), exif([maker, turned]), exif([byte]), exif([long]), exif([big], isBigEndian: true),
        ] {
            for afterImage in [false, true] {
                let image = try decodePNG(file(data, afterImage: afterImage))
                #expect(image.width == 1 && image.height == 2 && image.pixels == [10, 20])
            }
        }
    }

    @Test("Exif data that has none, or cannot be read, leaves the picture as it is stored")
    func unreadable() throws {
        let whole = exif([maker, turned])
        var cases = (0..<whole.count - 7).map { Array(whole[..<$0]) }
        for value: UInt8 in [0, 1, 9, 255] { cases.append(exif([Array(turned[..<8]) + [value, 0, 0, 0]])) }
        cases.append(exif([[0x12, 0x01, 3, 0, 2, 0, 0, 0, 6, 0, 0, 0]]))  // two values
        cases.append(exif([[0x12, 0x01, 2, 0, 1, 0, 0, 0, 6, 0, 0, 0]]))  // text
        cases.append(exif([turned], directory: 0xFFFF_FFFF))
        cases.append(exif([turned], directory: 9))
        cases.append([0x4D, 0x49] + whole.dropFirst(2))
        cases.append([0x49, 0x49, 43] + whole.dropFirst(3))
        cases.append([0x49, 0x49, 42, 0, 8, 0, 0, 0, 0xFF, 0xFF])  // 65,535 entries that are not there
        for data in cases {
            let image = try decodePNG(file(data))
            #expect(image.width == 2 && image.pixels == [10, 20], "\(data)")
        }
    }

    @Test("a wrong checksum matters where the picture would be turned")
    func checksum() throws {
        #expect(try decodePNG(file(exif([maker]), breaking: true)).pixels == [10, 20])
        #expect(throws: ImagingError.damaged(format: .png, reason: "wrong checksum of the chunk eXIf")) {
            try decodePNG(file(exif([turned]), breaking: true))
        }
    }

    @Test(
        "a wrong checksum of an XMP packet matters where the picture would be turned, and the packet may come after the image"
    )
    func xmp() throws {
        func file(_ value: String, breaking: Bool, afterImage: Bool) -> [UInt8] {
            let content = Array("XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation=\"\(value)\"/>".utf8)
            var chunk = PNGBuilder.chunk("iTXt", content)
            if breaking { chunk[chunk.count - 1] ^= 1 }
            var file = PNGBuilder(width: 2, height: 1).file { x, _, _ in x == 0 ? 10 : 20 }
            file.insert(contentsOf: chunk, at: afterImage ? file.count - 12 : 33)
            return file
        }
        for afterImage in [false, true] {
            #expect(try decodePNG(file("6", breaking: false, afterImage: afterImage)).height == 2)
            for value in ["1", "?"] {
                #expect(try decodePNG(file(value, breaking: true, afterImage: afterImage)).height == 1)
            }
            #expect(throws: ImagingError.damaged(format: .png, reason: "wrong checksum of the chunk iTXt")) {
                try decodePNG(file("6", breaking: true, afterImage: afterImage))
            }
        }
    }

    @Test("limits are of the picture as it is shown")
    func limits() throws {
        let file = file(exif([turned]))
        #expect(throws: ImagingError.tooLarge(quantity: "height", value: 2, limit: 1)) {
            try decodePNG(file, limits: DecodeLimits(side: 1))
        }
        #expect(try decodePNG(file, limits: DecodeLimits(side: 2, pixels: 2)).height == 2)
    }
}
