/// What plots have in common: title, two axes with their marks, the area between them, and a legend in its upper right corner.
struct PlotFrame {
    let title: String
    let xLabel: String
    let yLabel: String
    let x: PlotAxis
    let y: PlotAxis
    /// Columns and rows of pixels in which the plot itself is drawn.
    let area: (x: Range<Int>, y: Range<Int>)

    /// Colours that are told apart with every kind of colour vision (Okabe and Ito, *Color Universal Design*, 2008).
    private static let colors = [
        Color(red: 0, green: 114, blue: 178), Color(red: 213, green: 94, blue: 0), Color(red: 0, green: 158, blue: 115),
        Color(red: 204, green: 121, blue: 167), Color(red: 230, green: 159, blue: 0),
        Color(red: 86, green: 180, blue: 233), Color(red: 0, green: 0, blue: 0),
    ]

    /// Colour of what is drawn as number `index`, from 0.
    static func color(_ index: Int) -> Color { colors[index % colors.count] }

    /// A frame for an image of `width` × `height` pixels.
    init(title: String, xLabel: String, yLabel: String, x: PlotAxis, y: PlotAxis, width: Int, height: Int) {
        (self.title, self.xLabel, self.yLabel, self.x, self.y) = (title, xLabel, yLabel, x, y)
        let labelWidth = y.ticks.map { BitmapFont.width(of: $0.label, scale: 2) }.max() ?? 0
        area = (x: labelWidth + 32..<width - 32, y: 92..<height - 72)
    }

    /// Place of a point on the canvas, in pixels.
    func place(_ point: SIMD2<Double>) -> SIMD2<Double> {
        SIMD2(
            Double(area.x.lowerBound) + x.position(point.x) * Double(area.x.count - 1) + 0.5,
            Double(area.y.upperBound - 1) - y.position(point.y) * Double(area.y.count - 1) + 0.5)
    }

    /// Draws title, axes, marks and labels.
    func draw(on canvas: inout Canvas) {
        let bottom = area.y.upperBound
        for tick in y.ticks {
            let row = bottom - 1 - Int((y.position(tick.value) * Double(area.y.count - 1)).rounded())
            canvas.fill(.grid, x: area.x, y: row..<row + 1)
            let left = area.x.lowerBound - 12 - BitmapFont.width(of: tick.label, scale: 2)
            canvas.text(tick.label, x: left, y: row - 6, scale: 2)
        }
        for tick in x.ticks {
            let column = area.x.lowerBound + Int((x.position(tick.value) * Double(area.x.count - 1)).rounded())
            canvas.fill(.grid, x: column..<column + 1, y: area.y)
            canvas.fill(.axis, x: column..<column + 1, y: bottom..<bottom + 6)
            let width = BitmapFont.width(of: tick.label, scale: 2)
            canvas.text(tick.label, x: column - width / 2, y: bottom + 12, scale: 2)
        }
        canvas.fill(.axis, x: area.x.lowerBound - 1..<area.x.lowerBound, y: area.y.lowerBound..<bottom + 1)
        canvas.fill(.axis, x: area.x.lowerBound - 1..<area.x.upperBound, y: bottom..<bottom + 1)

        // The title loses size before it loses letters.
        let titleScale = BitmapFont.width(of: title, scale: 3) <= canvas.image.width - 40 ? 3 : 2
        canvas.text(title, x: 20, y: 18, scale: titleScale)
        canvas.text(yLabel, x: 20, y: 56, scale: 2, color: .axis)
        let labelWidth = BitmapFont.width(of: xLabel, scale: 2)
        canvas.text(
            xLabel, x: (area.x.lowerBound + area.x.upperBound - labelWidth) / 2, y: canvas.image.height - 28, scale: 2,
            color: .axis)
    }

    /// Draws the legend over what is there.
    func drawLegend(on canvas: inout Canvas, _ entries: [(name: String, color: Color)]) {
        guard let longest = entries.map({ BitmapFont.width(of: $0.name, scale: 2) }).max() else { return }
        let (right, top) = (area.x.upperBound - 12, area.y.lowerBound + 12)
        let left = right - longest - 62
        canvas.fill(.grid, x: left - 1..<right + 1, y: top - 1..<top + 13 + 24 * entries.count)
        canvas.fill(.white, x: left..<right, y: top..<top + 12 + 24 * entries.count)
        for (index, entry) in entries.enumerated() {
            let middle = top + 18 + 24 * index
            let (start, end) = (SIMD2(Double(left + 12), Double(middle)), SIMD2(Double(left + 40), Double(middle)))
            canvas.lines(
                [[start, end]], color: entry.color, width: 3, dots: nil, x: left..<left + 50, y: middle - 4..<middle + 4
            )
            canvas.text(entry.name, x: left + 50, y: middle - 7, scale: 2)
        }
    }
}
