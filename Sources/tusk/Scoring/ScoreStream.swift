import Archives
import Arrow
import FlowModels
import System

/// Run of `tusk score` between two pipes: an Arrow IPC stream of images in, one of scores out, a batch for a batch, each before the next
/// is read.
struct ScoreStream {
    let scorer: ImageScorer
    let table: ScoreTable
    /// Name of the column of images; nil for the only one.
    let imageColumn: String?
    /// Names of columns that are handed on.
    let passed: [String]
    let maxImageBytes: Int
    let maxBatchRows: Int
    let limits: ArrowLimits

    /// Scores all rows of `input`.
    /// - Throws: a `CommandError` for a stream that is refused; ``ArchiveError``; what `write` throws.
    func run(_ input: ByteReader, _ write: ([UInt8]) throws -> Void) throws {
        let start = try input.peek(8)
        if start.isEmpty { throw CommandError("standard input: it is empty, not an Arrow IPC stream") }
        guard ArrowReader.recognizes(start) else {
            throw CommandError("standard input: it is not an Arrow IPC stream, by its first bytes")
        }
        let reader = try ArrowReader(input, file: nil, limits: limits)
        let columns = try StreamColumns(reader.schema, image: imageColumn, passed: passed, maxImageBytes: maxImageBytes)
        let fields = columns.fieldsPassed + table.fields
        let names = fields.map(\.name)
        if let twice = Set(names).first(where: { name in names.count { $0 == name } > 1 }) {
            throw CommandError("--pass \(twice): scores have a column of that name; rename the one of the stream")
        }
        let writer = ArrowWriter(fields)
        try write(writer.schema)
        while let batch = try reader.next() {
            guard batch.count <= maxBatchRows else {
                throw CommandError(
                    "standard input: a batch has \(batch.count) rows, more than --max-batch-rows \(maxBatchRows)")
            }
            let bytes = min(limits.batchBytes, ArrowWriter.maxColumnBytes)
            let handedOn = try columns.passed(of: batch, limit: bytes)
            let results = try score(batch, columns)
            try write(writer.batch(count: batch.count, handedOn + table.columns(results)))
        }
        try write(ArrowWriter.end)
    }

    /// Scores the rows of a batch, so many at once that all threads have enough.
    private func score(
        _ batch: ArrowBatch, _ columns: StreamColumns
    ) throws -> [Result<ImageScore, ScoreFailure>] {
        var results: [Result<ImageScore, ScoreFailure>] = []
        for rows in batch.count.blocks(of: scorer.imagesAtOnce) {
            var items: [ScoreItem] = []
            for row in rows {
                items.append(ScoreItem(source: "-", index: row, content: try columns.content(of: batch, at: row)))
            }
            results += try scorer.results(of: items) { false }.map { $0.map(\.score) }
        }
        return results
    }
}
