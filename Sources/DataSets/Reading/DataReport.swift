/// What was found when a set was read, beside its images.
public struct DataReport: Sendable, Equatable {
    /// Number of images that were looked at, of splits that were not asked for too.
    public var images = 0
    /// Number of different images among them; an image and its mirror image are the same.
    public var distinct = 0
    /// Images that are in the training images and in a split that is tested, by that split.
    public var duplicates: [Split: Int] = [:]
    /// Images of one colour.
    public var constant = 0
    /// Images whose size or colour mode was changed.
    public var converted = 0
    /// Classes with a single image in what was read.
    public var singleClasses: [String] = []
    /// Files that were not used.
    public var unused = UnusedEntries()
    /// Files that could not be read and were skipped.
    public var bad = BadEntries()
    /// Whether the pixels are kept in a temporary file.
    public var isInFile = false

    public init() {}

    /// Lines that say what a user should know, none when all is as expected.
    public var lines: [String] {
        var lines: [String] = []
        if unused.count > 0 { lines.append("\(unused)") }
        if bad.count > 0 {
            lines.append("\(bad.count) that could not be read \(bad.count == 1 ? "is" : "are") skipped:")
            lines += bad.lines.map { "  " + $0 }
        }
        for split in Split.parts {
            guard let count = duplicates[split], count > 0 else { continue }
            lines.append(
                "\(count) of the \(split.rawValue) images \(count == 1 ? "is" : "are"), as such or mirrored, among the training images too: "
                    + "its figures are better than they should be")
        }
        if constant > 0 {
            lines.append(constant == 1 ? "1 image is of one colour" : "\(constant) images are of one colour")
        }
        if !singleClasses.isEmpty {
            let names = singleClasses.prefix(5).joined(separator: ", ") + (singleClasses.count > 5 ? ", …" : "")
            lines.append(
                singleClasses.count == 1
                    ? "the class \(names) has a single image"
                    : "\(singleClasses.count) classes have a single image: \(names)")
        }
        if isInFile { lines.append("the images are kept in a temporary file, and read from it") }
        return lines
    }
}
