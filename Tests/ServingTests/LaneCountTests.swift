import FlowModels
import Metrics
import Serving
import TestSupport
import Testing

/// Requests that a lane counts by their model.
@Suite("Counts of lanes", .timeLimit(.minutes(15)))
struct LaneCountTests {
    private let metrics = MetricSet()
    private let row = DensityRow(pixels: Array(repeating: 1, count: 6), draw: 0)

    private func value(_ name: String, lane: String = "parallel", model: String, reason: String? = nil) -> Int? {
        var labels: Set = [MetricLabel("lane", lane), MetricLabel("model", model)]
        if let reason { labels.insert(MetricLabel("reason", reason)) }
        let series = metrics.readings(of: [name]).first?.series.first { Set($0.labels) == labels }
        return series.map { Int($0.value.number) }
    }

    private func service(queue: Int = 256) -> DensityService {
        var configuration = ServiceConfiguration()
        configuration.threads = 1
        configuration.maxQueueRows = queue
        return DensityService(configuration: configuration, metrics: metrics)
    }

    @Test("refusals, cancellations and passed time limits are those of the request's model, and begin at 0")
    func byModel() async throws {
        let (first, other) = (FakeDensity(), FakeDensity(name: "other"))
        let service = service(queue: 2)
        try await service.load([first, other])
        let models = try service.models
        for model in ["fake", "other"] {
            for lane in ["parallel", "sequential"] {
                for reason in ["queue_full", "too_late", "draining"] {
                    #expect(value("refused_requests", lane: lane, model: model, reason: reason) == 0)
                }
                #expect(value("cancelled_requests", lane: lane, model: model) == 0)
                #expect(value("expired_requests", lane: lane, model: model) == 0)
            }
        }
        let calls = first.densityCalls.count
        first.hold()
        let model = models.defaultModel
        let second = try models.model(named: "other")
        async let busy = service.logDensities(of: [row], model: model)
        await eventually { first.densityCalls.count > calls }
        let waiting = Task { try await service.logDensities(of: [row, row], model: second) }
        await eventually { service.queuedRows == 2 }
        await #expect(throws: ServingError.self) { try await service.logDensities(of: [row], model: second) }
        await #expect(throws: ServingError.self) { try await service.logDensities(of: [row], model: second) }
        #expect(value("refused_requests", model: "other", reason: "queue_full") == 2)
        waiting.cancel()
        await #expect(throws: ServingError.cancelled) { try await waiting.value }
        #expect(value("cancelled_requests", model: "other") == 1)
        let short = RequestTerms(deadline: .milliseconds(20))
        await #expect(throws: ServingError.self) {
            try await service.logDensities(of: [row], model: second, terms: short)
        }
        let late =
            (value("expired_requests", model: "other") ?? 0)
            + (value("refused_requests", model: "other", reason: "too_late") ?? 0)
        #expect(late == 1)
        first.release()
        _ = try await busy
        for name in ["refused_requests", "cancelled_requests", "expired_requests"] {
            let own = metrics.readings(of: [name])[0].series.filter { $0.labels.contains(MetricLabel("model", "fake")) }
            #expect(own.allSatisfy { $0.value.number == 0 })
        }
    }

    @Test("a model that is gone has no counts any more")
    func gone() async throws {
        let service = service()
        try await service.load([FakeDensity(), FakeDensity(name: "other")])
        try service.registry.leave("other")
        await eventually { value("cancelled_requests", model: "other") == nil }
        #expect(value("refused_requests", model: "other", reason: "queue_full") == nil)
        #expect(value("cancelled_requests", model: "fake") == 0)
    }

    @Test("requests that the decoding lane does not take are counted by reason")
    func decoding() async throws {
        var policy = DecodingPolicy()
        policy.threads = 1
        policy.maxRequests = 1
        let lane = DecodingLane(policy: policy, metrics: metrics)
        func refused(_ reason: String) -> Double? {
            metrics.readings(of: ["refused_decodings"])[0].series.first {
                $0.labels == [MetricLabel("reason", reason)]
            }?
            .value.number
        }
        #expect(refused("queue_full") == 0 && refused("too_late") == 0)
        let held = Locked(true)
        async let busy = lane.run(for: Caller(name: "a"), deadline: nil, steps: [1 << 20]) { _, _ in
            while held.value { pause() }
            return 1
        }
        await eventually { metrics["decoding_requests"] == 1 }
        await #expect(throws: DecodingRefusal.self) {
            try await lane.run(for: Caller(name: "a"), deadline: nil, steps: [1 << 20]) { _, _ in 1 }
        }
        #expect(refused("queue_full") == 1 && refused("too_late") == 0)
        held.change { $0 = false }
        #expect(try await busy == [1])
    }
}
