import ArgumentParser
import FlowModels
import FlowTraining
import FoundationEssentials

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Mean log-density and bits/dim of a model on held-out images.")

    @OptionGroup var model: ModelArguments
    @OptionGroup var weights: PrecisionArguments
    @OptionGroup var data: DataArguments

    @Option(help: "train, validation or test.")
    var split: Split = .test

    @Option(help: "Only the first so many images.")
    var limit: Int?

    @Option(help: "Dequantization draws an image; more than 1 give the tighter importance-weighted bound.")
    var samples = 1

    @Option(help: ArgumentHelp("Threads.", valueName: "n"))
    var threads = processorCount

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        try check("--threads", threads, in: 1...1024)
        let density = try model.load(weights.precision)
        var set = try data.load(split, levels: density.record.levels)
        if let limit {
            try check("--limit", limit, in: 1...Int.max)
            set = set.limited(to: limit)
        }
        guard set.count > 0 else { throw TrainingError.noImages(split: split.rawValue) }
        let logProbs = try logDensities(of: set, under: density, samples: samples, threads: threads)
        let result = Evaluation(model: density.record, split: split.rawValue, samples: samples, logProbs: logProbs)
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
            log_prob      \(fixed(result.logProb, 2)) ± \(fixed(result.logProbStandardError, 2)) nats
            bits_per_dim  \(fixed(result.bitsPerDim, 4)) ± \(fixed(result.bitsPerDimStandardError, 4))
            """)
    }
}
