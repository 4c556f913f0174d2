import Archives
import ArgumentParser
import DataSets
import DensityAPI
import FlowCore
import FlowModels
import FlowTraining
import Imaging
import System

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Scores images as POST /logprob does, a record each, in their order.",
        discussion: """
            PATH is a picture (\(ImageFormat.choice)), an NPY array of one image or many, JSON (a file.json, or a text a line) as the route takes it, \
            raw levels (file.raw), a folder, of which all pictures and NPY files are read, those in its folders too, a ZIP or tar \
            archive of such, or '-' for standard input: any of these. Files may be gzipped. An image that cannot be scored has \
            'type' and 'error' in its record; the others are scored all the same.

            Status: 0; 2 when images or files could not be scored; 3 when --fail-on found what it looks for; 130 after Ctrl-C, when \
            what was scored by then is written; 1 when nothing could be done. With --shard, or --stdin and --stdout, images that could \
            not be scored are no reason for another status, and it is 0 when all is done; 42 for input or options that no other try makes \
            sound; 75 for what one may mend: files that could not be read now, no space, an interruption.
            """)

    @OptionGroup var model: ModelArguments
    @OptionGroup var weights: PrecisionArguments

    @Argument(help: ArgumentHelp("Images, folders of them, archives; '-' is standard input.", valueName: "path"))
    var paths: [String] = []

    @Option(help: ArgumentHelp("A data set, in any form that tusk train reads; before the paths.", valueName: "path"))
    var data: String?

    @Option(help: "Split of --data.")
    var split: Split = .test

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp("Score by the density of this class, of a class-conditional model.", valueName: "class"))
    var className: String?

    @Flag(
        help:
            "The classes' posterior and set too, where they cost another pass for each class; other models always have them."
    )
    var posterior = false

    @Option(
        help: ArgumentHelp(
            "Dequantization draws an image, 1 to 100000; more than 1 give the importance-weighted bound.",
            valueName: "n"))
    var samples = 1

    @Option(
        help: """
            How much is said of whether an image is like the learned ones: none, verdict, evidence, or pixels, which costs \
            another pass.
            """)
    var detail: ScoreDetail?

    @Option(
        help: ArgumentHelp(
            "Fraction of images like the learned ones that may be called outliers, such as 0.01; default: the model's.",
            valueName: "rate"))
    var alarm: String?

    @Option(
        help: ArgumentHelp(
            "Convert images of another size or colour mode: contain, all of it on --background; cover, its middle; stretch. Without it they "
                + "are errors.",
            valueName: "fit"))
    var fit: ImageFit?

    @OptionGroup var terms: ImageTermArguments

    @Option(help: ArgumentHelp("ndjson, or csv with names of columns.", valueName: "format"))
    var format: ScoreFormat = .ndjson

    @Option(help: ArgumentHelp("Write the records here instead of to standard output.", valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Draw a histogram of log_prob, one of the p-values beside what they should be, and the most unusual images: all in a file "
                + "that ends in .png, or a file each in a folder.", valueName: "path"))
    var plot: String?

    @Flag(help: "Replace files that are there.")
    var overwrite = false

    @Option(
        help: ArgumentHelp(
            "End with status 3 if an image is an outlier; 'unusual': or unusual.", valueName: "verdict"))
    var failOn: FailingVerdict?

    @Option(help: ArgumentHelp("Threads; never change the result.", valueName: "n"))
    var threads = Processors.count

    @Option(help: ArgumentHelp("Largest file of an image, and longest line of JSON.", valueName: "bytes"))
    var maxImageBytes = APIOptions(version: "") { _ in }.maxImageBytes

    @OptionGroup var limits: DataLimitArguments

    @OptionGroup var engines: EngineArguments

    func run() throws {
        guard engines.isPart else { return try runWhole() }
        try runPart { if engines.stdin != nil || engines.stdout != nil { try runStream() } else { try runWhole() } }
    }

    func checkOptions() throws {
        try check("--threads", threads, in: 1...1024)
        try check("--samples", samples, in: 1...100_000)
        try check("--max-image-bytes", maxImageBytes, in: 64...1 << 32)
    }

    /// Scores all that the command line names, or a part of it.
    private func runWhole() throws {
        try checkOptions()
        var options = DataOptions()
        try limits.bound(&options)
        guard data != nil || !paths.isEmpty else {
            throw CommandError("there is nothing to score: name images, folders or archives, - or --data")
        }
        guard (paths + (data.map { [$0] } ?? [])).count(where: { $0 == "-" }) < 2 else {
            throw CommandError("- is given twice")
        }
        let pictures = try plot.map { try ScorePictures($0, overwrite: overwrite) }
        var (shard, output) = (Shard?.none, output)
        if engines.shard != nil {
            guard let part = try part() else { return }
            (shard, output) = (part.shard, part.output)
        } else if let output {
            try checkReplacing(output, overwrite: overwrite)
        }
        let scorer = try scorer()
        options = dataOptions(for: scorer.density.record, options)
        var sources = ScoreSources(
            data: try data.map { ($0, try DataArguments.read($0, [split], options).images(split)) }, paths: paths,
            contents: scorer.contents)
        if let shard {
            let count = sources.count()
            guard count > 0 else { throw CommandError("there were no images") }
            sources.range = shard.range(of: count)
        }
        var session = ScoreSession(
            scorer: scorer,
            encoder: ScoreEncoder(
                format: format, example: try scorer.example(), hasHead: shard.map { $0.index == 0 } ?? true),
            summary: ScoreSummary(keepsImages: plot != nil),
            showsProgress: Terminal.showsProgress(outputIsElsewhere: output != nil))
        session.isWhole = shard != nil
        if let output {
            try (shard == nil ? namingFile : namingPart)(output) {
                try ReplacingFile.removeAbandoned(of: output)
                try ReplacingFile.write(to: output) { write in try session.run(sources, write) }
            }
        } else {
            try session.run(sources, Self.put)
        }
        try pictures?.write(ScorePlots(summary: session.summary, record: scorer.density.record))
        try end(session)
    }

    /// Writes to standard output at once.
    static func put(_ bytes: [UInt8]) throws {
        do throws(SystemError) { try Terminal.put(bytes) } catch {
            throw ExitStatus.output.saying("standard output: \(error)")
        }
    }

    /// How the images of `--data` are read: as files are, so that with `--fit` they may have many sizes and colour modes.
    private func dataOptions(for record: ModelRecord, _ options: DataOptions) -> DataOptions {
        var options = options
        options.levels = record.levels
        terms.apply(to: &options)
        if let fit, record.levels == 256 {
            let shape = record.eventShape
            options.size = ImageSize(height: shape.height, width: shape.width)
            (options.fit, options.mode) = (fit, ColorMode(channels: shape.channels))
        }
        return options
    }

    /// The model with what is asked of it.
    /// - Throws: a `CommandError` for what the model cannot say.
    func scorer() throws -> ImageScorer {
        let density = try model.load(weights.precision)
        let record = density.record
        do {
            let classIndex = try classIndex(named: className, of: record)
            if posterior { try checkPosterior(of: record, givenClass: classIndex) }
            let (detail, alarm) = try scoreTerms(
                detail: detail, alarm: alarm, of: record, givenClass: classIndex)
            if failOn != nil, detail == .none || record.decision(givenClass: classIndex) == nil {
                throw CommandError(
                    "--fail-on needs verdicts: not --detail none, and a model with a calibration of its evidence, of --class too, which "
                        + "tusk calibrate adds")
            }
            return ImageScorer(
                density: density,
                contents: ScoreContents(
                    record: record, terms: terms.terms(fit: fit),
                    maxImageBytes: maxImageBytes, archiveLimits: try limits.archive()),
                classIndex: classIndex, wantsClasses: posterior, samples: samples, detail: detail, alarm: alarm,
                threads: threads)
        } catch {
            // the route's words, which begin with the parameter's name
            guard let problem = Problem(of: error) else { throw error }
            throw CommandError("--\(problem.detail)")
        }
    }

    /// Says what was left out, and ends with the status that fits what was found.
    private func end(_ session: ScoreSession) throws {
        let summary = session.summary
        if session.leftOut.count > 0 { Terminal.warn("\(session.leftOut)") }
        if session.wasInterrupted {
            Terminal.warn("interrupted: \(counted(summary.scored + summary.failed, "image")) done")
            throw try status(Interruption.exitCode)
        }
        guard summary.scored + summary.failed > 0 || session.isWhole else { throw CommandError("there were no images") }
        if summary.failed > 0 {
            Terminal.warn(
                "\(grouped(summary.failed)) of \(grouped(summary.scored + summary.failed)) could not be scored")
        }
        if session.isWhole { return }
        if let failOn, summary.count(from: failOn.verdict) > 0 { throw try status(3) }
        if summary.failed > 0 { throw try status(2) }
    }

    /// End with a status, once all output is written.
    private func status(_ code: Int32) throws -> ExitCode {
        do throws(SystemError) { try Terminal.endOutput() } catch {
            throw ExitStatus.output.saying("standard output: \(error)")
        }
        return ExitCode(code)
    }
}

/// Verdict from which on `--fail-on` fails.
enum FailingVerdict: String, CaseIterable, ExpressibleByArgument {
    case outlier
    case unusual

    var verdict: Verdict {
        switch self {
        case .outlier: .outlier
        case .unusual: .unusual
        }
    }
}
