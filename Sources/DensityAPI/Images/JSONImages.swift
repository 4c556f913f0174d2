import FoundationEssentials
package import HTTPContent

/// Image of an `application/json` body, still without a model.
package enum JSONImage: Equatable {
    /// A PNG or JPEG, out of base64.
    case encoded([UInt8])
    /// `[height, width, channels]`, out of nested lists.
    case array([Int], height: Int, width: Int, channels: Int)
    /// Numbers in a row.
    case flat([Int])

    /// Reads an image: a base64 string, nested lists or one list of integers, or `{"image": …}` of such.
    /// - Throws: ``ProblemKind/imageValue``, ``ProblemKind/imageSize``, ``ProblemKind/imageDamaged``.
    init(_ value: JSON) throws(Problem) {
        switch value {
        case .object(let members) where members.map(\.name) == ["image"]:
            if case .object = members[0].value { throw Self.notAnImage }
            try self.init(members[0].value)
        case .string(let base64):
            guard let data = Data(base64Encoded: base64) else {
                throw Problem(.imageDamaged, "image: the string is not base64")
            }
            self = .encoded(Array(data))
        case .integers(let values): self = .flat(values)
        case .array(let rows) where !rows.isEmpty: self = try Self.nested(rows)
        default: throw Self.notAnImage
        }
    }

    private static let notAnImage = Problem(
        .imageValue, "image: expected lists of integers, or a base64 string of a PNG or JPEG")

    /// Reads `[H][W]` or `[H][W][C]`, every row as long as the first.
    private static func nested(_ rows: [JSON]) throws(Problem) -> JSONImage {
        var values: [Int] = []
        var width: Int?
        var channels: Int?  // 0 for rows of bare numbers
        for row in rows {
            switch row {
            case .integers(let integers):
                guard channels ?? 0 == 0, integers.count == width ?? integers.count else { throw Self.ragged }
                width = integers.count
                channels = 0
                values += integers
            case .array(let columns) where !columns.isEmpty:
                guard columns.count == width ?? columns.count else { throw Self.ragged }
                width = columns.count
                for column in columns {
                    guard case .integers(let integers) = column else { throw Self.notAnImage }
                    guard integers.count == channels ?? integers.count else { throw Self.ragged }
                    channels = integers.count
                    values += integers
                }
            default: throw Self.notAnImage
            }
        }
        return .array(values, height: rows.count, width: width ?? 0, channels: max(1, channels ?? 1))
    }

    private static let ragged = Problem(.imageSize, "image: the nested lists are not of the same lengths")
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
        case .array, .integers: list = try Self.elements(of: value, "the list")
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
        case .array(let elements): return elements
        case .integers:
            throw Problem(
                .imageValue, "\(name) must hold images, not numbers; one image is {\"image\": [[…]]}")
        default: throw Problem(.malformedBody, "\(name) must be a list")
        }
    }
}
