import Imaging
import Testing

private func plot(_ series: [[SIMD2<Double>]]) -> LinePlot {
    LinePlot(
        title: "Title", xLabel: "epoch", yLabel: "bits/dim",
        series: series.enumerated().map { LinePlot.Series(name: "series \($0.offset)", points: $0.element) })
}

private func pixels(of image: Image, near color: SIMD3<Int>, x: Range<Int>? = nil, y: Range<Int>? = nil) -> [SIMD2<Int>]
{
    (y ?? 0..<image.height).flatMap { row in
        (x ?? 0..<image.width).compactMap { column in
            let start = (row * image.width + column) * 3
            let found = SIMD3(Int(image.pixels[start]), Int(image.pixels[start + 1]), Int(image.pixels[start + 2]))
            let gap = found &- color
            return (gap &* gap).wrappedSum() < 100 ? SIMD2(column, row) : nil
        }
    }
}

private let blue = SIMD3(0, 114, 178)
private let orange = SIMD3(213, 94, 0)

@Suite("Line plot")
struct LinePlotTests {
    @Test("each series is drawn in its own colour, and named")
    func colors() {
        let image = plot([[[0, 0], [1, 1]], [[0, 1], [1, 0]]]).image(width: 400, height: 300)
        #expect(image.width == 400 && image.height == 300 && image.mode == .rgb)
        #expect(pixels(of: image, near: blue).count > 200)
        #expect(pixels(of: image, near: orange).count > 200)
        let one = plot([[[0, 0], [1, 1]]]).image(width: 400, height: 300)
        #expect(pixels(of: one, near: orange).isEmpty)
        #expect(image.pixels.prefix(3) == [255, 255, 255])
    }

    @Test("a rising curve rises")
    func direction() throws {
        let image = plot([(0..<100).map { SIMD2(Double($0), Double($0)) }]).image()
        // Below the legend.
        let points = pixels(of: image, near: blue, y: 200..<600)
        let left = try #require(points.min { $0.x < $1.x })
        let right = try #require(points.max { $0.x < $1.x })
        #expect(left.y > right.y + 200)
    }

    @Test("a range cuts the curves off")
    func range() throws {
        var cut = plot([(0..<100).map { SIMD2(Double($0), $0 == 0 ? 1000 : 1) }])
        #expect(pixels(of: cut.image(), near: blue, x: 500..<700, y: 250..<350).isEmpty, "flat at the bottom")
        cut.yRange = 0...2
        #expect(!pixels(of: cut.image(), near: blue, x: 500..<700, y: 250..<350).isEmpty, "flat in the middle")
    }

    @Test("a point that is not finite interrupts the curve")
    func gap() {
        let points = (0..<101).map { SIMD2(Double($0), $0 > 40 && $0 < 60 ? .nan : 1.0) }
        let image = plot([points]).image()
        #expect(pixels(of: image, near: blue, x: 480..<540, y: 200..<500).isEmpty)
        #expect(!pixels(of: image, near: blue, x: 200..<300, y: 200..<500).isEmpty)
    }

    @Test(
        "no data is too strange to be drawn",
        arguments: [
            [], [[]], [[[0, 0]]], [[[.nan, .nan]]], [[[.infinity, 1], [0, -.infinity]]],
            [[[0, 1e308], [1, -1e308], [1e308, 3]]], [[[.leastNonzeroMagnitude, .leastNormalMagnitude], [0, 0]]],
            [[[5, 5], [5, 5]]],
            [[[1e17, 1e17], [1e17 + 16, 1]]], [[[-1e299, -1e299], [1e299, 1e299]]], [[[0, 1e-12], [1e-9, 2e-12]]],
        ] as [[[SIMD2<Double>]]])
    func strange(_ series: [[SIMD2<Double>]]) {
        let image = plot(series).image(width: LinePlot.smallestSide, height: LinePlot.smallestSide)
        #expect(image.pixels.contains { $0 != 255 })
        var wild = plot(series)
        wild.yRange = 0...1e-3
        wild.title = String(repeating: "längst é", count: 50)
        #expect(wild.image(width: 300, height: 240).width == 300)
    }
}
