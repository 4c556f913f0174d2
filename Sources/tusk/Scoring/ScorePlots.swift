import DensityAPI
import FlowModels
import Imaging

extension ScoreSummary.Odd {
    /// The image, with its pixel map beside it where it has one.
    func picture(_ record: ModelRecord) -> Image {
        let image = record.picture(of: pixels)
        return score.pixelMap.map { image.overlaid(strength: $0.strength, scale: 1) } ?? image
    }
}

/// Pictures of the scores of many images.
struct ScorePlots {
    let summary: ScoreSummary
    let record: ModelRecord

    private static let mostBins = 40
    /// Bins of p-values: a twentieth is a rate that people know.
    private static let pValueBins = 20

    /// Names of files and their pictures, those that there are images for.
    var all: [(name: String, image: Image)] {
        [("log_prob", logProbs), ("p_value", pValues), ("unusual", unusual)].compactMap { name, image in
            image.map { (name, $0) }
        }
    }

    /// Names of the files that ``all`` may have.
    static let names = ["log_prob", "p_value", "unusual"]

    /// Histogram of the log-densities, with that of the held-out images where the model has it; nil without images.
    ///
    /// The axis has all held-out images and the middle 98 % of those that were scored; others are counted at its ends.
    var logProbs: Image? {
        let sorted = summary.logProbs.sorted()
        guard !sorted.isEmpty else { return nil }
        let quantiles = record.calibration?.logProbQuantiles
        func value(at fraction: Double) -> Double { sorted[Int((fraction * Double(sorted.count - 1)).rounded())] }
        var (low, high) = (value(at: 0.01), value(at: 0.99))
        if let quantiles { (low, high) = (min(low, quantiles[0]), max(high, quantiles[quantiles.count - 1])) }
        if !(high > low) { (low, high) = (low - 0.5, high + 0.5) }
        let bins = min(Self.mostBins, max(10, Int(Double(sorted.count).squareRoot()) * 2))
        func bin(_ value: Double) -> Int { min(bins - 1, max(0, Int((value - low) / (high - low) * Double(bins)))) }
        var counts = [Double](repeating: 0, count: bins)
        for value in sorted { counts[bin(value)] += 1 }
        let expected = quantiles.map { quantiles in
            Histogram.Series(
                name: "as many held-out images",
                counts: Self.spread(quantiles, over: bins, from: low, to: high).map { $0 * Double(sorted.count) })
        }
        let (below, above) = (sorted.count { $0 < low }, sorted.count { $0 > high })
        let beyond = [(below, "lower"), (above, "higher")].filter { $0.0 > 0 }.map { "\(grouped($0)) \($1)" }
        return Histogram(
            title: "Log-density of \(grouped(sorted.count)) images under \(record.name)",
            xLabel: "log_prob, nats"
                + (beyond.isEmpty ? "" : "; in the outermost bars: " + beyond.joined(separator: ", ")),
            xRange: low...high,
            bars: Histogram.Series(name: "these images", counts: counts), expected: expected
        ).image()
    }

    /// Fractions of a distribution that fall into each of `bins` equal bins, by its quantiles at equal steps, between which it is
    /// uniform.
    static func spread(_ quantiles: [Double], over bins: Int, from low: Double, to high: Double) -> [Double] {
        var fractions = [Double](repeating: 0, count: bins)
        let width = (high - low) / Double(bins)
        let mass = 1 / Double(quantiles.count - 1)
        for (a, b) in zip(quantiles, quantiles.dropFirst()) {
            func bin(_ value: Double) -> Int { min(bins - 1, max(0, Int((value - low) / width))) }
            guard b > a else {
                fractions[bin(a)] += mass
                continue
            }
            for index in bin(a)...bin(b) {
                let (left, right) = (low + Double(index) * width, low + Double(index + 1) * width)
                fractions[index] += mass * max(0, min(b, right) - max(a, left)) / (b - a)
            }
        }
        return fractions
    }

    /// Histogram of the p-values, with what images like the learned ones would have; nil without p-values.
    var pValues: Image? {
        let ranks = summary.ranks
        guard ranks.count > 1 else { return nil }
        let total = ranks.count - 1
        let bins = min(Self.pValueBins, total)
        var (counts, expected) = ([Double](repeating: 0, count: bins), [Double](repeating: 0, count: bins))
        let all = Double(ranks.reduce(0, +))
        for rank in 1...total {
            // p = rank/total in (0, 1]: its bin is closed on the right
            let bin = (rank * bins + total - 1) / total - 1
            counts[bin] += Double(ranks[rank])
            expected[bin] += all / Double(total)
        }
        return Histogram(
            title: "p-values of \(grouped(Int(all))) images under \(record.name)",
            xLabel: "p_value, 1/\(total) or more; low: as odd as few of the learned kind", xRange: 0...1,
            bars: Histogram.Series(name: "these images", counts: counts),
            expected: Histogram.Series(name: "images like the learned ones", counts: expected)
        ).image()
    }

    /// The oddest images, the oddest first, each with its p-value, log-density and name; nil without images.
    var unusual: Image? {
        guard !summary.oddest.isEmpty else { return nil }
        let hasRanks = summary.oddest[0].score.rank != nil
        return captionedSheet(
            title: hasRanks
                ? "Most unusual first, of \(grouped(summary.scored)) images"
                : "Least probable first, of \(grouped(summary.scored)) images",
            summary.oddest.map { odd in
                let name = odd.source.split(separator: "/").last.map(String.init) ?? odd.source
                return CaptionedImage(
                    image: odd.picture(record),
                    captions: [odd.score.rank.map { "p = \($0.count)/\($0.total)" }].compactMap { $0 } + [
                        "\(fixed(odd.score.logProb, 1)) nats", name + (odd.index.map { "[\($0)]" } ?? ""),
                    ])
            })
    }
}
