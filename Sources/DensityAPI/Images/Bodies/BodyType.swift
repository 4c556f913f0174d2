package import HTTPContent
package import HTTPTypes
import Imaging

/// Media type of a request's body, as far as the head tells it: what has no Content-Type, or that of a form, which clients say unless
/// they are told, is recognised by its first bytes (RFC 9110, section 8.3).
package struct BodyType: Sendable {
    /// The media type that the head names; nil where the body is to tell.
    package let named: MediaType?
    /// Media types that are read, in the order in which `Accept` of a 415 names them.
    private let known: [MediaType]

    /// - Throws: ``ProblemKind/unsupportedMediaType`` for a Content-Type that is none of `known`. Its parameters are not looked at:
    ///   those of images and arrays mean nothing, and a charset of JSON neither (RFC 8259, section 11).
    package init(_ fields: HTTPFields, among known: [MediaType]) throws(Problem) {
        self.known = known
        guard let text = fields[.contentType] else {
            named = nil
            return
        }
        let type = MediaType(parsing: text)?.standard
        if let type, known.contains(where: type.isSame) {
            named = type
        } else if type?.isSame(as: .form) == true {
            named = nil
        } else {
            throw Self.unsupported(
                "Content-Type must be one of \(Self.names(known)), not \(quoted(text))\(type.map(Self.advice) ?? "")",
                known)
        }
    }

    /// A type that was told in another way.
    init(_ type: MediaType) { (named, known) = (type, [type]) }

    /// The type by which a body is read.
    /// - Throws: ``ProblemKind/unsupportedMediaType`` where it can only be wrong.
    package func resolved(for body: [UInt8]) throws(Problem) -> MediaType {
        let seen = Self.recognized(body)
        if let named {
            // Levels may begin with any bytes, but those of a whole header.
            guard named.isSame(as: .octets) else { return named }
            let kind = fileKind(of: body)
            let remedy: String
            if let seen, !seen.isSame(as: .json) {
                remedy = "send it as \(seen)"
            } else if let advice = kind?.advice, kind?.isCertain == true {
                remedy = "\(advice), and send that with one of \(Self.names(known))"
            } else {
                return named
            }
            throw Self.unsupported(
                "Content-Type: \(named) is levels, one byte each, and the body is \(kind?.phrase ?? "another file"): \(remedy); levels "
                    + "that happen to begin so are sent as \(MediaType.npy)", known)
        }
        if let seen, known.contains(where: seen.isSame) { return seen }
        throw Self.unsupported(
            "the Content-Type says nothing of the body, and its first bytes do not either: \(Self.seen(body)); send a Content-Type, one "
                + "of \(Self.names(known))", known)
    }

    /// The media type that the first bytes of a body tell, whether or not it is read; nil for none.
    private static func recognized(_ body: [UInt8]) -> MediaType? {
        if let format = imageFormat(of: body) {
            // a few bytes may be there by chance
            return (try? ImageHeader(of: body[...])) == nil ? nil : format.mediaType
        }
        if NPYArray.isNPY(body) { return .npy }
        let text = body.starts(with: JSONReader.byteOrderMark) ? body.dropFirst(3) : body[...]
        let first = text.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        return first.map { [UInt8(ascii: "{"), UInt8(ascii: "[")].contains($0) } == true ? .json : nil
    }

    /// What to do with what has a type that is not read, as the end of a sentence; empty where that is not known.
    static func advice(on type: MediaType) -> String {
        if type.isSame(as: .ndjson) { return "; bodies of lines are taken by POST /logprob alone" }
        return fileKind(ofMediaType: type.description).flatMap { kind in
            kind.advice.map { "; \(kind.phrase) is not read: \($0)" }
        } ?? ""
    }

    /// What the first bytes of a body are, in words, and what may have been meant.
    private static func seen(_ body: [UInt8]) -> String {
        // curl's --data takes out line ends, one of which the signature has
        if body.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x1A]) {
            return "they are those of a PNG without its line ends (curl sends files as they are with --data-binary)"
        }
        if body.starts(with: "--".utf8) {
            return "they may be those of \(MediaType.multipart), whose Content-Type names the boundary"
        }
        guard let kind = fileKind(of: body) else { return "they are of no known kind" }
        return "they are \(kind.phrase)" + (kind.advice.map { " (\($0))" } ?? "")
    }

    private static func unsupported(_ detail: String, _ known: [MediaType]) -> Problem {
        Problem(.unsupportedMediaType, detail, fields: [.accept: names(known)])
    }

    private static func names(_ types: [MediaType]) -> String { types.map(\.description).joined(separator: ", ") }
}

extension ImageFormat {
    /// Media type of the format's files.
    var mediaType: MediaType {
        switch self {
        case .png: .png
        case .jpeg: .jpeg
        case .webp: .webp
        }
    }
}
