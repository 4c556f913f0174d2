import Synchronization

/// Metrics of a program, in the order in which they were declared.
///
/// Each is declared, with its name and meaning, by the part of the program that counts it; whoever publishes metrics reads
/// the set and needs no list of its own. Reading takes a lock that counting never takes.
public final class MetricSet: Sendable {
    /// Kind of a metric, by how its value changes.
    public enum Kind: String, Sendable {
        /// The value only rises.
        case counter
        /// The value rises and falls.
        case gauge
    }

    /// Value of one metric when the set was read.
    public struct Reading: Sendable, Equatable {
        /// Name in snake_case, unique in the set.
        public var name: String
        /// Meaning of what is counted, in one sentence.
        public var help: String
        /// Kind of the metric.
        public var kind: Kind
        /// The value when the set was read.
        public var value: Int

        public init(name: String, help: String, kind: Kind, value: Int) {
            self.name = name
            self.help = help
            self.kind = kind
            self.value = value
        }
    }

    private struct Metric {
        var name: String
        var help: String
        var kind: Kind
        var read: @Sendable () -> Int
    }

    private let metrics = Mutex<[Metric]>([])

    /// A set without metrics.
    public init() {}

    /// Declares a counter.
    public func counter(_ name: String, _ help: String) -> Counter {
        let counter = Counter()
        declare(name, help, .counter) { counter.value }
        return counter
    }

    /// Declares a gauge.
    public func gauge(_ name: String, _ help: String) -> Gauge {
        let gauge = Gauge()
        declare(name, help, .gauge) { gauge.value }
        return gauge
    }

    /// Declares a metric whose value somebody else keeps.
    /// - Parameter read: may be called on any thread, at any time.
    public func declare(_ name: String, _ help: String, _ kind: Kind, _ read: @escaping @Sendable () -> Int) {
        metrics.withLock { metrics in
            precondition(!metrics.contains { $0.name == name }, "two metrics are called \(name)")
            metrics.append(Metric(name: name, help: help, kind: kind, read: read))
        }
    }

    /// All metrics with their values.
    public var readings: [Reading] {
        // Outside the lock: what is read may have locks of its own.
        metrics.withLock(\.self).map { Reading(name: $0.name, help: $0.help, kind: $0.kind, value: $0.read()) }
    }

    /// Value of the metric called `name`; nil when there is none.
    public subscript(name: String) -> Int? { metrics.withLock(\.self).first { $0.name == name }?.read() }
}
