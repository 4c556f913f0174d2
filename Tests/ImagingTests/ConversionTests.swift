import Imaging
import Testing

@Suite("Conversion of colours")
struct ConversionTests {
    @Test("colour to gray, and composing on a background, are Pillow's")
    func golden() throws {
        let goldens = try Golden.all(of: "conversion.npy")
        #expect(goldens.count == 7)
        for golden in goldens {
            let image = try decodeImage(golden.file)
            let words = golden.name.split(separator: " ")
            if words.count == 3 {
                // without its alpha
                let pixels = image.pixels.indices.filter { $0 % 4 != 3 }.map { image.pixels[$0] }
                let opaque = Image(width: image.width, height: image.height, mode: .rgb, pixels: pixels)
                #expect(golden.matches(opaque.converted(to: .gray)))
                continue
            }
            let background = try #require(Background(String(words[0])))
            #expect(
                golden.matches(image.converted(to: words[1] == "rgb" ? .rgb : .gray, background: background)),
                "\(golden.name)")
        }
    }

    @Test("without a background it is white, and an opaque gray keeps its value")
    func white() {
        let drawing = Image(width: 3, height: 1, mode: .grayAlpha, pixels: [0, 0, 0, 255, 0, 128])
        #expect(drawing.converted(to: .gray).pixels == [255, 0, 127])
        #expect(drawing.converted(to: .gray, background: .black).pixels == [0, 0, 0])
        #expect(
            drawing.converted(to: .rgb, background: Background(red: 1, green: 2, blue: 3)).pixels[..<3] == [1, 2, 3])
        #expect(drawing.converted(to: .rgba, background: .black).pixels == [0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 128])
        let grays = Image(
            width: 256, height: 1, mode: .rgb, pixels: (0...255).flatMap { [UInt8](repeating: UInt8($0), count: 3) })
        #expect(grays.converted(to: .gray).pixels == (0...255).map { UInt8($0) })
    }

    @Test("a background is a name or six digits, and written as it is read")
    func background() {
        for (text, color) in [
            ("white", Background.white), ("black", .black), ("#FFffff", .white), ("#000000", .black),
            ("#0a10FF", Background(red: 10, green: 16, blue: 255)),
        ] {
            #expect(Background(text) == color)
            #expect(Background("\(color)") == color)
        }
        #expect("\(Background(red: 10, green: 16, blue: 255))" == "#0a10ff")
        for text in ["", "White", "#", "#fff", "#fffffff", "ffffff", "#+12345", "#gggggg", "#１２３４５６", " white"] {
            #expect(Background(text) == nil, "\(text)")
        }
    }

    @Test("16 bits become the nearest of 8: at most one beside Pillow's, which cuts the lower byte off")
    func sixteenBits() throws {
        let builder = PNGBuilder(width: 256, height: 256, depth: 16)
        let image = try decodePNG(builder.file { x, y, _ in y << 8 | x })
        for (value, level) in image.pixels.enumerated() {
            #expect(Int(level) == (value * 255 + 32_895) >> 16 && Int(level) == (value * 2 + 257) / 514)
            #expect(abs(Int(level) - value >> 8) <= 1)
        }
    }

    @Test("alpha is composed on the background, kept, or opaque when new")
    func alpha() {
        let image = Image(width: 3, height: 1, mode: .grayAlpha, pixels: [200, 0, 200, 128, 200, 255])
        #expect(image.converted(to: .gray, background: .black).pixels == [0, 100, 200])
        #expect(image.converted(to: .rgb, background: .black).pixels == [0, 0, 0, 100, 100, 100, 200, 200, 200])
        #expect(image.converted(to: .rgba).pixels == [200, 200, 200, 0, 200, 200, 200, 128, 200, 200, 200, 255])
        let nine = Image(width: 1, height: 1, mode: .gray, pixels: [9])
        #expect(nine.converted(to: .rgba).pixels == [9, 9, 9, 255])
        #expect(nine.converted(to: .grayAlpha).pixels == [9, 255])
        let color = Image(width: 1, height: 1, mode: .rgba, pixels: [255, 0, 0, 128])
        #expect(color.converted(to: .gray, background: .black).pixels == [38])
        #expect(color.converted(to: .grayAlpha).pixels == [76, 128])
    }

    @Test("where values are levels, the top one is opaque")
    func levels() {
        let image = Image(width: 3, height: 1, mode: .grayAlpha, pixels: [3, 16, 9, 8, 7, 0])
        let white = Background(red: 16, green: 16, blue: 16)
        // numpy 2.4.6: floor((c * a + 16 * (16 - a)) / 16 + 0.5)
        #expect(image.converted(to: .gray, background: white, opaque: 16).pixels == [3, 13, 16])
        let nine = Image(width: 1, height: 1, mode: .gray, pixels: [9])
        #expect(nine.converted(to: .rgba, opaque: 16).pixels == [9, 9, 9, 16])
    }

    @Test("gray survives the way through every mode", arguments: ColorMode.allCases)
    func there(_ mode: ColorMode) {
        let image = Image(width: 16, height: 16, mode: .gray, pixels: Array(0...255))
        #expect(image.converted(to: mode).converted(to: .gray) == image)
    }

    @Test("a converted image is no longer flagged as 16-bit")
    func flag() {
        let image = Image(width: 1, height: 1, mode: .gray, pixels: [1], isReducedFrom16Bit: true)
        #expect(!image.converted(to: .gray).isReducedFrom16Bit)
    }
}
