import Metrics

/// Figures of a service's status, from one reading or two. What the service does not tell is nil.
struct StatusFigures {
    /// Number of events.
    struct Count {
        /// In the last interval; nil without one.
        var last: Double?
        /// Since the service's start.
        var total: Double?
    }

    /// Values that were observed.
    struct Spread {
        /// In the last interval; nil without one.
        var last: HistogramReading?
        /// Since the service's start.
        var total: HistogramReading?
    }

    struct Lane {
        var name: String
        var queuedRows: Double?
        var runningRows: Double?
        var wait: Spread
        var compute: Spread
        var batchRows: Spread
        var refused: Count
    }

    struct Model {
        var name: String
        var isDefault: Bool
        var phase: String?
        /// Phase of the generation that is to take over.
        var incoming: String?
        var memory: Double?
        /// Generations that only answer who holds them.
        var leaving: Double?
        var failure: StatusReading.ModelFile.Failure?
        var rows: Count
        var refused: Count
        var scored: Count
        var outliers: Count
        /// Whether the images have drifted; nil without a test.
        var drifted: Bool?
        var driftImages: Double?

        /// Whether an operator should look at it first.
        var isInTrouble: Bool {
            failure != nil || drifted == true || phase != "serving" || incoming != nil || (leaving ?? 0) > 0
        }
    }

    /// Something that was refused, failed or was given up.
    struct Fault {
        /// Whose fault it was: `answer` for an error that was answered, else a name of its own.
        var what: String
        var reason: String?
        var count: Count
    }

    /// Seconds between the two readings; nil where there is one, or the service began anew between them.
    var interval: Double?
    var health: StatusReading.Health
    /// Why nothing is known of the models' files; nil where it is.
    var withheld: String?
    var requests: Count
    var rows: Count
    var received: Count
    var sent: Count
    var processorSeconds: Count
    var droppedLines: Count
    var queuedRequests: Double?
    var runningRequests: Double?
    var decodingRequests: Double?
    var openRequests: Double?
    var connections: Double?
    var mostConnections: Double?
    var memory: Double?
    /// Seconds until the certificate expires; negative when it has; nil without TLS.
    var certificateLeft: Double?
    var lanes: [Lane]
    /// Models in the order of their files, or of their names where those are not known.
    var models: [Model]
    /// What happened at least once, most often in the last interval first.
    var faults: [Fault]

    /// Figures of `new`, and of what happened since `old`.
    init(_ new: StatusReading, since old: StatusReading? = nil) {
        let all = new.metrics
        var last: StatusMetrics?
        if let old, new.time > old.time,
            all.total("process_start_time_seconds") == old.metrics.total("process_start_time_seconds"),
            (new.health.uptimeSeconds ?? 0) >= (old.health.uptimeSeconds ?? 0)
        {
            interval = new.time - old.time
            last = all.change(since: old.metrics)
        }
        func count(_ name: String, _ labels: [String: String] = [:]) -> Count {
            Count(last: last?.total(name, labels), total: all.total(name, labels))
        }
        func spread(_ name: String, _ labels: [String: String]) -> Spread {
            Spread(last: last?.histogram(name, labels), total: all.histogram(name, labels))
        }
        health = new.health
        withheld = new.withheld
        requests = count("http_requests")
        rows = count("rows")
        received = count("received_bytes")
        sent = count("sent_bytes")
        processorSeconds = count("process_cpu_seconds")
        droppedLines = count("dropped_log_lines")
        queuedRequests = all.total("queued_requests")
        runningRequests = all.total("running_requests")
        decodingRequests = all.total("decoding_requests")
        openRequests = all.total("requests")
        connections = all.total("connections")
        mostConnections = all.total("max_connections")
        memory = all.total("process_resident_memory_bytes")
        certificateLeft = all.total("tls_certificate_expiry_seconds").map { $0 - new.unixTime }
        lanes = all.totals("queued_rows", by: "lane").map { name, queued in
            let lane = ["lane": name]
            return Lane(
                name: name, queuedRows: queued, runningRows: all.total("running_rows", lane),
                wait: spread("queue_wait_seconds", lane), compute: spread("batch_compute_seconds", lane),
                batchRows: spread("batch_rows", lane), refused: count("refused_requests", lane))
        }
        func model(_ name: String, _ file: StatusReading.ModelFile? = nil) -> Model {
            let model = ["model": name]
            let gauge = { (metric: String) in all.totals(metric, by: "model", model).first?.total }
            let phase = all.totals("model_phase", by: "phase", model).first { $0.total > 0 }?.value
            return Model(
                name: name, isDefault: file?.default ?? (name == new.health.model), phase: file?.phase ?? phase,
                incoming: file?.incoming, memory: file?.memoryBytes ?? gauge("model_memory_bytes"),
                leaving: file?.leavingGenerations, failure: file?.failure, rows: count("rows", model),
                refused: count("refused_requests", model), scored: count("verdicts", model),
                outliers: count("verdicts", ["model": name, "verdict": "outlier"]),
                drifted: gauge("drift_alarms").map { $0 > 0 }, driftImages: gauge("drift_images"))
        }
        if let files = new.files {
            models = files.map { model($0.name ?? $0.file ?? "", $0) }
        } else {
            models = all.totals("model_memory_bytes", by: "model").map { model($0.value) }
        }
        faults = Self.faults(all, last)
    }

    private static func faults(_ all: StatusMetrics, _ last: StatusMetrics?) -> [Fault] {
        var faults: [Fault] = []
        func add(_ what: String, _ name: String, by label: String) {
            for (reason, total) in all.totals(name, by: label) {
                let now = last?.totals(name, by: label).first { $0.value == reason }?.total
                faults.append(Fault(what: what, reason: reason, count: Count(last: now, total: total)))
            }
        }
        func add(_ what: String, _ name: String, _ labels: [String: String] = [:]) {
            let count = Count(last: last?.total(name, labels), total: all.total(name, labels))
            faults.append(Fault(what: what, reason: nil, count: count))
        }
        add("answer", "http_problems", by: "kind")
        add("lane", "refused_requests", by: "reason")
        add("decoding", "refused_decodings", by: "reason")
        add("client gone", "cancelled_requests")
        add("time limit passed", "expired_requests")
        add("connection refused", "refused_connections")
        add("request or answer too slow", "http_endings", ["ending": "timeout"])
        add("answer cut off", "http_endings", ["ending": "cut-off"])
        add("TLS handshake failed", "tls_handshakes", ["outcome": "failed"])
        return faults.filter { ($0.count.total ?? 0) > 0 }
            .sorted { ($0.count.last ?? 0, $0.count.total ?? 0) > ($1.count.last ?? 0, $1.count.total ?? 0) }
    }
}
