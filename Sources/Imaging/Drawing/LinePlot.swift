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

    /// Draws the plot into an rgb image of `width` × `height` pixels.
    /// - Precondition: `width` and `height` are at least ``smallestSide``.
    public func image(width: Int = 960, height: Int = 600) -> Image {
        precondition(width >= Self.smallestSide && height >= Self.smallestSide)
        var canvas = Canvas(width: width, height: height)
        let frame = PlotFrame(
            title: title, xLabel: xLabel, yLabel: yLabel,
            x: PlotAxis(
                values: series.lazy.flatMap { $0.points.map(\.x) }, range: xRange, count: max(2, width / 110),
                margin: false),
            y: PlotAxis(
                values: series.lazy.flatMap { $0.points.map(\.y) }, range: yRange, count: max(2, height / 70),
                margin: true), width: width, height: height)
        frame.draw(on: &canvas)
        for (index, series) in series.enumerated() {
            let runs = series.points.split { !($0.x.isFinite && $0.y.isFinite) }.map { $0.map(frame.place) }
            canvas.lines(
                runs, color: PlotFrame.color(index), width: 2.2,
                dots: series.points.count <= Self.dottedPoints ? 3.5 : nil, x: frame.area.x, y: frame.area.y)
        }
        frame.drawLegend(on: &canvas, series.enumerated().map { ($1.name, PlotFrame.color($0)) })
        return canvas.image
    }
}
