import Imaging
import Testing

@Suite("Heat map")
struct HeatMapTests {
    private func map(_ panels: [[Double]], columns: Int, rows: Int) -> HeatMap {
        HeatMap(
            xLabel: "x", yLabel: "y", xRange: -1...1, yRange: 0...4, columns: columns, rows: rows,
            panels: panels.enumerated().map { HeatMap.Panel(title: "panel \($0.offset)", values: $0.element) })
    }

    private func color(_ image: Image, _ x: Int, _ y: Int) -> [UInt8] {
        Array(image.pixels[(y * image.width + x) * 3..<(y * image.width + x) * 3 + 3])
    }

    /// Pixels of the lowest, the highest and the unknown colour.
    private func count(_ image: Image, _ color: [UInt8]) -> Int {
        (0..<image.width * image.height).count { Array(image.pixels[$0 * 3..<$0 * 3 + 3]) == color }
    }

    private let lowest: [UInt8] = [68, 1, 84]
    private let highest: [UInt8] = [253, 231, 37]

    @Test("cells are as large as they should be, the first row at the bottom, the first column at the left")
    func layout() throws {
        // the highest value is that of the largest x and the smallest y
        let image = map([[0, 0, 1, 0, 0, 0]], columns: 3, rows: 2).image(side: 120)
        #expect(count(image, highest) == 120 * 120 / 6)
        #expect(count(image, lowest) == 120 * 120 * 5 / 6)
        let bright = (0..<image.width * image.height).filter {
            Array(image.pixels[$0 * 3..<$0 * 3 + 3]) == highest
        }.map { SIMD2($0 % image.width, $0 / image.width) }
        let dark = (0..<image.width * image.height).filter {
            Array(image.pixels[$0 * 3..<$0 * 3 + 3]) == lowest
        }.map { SIMD2($0 % image.width, $0 / image.width) }
        #expect(bright.map(\.x).max() == dark.map(\.x).max() && bright.map(\.y).max() == dark.map(\.y).max())
        #expect(bright.map(\.x).min()! - dark.map(\.x).min()! == 80)
        #expect(bright.map(\.y).min()! - dark.map(\.y).min()! == 60)
    }

    @Test("panels share one scale, and values between have colours between")
    func scale() {
        let one = map([[0, 1], [0, 0.5]], columns: 2, rows: 1).image(side: 60)
        #expect(count(one, highest) == 60 * 30, "only the first panel reaches the top")
        #expect(count(one, lowest) == 2 * 60 * 30)
        #expect(count(one, [33, 144, 141]) == 60 * 30, "the middle of the scale")
    }

    @Test("what is not finite is gray and does not move the scale")
    func notFinite() {
        let image = map([[.nan, .infinity, 0, 1]], columns: 4, rows: 1).image(side: 80)
        #expect(count(image, highest) == 80 * 20 && count(image, lowest) == 80 * 20)
        #expect(count(image, [120, 120, 120]) >= 80 * 40)
        let nothing = map([[.nan], [.nan]], columns: 1, rows: 1).image(side: HeatMap.smallestSide)
        #expect(count(nothing, highest) + count(nothing, lowest) == 0)
        let flat = map([[3, 3]], columns: 2, rows: 1).image(side: 60)
        #expect(count(flat, lowest) == 60 * 60)
    }
}
