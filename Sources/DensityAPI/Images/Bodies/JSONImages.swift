package import HTTPContent
package import Imaging

/// Image of an `application/json` body, still without a model.
package enum JSONImage: Equatable {
    /// A PNG or JPEG, out of base64 or a `data:` URL.
    case encoded([UInt8])
    /// An array out of nested lists, or of numbers in a row.
    case array(NPYArray)

    /// Reads an image: a base64 string, nested lists or one list of numbers, or `{"image": …}` of such.
    /// - Throws: ``ProblemKind/imageValue``, ``ProblemKind/imageSize``, ``ProblemKind/imageDamaged``.
    init(_ value: JSON) throws(Problem) {
        switch value {
        case .object(let members) where members.map(\.name) == ["image"]:
            if case .object = members[0].value { throw Self.notAnImage(members[0].value) }
            try self.init(members[0].value)
        case .string(let text): self = .encoded(try Self.picture(text))
        case .integers, .numbers, .array: self = .array(try NPYArray(value))
        default: throw Self.notAnImage(value)
        }
    }

    private static func notAnImage(_ value: JSON) -> Problem {
        Problem(
            .imageValue,
            "image: expected lists of numbers, or a base64 string or data: URL of a picture, \(ImageFormat.choice), not \(value.kind)"
        )
    }

    /// Bytes of a picture out of base64 or a `data:` URL.
    /// - Throws: ``ProblemKind/imageDamaged``, ``ProblemKind/unsupportedMediaType``.
    static func picture(_ text: String) throws(Problem) -> [UInt8] {
        if DataURL.isOne(text) {
            guard let url = DataURL(text) else {
                throw Problem(.imageDamaged, "image: the data: URL is not by RFC 2397, or its base64 is damaged")
            }
            if let type = url.mediaType, type.type != "image", !type.isSame(as: .octets) {
                throw Problem(
                    .unsupportedMediaType,
                    "image: the data: URL is \(quoted(type.description)), not a picture, \(ImageFormat.choice)"
                        + BodyType.advice(on: type))
            }
            return url.data
        }
        if let bytes = base64Decoded(text) { return bytes }
        let lower = text.prefix(8).lowercased()
        if ["http://", "https://", "file://"].contains(where: lower.hasPrefix) {
            throw Problem(
                .imageDamaged,
                "image: the string is an address, and nothing is fetched; send the picture itself, as base64")
        }
        throw Problem(.imageDamaged, "image: the string is not base64")
    }
}

/// Images of an `application/json` body of `/logprob`, and the form of their answer.
package struct JSONImages {
    /// The images, or what is wrong with each.
    package var items: [Result<JSONImage, Problem>]
    /// Whether the answer is a list.
    var isList: Bool

    /// Reads `{"image": X}`, `{"images": [X, …]}` or `[X, …]`, of at most `maxImages`.
    /// - Throws: ``ProblemKind/malformedBody``, ``ProblemKind/imageCount``, ``ProblemKind/imageValue``; for a single
    ///   image what its own problem is.
    package init(_ value: JSON, maxImages: Int) throws(Problem) {
        let list: [JSON]
        switch value {
        case .object(let members) where members.map(\.name) == ["image"]:
            items = [.success(try JSONImage(value))]
            isList = false
            return
        case .object(let members) where members.map(\.name) == ["images"]:
            list = try Self.elements(of: members[0].value, "images")
        case .array, .integers, .numbers: list = try Self.elements(of: value, "the list")
        default:
            throw Problem(
                .malformedBody, "the body must be {\"image\": X}, {\"images\": [X, …]} or a list [X, …]")
        }
        guard (1...maxImages).contains(list.count) else {
            throw Problem(.imageCount, "images: the number of images must be from 1 to \(maxImages), not \(list.count)")
        }
        items = list.map { element in Result { () throws(Problem) in try JSONImage(element) } }
        isList = true
    }

    private static func elements(of value: JSON, _ name: String) throws(Problem) -> [JSON] {
        switch value {
        case .array(let elements) where !(elements.first?.isBool ?? false): return elements
        case .array, .integers, .numbers:
            throw Problem(
                .imageValue, "\(name) must hold images, not numbers; one image is {\"image\": [[…]]}")
        default: throw Problem(.malformedBody, "\(name) must be a list")
        }
    }
}
