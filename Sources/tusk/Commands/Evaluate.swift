import ArgumentParser
import DataSets
import FlowCore
import FlowModels
import FlowTraining
import FoundationEssentials
import System

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Mean log-density and bits/dim of a model on held-out images; with --samples what it draws, beside them.",
        discussion: """
            --samples N draws N images and compares them with as many held-out ones: maximum mean discrepancy, sliced \
            Wasserstein distance, a classifier two-sample test, coverage of nearest neighbours and copies of training \
            images. --outliers tells how well the model's verdicts, its log-density and each kind of its evidence tell other \
            images from the held-out ones. What each says, and what not: docs/guide/evaluation.md.
            """)

    @OptionGroup var model: ModelArguments
    @OptionGroup var weights: PrecisionArguments
    @OptionGroup var data: DataArguments

    @Option(help: "train, validation or test.")
    var split: Split = .test

    @Option(help: "Only the first so many images.")
    var limit: Int?

    @Option(help: "Dequantization draws an image; more than 1 give the tighter importance-weighted bound.")
    var draws = 1

    @Option(
        help: ArgumentHelp(
            "Compare so many samples of the model with as many held-out images, "
                + "\(SampleComparison.minCount) to \(SampleComparison.maxCount); 0: none.", valueName: "n"))
    var samples = 0

    @Option(
        help: ArgumentHelp(
            "Images that are none of the learned kind, laid out as --data is, of which the first so many count as there are "
                + "held-out ones; or 'made': \(MadeOutliers.allCases.map(\.rawValue).joined(separator: ", ")), made of "
                + "those. May be repeated.", valueName: "path"))
    var outliers: [String] = []

    @Option(help: "Seed of the samples, of which images are chosen, and of the metrics.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Threads.", valueName: "n"))
    var threads = Processors.count

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Write an HTML page too, which is one file with all its pictures: what is printed, histograms, samples beside held-out "
                + "images, the training curve, the most unusual images.", valueName: "file"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Write the model again, with bits/dim, false alarms and outliers told in its record, where GET /models and the web page show "
                + "them.", valueName: "file"))
    var output: String?

    @Flag(help: "Replace files that are there.")
    var overwrite = false

    func run() throws {
        try check("--threads", threads, in: 1...1024)
        if let report { try checkReplacing(report, option: "--report", overwrite: overwrite) }
        if let output { try checkReplacing(output, overwrite: overwrite) }
        let density = try model.load(weights.precision)
        var set = try data.load(split, levels: density.record.levels)
        if let limit {
            try check("--limit", limit, in: 1...Int.max)
            set = set.limited(to: limit)
        }
        guard set.count > 0 else { throw TrainingError.noImages(split: split.rawValue) }
        let compared = min(samples, set.count)
        if samples != 0 {
            try check("--samples", samples, in: SampleComparison.minCount...SampleComparison.maxCount)
            guard compared >= SampleComparison.minCount else {
                throw CommandError(
                    "--samples needs \(SampleComparison.minCount) held-out images; the \(split.rawValue) split has \(set.count)"
                )
            }
        }
        let reporting = report == nil ? nil : try ReportScores(of: set, under: density, draws: draws, threads: threads)
        var result =
            try reporting.map {
                Evaluation(
                    of: set, split: split.rawValue, record: density.record, draws: draws, scores: $0.scores)
            } ?? Evaluation(of: set, split: split.rawValue, under: density, draws: draws, threads: threads)
        let shown = report == nil ? 0 : min(EvaluationReport.shownSamples, set.count)
        let drawn = try draw(max(compared, shown), density)
        let real = try set.chosen(max(compared, shown), seed: seed)
        if samples != 0 {
            result.comparison = try compare(Array(drawn.prefix(compared)), Array(real.prefix(compared)), density.record)
        }
        if !outliers.isEmpty {
            result.outliers = try OutlierEvaluation(
                of: set, outliers: try outlierSets(for: set), under: density, threads: threads, progress: say)
        }
        if let report, let reporting {
            let page = try EvaluationReport(
                evaluation: result, record: density.record, data: data.data, summary: reporting.summary,
                samples: (drawn, real), curve: curve(density.record), date: .now
            ).page()
            try writeFile(page, to: report)
        }
        if let output {
            var record = density.record
            record.evaluation = EvaluationRecord(result)
            let evaluated = record
            try namingFile(output) { try model.withBytes { try ModelFile.write($0, record: evaluated, to: output) } }
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            Terminal.line(String(decoding: try encoder.encode(result), as: UTF8.self))
            return
        }
        Terminal.line(
            """
            model         \(result.model) (\(density.record.architecture))
            images        \(grouped(result.count)), \(result.split) split
            log_prob      \(fixed(result.logProb, plusMinus: result.logProbStandardError, 2)) nats
            bits_per_dim  \(fixed(result.bitsPerDim, plusMinus: result.bitsPerDimStandardError, 4))
            """)
        if let accuracy = result.accuracy {
            Terminal.line("accuracy      \(fixed(100 * accuracy, 1)) % have their own class as the most probable one")
        }
        if let comparison = result.comparison { Terminal.line(lines(comparison)) }
        if let outliers = result.outliers { Terminal.line(lines(outliers)) }
    }

    /// Names and images of ``outliers``, as many of each as there are in `set`.
    private func outlierSets(for set: ImageDataSet) throws -> [(name: String, data: ImageDataSet)] {
        try outliers.flatMap { path -> [(name: String, data: ImageDataSet)] in
            if path == "made" {
                return try MadeOutliers.allCases.compactMap { kind in
                    try kind.outliers(of: set, seed: seed).map { (kind.rawValue, $0) }
                }
            }
            let found = try DataArguments.read(path, [split], data.reading.options(levels: set.levels)).images(split)
                .limited(to: set.count)
            guard found.count > 0 else { throw TrainingError.noImages(split: split.rawValue) }
            let name = path.split(separator: "/").last.map(String.init) ?? path
            return [(name, found)]
        }
    }

    private func lines(_ found: OutlierEvaluation) -> String {
        func percent(_ fraction: Double?) -> String { fraction.map { fixed(100 * $0, 1) } ?? "–" }
        func row(_ cells: [String]) -> String {
            cells[0].padded(to: 28) + cells.dropFirst().map { $0.padded(to: 12) }.joined()
        }
        let uniformity = found.uniformity
        let head = """

            p-values      of \(grouped(found.count)) images: Kolmogorov-Smirnov distance from uniform \
            \(fixed(uniformity.distance, 3)), \(probability(uniformity.pValue)); called outliers at 1 %: \
            \(percent(found.falseAlarmsAt1Percent)) %, at 5 %: \(percent(found.falseAlarmsAt5Percent)) %

            """
        let table =
            [["outliers", "AUROC", "told at 1 %", "at 5 %", "log_prob:", "at 1 %", "at 5 %"]]
            + found.rows.map { set in
                [
                    set.name, fixed(set.decision.areaUnderROC, 3), percent(set.decision.at1Percent),
                    percent(set.decision.at5Percent), fixed(set.logProb.areaUnderROC, 3),
                    percent(set.logProb.at1Percent), percent(set.logProb.at5Percent),
                ]
            }
        let posteriors = (found.classes ?? []).compactMap { set in
            set.posterior.map { "\(set.name) \(fixed($0, 3))" }
        }
        let last =
            posteriors.isEmpty
            ? "" : "\nposterior     tells each class from the others, AUROC: \(posteriors.joined(separator: ", "))"
        return head + table.map(row).joined(separator: "\n") + last
    }

    /// Draws images, of the classes that the held-out ones are of.
    private func draw(_ count: Int, _ density: any ImageDensity) throws -> [[UInt8]] {
        if count == 0 { return [] }
        let classes = density.record.isConditional && !data.only.isEmpty ? classIndices(data.only, density.record) : []
        say("drawing \(grouped(count)) samples")
        let blocks = count.blocks(of: 64)
        return try mapInParallel(blocks.count, threads: threads) { b in
            try density.sample(
                blocks[b].map { i in
                    SampleRow(
                        seed: seed, index: UInt64(i),
                        classIndex: classes.isEmpty ? nil : classes[i % classes.count])
                }, isCancelled: { false })
        }.flatMap { $0 }.map(\.pixels)
    }

    /// Compares drawn images with as many held-out ones.
    private func compare(_ drawn: [[UInt8]], _ real: [[UInt8]], _ record: ModelRecord) throws -> SampleComparison {
        let levels = record.levels
        let train = try trainingImages(levels: levels)
        return try SampleComparison(
            samples: ImageSample(images: drawn, levels: levels), real: ImageSample(images: real, levels: levels),
            train: try train.flatMap { train in
                train.count > 1 ? ImageSample(images: try (0..<train.count).map { try train[$0] }, levels: levels) : nil
            }, seed: seed, threads: threads, progress: say)
    }

    /// Training curve beside the model's file, where `tusk train` leaves one.
    private func curve(_ record: ModelRecord) throws -> EvaluationReport.Curve {
        guard let file = model.model else {
            return .none(reason: "The model inside the program has no training curve with it.")
        }
        let path = (file.hasSuffix(".safetensors") ? String(file.dropLast(".safetensors".count)) : file) + ".csv"
        guard exists(path) else {
            return .none(
                reason: "There is no training curve: tusk train leaves one beside the model, and it is not there.")
        }
        let text = String(decoding: try DataFile(path, maxBytes: Self.maxCurveBytes).bytes, as: UTF8.self)
        guard let plot = curvePlot(csv: text, title: "Training of \(record.name)") else {
            return .none(reason: "The file beside the model that should be its training curve is none.")
        }
        return .plot(plot)
    }

    /// Most bytes of a training curve's file.
    private static let maxCurveBytes = 64 << 20

    /// The model's classes of these names or, where the data numbers them, of these numbers.
    private func classIndices(_ names: [String], _ record: ModelRecord) -> [Int] {
        names.compactMap { name in
            record.classes.firstIndex(of: name) ?? Int(name).flatMap { record.classes.indices.contains($0) ? $0 : nil }
        }
    }

    /// Images that the model may have learned from, if the data has such a split.
    private func trainingImages(levels: Int) throws -> ImageDataSet? {
        if split == .train || split == .all { return nil }
        do {
            return try data.load(.train, levels: levels)
        } catch let error as DataError {
            guard case .noSuchSplit = error else { throw error }
            return nil
        }
    }

    /// Says what begins, where somebody waits for it.
    private func say(_ what: String) {
        if Terminal.isInteractive, !json { Terminal.line("\(what) …") }
    }

    private func lines(_ comparison: SampleComparison) -> String {
        comparison.rows(split: split.rawValue).map { $0.name.padded(to: 14) + $0.value }.joined(separator: "\n")
    }
}
