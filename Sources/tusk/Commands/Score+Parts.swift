import Archives
import Arrow
import DataSets
import FoundationEssentials
import Glibc
import System

/// Scoring as a part of a job.
extension Score {
    /// Scores the stream on standard input.
    func runStream() throws {
        guard engines.stdin != nil, engines.stdout != nil else {
            throw CommandError("--stdin and --stdout are given together")
        }
        try checkOptions()
        try check("--max-batch-rows", engines.maxBatchRows, in: 1...1 << 24)
        let others: [(String, Bool)] = [
            ("paths", !paths.isEmpty), ("--data", data != nil), ("--output", output != nil), ("--plot", plot != nil),
            ("--format csv", format == .csv), ("--fail-on", failOn != nil), ("--shard", engines.shard != nil),
        ]
        if let other = others.first(where: \.1) {
            throw CommandError("--stdin arrow is all that is read and answered: it goes without \(other.0)")
        }
        var options = DataOptions()
        try limits.bound(&options)
        let scorer = try scorer()
        let stream = ScoreStream(
            scorer: scorer, table: ScoreTable(example: try scorer.example()), imageColumn: engines.imageColumn,
            passed: engines.pass, maxImageBytes: maxImageBytes, maxBatchRows: engines.maxBatchRows,
            limits: ArrowLimits(batchBytes: options.batchBytes, ratio: options.archive.ratio))
        try stream.run(ByteReader(descriptor: STDIN_FILENO), Self.put)
    }

    /// The part of the input that is to be scored, and where its records go; nil where they are there already.
    func part() throws -> (shard: Shard, output: String?)? {
        guard let text = engines.shard else { preconditionFailure("asked for a part of nothing") }
        let shard = try Shard(text, environment: ProcessInfo.processInfo.environment)
        if paths.contains("-") || data == "-" {
            throw CommandError("--shard counts images first: - can be read only once")
        }
        let others = [("--plot", plot != nil), ("--fail-on", failOn != nil)]
        if let other = others.first(where: \.1) { throw CommandError("--shard goes without \(other.0)") }
        for path in paths where unsafe access(path, R_OK) != 0 {
            throw CommandError("\(path): it cannot be read: \(SystemError())")
        }
        guard let output else { return (shard, nil) }
        let path = shard.path(output)
        if !overwrite, exists(path) {
            Terminal.warn("\(path): the file is there, so this part is done; --overwrite does it again")
            return nil
        }
        return (shard, path)
    }
}
