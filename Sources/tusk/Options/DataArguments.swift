public import ArgumentParser
public import DataSets
import Imaging

extension Split: ExpressibleByArgument {}

extension ImageSize: ExpressibleByArgument {
    /// Width and height, as `32x24`, or one number for both.
    public init?(argument: String) {
        let sides = argument.split(omittingEmptySubsequences: false) { "x×X".contains($0) }.map { Int($0) }
        guard (1...2).contains(sides.count), let width = sides[0], let height = sides[sides.count - 1],
            Self.sides.contains(width), Self.sides.contains(height)
        else { return nil }
        self.init(height: height, width: width)
    }

    /// Pixels a side that a size may have.
    static let sides = 1...16_384
}

/// Options that say how images are read.
struct ReadingArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Bring all images to this size, such as 32 or 40x30 (width and height).", valueName: "size"))
    var size: ImageSize?

    @Option(
        help: ArgumentHelp(
            "How images of another shape come to --size: cover, the middle of the image; contain, all of it, on --background; stretch.",
            valueName: "fit"))
    var fit: ImageFit = .cover

    @Flag(help: "Keep the transparency of pictures, as a channel.")
    var keepAlpha = false

    @Flag(name: [.customLong("grey"), .customLong("gray")], help: "Bring all images to one channel, their luma.")
    var grey = false

    @Flag(name: [.customLong("colour"), .customLong("color")], help: "Bring all images to red, green and blue.")
    var colour = false

    @OptionGroup var terms: ImageTermArguments

    @Flag(
        help:
            "Go on without files that cannot be read. Without it all are looked at, and named, before anything begins."
    )
    var skipBad = false

    @Option(
        help: ArgumentHelp(
            "Most pixels in memory, MiB; those of larger sets are kept in a temporary file and read from it.",
            valueName: "n"))
    var dataMemory = DataOptions.standardMemory >> 20

    @Option(help: ArgumentHelp("Folder of that temporary file; it has no name there.", valueName: "folder"))
    var scratch = DataOptions().scratch

    @OptionGroup var limits: DataLimitArguments

    /// - Throws: ``CommandError`` for the first option that makes no sense by itself.
    func options(levels: Int) throws -> DataOptions {
        if grey, colour { throw CommandError("--grey and --colour exclude each other") }
        if keepAlpha, grey || colour { throw CommandError("--keep-alpha excludes --grey and --colour") }
        try check("--data-memory", dataMemory, in: 0...1 << 30)
        try check("--levels", levels, in: 2...256)
        var options = DataOptions(levels: levels)
        (options.size, options.fit, options.skipsBad) = (size, fit, skipBad)
        options.keepsAlpha = keepAlpha
        options.mode = grey ? .gray : colour ? .rgb : nil
        terms.apply(to: &options)
        (options.memory, options.scratch) = (dataMemory << 20, scratch)
        try limits.bound(&options)
        return options
    }
}

/// Options that say which images a command reads.
struct DataArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Images: \(dataFormats.layouts). Gzipped or not; other splits likewise, by the words \(Split.words). A tenth of "
                + "train by content stands in for a split that is not there.",
            valueName: "path"))
    var data: String

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp("Only images of this class, a name or a number from 0; may be repeated.", valueName: "class")
    )
    var only: [String] = []

    @OptionGroup var reading: ReadingArguments

    /// Images of one split; what a user should know of the data is said.
    /// - Throws: `DataError`; ``CommandError``.
    func load(_ split: Split, levels: Int) throws -> ImageDataSet { try load([split], levels: levels)[0] }

    /// Images of some splits, read together; what a user should know of the data is said.
    /// - Throws: `DataError`; ``CommandError``.
    func load(_ splits: [Split], levels: Int) throws -> [ImageDataSet] {
        let loaded = try Self.read(data, splits, reading.options(levels: levels))
        return try splits.map { split in
            let all = try loaded.images(split)
            return only.isEmpty ? all : try all.only(classes: only)
        }
    }

    /// Data at `path`, read while a terminal shows how many images there are.
    /// - Parameter says: whether what a user should know of the data is said.
    /// - Throws: `DataError`.
    static func read(
        _ path: String, _ splits: [Split], _ options: DataOptions, says: Bool = true
    ) throws -> LoadedData {
        var options = options
        let isShown = Terminal.showsProgress(outputIsElsewhere: true)
        if isShown { options.progress = { Terminal.showProgress("\(grouped($0)) images read") } }
        defer { if isShown { Terminal.showProgress("") } }
        let loaded = try LoadedData(path: path, splits: Set(splits), options: options)
        if isShown { Terminal.showProgress("") }
        if says { for line in loaded.report.lines { Terminal.warn("\(path): \(line)") } }
        return loaded
    }
}

/// Reason why a command refuses to go on, in one line.
struct CommandError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// Refuses numbers outside `range`, naming the option.
func check<Value: Comparable>(_ option: String, _ value: Value, in range: ClosedRange<Value>) throws {
    guard range.contains(value) else {
        throw CommandError("\(option) is \(value); it must be \(range.lowerBound) to \(range.upperBound)")
    }
}
