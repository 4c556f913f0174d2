import ArgumentParser
import DensityAPI
import FlowModels
import HTTPContent

/// Form of the records of `tusk score`.
enum ScoreFormat: String, CaseIterable, ExpressibleByArgument {
    /// A JSON object a line.
    case ndjson
    /// Comma-separated values, under names of columns.
    case csv
}

/// Encoder of the records of `tusk score`: the fields of `POST /logprob`, after the image's `source`.
struct ScoreEncoder {
    private let format: ScoreFormat
    private let model: String
    /// Names of columns of CSV: those of every score, since all of a question have the same.
    private let columns: [String]
    private let hasHead: Bool

    /// - Parameters:
    ///   - example: a score of the same model and question as all others.
    ///   - hasHead: whether the names of columns come first, of CSV.
    init(format: ScoreFormat, example: ImageScore, hasHead: Bool = true) {
        (self.format, self.hasHead) = (format, hasHead)
        model = example.record.name
        columns = ["source", "index", "model"] + CSV.fields(example.json).map(\.column) + ["type", "error"]
    }

    /// Bytes before the first record, of the first part of a job alone.
    var head: [UInt8] { format == .csv && hasHead ? CSV.record(columns) : [] }

    /// Record of an image.
    func record(_ item: ScoreItem, _ result: Result<ImageScore, ScoreFailure>) -> [UInt8] {
        var members = [JSON.Member("source", .string(item.source))]
        if let index = item.index { members.append(JSON.Member("index", .integer(index))) }
        members.append(JSON.Member("model", .string(model)))
        switch result {
        case .success(let score): members += score.json
        case .failure(let failure): members += failure.json
        }
        switch format {
        case .ndjson: return JSON.object(members).encoded + [0x0a]
        case .csv:
            let fields = Dictionary(CSV.fields(members).map { ($0.column, $0.text) }) { first, _ in first }
            return CSV.record(columns.map { fields[$0] ?? "" })
        }
    }
}
