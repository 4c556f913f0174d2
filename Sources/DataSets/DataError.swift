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
    /// What stands there, `found`, is in the place of a file that was not fetched.
    case notFetched(file: String, found: String)
    /// The images have several sizes or colour modes, `shapes`, the most frequent first.
    case mixedShapes(file: String, shapes: [ShapeCount])
    /// Several files or images cannot be read.
    case badEntries(file: String, entries: BadEntries)
    /// No image is left without those that cannot be read.
    case nothingLeft(file: String, entries: BadEntries)
    /// The images have no room in memory, and their temporary file cannot be written in `folder`.
    case noScratch(folder: String, reason: String)
    /// There is nothing to learn from; `expected` says what is looked for.
    case empty(file: String, expected: String)
    /// None of the `images` of a set, of which `distinct` differ, falls into the split.
    case emptySplit(file: String, split: String, images: Int, distinct: Int)
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

extension DataError {
    /// Number of images of one shape.
    public struct ShapeCount: Equatable, Sendable {
        public var shape: EventShape
        public var count: Int
        /// Name of the first of them.
        public var first: String

        public init(shape: EventShape, count: Int, first: String) {
            (self.shape, self.count, self.first) = (shape, count, first)
        }
    }

    /// Sizes and colour modes that a text names, at most.
    private static let mostShapes = 5

    private static func text(of shapes: [ShapeCount], in file: String) -> String {
        let named = shapes.prefix(mostShapes).map { "\($0.count) of \($0.shape), such as \($0.first)" }
        let others = shapes.dropFirst(mostShapes)
        let more = others.isEmpty ? "" : "; \(others.reduce(0) { $0 + $1.count }) of \(others.count) others"
        let areSizes = Set(shapes.map { "\($0.shape.height) \($0.shape.width)" }).count > 1
        let areModes = Set(shapes.map(\.shape.channels)).count > 1
        var ways: [String] = []
        if areSizes { ways.append("--size 32x32 brings all to one size") }
        if areModes { ways.append("--grey or --colour to one colour mode") }
        return "\(file): expected images of one shape, found " + named.joined(separator: "; ") + more + "; "
            + ways.joined(separator: ", ")
    }
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
        case .notFetched(let file, let found): "\(file): expected data, found \(found)"
        case .unsupported(let file, let expected, let found): "\(file): expected \(expected), found \(found)"
        case .tooLarge(let file, let quantity, let value, let limit):
            "\(file): \(quantity): \(value) is over the limit of \(limit)"
        case .mixedShapes(let file, let shapes): Self.text(of: shapes, in: file)
        case .badEntries(let file, let entries):
            "\(file): \(entries.count) images cannot be read; --skip-bad goes on without them:\n  "
                + entries.lines.joined(separator: "\n  ")
        case .nothingLeft(let file, let entries):
            "\(file): none of its \(entries.count) images can be read:\n  " + entries.lines.joined(separator: "\n  ")
        case .noScratch(let folder, let reason):
            "\(folder): the images need a temporary file, which cannot be written there: \(reason); --scratch names another folder, "
                + "--data-memory allows more memory"
        case .empty(let file, let expected): "\(file): holds no images: expected \(expected)"
        case .emptySplit(let file, let split, let images, let distinct):
            "\(file): "
                + (images == 1
                    ? "one image is too little for a \(split) split"
                    : distinct == 1
                        ? "its \(images) images are one image \(images) times, so no \(split) split can differ from the others"
                        : "none of its \(images) images (\(distinct) different ones) falls into \(split)")
                + "; a tenth of the images is cut out for it, by the content of each, where it has no file or folder of its own: give it one, "
                + "add different images, or learn from all of them and validate with the same, by --split all"
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
