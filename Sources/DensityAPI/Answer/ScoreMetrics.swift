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

    /// Counts the scores of a request's images.
    func count(_ results: [Result<ImageScore, Problem>], of model: String) {
        for result in results {
            switch result {
            case .success(let score):
                if let percentile = score.percentile { percentiles[model].observe(percentile) }
                if let rank = score.rank { pValues[model].observe(rank.pValue) }
                if let verdict = score.verdict { verdicts[model, verdict.rawValue].add() }
            case .failure(let problem):
                if problem.kind == .densityNotFinite { withoutDensity[model].add() }
            }
        }
    }
}
