import HTTPContent
import Metrics

extension StatusFigures {
    /// The figures as scripts read them: times in seconds, memory in bytes, null for what is not known. `last` is the interval.
    func json(address: String) -> JSON {
        [
            "address": .string(address),
            "service": [
                "version": health.version.json, "status": health.status.json, "live": health.live.json,
                "ready": health.ready.json,
                "default_model": health.model.json, "uptime_seconds": health.uptimeSeconds.json,
            ],
            "interval_seconds": interval.json,
            "requests": requests.json, "rows": rows.json, "received_bytes": received.json, "sent_bytes": sent.json,
            "processor_seconds": processorSeconds.json, "dropped_log_lines": droppedLines.json,
            "queued_requests": queuedRequests.json, "running_requests": runningRequests.json,
            "decoding_requests": decodingRequests.json, "open_requests": openRequests.json,
            "connections": connections.json,
            "max_connections": mostConnections.json, "memory_bytes": memory.json,
            "certificate_seconds_left": certificateLeft.json,
            "lanes": .array(lanes.map(\.json)), "models": .array(models.map(\.json)),
            "faults": .array(faults.map(\.json)),
            "withheld": withheld.json,
        ]
    }
}

extension StatusFigures.Count {
    fileprivate var json: JSON { ["last": last.json, "total": total.json] }
}

extension StatusFigures.Spread {
    fileprivate var json: JSON { ["last": Self.json(last), "total": Self.json(total)] }

    private static func json(_ spread: HistogramReading?) -> JSON {
        guard let spread else { return .null }
        return [
            "count": .integer(spread.count), "sum": .number(spread.sum), "median_at_most": spread.quantile(0.5).json,
            "p99_at_most": spread.quantile(0.99).json,
        ]
    }
}

extension StatusFigures.Lane {
    fileprivate var json: JSON {
        [
            "name": .string(name), "queued_rows": queuedRows.json, "running_rows": runningRows.json,
            "queue_wait_seconds": wait.json, "batch_compute_seconds": compute.json, "batch_rows": batchRows.json,
            "refused_requests": refused.json,
        ]
    }
}

extension StatusFigures.Model {
    fileprivate var json: JSON {
        [
            "name": .string(name), "default": .bool(isDefault), "phase": phase.json, "incoming": incoming.json,
            "memory_bytes": memory.json, "leaving_generations": leaving.json,
            "failure": failure.map { ["time": $0.time.json, "reason": $0.reason.json] } ?? .null,
            "rows": rows.json, "refused_requests": refused.json, "verdicts": scored.json, "outliers": outliers.json,
            "drifted": drifted.json, "drift_images": driftImages.json,
        ]
    }
}

extension StatusFigures.Fault {
    fileprivate var json: JSON {
        ["what": .string(what), "reason": reason.json, "last": count.last.json, "total": count.total.json]
    }
}

extension String? {
    fileprivate var json: JSON { map(JSON.string) ?? .null }
}

extension Bool? {
    fileprivate var json: JSON { map(JSON.bool) ?? .null }
}

extension Double? {
    /// The number, without a fraction where it has none.
    fileprivate var json: JSON {
        guard let self else { return .null }
        return Int(exactly: self).map(JSON.integer) ?? .number(self)
    }
}
