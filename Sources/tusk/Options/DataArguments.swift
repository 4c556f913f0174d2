public import ArgumentParser
public import DataSets

extension Split: ExpressibleByArgument {}

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

    /// - Throws: `DataError`.
    func load(_ split: Split, levels: Int) throws -> ImageDataSet {
        let all = try ImageDataSet.load(path: data, split: split, levels: levels)
        return only.isEmpty ? all : try all.only(classes: only)
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
