/// Functions of two variables as colours over one rectangle, side by side on one scale, drawn on white.
public struct HeatMap: Sendable {
    /// One function by its values at the middles of equal cells.
    public struct Panel: Sendable {
        /// Title above the panel.
        public var title: String
        /// Values `[rows, columns]`, row-major; the first row is the lowest one.
        public var values: [Double]

        public init(title: String, values: [Double]) {
            self.title = title
            self.values = values
        }
    }

    /// Label of the horizontal axis.
    public var xLabel: String
    /// Label of the vertical axis.
    public var yLabel: String
    /// Range of the horizontal axis, from the outer edge of the first cells to that of the last.
    public var xRange: ClosedRange<Double>
    /// Range of the vertical axis, from the outer edge of the lowest cells to that of the highest.
    public var yRange: ClosedRange<Double>
    /// Cells of a panel along the horizontal axis.
    public var columns: Int
    /// Cells of a panel along the vertical axis.
    public var rows: Int
    /// The functions, from left to right.
    public var panels: [Panel]

    /// - Precondition: `columns` and `rows` are positive; one panel at least, of `rows · columns` values each.
    public init(
        xLabel: String, yLabel: String, xRange: ClosedRange<Double>, yRange: ClosedRange<Double>, columns: Int,
        rows: Int, panels: [Panel]
    ) {
        precondition(columns > 0 && rows > 0 && !panels.isEmpty)
        precondition(panels.allSatisfy { $0.values.count == rows * columns })
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.xRange = xRange
        self.yRange = yRange
        self.columns = columns
        self.rows = rows
        self.panels = panels
    }

    /// Smallest side of a panel that leaves room for its axes.
    public static let smallestSide = 60

    /// Colours from the lowest value to the highest: nine of viridis (Smith, van der Walt, Firing 2015), equally spaced. Their
    /// lightness rises evenly, so they read in gray and with every kind of colour vision.
    private static let colors: [SIMD3<Double>] = [
        [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
        [170, 220, 50], [253, 231, 37],
    ]

    /// The colour at `part` of the scale, in `0...1`; gray of what is not finite.
    private static func color(_ part: Double) -> Color {
        guard part.isFinite else { return .axis }
        let place = min(max(part, 0), 1) * Double(colors.count - 1)
        let index = min(Int(place), colors.count - 2)
        let mixed = colors[index] + (colors[index + 1] - colors[index]) * (place - Double(index))
        return Color(
            red: UInt8(mixed.x.rounded()), green: UInt8(mixed.y.rounded()), blue: UInt8(mixed.z.rounded()))
    }

    /// Draws the panels into an rgb image, each `side` pixels wide and high.
    /// - Precondition: `side` is at least ``smallestSide``.
    public func image(side: Int = 300) -> Image {
        precondition(side >= Self.smallestSide)
        let x = PlotAxis(values: [], range: xRange, count: max(2, side / 60), margin: false)
        let y = PlotAxis(values: [], range: yRange, count: max(2, side / 45), margin: false)
        let labels = y.ticks.map { BitmapFont.width(of: $0.label, scale: 2) }.max() ?? 0
        let (left, top, gap) = (labels + 26, 66, 28)
        var canvas = Canvas(width: left + panels.count * (side + gap), height: top + side + 66)

        let finite = panels.lazy.flatMap(\.values).filter(\.isFinite)
        let low = finite.min() ?? 0
        let span = (finite.max() ?? 1) - low
        for (index, panel) in panels.enumerated() {
            let start = left + index * (side + gap)
            canvas.text(panel.title, x: start, y: 14, scale: 2)
            for row in 0..<side {
                let from = (side - 1 - row) * rows / side * columns
                for column in 0..<side {
                    let value = panel.values[from + column * columns / side]
                    // a function that is the same everywhere has the lowest colour
                    let part = span > 0 ? (value - low) / span : value - low
                    canvas.fill(
                        Self.color(part), x: start + column..<start + column + 1, y: top + row..<top + row + 1)
                }
            }
            let bottom = top + side
            for tick in x.ticks {
                let at = start + Int((x.position(tick.value) * Double(side - 1)).rounded())
                canvas.fill(.axis, x: at..<at + 1, y: bottom..<bottom + 6)
                canvas.text(
                    tick.label, x: at - BitmapFont.width(of: tick.label, scale: 2) / 2, y: bottom + 12, scale: 2)
            }
            for tick in y.ticks {
                let at = bottom - 1 - Int((y.position(tick.value) * Double(side - 1)).rounded())
                canvas.fill(.axis, x: start - 6..<start, y: at..<at + 1)
                guard index == 0 else { continue }
                canvas.text(
                    tick.label, x: start - 10 - BitmapFont.width(of: tick.label, scale: 2), y: at - 6, scale: 2)
            }
            canvas.text(
                xLabel, x: start + (side - BitmapFont.width(of: xLabel, scale: 2)) / 2, y: bottom + 38, scale: 2,
                color: .axis)
        }
        canvas.text(yLabel, x: 8, y: top - 24, scale: 2, color: .axis)
        return canvas.image
    }
}
