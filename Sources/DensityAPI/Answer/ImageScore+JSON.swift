package import FlowModels
package import HTTPContent

extension ImageScore {
    /// Members of a JSON object, one for each figure that the score has, in their order.
    package var json: [JSON.Member] { members.map(\.json) }
}

extension ImageScore.Figure {
    fileprivate var json: JSON.Member { JSON.Member(name, value.json) }
}

extension ImageScore.Value {
    fileprivate var json: JSON {
        switch self {
        case .number(let value): .number(value)
        case .count(let value): .integer(value)
        case .text(let value): .string(value)
        case .texts(let values): .array(values.map(JSON.string))
        case .rows(let values, let width):
            .array(
                stride(from: 0, to: values.count, by: width).map { first in
                    .array(values[first..<first + width].map(JSON.number))
                })
        case .members(let members): .object(members.map(\.json))
        }
    }
}
