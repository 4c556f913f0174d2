import Imaging
import Testing

private func gray(_ width: Int, _ height: Int, _ pixels: [UInt8]) -> Image {
    Image(width: width, height: height, mode: .gray, pixels: pixels)
}

@Suite("Fit")
struct FitTests {
    @Test("the same size keeps every pixel", arguments: ImageFit.allCases, ColorMode.allCases)
    func same(_ fit: ImageFit, _ mode: ColorMode) {
        let image = Image(width: 5, height: 3, mode: mode, pixels: (0..<15 * mode.channels).map { UInt8($0 * 4) })
        #expect(image.fitted(width: 5, height: 3, fit: fit, padding: Background.white.pixel(in: mode)) == image)
    }

    @Test("shrinking averages areas")
    func box() {
        let image = gray(6, 6, (0..<36).map { UInt8($0 * $0 % 256) })
        // As Pillow's resize(BOX), but 22.5 and 65.5 are rounded away from zero and to even there alike.
        #expect(
            image.fitted(width: 3, height: 3, fit: .stretch, padding: [0]).pixels == [
                22, 40, 66, 122, 188, 70, 126, 112, 106,
            ])
        // Half of the middle pixel goes to each side: (0 + 60/2) / 1.5 and (60/2 + 240) / 1.5.
        #expect(gray(3, 1, [0, 60, 240]).fitted(width: 2, height: 1, fit: .stretch, padding: [0]).pixels == [20, 180])
        #expect(gray(4, 1, [0, 255, 0, 255]).fitted(width: 1, height: 1, fit: .stretch, padding: [0]).pixels == [128])
    }

    @Test("growing interpolates between pixel centres")
    func bilinear() {
        let image = gray(2, 2, [0, 100, 200, 40])
        // As Pillow's resize(BILINEAR).
        #expect(
            image.fitted(width: 4, height: 4, fit: .stretch, padding: [0]).pixels
                == [0, 25, 75, 100, 50, 59, 76, 85, 150, 126, 79, 55, 200, 160, 80, 40])
        #expect(
            image.fitted(width: 5, height: 3, fit: .stretch, padding: [0]).pixels
                == [0, 10, 50, 90, 100, 100, 97, 85, 73, 70, 200, 184, 120, 56, 40])
    }

    @Test("contain shows all, and pads with the pixel that it is given")
    func contain() {
        let image = gray(4, 2, [10, 10, 20, 20, 10, 10, 20, 20])
        #expect(
            image.fitted(width: 4, height: 4, fit: .contain, padding: [7]).pixels
                == [7, 7, 7, 7, 10, 10, 20, 20, 10, 10, 20, 20, 7, 7, 7, 7])
        #expect(image.fitted(width: 2, height: 2, fit: .contain, padding: [9]).pixels == [10, 20, 9, 9])
        let color = Image(width: 2, height: 1, mode: .rgb, pixels: [10, 20, 30, 40, 50, 60])
        #expect(
            color.fitted(width: 2, height: 2, fit: .contain, padding: [1, 2, 3]).pixels
                == [10, 20, 30, 40, 50, 60, 1, 2, 3, 1, 2, 3])
        // 1000 × 1 into 10 × 10 leaves a line of a hundredth of a pixel: one pixel is kept.
        let line = gray(1000, 1, [UInt8](repeating: 255, count: 1000)).fitted(
            width: 10, height: 10, fit: .contain, padding: [0])
        #expect(line.pixels.filter { $0 == 255 }.count == 10)
    }

    @Test("cover takes the middle")
    func cover() {
        let image = gray(4, 2, [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(image.fitted(width: 2, height: 2, fit: .cover, padding: [0]).pixels == [2, 3, 6, 7])
        let tall = gray(1, 4, [1, 2, 3, 4])
        #expect(tall.fitted(width: 1, height: 2, fit: .cover, padding: [0]).pixels == [2, 3])
    }

    @Test("an even area stays even at any size", arguments: ImageFit.allCases)
    func even(_ fit: ImageFit) {
        for (width, height) in [(1, 1), (3, 7), (28, 28), (100, 33)] {
            let image = gray(width, height, [UInt8](repeating: 77, count: width * height))
            for (newWidth, newHeight) in [(1, 1), (28, 28), (31, 2), (2, 31)] {
                let result = image.fitted(width: newWidth, height: newHeight, fit: fit, padding: [0])
                #expect(result.width == newWidth && result.height == newHeight)
                #expect(result.pixels.allSatisfy { $0 == 77 || fit == .contain && $0 == 0 })
                #expect(result.pixels.contains(77))
            }
        }
    }
}

@Suite("Background")
struct BackgroundTests {
    @Test("a pixel has the colour, its luma, or the nearest level of it, and no alpha where alpha is kept")
    func pixels() {
        let orange = Background(red: 255, green: 128, blue: 0)
        #expect(orange.pixel(in: .rgb) == [255, 128, 0])
        let luma = Image(width: 1, height: 1, mode: .rgb, pixels: [255, 128, 0]).converted(to: .gray).pixels
        #expect(orange.pixel(in: .gray) == luma)
        #expect(orange.pixel(in: .rgba) == [0, 0, 0, 0] && orange.pixel(in: .grayAlpha) == [0, 0])
        for (levels, pixel) in [(2, [1, 1, 0]), (3, [2, 1, 0]), (16, [15, 8, 0]), (255, [254, 127, 0])]
            as [(Int, [UInt8])]
        {
            #expect(orange.pixel(in: .rgb, levels: levels) == pixel)
        }
        #expect(Background.white.pixel(in: .gray, levels: 5) == [4] && Background.black.pixel(in: .gray) == [0])
    }
}

@Suite("Contact sheet")
struct ContactSheetTests {
    @Test("images lie row by row between gaps")
    func layout() {
        let images = (1...3).map { gray(1, 1, [UInt8($0)]) }
        let sheet = contactSheet(images, columns: 2, scale: 1, gap: 1)
        #expect(sheet.width == 5 && sheet.height == 5)
        let g: UInt8 = 96
        #expect(sheet.pixels == [g, g, g, g, g, g, 1, g, 2, g, g, g, g, g, g, g, 3, g, g, g, g, g, g, g, g])
    }

    @Test("columns are chosen to make a square", arguments: [(1, 1), (2, 2), (4, 2), (5, 3), (64, 8)])
    func square(_ count: Int, _ columns: Int) {
        let images = Array(repeating: gray(1, 1, [0]), count: count)
        #expect(contactSheet(images, gap: 0).width == columns)
    }

    @Test("scale repeats pixels")
    func scale() {
        let sheet = contactSheet([gray(2, 1, [1, 2])], scale: 2, gap: 0)
        #expect(sheet == gray(4, 2, [1, 1, 2, 2, 1, 1, 2, 2]))
    }

    @Test("two sheets stand beside each other", arguments: [0, 2])
    func beside(_ gap: Int) {
        let left = gray(1, 2, [1, 2])
        let right = Image(width: 1, height: 1, mode: .rgb, pixels: [7, 8, 9])
        let pair = Imaging.beside(left, right, gap: gap)
        #expect(pair.mode == .rgb && pair.width == 2 + gap && pair.height == 2)
        let white = [UInt8](repeating: 255, count: 3 * gap)
        #expect(pair.pixels == [1, 1, 1] + white + [7, 8, 9, 2, 2, 2] + white + [255, 255, 255])
        #expect(Imaging.beside(left, left, gap: 0) == gray(2, 2, [1, 1, 2, 2]))
    }
}
