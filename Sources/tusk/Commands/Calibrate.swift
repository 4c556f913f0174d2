import ArgumentParser
import DataSets
import FlowCore
import FlowModels
import FlowTraining
import System

struct Calibrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Gives a model what its verdicts need, by images that it never saw.",
        discussion: """
            Half of the images fits a density over the evidence, the other half says how odd images like the learned ones \
            are; of a class-conditional model also within each class. A background model, of neighbouring pixels alone, \
            counts the training images, where --data has them. Weights and densities stay as they are. Models that tusk \
            train writes have all this.
            """)

    @OptionGroup var model: ModelArguments
    @OptionGroup var data: DataArguments

    @Option(help: "Split of the images: one that the training did not learn from.")
    var split: Split = .validation

    @Option(help: "Only the first so many images.")
    var limit: Int?

    @Option(
        help: ArgumentHelp(
            "Fraction of images like the learned ones that may be called outliers, unless a request says otherwise; default: the "
                + "first of \(DecisionRecord.standardAlarms.map(\.description).joined(separator: ", ")) that there are images "
                + "enough for.", valueName: "rate"))
    var alarm: String?

    @Option(help: ArgumentHelp("Model file to write.", valueName: "file"))
    var output: String

    @Flag(help: "Replace a file that is there.")
    var overwrite = false

    @Option(help: ArgumentHelp("Threads.", valueName: "n"))
    var threads = Processors.count

    func run() throws {
        try check("--threads", threads, in: 1...1024)
        let rate = try alarm.map { text in
            guard let rate = AlarmRate(text) else {
                throw CommandError(
                    "--alarm is \(text); it must be a decimal fraction above 0 and at most 0.5, such as 0.01")
            }
            return rate
        }
        try checkReplacing(output, overwrite: overwrite)
        var density = try model.load()
        if let background = try background(of: density.record) { density = density.with(background: background) }
        var set = try data.load(split, levels: density.record.levels)
        if let limit {
            try check("--limit", limit, in: DecisionRecord.leastImages...Int.max)
            set = set.limited(to: limit)
        }
        if let training = density.record.training, training.split == split.rawValue,
            try training.dataHash == set.contentHash
        {
            Terminal.warn(
                "these are the images that the model learned from: others will look odder than they do, and more of them be called "
                    + "outliers than the rate says")
        }
        let interruption = Interruption()
        let decision: DecisionRecord
        do {
            decision = try decide(set, density, rate, interruption)
        } catch FlowError.cancelled {
            Terminal.line("interrupted; \(output) is not written")
            throw ExitCode(Interruption.exitCode)
        }
        var record = density.record
        record.decision = decision
        let calibrated = record
        try namingFile(output) { try model.withBytes { try ModelFile.write($0, record: calibrated, to: output) } }
        let classes = decision.classes.flatMap { $0.contains { $0 != nil } ? $0 : nil }.map { decisions in
            "; of \(decisions.count { $0 != nil }) classes by itself, \(decisions.compactMap { $0?.count }.min() ?? 0) images or more"
        }
        Terminal.line(
            "\(output): \(grouped(decision.count)) images calibrate, \(grouped(decision.fitted)) were fitted to; rates of "
                + "false alarms from 1/\(decision.count + 1) on, \(decision.alarm) by itself\(classes ?? "")")
    }

    /// Background model of the training images; the model's own where the data has none, and of images that have none.
    private func background(of record: ModelRecord) throws -> BackgroundModel? {
        do {
            return try BackgroundModel(of: data.load(.train, levels: record.levels)) ?? record.background
        } catch DataError.noSuchSplit {
            return record.background
        }
    }

    private func decide(
        _ set: ImageDataSet, _ density: DensityModel, _ rate: AlarmRate?, _ interruption: Interruption
    ) throws -> DecisionRecord {
        try DecisionRecord(
            of: set, split: split.rawValue, under: density, alarm: rate, threads: threads,
            isCancelled: interruption.whetherRequested
        ) { done, count in
            if Terminal.isInteractive { Terminal.line("\(grouped(done)) of \(grouped(count)) images") }
        }
    }
}
