import Metrics

/// Metrics of a server.
struct ServerMetrics: Sendable {
    let connections: Gauge
    let requests: Gauge
    let accepted: Counter
    let refused: Counter
    let receivedBytes: Counter
    let sentBytes: Counter
    let handshakes: Counter
    let failedHandshakes: Counter

    /// Declares the metrics in `set`.
    init(in set: MetricSet, _ configuration: HTTPServerConfiguration) {
        connections = set.gauge("connections", "Open connections.")
        let most = configuration.maxConnections
        set.declare("max_connections", "Connections that are open at a time, at most.", .gauge) { most }
        requests = set.gauge(
            "requests", "Requests whose head is read, and whose answer is not yet handed to the kernel.")
        accepted = set.counter("accepted_connections", "Connections that were accepted.")
        refused = set.counter(
            "refused_connections",
            "Connections that were closed at once: their client had too many, or there was no memory.")
        receivedBytes = set.counter("received_bytes", "Bytes that were read from connections, inside of TLS.")
        sentBytes = set.counter("sent_bytes", "Bytes that connections have taken, inside of TLS.")
        let all = set.counter("tls_handshakes", "TLS handshakes that ended, by how.", labels: ["outcome"])
        handshakes = all["completed"]
        failedHandshakes = all["failed"]
        guard let tls = configuration.tls else { return }
        set.declare(
            "tls_certificate_expiry_seconds", "Unix time at which the certificate, or one of its chain, expires.",
            .gauge,
            series: { [MetricReading.Series([], .number(tls.expiry))] })
    }
}
