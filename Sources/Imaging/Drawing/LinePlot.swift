/// Named curves over a common axis, drawn on white.
public struct LinePlot: Sendable {
    /// One curve. A point that is not finite interrupts it.
    public struct Series: Sendable {
        /// Name in the legend.
        public var name: String
        /// Points `(x, y)`, in the order in which they are joined.
        public var points: [SIMD2<Double>]

        public init(name: String, points: [SIMD2<Double>]) {
            self.name = name
            self.points = points
        }
    }

    /// Title above the plot.
    public var title: String
    /// Label of the horizontal axis.
    public var xLabel: String
    /// Label of the vertical axis.
    public var yLabel: String
    /// The curves, drawn and listed in this order.
    public var series: [Series]
    /// Range of the horizontal axis; nil for that of the values.
    public var xRange: ClosedRange<Double>?
    /// Range of the vertical axis, at whose ends curves are cut off; nil for that of the values.
    public var yRange: ClosedRange<Double>?

    /// A plot over the ranges of its values.
    public init(title: String, xLabel: String, yLabel: String, series: [Series]) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
    }

    /// Smallest width and height that leave room for the curves.
    public static let smallestSide = 240
    /// Most points of a series that has a dot on each.
    private static let dottedPoints = 40

    /// Colours that are told apart with every kind of colour vision (Okabe and Ito, *Color Universal Design*, 2008).
    private static let colors = [
        Color(red: 0, green: 114, blue: 178), Color(red: 213, green: 94, blue: 0), Color(red: 0, green: 158, blue: 115),
        Color(red: 204, green: 121, blue: 167), Color(red: 230, green: 159, blue: 0),
        Color(red: 86, green: 180, blue: 233), Color(red: 0, green: 0, blue: 0),
    ]

    /// Draws the plot into an rgb image of `width` × `height` pixels.
    /// - Precondition: `width` and `height` are at least ``smallestSide``.
    public func image(width: Int = 960, height: Int = 600) -> Image {
        precondition(width >= Self.smallestSide && height >= Self.smallestSide)
        var canvas = Canvas(width: width, height: height)
        let x = PlotAxis(
            values: series.lazy.flatMap { $0.points.map(\.x) }, range: xRange, count: max(2, width / 110),
            margin: false)
        let y = PlotAxis(
            values: series.lazy.flatMap { $0.points.map(\.y) }, range: yRange, count: max(2, height / 70), margin: true)

        let labelWidth = y.ticks.map { BitmapFont.width(of: $0.label, scale: 2) }.max() ?? 0
        let area = (x: labelWidth + 32..<width - 32, y: 92..<height - 72)
        func place(_ point: SIMD2<Double>) -> SIMD2<Double> {
            SIMD2(
                Double(area.x.lowerBound) + x.position(point.x) * Double(area.x.count - 1) + 0.5,
                Double(area.y.upperBound - 1) - y.position(point.y) * Double(area.y.count - 1) + 0.5)
        }

        drawFrame(on: &canvas, x: x, y: y, area: area)
        for (index, series) in series.enumerated() {
            let runs = series.points.split { !($0.x.isFinite && $0.y.isFinite) }.map { $0.map(place) }
            canvas.lines(
                runs, color: Self.colors[index % Self.colors.count], width: 2.2,
                dots: series.points.count <= Self.dottedPoints ? 3.5 : nil, x: area.x, y: area.y)
        }
        drawLegend(on: &canvas, right: area.x.upperBound - 12, top: area.y.lowerBound + 12)
        return canvas.image
    }

    private func drawFrame(on canvas: inout Canvas, x: PlotAxis, y: PlotAxis, area: (x: Range<Int>, y: Range<Int>)) {
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

    private func drawLegend(on canvas: inout Canvas, right: Int, top: Int) {
        guard let longest = series.map({ BitmapFont.width(of: $0.name, scale: 2) }).max() else { return }
        let left = right - longest - 62
        canvas.fill(.grid, x: left - 1..<right + 1, y: top - 1..<top + 13 + 24 * series.count)
        canvas.fill(.white, x: left..<right, y: top..<top + 12 + 24 * series.count)
        for (index, series) in series.enumerated() {
            let middle = top + 18 + 24 * index
            let (start, end) = (SIMD2(Double(left + 12), Double(middle)), SIMD2(Double(left + 40), Double(middle)))
            canvas.lines(
                [[start, end]], color: Self.colors[index % Self.colors.count], width: 3, dots: nil,
                x: left..<left + 50, y: middle - 4..<middle + 4)
            canvas.text(series.name, x: left + 50, y: middle - 7, scale: 2)
        }
    }
}
