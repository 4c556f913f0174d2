import FlowModels
import Metrics

/// Counts of the scores that were answered: where a model's images stand among those it was calibrated with.
///
/// Percentiles, not log-densities: those may be negative, of which no histogram has a sum that only rises, and are of another
/// range for each model.
struct ScoreMetrics: Sendable {
    private let percentiles: Labelled<Histogram>
    private let pValues: Labelled<Histogram>
    private let verdicts: Labelled<Counter>
    private let withoutDensity: Labelled<Counter>

    /// Declares the metrics in `set`.
    init(in set: MetricSet) {
        percentiles = set.histogram(
            "score_percentiles", "Percentiles of scored images among the model's held-out ones.",
            bounds: Histogram.percentiles, labels: ["model"])
        pValues = set.histogram(
            "score_p_values", "Conformal p-values of scored images.", bounds: Histogram.fractions, labels: ["model"])
        verdicts = set.counter("verdicts", "Scored images by verdict.", labels: ["model", "verdict"])
        withoutDensity = set.counter(
            "scores_without_density", "Images whose log-density was not a finite number.", labels: ["model"])
    }

    /// Counts the scores of a request's images. Each series is looked up once, and begins with the first count.
    func count(_ results: [Result<ImageScore, Problem>], of model: String) {
        let scores = results.compactMap { try? $0.get() }
        observe(scores.compactMap(\.percentile), in: percentiles, of: model)
        observe(scores.compactMap(\.rank?.pValue), in: pValues, of: model)
        let found = scores.compactMap(\.verdict)
        for verdict in Verdict.allCases {
            let count = found.count { $0 == verdict }
            if count > 0 { verdicts[model, verdict.rawValue].add(count) }
        }
        let undefined = results.count { result in
            if case .failure(let problem) = result { problem.kind == .densityNotFinite } else { false }
        }
        if undefined > 0 { withoutDensity[model].add(undefined) }
    }

    private func observe(_ values: [Double], in histograms: Labelled<Histogram>, of model: String) {
        guard !values.isEmpty else { return }
        let histogram = histograms[model]
        for value in values { histogram.observe(value) }
    }
}
