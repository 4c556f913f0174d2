import FlowModels
import Glibc
import HTTPContent
import Serving

extension APIContext {
    /// Class that each row's latent belongs to: its own, or else the most probable one, `argmax π_c p(y | c)`; nil of a model without
    /// classes. A row that no class has a finite density of has a problem in its place.
    /// - Throws: as ``DensityService/logDensities(of:model:terms:)``.
    func classes(
        of rows: [DensityRow], by model: LoadedModel, terms: RequestTerms
    ) async throws -> (classes: [Result<Int?, Problem>], timings: RequestTimings) {
        guard let prior = model.record.classPrior, rows.contains(where: { $0.classIndex == nil }) else {
            return (rows.map { .success($0.classIndex) }, RequestTimings())
        }
        let answer = try await service.logDensities(of: rows.map(\.wantingClasses), model: model, terms: terms)
        let classes = answer.results.map { result -> Result<Int?, Problem> in
            result.map { mostProbable([$0], prior) }.mapError { problem(of: $0) }
        }
        return (classes, answer.timings)
    }

    /// Class that the latents of all rows together belong to: their own, or else the most probable one that they have in common,
    /// `argmax π_c Π p(y | c)`; nil of a model without.
    /// - Throws: as ``DensityService/logDensities(of:model:terms:)``; ``ProblemKind/densityNotFinite``.
    func commonClass(
        of rows: [DensityRow], by model: LoadedModel, terms: RequestTerms
    ) async throws -> (classIndex: Int?, timings: RequestTimings) {
        guard let prior = model.record.classPrior, rows[0].classIndex == nil else {
            return (rows[0].classIndex, RequestTimings())
        }
        let answer = try await service.logDensities(of: rows.map(\.wantingClasses), model: model, terms: terms)
        let densities = try answer.results.map { try $0.mapError { problem(of: $0) }.get() }
        return (mostProbable(densities, prior), answer.timings)
    }

    /// Problem that a row's failure is to a client; what clients are not told is reported.
    func problem(of failure: RowFailure) -> Problem {
        if case .refused(let reason) = failure { options.report(reason) }
        return Problem(failure)
    }

    private func mostProbable(_ densities: [RowDensity], _ prior: [Double]) -> Int {
        let joint = prior.indices.map { c in densities.reduce(log(prior[c])) { $0 + $1.classLogProbs[c] } }
        return joint.indices.max { joint[$0] < joint[$1] }!  // a conditional model has classes
    }
}

extension DensityRow {
    /// The same row, the densities given each class wanted too.
    fileprivate var wantingClasses: DensityRow {
        var row = self
        row.wantsClasses = true
        return row
    }
}

extension RequestTimings {
    /// The timings of work that was done after other work of the same request.
    func after(_ other: RequestTimings) -> RequestTimings {
        RequestTimings(
            queue: queue + other.queue, compute: compute + other.compute, batchRows: max(batchRows, other.batchRows))
    }
}

/// The class that a latent belongs to, which a class-conditional model needs.
/// - Throws: ``ProblemKind/parameter`` for a class that there is no density of, or none where one is needed.
func neededClass(_ query: Query, of record: ModelRecord, _ why: String) throws(Problem) -> Int? {
    let index = try askedClass(query, of: record)
    guard index != nil || !record.isConditional else {
        throw Problem(
            .parameter, "class is needed, since \(why); it is one of \(record.classes.joined(separator: ", "))")
    }
    return index
}
