public import ArgumentParser
import FlowModels
public import FlowTraining

extension Split: ExpressibleByArgument {}

/// Which images.
struct DataArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Images: IDX files (gzipped or not), NPY arrays, or PNG and JPEG files, one folder a class.",
            valueName: "path"))
    var data: String

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp("Only images of this class, a name or a number from 0; may be repeated.", valueName: "class"))
    var only: [String] = []

    /// - Throws: `DataError`; a `CommandError` for a class that is not there.
    func load(_ split: Split, levels: Int) throws -> ImageDataSet {
        let all = try ImageDataSet.load(path: data, split: split, levels: levels)
        return only.isEmpty ? all : all.only(classes: try only.map { try index(of: $0, in: all) })
    }

    private func index(of name: String, in set: ImageDataSet) throws -> Int {
        guard set.labels != nil else { throw CommandError("--class \(name): the images have no labels") }
        if let index = set.classes.firstIndex(of: name) { return index }
        if let index = Int(name), set.classes.indices.contains(index) { return index }
        throw CommandError(
            "--class \(name): there is no such class; there are \(set.classes.joined(separator: ", "))")
    }

    /// Names of the classes that ``load(_:levels:)`` keeps.
    func classNames(of set: ImageDataSet) throws -> [String] {
        try only.isEmpty ? set.classes : Set(only.map { try index(of: $0, in: set) }).sorted().map { set.classes[$0] }
    }
}

/// What a command refuses to do, in one line.
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
