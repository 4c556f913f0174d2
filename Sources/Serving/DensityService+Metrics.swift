import FlowModels
import Metrics

/// Metrics whose values the lanes and the models keep themselves.
extension DensityService {
    func declareLanes(in set: MetricSet) {
        let lanes = [parallel, sequential]
        func declare(_ name: String, _ help: String, _ value: @escaping @Sendable (LaneLoad) -> Int) {
            set.declare(
                name, help, .gauge,
                series: {
                    lanes.map { lane in
                        MetricReading.Series([MetricLabel("lane", lane.metrics.name)], .integer(value(lane.load)))
                    }
                })
        }
        // Without labels: who picks an instance by them reads one series.
        set.declare("queued_requests", "Requests of which no row has run, in both lanes.", .gauge) {
            lanes.reduce(0) { $0 + $1.load.queuedRequests }
        }
        set.declare("running_requests", "Requests of which rows run or have run, in both lanes.", .gauge) {
            lanes.reduce(0) { $0 + $1.load.runningRequests }
        }
        declare("queued_rows", "Rows that wait.") { $0.queuedRows }
        declare("running_rows", "Rows of the batches that run.") { $0.runningRows }
        set.declare(
            "batches", "Batches that were formed, by what closed them.", .counter,
            series: {
                lanes.flatMap { lane in
                    let closed = lane.closedBatches
                    return BatchClosing.allCases.map { closing in
                        MetricReading.Series(
                            [MetricLabel("lane", lane.metrics.name), MetricLabel("closed_by", closing.rawValue)],
                            .integer(closed[closing] ?? 0))
                    }
                }
            })
    }

    func declareDrift(in set: MetricSet) {
        func declare(_ name: String, _ help: String, _ value: @escaping @Sendable (DriftMonitor) -> Int) {
            set.declare(
                name, help, .gauge,
                series: { [registry] in
                    registry.served.compactMap { model in
                        model.drift.map {
                            MetricReading.Series([MetricLabel("model", model.name)], .integer(value($0)))
                        }
                    }
                })
        }
        declare("drift_alarms", "Whether a model's images have drifted from those it learned: 1 or 0.") {
            $0.test.state.alarm == nil ? 0 : 1
        }
        declare("drift_images", "Images that a model's test of drift holds.") { $0.test.state.images }
    }

    func declareModels(in set: MetricSet) {
        set.declare(
            "model_memory_bytes", "Memory that a model's weights take, those of generations that are leaving included.",
            .gauge,
            series: { [registry] in
                registry.lives.map { name, _, _, memory in
                    MetricReading.Series([MetricLabel("model", name)], .integer(memory))
                }
            })
        set.declare(
            "model_phase", "Phase of a model: 1 for the one that it is in, 0 for others.", .gauge,
            series: { [registry] in
                registry.lives.flatMap { name, _, current, _ in
                    ModelPhase.allCases.filter { $0 != .absent }.map { phase in
                        MetricReading.Series(
                            [MetricLabel("model", name), MetricLabel("phase", phase.rawValue)],
                            .integer(current == phase ? 1 : 0))
                    }
                }
            })
    }
}
