import ArgumentParser
import DataSets
import FlowCore
import FlowTraining
import FoundationEssentials
import Imaging
import System

struct Prepare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Makes a data set of images as they are: one size, one colour mode, splits, a report and a sheet to look at.",
        discussion: """
            FOLDER gets train.npy, validation.npy and test.npy, with -labels.npy and classes.txt where there are classes, \
            prepared.json, which says what was done, and prepared.png, some of the images; tusk train --data FOLDER learns from it. \
            Images of several sizes, or larger than 64 pixels a side, become 32x32, colour where any is, unless an option says otherwise. \
            Standard input is read once: there images of several sizes need --size. Splits are those of the data, or tenths by the content of each image.
            """)

    @Option(help: ArgumentHelp("Images: \(dataFormats.layouts). Gzipped or not.", valueName: "path"))
    var data: String

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp("Only images of this class, a name or a number from 0; may be repeated.", valueName: "class")
    )
    var only: [String] = []

    @OptionGroup(title: "Reading") var reading: ReadingArguments

    @Option(help: ArgumentHelp("Folder to write; made where it is not there.", valueName: "folder"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "Values of a pixel: those of the images, or fewer, to which they are reduced. tusk train takes as many from prepared.json.",
            valueName: "n"))
    var levels: Int?

    @Option(
        help: ArgumentHelp(
            "Count images of validation and test that nearly are training images: their difference hashes of 64 bits differ in so many "
                + "at most; 0 to 15.", valueName: "bits"))
    var nearDuplicates: Int?

    @Option(help: "Seed of the choice of images on the sheet.")
    var seed: UInt64 = 0

    @Flag(help: "Replace the files of a set that is there.")
    var overwrite = false

    /// Longest side of images that stay as they are, pixels.
    private static let mostSide = 64
    /// Size of others.
    private static let standardSize = ImageSize(height: 32, width: 32)
    /// Images on the sheet.
    private static let shown = 100

    func run() throws {
        let known = PreparedSet.levels(in: data) ?? 256
        let levels = levels ?? known
        try check("--levels", levels, in: 2...known)
        if let nearDuplicates { try check("--near-duplicates", nearDuplicates, in: 0...15) }
        let there = PreparedSet.fileNames.map { "\(output)/\($0)" }.filter(exists)
        if let first = there.first, !overwrite {
            throw CommandError("--output \(output): \(first) is there, and would be replaced; --overwrite does so")
        }
        let loaded = try read(levels: known)
        let sets = try loaded.parts().map { ($0.split, only.isEmpty ? $0.images : try $0.images.only(classes: only)) }
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        // a split that the new set lacks must not stay behind from the old one
        for path in there { try FileManager.default.removeItem(atPath: path) }
        let isShown = Terminal.showsProgress(outputIsElsewhere: true)
        var written: PreparedSet.Summary?
        try namingFile(output) {
            written = try PreparedSet.write(sets, to: output, levels: levels, nearDistance: nearDuplicates) { count in
                if isShown { Terminal.showProgress("\(grouped(count)) images written") }
            }
        }
        guard let summary = written else { preconditionFailure("written, or thrown") }
        if isShown { Terminal.showProgress("") }
        try writeFile(encodePNG(sheet(of: sets[0].1, levels: levels)), to: "\(output)/\(PreparedSet.sheetName)")
        let report = PreparationReport(
            source: data, fit: reading.fit, background: reading.terms.background ?? .white, summary: summary,
            report: loaded.report)
        try writeFile(report.json(), to: "\(output)/\(PreparedSet.reportName)")
        for line in report.lines(output: output) { Terminal.line(line) }
    }

    /// The images, brought to a size and a colour mode where they have several.
    private func read(levels: Int) throws -> LoadedData {
        var options = try reading.options(levels: levels)
        options.roundsTo8Bits = true
        do {
            let loaded = try DataArguments.read(data, [.all], options, says: false)
            let shape = try loaded.images(.all).shape
            if options.size == nil, max(shape.height, shape.width) > Self.mostSide, canBeReadAgain {
                options.size = Self.standardSize
                say("images are \(ImageSize(height: shape.height, width: shape.width))", options)
                return try DataArguments.read(data, [.all], options)
            }
            for line in loaded.report.lines { Terminal.warn("\(data): \(line)") }
            return loaded
        } catch DataError.mixedShapes(_, let shapes) where canBeReadAgain {
            let sizes = Set(shapes.map { "\(ImageSize(height: $0.shape.height, width: $0.shape.width))" })
            let modes = Set(shapes.map(\.shape.channels))
            if options.size == nil, sizes.count > 1 { options.size = Self.standardSize }
            if options.mode == nil, modes.count > 1 { options.mode = modes.contains { $0 > 2 } ? .rgb : .gray }
            say("images have \(counted(sizes.count, "size")) and \(counted(modes.count, "colour mode"))", options)
            return try DataArguments.read(data, [.all], options)
        }
    }

    /// Whether the data can be read once more; what standard input was is gone.
    private var canBeReadAgain: Bool { data != "-" }

    private func say(_ what: String, _ options: DataOptions) {
        let ground = options.fit == .contain ? " on \(options.background) (--background)" : ""
        let size = options.size.map { "\($0) (--size), \(options.fit.rawValue) (--fit)\(ground)" }
        let mode = options.mode.map { $0 == .rgb ? "colour (--colour)" : "gray (--grey)" }
        Terminal.line("\(what); brought to " + [size, mode].compactMap(\.self).joined(separator: ", "))
    }

    /// Sheet of some of the training images, chosen at random.
    private func sheet(of images: ImageDataSet, levels: Int) throws -> Image {
        let shape = images.shape
        guard let mode = ColorMode(channels: shape.channels) else {
            throw CommandError("images have \(shape.channels) channels; no picture has so many")
        }
        let spread = SpreadLevels(levels)
        let pictures = try images.chosen(Self.shown, seed: seed).map { pixels in
            Image(
                width: shape.width, height: shape.height, mode: mode,
                pixels: spread.spread(spread.reduced(pixels, of: images.levels)))
        }
        return contactSheet(pictures, scale: sheetScale(height: shape.height, width: shape.width))
    }
}

/// What a preparation made, for people and for programs.
struct PreparationReport {
    let source: String
    /// How images of another shape were brought to the size.
    let fit: ImageFit
    let background: Background
    let summary: PreparedSet.Summary
    let report: DataReport

    private var splits: [(name: String, count: Int)] {
        Split.allCases.compactMap { split in summary.counts[split].map { (split.rawValue, $0) } }
    }

    /// Lines of the report.
    func lines(output: String) -> [String] {
        let shape = summary.shape
        let counts = splits.map { "\(grouped($0.count)) \($0.name)" }.joined(separator: ", ")
        var lines = ["\(output): \(counts); \(shape), \(summary.levels) levels"]
        if !summary.classes.isEmpty {
            let names = summary.classes.prefix(10).joined(separator: ", ") + (summary.classes.count > 10 ? ", …" : "")
            lines.append("\(summary.classes.count == 1 ? "class" : "classes"): \(names)")
        }
        if report.converted > 0 {
            lines.append("\(grouped(report.converted)) images were resized or changed in colour mode")
        }
        if report.distinct < report.images {
            lines.append(
                "\(grouped(report.images - report.distinct)) of \(grouped(report.images)) are copies of others, as such or mirrored"
            )
        }
        for (split, count) in (summary.nearDuplicates ?? [:]).sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("\(grouped(count)) of the \(split.rawValue) images are nearly a training image")
        }
        lines.append("look at \(output)/\(PreparedSet.sheetName), then: tusk train --data \(output)")
        return lines
    }

    /// The report as JSON.
    /// - Throws: what the encoder throws.
    func json() throws -> [UInt8] {
        struct Document: Encodable {
            var source: String
            var height: Int
            var width: Int
            var channels: Int
            var levels: Int
            var fit: String
            var background: String
            var splits: [String: Int]
            var classes: [String]
            var class_counts: [String: [Int]]
            var images: Int
            var distinct: Int
            var converted: Int
            var of_one_colour: Int
            var duplicates_of_training_images: [String: Int]
            var near_duplicates: [String: Int]?
            var files_not_used: [String: Int]
            var skipped: [String]
            var skipped_count: Int
        }
        func named<Value>(_ values: [Split: Value]) -> [String: Value] {
            Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, $0.value) })
        }
        let shape = summary.shape
        let document = Document(
            source: source, height: shape.height, width: shape.width, channels: shape.channels, levels: summary.levels,
            fit: fit.rawValue, background: background.description, splits: named(summary.counts),
            classes: summary.classes, class_counts: named(summary.classCounts),
            images: report.images, distinct: report.distinct, converted: report.converted,
            of_one_colour: report.constant, duplicates_of_training_images: named(report.duplicates),
            near_duplicates: summary.nearDuplicates.map(named), files_not_used: report.unused.counts,
            skipped: report.bad.first.map(\.description), skipped_count: report.bad.count)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(document)) + [0x0a]
    }
}
