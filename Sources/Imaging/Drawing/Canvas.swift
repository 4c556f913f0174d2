/// An sRGB colour.
struct Color: Sendable {
    let red: UInt8
    let green: UInt8
    let blue: UInt8

    static let white = Color(red: 255, green: 255, blue: 255)
    static let ink = Color(red: 40, green: 40, blue: 40)
    static let alarm = Color(red: 220, green: 30, blue: 40)
    static let axis = Color(red: 120, green: 120, blue: 120)
    static let grid = Color(red: 228, green: 228, blue: 228)
}

/// An rgb image to draw on, white at first. What lies outside is cut off.
struct Canvas {
    private(set) var image: Image

    init(width: Int, height: Int) {
        image = Image(filled: 255, width: width, height: height, mode: .rgb)
    }

    /// Lays `color` over one pixel; `coverage` from 0 (nothing) to 1.
    mutating func blend(_ color: Color, x: Int, y: Int, coverage: Float) {
        guard x >= 0, y >= 0, x < image.width, y < image.height else { return }
        let start = (y * image.width + x) * 3
        for (channel, value) in [color.red, color.green, color.blue].enumerated() {
            let old = Float(image.pixels[start + channel])
            image.pixels[start + channel] = UInt8((old + (Float(value) - old) * coverage).rounded())
        }
    }

    mutating func fill(_ color: Color, x: Range<Int>, y: Range<Int>) {
        for row in y {
            for column in x { blend(color, x: column, y: row, coverage: 1) }
        }
    }

    /// Copies an rgb image, which must lie inside.
    mutating func paste(_ other: Image, x: Int, y: Int) { image.paste(other, x: x, y: y) }

    /// Draws `text` with its upper left corner at (`x`, `y`).
    mutating func text(_ text: String, x: Int, y: Int, scale: Int, color: Color = .ink) {
        for (index, character) in text.enumerated() {
            let left = x + index * BitmapFont.advance * scale
            for (column, bits) in BitmapFont.columns(of: character).enumerated() {
                // Bit 7 lies below the line: the tails of g, p, q, y.
                for row in 0..<8 where bits >> row & 1 == 1 {
                    let (x, y) = (left + column * scale, y + row * scale)
                    fill(color, x: x..<x + scale, y: y..<y + scale)
                }
            }
        }
    }

    /// Draws anti-aliased lines between the neighbouring points of each run, `width` pixels wide, inside the pixels of `x`
    /// and `y` only; with `dots`, a disc of that radius on each point.
    mutating func lines(
        _ runs: [[SIMD2<Double>]], color: Color, width: Double, dots: Double?, x: Range<Int>, y: Range<Int>
    ) {
        // Coverage is the largest of all segments', so that joints are not darker than the line.
        var coverage = [Float](repeating: 0, count: x.count * y.count)
        func cover(_ a: SIMD2<Double>, _ b: SIMD2<Double>, radius: Double) {
            func pixels(_ range: Range<Int>, _ a: Double, _ b: Double) -> Range<Int> {
                // Clamped as floating point: an integer may not hold where a wild point lies.
                let low = max(Double(range.lowerBound), (min(a, b) - radius - 1).rounded(.down))
                let high = min(Double(range.upperBound), (max(a, b) + radius + 2).rounded(.up))
                return low < high ? Int(low)..<Int(high) : 0..<0
            }
            let along = b - a
            let square = (along * along).sum()
            for row in pixels(y, a.y, b.y) {
                for column in pixels(x, a.x, b.x) {
                    let offset = SIMD2(Double(column) + 0.5, Double(row) + 0.5) - a
                    let part = square > 0 ? min(1, max(0, (offset * along).sum() / square)) : 0
                    let rest = offset - along * part
                    let reach = radius + 0.5 - (rest * rest).sum().squareRoot()
                    guard reach > 0 else { continue }
                    let index = (row - y.lowerBound) * x.count + column - x.lowerBound
                    coverage[index] = max(coverage[index], Float(min(1, reach)))
                }
            }
        }
        for run in runs {
            for (a, b) in zip(run, run.dropFirst()) { cover(a, b, radius: width / 2) }
            for point in run {
                // A point alone has no line to be seen by.
                if let radius = dots ?? (run.count == 1 ? width : nil) { cover(point, point, radius: radius) }
            }
        }
        for row in y {
            for column in x {
                let part = coverage[(row - y.lowerBound) * x.count + column - x.lowerBound]
                if part > 0 { blend(color, x: column, y: row, coverage: part) }
            }
        }
    }
}
