import Synchronization

/// Metric with a series for each combination of its labels' values; a series begins when it is asked for first.
///
/// Values must be few and come from the program or its operator: a client's text would grow the set without bound.
public final class Labelled<Series: Sendable>: Sendable {
    /// Names of the labels.
    public let labels: [String]
    private let make: @Sendable () -> Series
    private let series = Mutex<[[String]: Series]>([:])

    package init(_ labels: [String], make: @escaping @Sendable () -> Series) {
        self.labels = labels
        self.make = make
    }

    /// The series of the labels' `values`, in the order of ``labels``. Whoever counts often keeps it.
    public subscript(_ values: String...) -> Series {
        precondition(values.count == labels.count, "a value for each label")
        return series.withLock { all in
            if let found = all[values] { return found }
            let new = make()
            all[values] = new
            return new
        }
    }

    /// Ends all series whose `label` has the value `value`; who still holds one counts for nobody. Does nothing without that label.
    package func end(_ label: String, _ value: String) {
        guard let position = labels.firstIndex(of: label) else { return }
        series.withLock { all in all = all.filter { $0.key[position] != value } }
    }

    /// The series, in the order of their values.
    func read(_ value: (Series) -> MetricValue) -> [MetricReading.Series] {
        series.withLock(\.self).sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { values, series in
            MetricReading.Series(zip(labels, values).map { MetricLabel($0, $1) }, value(series))
        }
    }
}
