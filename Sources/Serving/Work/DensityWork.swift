package import FlowCore
public import FlowModels

/// Log-densities of the rows of one request, in their order.
public typealias DensityAnswer = RowAnswer<RowDensity>

/// Log-densities of images.
package enum DensityWork: LaneWork {
    package static let name = "density"

    /// A row without a class may be computed for every class.
    package static func cost(of row: DensityRow) -> Int { row.classIndex != nil ? 1 : row.wantsClasses ? 2 : 0 }

    /// A mixture has a part for each class.
    package static func parts(of row: DensityRow, on model: any ImageDensity) -> Int {
        model.record.passCount(of: row)
    }

    package static func order(on model: any ImageDensity) -> ExecutionOrder { model.densityOrder }

    package static func run(
        _ rows: [DensityRow], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<RowDensity, RowFailure>] {
        try model.densities(of: rows, threads: threads, isCancelled: isCancelled).map {
            $0.isFinite ? .success($0) : .failure(.notFinite)
        }
    }
}

extension DensityService {
    /// Log-densities of `rows`, which are images of `model`'s shape and levels.
    ///
    /// Returns when all have run, or as soon as the task is cancelled or the deadline has passed.
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/tooLate(wait:deadline:)``,
    ///   ``ServingError/draining``,
    ///   ``ServingError/deadlinePassed(finished:of:)``, ``ServingError/cancelled``.
    public func logDensities(
        of rows: [DensityRow], model: LoadedModel, terms: RequestTerms = RequestTerms()
    ) async throws -> DensityAnswer {
        try await answer(DensityWork.self, rows, by: model, terms: terms)
    }
}
