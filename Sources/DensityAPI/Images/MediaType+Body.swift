import HTTPContent
import HTTPTypes

extension MediaType {
    /// The media type of a request's body.
    /// - Throws: ``ProblemKind/unsupportedMediaType`` for none of `known`, or for another charset than UTF-8.
    static func ofBody(_ fields: HTTPFields, among known: [MediaType]) throws(Problem) -> MediaType {
        let text = fields[.contentType]
        if let text, let type = MediaType(parsing: text), known.contains(where: type.isSame),
            type.parameters["charset"].map({ $0.lowercased() == "utf-8" }) ?? true
        {
            return type
        }
        let names = known.map(\.description).joined(separator: ", ")
        throw Problem(
            .unsupportedMediaType, "Content-Type must be one of \(names), not \(text.map(quoted) ?? "missing")",
            fields: [.accept: names])
    }
}
