import FlowCore
package import FlowModels
import Imaging

/// Check of images against what a model takes, which gives the levels of its rows.
package struct ImageInput: Sendable {
    var shape: EventShape
    var levels: Int
    var terms: ImageTerms
    /// How errors name the terms: as query parameters or as options; nil where images have none.
    var wording: TermWording?

    /// The check for a model of `record`.
    package init(record: ModelRecord, terms: ImageTerms = ImageTerms(), wording: TermWording = .parameters) {
        shape = record.eventShape
        levels = record.levels
        self.terms = terms
        self.wording = wording
    }

    /// The colour mode of the model's channels; nil when no image has so many.
    var mode: ColorMode? { ColorMode(channels: shape.channels) }

    /// The `pixels`, once all are known to be levels of the model.
    /// - Throws: ``ProblemKind/imageValue`` for one that is not.
    func checkLevels(_ pixels: [UInt8]) throws(Problem) -> [UInt8] {
        if levels < 256, let bad = pixels.first(where: { Int($0) >= levels }) {
            throw Problem(.imageValue, "image: values are whole numbers from 0 to \(levels - 1), not \(bad)")
        }
        return pixels
    }

    func wrongSize(_ found: String) -> Problem {
        Problem(
            .imageSize,
            "image: expected \(shape.height)x\(shape.width) pixels (height x width), but \(found)" + hint)
    }

    func wrongMode(_ found: String, expected: ColorMode) -> Problem {
        Problem(
            .imageMode,
            "image: expected the colour mode \(expected.rawValue), not \(found)" + hint)
    }

    /// End of a problem that conversion would mend.
    var hint: String { wording.map { "; \($0.name("fit", ImageFit.self)) asks for conversion" } ?? "" }
}

/// How the terms of images are written by those who give them.
package enum TermWording: Sendable {
    /// `fit=cover`, in a query.
    case parameters
    /// `--fit cover`, on a command line.
    case options

    /// A term with one value, such as `scale=unit`.
    func name(_ name: String, _ value: String) -> String {
        switch self {
        case .parameters: "\(name)=\(value)"
        case .options: "--\(name) \(value)"
        }
    }

    /// A term with all its values, such as `fit=contain|cover|stretch`.
    func name<Choice: CaseIterable & RawRepresentable>(_ name: String, _: Choice.Type) -> String
    where Choice.RawValue == String {
        self.name(name, Choice.allCases.map(\.rawValue).joined(separator: "|"))
    }
}
