package import FlowCore
public import FlowModels

/// Draws of the unknown pixels of images. Dimensions wait for one another, or moves of a chain do, whatever the model's orders are.
package enum CompletionWork: LaneWork {
    package static let name = "completion"

    /// Rows of as many particles and moves cost as much, of one model and mask.
    package static func cost(of row: CompletionRow) -> Int {
        row.particles + (CompletionRow.mostParticles + 1) * row.moves
    }

    package static func order(on model: any ImageDensity) -> ExecutionOrder { .sequential }

    package static func run(
        _ rows: [CompletionRow], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<CompletedImage, RowFailure>] {
        try model.complete(rows, isCancelled: isCancelled).map { image in
            image.map { .success($0) } ?? .failure(.notFinite)
        }
    }
}

extension DensityService {
    /// Completions of `rows`, which are images of `model`'s shape and levels, each with a class where its method needs one.
    /// - Throws: as ``logDensities(of:model:terms:)``.
    public func complete(
        _ rows: [CompletionRow], model: LoadedModel, terms: RequestTerms = RequestTerms()
    ) async throws -> RowAnswer<CompletedImage> {
        try await answer(CompletionWork.self, rows, by: model, terms: terms)
    }
}
