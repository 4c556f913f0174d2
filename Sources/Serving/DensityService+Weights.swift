package import FlowModels
import Synchronization

/// Weights that requests hold while they are computed, and that rest else.
extension DensityService {
    /// Hold of the weights of `model` for a request, whose time goes on while it waits for them.
    /// - Throws: ``ServingError/rests(_:)``, ``ServingError/deadlinePassed(finished:of:)``, ``ServingError/cancelled``.
    func hold(_ model: LoadedModel, for terms: inout RequestTerms, rows: Int) async throws -> WeightsHold {
        do {
            let waited = try await model.weights.hold(waiting: terms.deadline) {
                guard let load = self.loadWeights.withLock(\.self) else { throw ServingError.rests(model.name) }
                return try await load(model)
            }
            terms.deadline = terms.deadline.map { max(.zero, $0 - waited) }
        } catch ServingError.deadlinePassed {
            throw ServingError.deadlinePassed(finished: 0, of: rows)
        }
        return WeightsHold(model.weights)
    }

    /// Method by which the rest of a row's image is drawn.
    /// - Throws: as ``answer(_:_:by:terms:)`` for weights that rest.
    package func completionMethod(
        of row: CompletionRow, by model: LoadedModel, terms: RequestTerms
    ) async throws -> CompletionMethod {
        var terms = terms
        let hold = try await hold(model, for: &terms, rows: 1)
        defer { withExtendedLifetime(hold) {} }
        return model.density.completionMethod(of: row)
    }

    /// Sets who loads the weights of models that rest again.
    func loadsWeights(by load: @escaping @Sendable (LoadedModel) async throws -> any ImageDensity) {
        loadWeights.withLock { $0 = load }
    }
}
