import Metrics

/// Metrics of a service at one moment, or how much they changed between two.
struct StatusMetrics {
    private var readings: [String: MetricReading] = [:]

    /// Metrics by their names without prefix; control characters in labels are replaced.
    init(_ readings: [MetricReading]) {
        for reading in readings {
            var reading = reading
            for place in reading.series.indices {
                for label in reading.series[place].labels.indices {
                    reading.series[place].labels[label].value = harmless(reading.series[place].labels[label].value)
                }
            }
            self.readings[reading.name] = reading
        }
    }

    /// How much counters and histograms have risen since `older`. A series that is lower than it was has begun anew.
    func change(since older: StatusMetrics) -> StatusMetrics {
        var change = StatusMetrics([])
        for (name, reading) in readings where reading.kind == .counter || reading.kind == .histogram {
            let before = Dictionary(
                older.readings[name]?.series.map { ($0.labels, $0.value) } ?? [],
                uniquingKeysWith: { first, _ in first })
            var risen = reading
            for place in risen.series.indices {
                guard let old = before[risen.series[place].labels] else { continue }
                risen.series[place].value = risen.series[place].value.rise(since: old)
            }
            change.readings[name] = risen
        }
        return change
    }

    /// Sum of the series of the metric `name` that have `labels`; nil where there is no such metric.
    func total(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        series(name, labels).map { $0.reduce(0) { $0 + $1.value.number } }
    }

    /// The values of the series of the histogram `name` that have `labels`, together; nil where there is none.
    func histogram(_ name: String, _ labels: [String: String]) -> HistogramReading? {
        var all: HistogramReading?
        for one in series(name, labels) ?? [] {
            guard case .histogram(let reading) = one.value else { continue }
            // of other bounds in a service that is younger than this program, whose series have one set of them all the same
            guard let sum = all, sum.bounds == reading.bounds else {
                all = all ?? reading
                continue
            }
            all = sum.adding(reading)
        }
        return all
    }

    /// Sums of the metric `name` by the values of its label `label`, in the order in which they come.
    func totals(_ name: String, by label: String, _ labels: [String: String] = [:]) -> [(value: String, total: Double)]
    {
        var order: [String] = []
        var totals: [String: Double] = [:]
        for one in series(name, labels) ?? [] {
            guard let value = one.labels.first(where: { $0.name == label })?.value else { continue }
            if totals[value] == nil { order.append(value) }
            totals[value, default: 0] += one.value.number
        }
        return order.map { ($0, totals[$0] ?? 0) }
    }

    private func series(_ name: String, _ labels: [String: String]) -> [MetricReading.Series]? {
        readings[name]?.series.filter { one in
            labels.allSatisfy { name, value in one.labels.contains { $0.name == name && $0.value == value } }
        }
    }
}

extension MetricValue {
    /// The value less `older`; all of it where that is more, so that it began anew.
    fileprivate func rise(since older: MetricValue) -> MetricValue {
        switch (self, older) {
        case (.histogram(let new), .histogram(let old)):
            guard new.bounds == old.bounds, zip(new.counts, old.counts).allSatisfy({ $0 >= $1 }) else { return self }
            return .histogram(
                HistogramReading(
                    bounds: new.bounds, counts: zip(new.counts, old.counts).map { $0 - $1 },
                    sum: max(0, new.sum - old.sum)))
        default:
            let rise = number - older.number
            return rise >= 0 ? .number(rise) : self
        }
    }
}
