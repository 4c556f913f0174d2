import Synchronization

/// Metrics of a program, in the order in which they were declared.
///
/// Each is declared, with its name and meaning, by the part of the program that counts it; whoever publishes metrics reads
/// the set and needs no list of its own. Reading takes a lock that counting never takes.
public final class MetricSet: Sendable {
    private struct Metric {
        var name: String
        var help: String
        var kind: MetricKind
        var read: @Sendable () -> [MetricReading.Series]
        var end: (@Sendable (_ label: String, _ value: String) -> Void)?
    }

    private let metrics = Mutex<[Metric]>([])

    /// A set without metrics.
    public init() {}

    // MARK: - Declaring

    /// Declares a counter.
    public func counter(_ name: String, _ help: String) -> Counter {
        let counter = Counter()
        declare(name, help, .counter) { counter.value }
        return counter
    }

    /// Declares a counter for each combination of values of `labels`.
    public func counter(_ name: String, _ help: String, labels: [String]) -> Labelled<Counter> {
        declare(name, help, .counter, labels, Counter.init) { .integer($0.value) }
    }

    /// Declares a gauge.
    public func gauge(_ name: String, _ help: String) -> Gauge {
        let gauge = Gauge()
        declare(name, help, .gauge) { gauge.value }
        return gauge
    }

    /// Declares a histogram with the upper bounds `bounds`.
    public func histogram(_ name: String, _ help: String, bounds: [Double]) -> Histogram {
        let histogram = Histogram(bounds: bounds)
        declare(name, help, .histogram) { [MetricReading.Series([], .histogram(histogram.reading))] }
        return histogram
    }

    /// Declares a histogram for each combination of values of `labels`.
    public func histogram(
        _ name: String, _ help: String, bounds: [Double], labels: [String]
    ) -> Labelled<Histogram> {
        declare(name, help, .histogram, labels, { Histogram(bounds: bounds) }) { .histogram($0.reading) }
    }

    /// Declares facts that do not change, which the labels say.
    public func info(_ name: String, _ help: String, _ labels: [MetricLabel]) {
        declare(name, help, .info) { [MetricReading.Series(labels, .integer(1))] }
    }

    /// Declares a metric whose value somebody else keeps.
    /// - Parameter read: may be called on any thread, at any time.
    public func declare(_ name: String, _ help: String, _ kind: MetricKind, _ read: @escaping @Sendable () -> Int) {
        declare(name, help, kind) { [MetricReading.Series([], .integer(read()))] }
    }

    /// Declares a metric whose series somebody else keeps.
    /// - Parameter read: may be called on any thread, at any time; the labels of what it returns differ.
    public func declare(
        _ name: String, _ help: String, _ kind: MetricKind,
        series read: @escaping @Sendable () -> [MetricReading.Series]
    ) {
        add(Metric(name: name, help: help, kind: kind, read: read))
    }

    private func declare<Series: Sendable>(
        _ name: String, _ help: String, _ kind: MetricKind, _ labels: [String],
        _ make: @escaping @Sendable () -> Series, _ value: @escaping @Sendable (Series) -> MetricValue
    ) -> Labelled<Series> {
        let labelled = Labelled(labels, make: make)
        add(Metric(name: name, help: help, kind: kind, read: { labelled.read(value) }, end: labelled.end))
        return labelled
    }

    private func add(_ metric: Metric) {
        metrics.withLock { metrics in
            precondition(!metrics.contains { $0.name == metric.name }, "two metrics are called \(metric.name)")
            metrics.append(metric)
        }
    }

    // MARK: - Reading

    /// All metrics with their values.
    public var readings: [MetricReading] {
        // Outside the lock: what is read may have locks of its own.
        metrics.withLock(\.self).map {
            MetricReading(name: $0.name, help: $0.help, kind: $0.kind, series: $0.read())
        }
    }

    /// The metrics called `names` with their values; others are not read.
    public func readings(of names: Set<String>) -> [MetricReading] {
        metrics.withLock { $0.filter { names.contains($0.name) } }.map {
            MetricReading(name: $0.name, help: $0.help, kind: $0.kind, series: $0.read())
        }
    }

    /// Value of the metric called `name`, summed over its series; nil when there is none.
    public subscript(name: String) -> Int? {
        metrics.withLock(\.self).first { $0.name == name }.map { metric in
            Int(MetricReading(name: name, help: metric.help, kind: metric.kind, series: metric.read()).total)
        }
    }

    /// Ends every series whose `label` has the value `value`: what it named is there no more.
    public func end(_ label: String, _ value: String) {
        for metric in metrics.withLock(\.self) { metric.end?(label, value) }
    }
}
