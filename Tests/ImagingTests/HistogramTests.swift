import Testing

@testable import Imaging

@Suite("Histogram and captioned sheet")
struct HistogramTests {
    private func histogram(_ counts: [Double], expected: [Double]? = nil) -> Histogram {
        Histogram(
            title: "title", xLabel: "x", xRange: 0...1, bars: Histogram.Series(name: "these", counts: counts),
            expected: expected.map { Histogram.Series(name: "those", counts: $0) })
    }

    /// Pixels of the bars' colour in each column.
    private func heights(_ image: Image) -> [Int] {
        (0..<image.width).map { x in
            (100..<image.height - 72).count { y in
                image.pixels[(y * image.width + x) * 3..<(y * image.width + x) * 3 + 3].elementsEqual([86, 180, 233])
            }
        }
    }

    @Test("bars are as high as their counts, and the smallest is seen")
    func bars() {
        let image = histogram([1000, 0, 500, 1]).image(width: 800, height: 480)
        #expect(image.width == 800 && image.height == 480)
        let heights = heights(image)
        // the legend's line lies over the last bin
        let (first, none, half) = (heights[180], heights[350], heights[500])
        #expect(first > 200 && none == 0 && abs(2 * half - first) <= 2)
        #expect(heights[740...].contains(1) || heights[740...].contains(2))
    }

    @Test("what is expected is drawn over the bars; nothing at all is drawn too")
    func expected() {
        #expect(histogram([1, 2], expected: [2, 1]).image() != histogram([1, 2]).image())
        #expect(histogram([0]).image(width: 240, height: 240).width == 240)
    }

    @Test("a sheet has all images under its title, one beside the other as far as there is room")
    func sheet() {
        let image = Image(width: 28, height: 28, mode: .gray, pixels: [UInt8](repeating: 0, count: 784))
        let item = CaptionedImage(image: image, captions: ["p = 1/501", "a name that is much too long.png"])
        let one = captionedSheet(title: "x", [item])
        let five = captionedSheet(title: "x", Array(repeating: item, count: 5))
        let six = captionedSheet(title: "x", Array(repeating: item, count: 6))
        #expect(one.width < five.width && five.width == six.width && six.width <= 960)
        #expect(one.height == five.height && five.height < six.height)
        // an image wider than the sheet is whole all the same
        let wide = Image(width: 2000, height: 1, mode: .rgb, pixels: [UInt8](repeating: 9, count: 6000))
        #expect(captionedSheet(title: "", [CaptionedImage(image: wide, captions: [])]).width >= 2000)
        #expect(stacked([one, six], gap: 4).height == one.height + six.height + 4)
    }
}
