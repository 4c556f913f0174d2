import Metrics

/// Metrics of a server.
struct ServerMetrics: Sendable {
    let connections: Gauge
    let requests: Gauge

    /// Declares the metrics in `set`.
    init(in set: MetricSet, maxConnections: Int) {
        connections = set.gauge("connections", "Open connections.")
        set.declare("max_connections", "Connections that are open at a time, at most.", .gauge) { maxConnections }
        requests = set.gauge(
            "requests", "Requests whose head is read, and whose answer is not yet handed to the kernel.")
    }
}
