package import FlowCore
public import FlowModels

/// Latents of images, with the error of the way there and back.
package enum EncodingWork: LaneWork {
    package static let name = "encoding"

    package static func order(on model: any ImageDensity) -> ExecutionOrder { model.roundTripOrder }

    package static func run(
        _ rows: [DensityRow], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<EncodedLatent, RowFailure>] {
        try model.encode(rows, isCancelled: isCancelled).map {
            $0.logProb.isFinite && $0.latent.allSatisfy(\.isFinite) ? .success($0) : .failure(.notFinite)
        }
    }
}

/// Images of latents, with the error of the way there and back.
package enum DecodingWork: LaneWork {
    package static let name = "decoding"

    package static func order(on model: any ImageDensity) -> ExecutionOrder { model.roundTripOrder }

    package static func run(
        _ rows: [LatentRow], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<DecodedLatent, RowFailure>] {
        try model.decode(rows, isCancelled: isCancelled).map { image in
            image.map { .success($0) } ?? .failure(.notFinite)
        }
    }
}

extension DensityService {
    /// Latents of `rows`, which are images of `model`'s shape and levels, each with a class where the density needs one.
    /// - Throws: as ``logDensities(of:model:terms:)``.
    public func encode(
        _ rows: [DensityRow], model: LoadedModel, terms: RequestTerms = RequestTerms()
    ) async throws -> RowAnswer<EncodedLatent> {
        try await answer(EncodingWork.self, rows, by: model, terms: terms)
    }

    /// Images of `rows`, which are finite and of `model`'s width, each with a class where the density needs one.
    /// - Throws: as ``logDensities(of:model:terms:)``.
    public func decode(
        _ rows: [LatentRow], model: LoadedModel, terms: RequestTerms = RequestTerms()
    ) async throws -> RowAnswer<DecodedLatent> {
        try await answer(DecodingWork.self, rows, by: model, terms: terms)
    }
}
