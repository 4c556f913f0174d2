package import FlowCore
public import FlowModels

/// Some of the images of a request, in their order.
public typealias SampleBlock = RowBlock<DrawnImage>

/// Images drawn from a density.
package enum SamplingWork: LaneWork {
    package static let name = "sampling"

    package static func order(on model: any ImageDensity) -> ExecutionOrder { model.samplingOrder }

    package static func run(
        _ rows: [SampleRow], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<DrawnImage, RowFailure>] {
        try model.sample(rows, isCancelled: isCancelled).map {
            $0.logDensity.isFinite ? .success($0) : .failure(.notFinite)
        }
    }
}

extension DensityService {
    /// Draws `rows`; the blocks come in order, each as soon as it and those before it have run. The stream throws
    /// ``ServingError/deadlinePassed(finished:of:)`` and ``ServingError/draining``; whoever stops iterating cancels the rest.
    ///
    /// - Throws: ``ServingError/queueFull(waiting:limit:retryAfter:)``, ``ServingError/tooLate(wait:deadline:)``,
    ///   ``ServingError/draining``.
    public func sample(
        _ rows: [SampleRow], model: LoadedModel, terms: RequestTerms = RequestTerms()
    ) async throws -> AsyncThrowingStream<SampleBlock, any Error> {
        try await blocks(SamplingWork.self, rows, by: model, terms: terms)
    }
}
