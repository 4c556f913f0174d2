import FlowCore
import FlowModels
import Serving
import TestSupport
import Testing

/// A kind of work that the service does not know: the number of letters of each word.
private enum LetterWork: LaneWork {
    static func order(on model: any ImageDensity) -> ExecutionOrder { .parallel }

    static func run(
        _ rows: [String], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<Int, RowFailure>] {
        if rows.contains("bad") { throw FlowError.cancelled }
        return rows.map { $0.isEmpty ? .failure(.notFinite) : .success($0.count) }
    }
}

@Suite("Kinds of work", .timeLimit(.minutes(5)))
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
        for try await block in try service.blocks(LetterWork.self, ["a", "bb"], by: model, terms: RequestTerms()) {
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
}
