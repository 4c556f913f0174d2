import ArgumentParser

/// Options of a command as a part of a job that somebody else divides: an engine's worker, a task of an array.
struct EngineArguments: ParsableArguments {
    /// Form of a stream of rows.
    enum StreamFormat: String, CaseIterable, ExpressibleByArgument {
        case arrow
    }

    @Option(
        help: ArgumentHelp(
            "Read rows from standard input: arrow, an IPC stream with a column of pictures or arrays. A batch is answered before the next "
                + "is read.", valueName: "format"))
    var stdin: StreamFormat?

    @Option(
        help: ArgumentHelp(
            "Write rows to standard output: arrow, a batch for a batch, a row for a row.", valueName: "format"))
    var stdout: StreamFormat?

    @Option(
        help: ArgumentHelp(
            "Column of images of the stream; without it the only one that may be, or the one called image.",
            valueName: "name"))
    var imageColumn: String?

    @Option(
        help: ArgumentHelp(
            "Column of the stream, of text, bytes or integers, that is handed on before the scores; may be repeated.",
            valueName: "name"))
    var pass: [String] = []

    @Option(help: ArgumentHelp("Most rows of a batch of the stream.", valueName: "n"))
    var maxBatchRows = 65536

    @Option(
        help: ArgumentHelp(
            "Score part i of n, from 0, of the images: /n takes i from \(Shard.indexVariables.joined(separator: " or ")), auto n too, from "
                + "\(Shard.countVariable). --output may have {shard} in it. What is complete is not done again. The parts, one behind the "
                + "other, are what one run writes.", valueName: "i/n"))
    var shard: String?

    /// Whether another program reads the status, as one of a part of a job.
    var isPart: Bool { stdin != nil || stdout != nil || shard != nil }
}
