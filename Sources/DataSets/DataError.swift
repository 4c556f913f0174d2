public import FlowCore

/// Error of reading a data set. `file` is the path as it was given, with the name of the file in it.
public enum DataError: Error, Equatable, Sendable {
    /// The file or folder cannot be read; `reason` is what the system says.
    case unreadable(file: String, reason: String)
    /// The file is in none of the formats `expected`, by its first bytes and its name.
    case wrongFormat(file: String, expected: [String])
    /// The first bytes are not what the format begins with.
    case wrongMagic(file: String, expected: String, found: String)
    /// The file ends early: its header or format needs `expected` bytes, it has `found`.
    case truncated(file: String, expected: Int, found: Int)
    /// The file goes on behind its data: its header announces `expected` bytes, it has `found`.
    case trailingBytes(file: String, expected: Int, found: Int)
    /// A compressed stream, an image or an NPY header cannot be decoded.
    case damaged(file: String, reason: String)
    /// The file is sound, but not of a kind that can be learned, such as an array of five axes.
    case unsupported(file: String, expected: String, found: String)
    /// `quantity` is `value`; at most `limit` is read.
    case tooLarge(file: String, quantity: String, value: Int, limit: Int)
    /// The image's size is not that of the images before it.
    case mixedSizes(file: String, expected: EventShape, found: EventShape)
    /// The image's colour mode is not that of the images before it.
    case mixedModes(file: String, expected: String, found: String)
    /// There is nothing to learn from; `expected` says what is looked for.
    case empty(file: String, expected: String)
    /// None of the `images` of an undivided set falls into the split.
    case emptySplit(file: String, split: String, images: Int)
    /// The number of labels is not that of the images.
    case labelCount(file: String, images: Int, labels: Int)
    /// Label number `index` is `label`; it must be less than `classes`.
    case labelOutOfRange(file: String, index: Int, label: String, classes: Int)
    /// A value of image number `image` is not a whole number in `0 ..< levels`.
    case valueOutOfRange(file: String, image: Int, value: String, levels: Int)
    /// The folder has other splits, but not this one and no `train` to cut it from.
    case noSuchSplit(file: String, split: String, found: [String])
    /// `name` is neither the name nor the number of a class.
    case unknownClass(name: String, classes: [String])
    /// A class was asked for, but the set has no labels.
    case noLabels(name: String)
}

extension DataError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
        case .wrongFormat(let file, let expected): "\(file): expected a file of the format \(alternatives(expected))"
        case .wrongMagic(let file, let expected, let found):
            "\(file): expected to begin with \(expected), found \(found)"
        case .truncated(let file, let expected, let found):
            "\(file): truncated: expected \(expected) bytes, found \(found)"
        case .trailingBytes(let file, let expected, let found):
            "\(file): bytes after the end: expected \(expected) bytes, found \(found)"
        case .damaged(let file, let reason): "\(file): damaged: \(reason)"
        case .unsupported(let file, let expected, let found): "\(file): expected \(expected), found \(found)"
        case .tooLarge(let file, let quantity, let value, let limit):
            "\(file): \(quantity): \(value) is over the limit of \(limit)"
        case .mixedSizes(let file, let expected, let found):
            "\(file): expected \(expected) as in the images before it, found \(found)"
        case .mixedModes(let file, let expected, let found):
            "\(file): expected \(expected) as in the images before it, found \(found)"
        case .empty(let file, let expected): "\(file): holds no images: expected \(expected)"
        case .emptySplit(let file, let split, let images):
            "\(file): none of its \(images) images falls into \(split), which is cut out by the content of each image where "
                + "it has no file or folder of its own; give it one, or add different images"
        case .labelCount(let file, let images, let labels): "\(file): expected \(images) labels, found \(labels)"
        case .labelOutOfRange(let file, let index, let label, let classes):
            "\(file): label \(index): expected a whole number from 0 to \(classes - 1), found \(label)"
        case .valueOutOfRange(let file, let image, let value, let levels):
            "\(file): image \(image): expected whole numbers from 0 to \(levels - 1), found \(value)"
        case .noSuchSplit(let file, let split, let found):
            "\(file): expected a split \(split), or train to cut it from; found \(found.joined(separator: ", "))"
        case .unknownClass(let name, let classes):
            "class \(name): expected one of \(classes.joined(separator: ", ")), or its number"
        case .noLabels(let name): "class \(name): the data set has no labels"
        }
    }
}

/// Joins `names` as a choice: `IDX, NPY or PNG`.
func alternatives(_ names: [String]) -> String {
    names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
}
