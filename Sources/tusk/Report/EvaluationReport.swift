import DensityAPI
import FlowCore
import FlowModels
import FlowTraining
import FoundationEssentials
import Imaging
import System

/// Page about a model on held-out images: what `tusk evaluate` says, with pictures.
struct EvaluationReport {
    let evaluation: Evaluation
    let record: ModelRecord
    /// Path of the images, as it was given.
    let data: String
    /// Scores of the held-out images, with the oddest of them.
    let summary: ScoreSummary
    /// Images that the model drew, and as many held-out ones.
    let samples: (drawn: [[UInt8]], real: [[UInt8]])
    /// Training curve, or why there is none, as a sentence.
    let curve: Curve
    /// When the page was made.
    let date: Date

    enum Curve {
        case plot(Image)
        case none(reason: String)
    }

    /// Most images of each kind that are shown.
    static let shownSamples = 64

    /// The page's bytes.
    /// - Throws: ``ImagingError``.
    func page() throws -> [UInt8] {
        let sections = [
            head, try density(), try trainingCurve(), try samplesBesideReal(), try calibration(), outliers(),
            try mostUnusual(),
        ]
        return HTML.page(title: "Evaluation of \(record.name)", .all(sections))
    }

    private func section(_ title: String, _ contents: HTML...) -> HTML {
        .element("section", .element("h2", .text(title)), .all(contents))
    }

    private func paragraph(_ text: String) -> HTML { .element("p", .text(text)) }

    private var plots: ScorePlots { ScorePlots(summary: summary, record: record) }

    private var head: HTML {
        var rows: [(name: String, value: String)] = [
            ("Model", "\(record.name), \(record.architecture)"), ("Parameters", grouped(record.parameterCount)),
            (
                "Images",
                "\(record.eventShape.height) × \(record.eventShape.width), \(counted(record.eventShape.channels, "channel")), "
                    + "\(record.levels) levels"
            ),
            ("Held out", "\(grouped(evaluation.count)) images, \(evaluation.split) split of \(data)"),
        ]
        if let training = record.training {
            rows.append(
                (
                    "Training",
                    "\(grouped(training.images)) images, epoch \(training.bestEpoch) of \(training.epochs), "
                        + "seed \(training.seed)"
                ))
        }
        if !record.classes.isEmpty {
            rows.append(
                (
                    "Classes",
                    record.classes.joined(separator: ", ") + (record.isConditional ? "; a density for each" : "")
                ))
        }
        rows.append(("Made", "\(date.formatted(.iso8601)), tusk \(Tusk.version)"))
        return .element("h1", .text("Evaluation of \(record.name)"))
            + paragraph("How probable the model finds images that its training never saw, and what follows from that.")
            + .list(rows)
    }

    private func density() throws -> HTML {
        var rows: [(name: String, value: String)] = [
            (
                "log_prob", "\(fixed(evaluation.logProb, plusMinus: evaluation.logProbStandardError, 2)) nats"
            ),
            (
                "bits_per_dim",
                "\(fixed(evaluation.bitsPerDim, plusMinus: evaluation.bitsPerDimStandardError, 4)) (lower is better)"
            ),
        ]
        if evaluation.draws > 1 { rows.append(("Draws an image", grouped(evaluation.draws))) }
        if let accuracy = evaluation.accuracy {
            rows.append(("accuracy", "\(fixed(100 * accuracy, 1)) % have their own class as the most probable one"))
        }
        let histogram = try plots.logProbs.map {
            try HTML.figure(
                $0,
                caption: "Log-densities of the images"
                    + (record.calibration.map { ", beside those of the \($0.split) images that the model's file has" }
                        ?? ""))
        }
        return section("Density", .list(rows), histogram ?? "")
    }

    private func trainingCurve() throws -> HTML {
        switch curve {
        case .plot(let image):
            section("Training", try .figure(image, caption: "Bits per dimension over the epochs of the training"))
        case .none(let reason): section("Training", paragraph(reason))
        }
    }

    private func samplesBesideReal() throws -> HTML {
        func sheet(_ images: [[UInt8]]) -> Image { contactSheet(images.map(record.picture), scale: 2) }
        let shown = min(Self.shownSamples, samples.drawn.count)
        let picture = beside(sheet(Array(samples.drawn.prefix(shown))), sheet(Array(samples.real.prefix(shown))))
        let figure = try HTML.figure(
            picture,
            caption: "Left: \(counted(shown, "image")) drawn by the model. Right: held-out ones, chosen at random.")
        guard let comparison = evaluation.comparison else {
            return section(
                "Samples", figure, paragraph("How like the images they are was not measured: --samples does."))
        }
        return section(
            "Samples", figure,
            .list(comparison.rows(split: evaluation.split)))
    }

    private func calibration() throws -> HTML {
        guard let picture = plots.pValues, let decision = record.decision else {
            return section(
                "Calibration",
                paragraph(
                    "The model has no calibration of its evidence, and gives no verdicts; tusk calibrate adds one."))
        }
        let test = uniformity
        let rates = [("0.01", "1 %"), ("0.05", "5 %")].compactMap { rate, name in
            fractionCalledOutliers(at: rate).map { "\(fixed(100 * $0, 1)) % at a rate of \(name)" }
        }
        let called =
            rates.isEmpty ? "" : " Called outliers, though they are none: \(rates.joined(separator: ", "))."
        let text =
            "If these images are like those that calibrate (\(grouped(decision.count)) of the \(decision.split) split), their p-values are "
            + "uniform. Kolmogorov-Smirnov distance from that: \(fixed(test.distance, 3)), \(probability(test.pValue)), of "
            + "\(counted(test.count, "image"))."
        return section(
            "Calibration", paragraph(text + called),
            try .figure(picture, caption: "p-values of the images, beside those of images like the learned ones"))
    }

    /// The held-out images' p-values, by ranks.
    private var uniformity: UniformityTest {
        let total = Double(summary.ranks.count - 1)
        return UniformityTest(
            of: summary.ranks.enumerated().flatMap { rank, count in
                Array(repeating: Double(rank) / total, count: count)
            }, calibrating: summary.ranks.count - 2)
    }

    /// Fraction of the images that a verdict at that rate calls outliers; nil where too few images calibrate.
    private func fractionCalledOutliers(at rate: String) -> Double? {
        guard let alarm = AlarmRate(rate), let decision = record.decision, decision.count >= alarm.leastImages else {
            return nil
        }
        let total = summary.ranks.count - 1
        let called = summary.ranks.enumerated().reduce(0) { sum, rank in
            alarm.isReached(by: rank.offset, of: total) ? sum + rank.element : sum
        }
        return Double(called) / Double(summary.scored)
    }

    private func outliers() -> HTML {
        guard let found = evaluation.outliers else {
            return section(
                "Outliers", paragraph("How well other images are told from these was not measured: --outliers does."))
        }
        func percent(_ fraction: Double?) -> String { fraction.map { "\(fixed(100 * $0, 1)) %" } ?? "–" }
        let rows = found.rows.map { set in
            [
                set.name.replacing("_", with: " "), grouped(set.count), fixed(set.decision.areaUnderROC, 3),
                percent(set.decision.at1Percent), percent(set.decision.at5Percent), fixed(set.logProb.areaUnderROC, 3),
                percent(set.logProb.at1Percent), percent(set.logProb.at5Percent),
            ]
        }
        let kinds = (found.outliers.first?.evidence.keys).map { $0.sorted() } ?? []
        let evidence = found.outliers.map { set in
            [set.name.replacing("_", with: " ")]
                + kinds.map { set.evidence[$0].map { fixed($0.areaUnderROC, 2) } ?? "–" }
        }
        return section(
            "Outliers",
            paragraph(
                "AUROC: the probability that an outlier looks odder than a held-out image (0.5 tells nothing, 1 everything). Told: the "
                    + "fraction of them that the verdict calls outliers at these rates of false alarms. log_prob: the same by the "
                    + "log-density alone."),
            .table(
                ["outliers", "images", "AUROC", "told at 1 %", "at 5 %", "log_prob: AUROC", "at 1 %", "at 5 %"], rows),
            .element(
                "details", .element("summary", .text("AUROC of each kind of evidence, by itself")),
                .table(["outliers"] + kinds.map { $0.replacing("_", with: " ") }, evidence)))
    }

    private func mostUnusual() throws -> HTML {
        guard let picture = plots.unusual else { return "" }
        let kind = summary.oddest.compactMap(\.score.pixelMap?.kind).first
        let map =
            switch kind {
            case .conditional: " On the right in red, where pixels are improbable given those before them."
            case .gradient: " On the right in red, on which pixels the log-density hangs most (its gradient)."
            case nil: ""
            }
        return section(
            "Most unusual images",
            paragraph(
                "The held-out images that look least like the learned ones, the oddest first: often mistakes in the data, or kinds of image "
                    + "that it has few of." + map),
            try .figure(picture, caption: "With p-value, log-density and place in the split, from 0"))
    }
}
