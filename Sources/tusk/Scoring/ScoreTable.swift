import Arrow
import DensityAPI
import FlowModels
import HTTPContent

/// Columns of scores: the fields of a record of CSV, with their own kinds, null where an image has none.
struct ScoreTable {
    private let model: String
    private let figures: [ArrowWriter.Field]

    /// - Parameter example: a score of the same model and question as all others.
    init(example: ImageScore) {
        model = example.record.name
        figures = Self.fields(example.json).map { ArrowWriter.Field($0.column, Self.kind($0.value)) }
    }

    var fields: [ArrowWriter.Field] {
        [ArrowWriter.Field("model", .text)] + figures
            + [ArrowWriter.Field("type", .text), ArrowWriter.Field("error", .text)]
    }

    /// Columns of ``fields``, a row for each result.
    func columns(_ results: [Result<ImageScore, ScoreFailure>]) -> [ArrowWriter.Values] {
        let rows = results.map { result -> [String: JSON] in
            guard let score = try? result.get() else { return [:] }
            return Dictionary(Self.fields(score.json).map { ($0.column, $0.value) }) { first, _ in first }
        }
        let failures = results.map { result -> ScoreFailure? in
            if case .failure(let failure) = result { failure } else { nil }
        }
        let model = Array(model.utf8)
        var columns: [ArrowWriter.Values] = [.bytes(results.map { _ in model })]
        for field in figures { columns.append(Self.values(rows.map { $0[field.name] }, field.kind)) }
        for text in [\ScoreFailure.type, \.reason] {
            columns.append(.bytes(failures.map { failure in failure.map { Array($0[keyPath: text].utf8) } }))
        }
        return columns
    }

    /// Members by the names of their columns, as ``CSV/fields(_:)`` has them.
    private static func fields(_ members: [JSON.Member]) -> [(column: String, value: JSON)] {
        members.flatMap { member in
            switch member.value {
            case .object(let inner): fields(inner).map { ("\(member.name).\($0.column)", $0.value) }
            case let value: [(member.name, value)]
            }
        }
    }

    private static func kind(_ value: JSON) -> ArrowWriter.Kind {
        switch value {
        case .number, .null: .float64
        case .integer: .int64
        default: .text
        }
    }

    private static func values(_ values: [JSON?], _ kind: ArrowWriter.Kind) -> ArrowWriter.Values {
        switch kind {
        case .float64:
            .float64(
                values.map { value in
                    switch value {
                    // what is not finite is null, as in JSON
                    case .number(let number): number.isFinite ? number : nil
                    case .integer(let number): Double(number)
                    default: nil
                    }
                })
        case .int64: .int64(values.map { value in if case .integer(let number) = value { number } else { nil } })
        case .text, .bytes:
            .bytes(
                values.map { value in
                    guard let value, value != .null else { return nil }
                    return Array(CSV.text(value).utf8)
                })
        }
    }
}
