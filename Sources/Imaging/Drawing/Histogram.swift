/// Counts over equal bins of an axis as bars, with counts that are expected there as a line, drawn on white.
public struct Histogram: Sendable {
    /// Counts under one name in the legend.
    public struct Series: Sendable {
        /// Name in the legend.
        public var name: String
        /// Count of each bin, from the lowest one on.
        public var counts: [Double]

        public init(name: String, counts: [Double]) {
            self.name = name
            self.counts = counts
        }
    }

    /// Title above the plot.
    public var title: String
    /// Label of the horizontal axis.
    public var xLabel: String
    /// Label of the vertical axis.
    public var yLabel: String
    /// Range of the horizontal axis, from the outer edge of the first bin to that of the last.
    public var xRange: ClosedRange<Double>
    /// What was counted.
    public var bars: Series
    /// What is expected; nil for nothing.
    public var expected: Series?

    /// - Precondition: one bin at least, and as many in `expected`.
    public init(
        title: String, xLabel: String, yLabel: String = "images", xRange: ClosedRange<Double>, bars: Series,
        expected: Series? = nil
    ) {
        precondition(!bars.counts.isEmpty && expected.map { $0.counts.count == bars.counts.count } ?? true)
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.xRange = xRange
        self.bars = bars
        self.expected = expected
    }

    /// Room above the highest bar for the legend, of its height.
    private static let headRoom = 1.4

    /// Draws the plot into an rgb image of `width` × `height` pixels.
    /// - Precondition: `width` and `height` are at least ``LinePlot/smallestSide``.
    public func image(width: Int = 960, height: Int = 480) -> Image {
        precondition(width >= LinePlot.smallestSide && height >= LinePlot.smallestSide)
        var canvas = Canvas(width: width, height: height)
        let highest = (bars.counts + (expected?.counts ?? [])).max() ?? 0
        let frame = PlotFrame(
            title: title, xLabel: xLabel, yLabel: yLabel,
            x: PlotAxis(values: [], range: xRange, count: max(2, width / 110), margin: false),
            y: PlotAxis(
                values: [], range: 0...max(1, highest * Self.headRoom), count: max(2, height / 70), margin: false),
            width: width, height: height)
        frame.draw(on: &canvas)

        let count = bars.counts.count
        /// Left edge of a bin.
        func edge(_ bin: Int) -> Double {
            xRange.lowerBound + (xRange.upperBound - xRange.lowerBound) * Double(bin) / Double(count)
        }
        for (bin, value) in bars.counts.enumerated() where value > 0 {
            let corner = frame.place(SIMD2(edge(bin), value))
            let end = frame.place(SIMD2(edge(bin + 1), 0))
            // a pixel of white between two bars, and a pixel of colour for the smallest count
            canvas.fill(
                PlotFrame.color(5), x: Int(corner.x) + 1..<max(Int(corner.x) + 2, Int(end.x)),
                y: min(Int(corner.y), frame.area.y.upperBound - 2)..<frame.area.y.upperBound)
        }
        var legend = [(bars.name, PlotFrame.color(5))]
        if let expected {
            let steps = expected.counts.enumerated().flatMap { bin, value in
                [frame.place(SIMD2(edge(bin), value)), frame.place(SIMD2(edge(bin + 1), value))]
            }
            canvas.lines(
                [steps], color: PlotFrame.color(1), width: 2.2, dots: nil, x: frame.area.x, y: frame.area.y)
            legend.append((expected.name, PlotFrame.color(1)))
        }
        frame.drawLegend(on: &canvas, legend)
        return canvas.image
    }
}
