import FlowModels
import Serving
import TestSupport
import Testing

@Suite("Progress of the work", .timeLimit(.minutes(15)))
struct WorkProgressTests {
    @Test("there is a standstill while batches run, since the last one ended or the first began")
    func standstill() {
        var progress = WorkProgress()
        #expect(progress.standstill(at: .seconds(100)) == nil)
        progress.begin(at: .seconds(100))
        #expect(progress.standstill(at: .seconds(100)) == .zero)
        #expect(progress.standstill(at: .seconds(103)) == .seconds(3))
        // One that begins beside another is no progress.
        progress.begin(at: .seconds(104))
        #expect(progress.standstill(at: .seconds(105)) == .seconds(5))
        progress.end(at: .seconds(106))
        #expect(progress.standstill(at: .seconds(107)) == .seconds(1))
        progress.end(at: .seconds(108))
        #expect(progress.standstill(at: .seconds(200)) == nil)
        #expect(progress.running == 0 && progress.ended == 2)
        // What did not run did not stand still.
        progress.begin(at: .seconds(300))
        #expect(progress.standstill(at: .seconds(301)) == .seconds(1))
    }

    @Test("an event that comes a little late moves nothing back")
    func order() {
        var progress = WorkProgress()
        progress.begin(at: .seconds(1))
        progress.begin(at: .seconds(1))
        progress.end(at: .seconds(5))
        progress.begin(at: .seconds(4))
        progress.end(at: .seconds(3))
        #expect(progress.standstill(at: .seconds(6)) == .seconds(1))
        #expect(progress.standstill(at: .seconds(4)) == .zero)
    }

    @Test("batches of both lanes are counted, from when they are formed until they have ended")
    func lanes() async throws {
        let density = FakeDensity()
        var configuration = ServiceConfiguration()
        configuration.threads = 1
        let service = DensityService(configuration: configuration)
        let model = LoadedModel(density)
        #expect(service.standstill == nil)
        density.hold()
        async let scored = service.logDensities(of: [DensityRow(pixels: Array(repeating: 1, count: 6))], model: model)
        await eventually { density.densityCalls.count == 1 }
        let first = try #require(service.standstill)
        await eventually { (service.standstill ?? .zero) > first }
        density.release()
        #expect(try await scored.results.count == 1)
        await eventually { service.standstill == nil }
        density.hold()
        let blocks = try await service.sample([SampleRow(seed: 1, index: 0)], model: model)
        await eventually { density.samplingCalls.count == 1 }
        #expect(service.standstill != nil)
        density.release()
        for try await _ in blocks {}
        await eventually { service.standstill == nil }
    }
}
