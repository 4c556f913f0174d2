/// Kind of a metric, by how its value changes and what it says.
public enum MetricKind: String, Sendable {
    /// The value only rises.
    case counter
    /// The value rises and falls.
    case gauge
    /// The values that were observed are counted by buckets.
    case histogram
    /// The labels are what is said, and the value is 1.
    case info
}

/// Label of one series of a metric. Its value is never a client's text.
public struct MetricLabel: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// Value of one series of a metric.
public enum MetricValue: Sendable, Equatable {
    case integer(Int)
    case number(Double)
    case histogram(HistogramReading)

    /// The value as one number: of a histogram how many values it has.
    public var number: Double {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .histogram(let reading): Double(reading.count)
        }
    }
}

/// Values that a ``Histogram`` has observed until it was read.
public struct HistogramReading: Sendable, Equatable {
    /// Upper bounds of the buckets but the last, rising; each is inside its bucket.
    public var bounds: [Double]
    /// Numbers of values by bucket, one more than there are bounds.
    public var counts: [Int]
    /// Sum of all values.
    public var sum: Double

    public init(bounds: [Double], counts: [Int], sum: Double) {
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
    }

    /// The values of both, which have the same bounds.
    public func adding(_ other: HistogramReading) -> HistogramReading {
        precondition(bounds == other.bounds)
        return HistogramReading(
            bounds: bounds, counts: zip(counts, other.counts).map { $0 + $1 }, sum: sum + other.sum)
    }

    /// Number of all values.
    public var count: Int { counts.reduce(0, +) }

    /// Bound that the fraction `part`, 0 to 1, of the values do not exceed; nil without values, and where it is beyond the last bound.
    public func quantile(_ part: Double) -> Double? {
        let rank = part * Double(count)
        var values = 0
        for (bound, inside) in zip(bounds, counts) {
            values += inside
            if values > 0, Double(values) >= rank { return bound }
        }
        return nil
    }
}

/// All series of one metric when it was read.
public struct MetricReading: Sendable, Equatable {
    /// One series.
    public struct Series: Sendable, Equatable {
        public var labels: [MetricLabel]
        public var value: MetricValue

        public init(_ labels: [MetricLabel] = [], _ value: MetricValue) {
            self.labels = labels
            self.value = value
        }
    }

    /// Name in snake_case, unique in the set, without prefix and without what a format adds to it.
    public var name: String
    /// Meaning of what is counted, in one sentence.
    public var help: String
    public var kind: MetricKind
    /// The series; their labels differ.
    public var series: [Series]

    public init(name: String, help: String, kind: MetricKind, series: [Series]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.series = series
    }

    /// Sum over the series, of histograms of how many values they have.
    public var total: Double { series.reduce(0) { $0 + $1.value.number } }
}
