/// Text that monitoring systems read metrics as.
public enum MetricText: Sendable, CaseIterable {
    /// Prometheus text format, version 0.0.4.
    case prometheus
    /// OpenMetrics, version 1.0.0.
    case openMetrics

    /// Value of `Content-Type`. Prometheus 3 takes no answer without one that it knows.
    public var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// Prefix of every name, but of those that all programs have alike.
    public static let prefix = "tusk_"
    /// Begin of the names that all programs have alike (Prometheus, "Writing client libraries", process metrics).
    private static let common = "process_"

    /// Text of `readings`.
    public func text(of readings: [MetricReading]) -> String {
        var text = ""
        // what a service of a few models has
        text.reserveCapacity(32 << 10)
        for reading in readings {
            write(reading, (reading.name.hasPrefix(Self.common) ? "" : Self.prefix) + reading.name, to: &text)
        }
        if self == .openMetrics { text += "# EOF\n" }
        return text
    }

    /// Units that OpenMetrics may be told of, where a name ends in one.
    private static let units = ["seconds", "bytes", "ratio"]

    private func write(_ reading: MetricReading, _ name: String, to text: inout String) {
        let family: String
        switch (self, reading.kind) {
        case (.prometheus, .counter): family = name + "_total"
        case (.prometheus, .info): family = name + "_info"
        default: family = name
        }
        // Kinds that the older format has no word for end the whole scrape.
        let kind = self == .prometheus && reading.kind == .info ? .gauge : reading.kind
        text +=
            "# HELP \(family) \(escaped(reading.help, quotes: self == .openMetrics))\n# TYPE \(family) \(kind.rawValue)\n"
        if self == .openMetrics, let unit = Self.units.first(where: { family.hasSuffix("_" + $0) }) {
            text += "# UNIT \(family) \(unit)\n"
        }
        let suffix = reading.kind == .counter ? "_total" : reading.kind == .info ? "_info" : ""
        for series in reading.series {
            let labels = series.labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
            switch series.value {
            case .integer(let value): write(name + suffix, labels, "\(value)", to: &text)
            case .number(let value): write(name + suffix, labels, number(value), to: &text)
            case .histogram(let histogram): write(histogram, name, labels, to: &text)
            }
        }
    }

    private func write(_ histogram: HistogramReading, _ name: String, _ labels: [String], to text: inout String) {
        var count = 0
        for (bound, inside) in zip(histogram.bounds + [.infinity], histogram.counts) {
            count += inside
            write(name + "_bucket", labels + ["le=\"\(number(bound))\""], "\(count)", to: &text)
        }
        write(name + "_sum", labels, number(histogram.sum), to: &text)
        write(name + "_count", labels, "\(count)", to: &text)
    }

    private func write(_ name: String, _ labels: [String], _ value: String, to text: inout String) {
        text += name
        if !labels.isEmpty { text += "{\(labels.joined(separator: ","))}" }
        text += " \(value)\n"
    }

    private func number(_ value: Double) -> String {
        value.isNaN ? "NaN" : value == .infinity ? "+Inf" : value == -.infinity ? "-Inf" : "\(value)"
    }

    private func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
