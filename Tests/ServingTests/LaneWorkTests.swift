import FlowCore
import FlowModels
import Serving
import TestSupport
import Testing

/// A kind of work that the service does not know: the number of letters of each word.
private enum LetterWork: LaneWork {
    static let name = "letters"

    static func order(on model: any ImageDensity) -> ExecutionOrder { .parallel }

    static func run(
        _ rows: [String], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<Int, RowFailure>] {
        if rows.contains("bad") { throw FlowError.cancelled }
        return rows.map { $0.isEmpty ? .failure(.notFinite) : .success($0.count) }
    }
}

@Suite("Kinds of work", .timeLimit(.minutes(15)))
struct LaneWorkTests {
    private func service() -> DensityService {
        var configuration = ServiceConfiguration()
        configuration.threads = 1
        configuration.maxBatchTime = .seconds(600)
        return DensityService(configuration: configuration)
    }

    @Test("a new kind is one type: its rows are batched, and a bad one fails alone")
    func newKind() async throws {
        let (service, model) = (service(), LoadedModel(FakeDensity()))
        let answer = try await service.answer(LetterWork.self, ["one", "", "three"], by: model, terms: RequestTerms())
        #expect(answer.results == [.success(3), .failure(.notFinite), .success(5)])
        #expect(answer.timings.batchRows == 3)
        let bad = try await service.answer(LetterWork.self, ["one", "bad"], by: model, terms: RequestTerms())
        #expect(bad.results[0] == .success(3) && (try? bad.results[1].get()) == nil)
        var lengths: [Int] = []
        for try await block in try await service.blocks(LetterWork.self, ["a", "bb"], by: model, terms: RequestTerms())
        {
            lengths += try block.results.map { try $0.get() }
        }
        #expect(lengths == [1, 2])
    }

    @Test("rows of different kinds share no batch, and those of one kind do")
    func groups() async throws {
        let density = FakeDensity()
        let (service, model) = (service(), LoadedModel(density))
        let row = DensityRow(pixels: Array(repeating: 1, count: 6))
        density.hold()
        async let busy = service.logDensities(of: [row], model: model)
        await eventually { density.densityCalls == [1] }
        async let letters = service.answer(LetterWork.self, ["one"], by: model, terms: RequestTerms())
        async let more = service.answer(LetterWork.self, ["four"], by: model, terms: RequestTerms())
        async let densities = service.logDensities(of: [row, row], model: model)
        await eventually { service.queuedRows == 4 }
        density.release()
        let answers = try await [letters, more]
        #expect(answers.map(\.results) == [[.success(3)], [.success(4)]])
        #expect(answers.map(\.timings.batchRows) == [2, 2])
        #expect(try await densities.timings.batchRows == 2)
        #expect(density.densityCalls == [1, 2])
        _ = try await busy
    }

    @Test("latents run where the slower of both directions does, completions never with densities")
    func latents() async throws {
        let (parallel, sequential) = (
            FakeDensity(samplingOrder: .parallel), FakeDensity(densityOrder: .sequential, samplingOrder: .parallel)
        )
        #expect(EncodingWork.order(on: parallel) == .parallel && DecodingWork.order(on: parallel) == .parallel)
        for model in [sequential, FakeDensity()] {
            #expect(EncodingWork.order(on: model) == .sequential && DecodingWork.order(on: model) == .sequential)
        }
        #expect(CompletionWork.order(on: parallel) == .sequential)

        let (service, model) = (service(), LoadedModel(parallel))
        let image: [UInt8] = [1, 2, 3, 4, 5, 6]
        let encoded = try await service.encode(
            [DensityRow(pixels: image), DensityRow(pixels: [FakeDensity.void, 0, 0, 0, 0, 0])], model: model)
        #expect(try encoded.results[0].get().latent == [1, 2, 3, 4, 5, 6])
        #expect((try? encoded.results[1].get()) == nil)
        let decoded = try await service.decode(
            [LatentRow(latent: [999, 0, 0, 0, 0, 0]), LatentRow(latent: [1, 2, 3, 4, 5, 6])], model: model)
        #expect(decoded.results[0] == .failure(.notFinite))
        #expect(try decoded.results[1].get().image.pixels == image)
        let row = CompletionRow(pixels: image, isKnown: [true, true, true, false, false, false], seed: 1, index: 9)
        let completed = try await service.complete([row], model: model)
        #expect(try completed.results[0].get().image.pixels == [1, 2, 3, 9, 9, 9])
        var dearer = row
        dearer.particles += 1
        #expect(CompletionWork.cost(of: row) != CompletionWork.cost(of: dearer))
    }
}
