import Archives
import ArgumentParser
import DataSets

/// Options that bound what a folder has, what a table has, and what an archive or an Arrow file, which may be a stranger's, unfolds to.
struct DataLimitArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Most files, folders and links of a folder or an archive.", valueName: "n"))
    var maxFiles = ArchiveLimits().entries

    @Option(help: ArgumentHelp("All of an archive, unpacked.", valueName: "bytes"))
    var maxArchiveBytes = ArchiveLimits().unpackedBytes

    @Option(help: ArgumentHelp("Unpacked bytes for each packed one of an archive.", valueName: "n"))
    var maxArchiveRatio = ArchiveLimits().ratio

    @Option(help: ArgumentHelp("Longest name in an archive, with its folders.", valueName: "bytes"))
    var maxNameBytes = ArchiveLimits().nameBytes

    @Option(
        help: ArgumentHelp(
            "All of a batch of an Arrow file that comes from a pipe or is compressed, unpacked.", valueName: "bytes"))
    var maxBatchBytes = DataOptions().batchBytes

    @Option(help: ArgumentHelp("Longest field of a CSV table.", valueName: "bytes"))
    var maxFieldBytes = DataOptions().fieldBytes

    @Option(help: ArgumentHelp("Most fields of a line of a CSV table.", valueName: "n"))
    var maxFields = DataOptions().fields

    /// Sets the bounds of a data set.
    /// - Throws: ``CommandError`` for the first option that makes no sense.
    func bound(_ options: inout DataOptions) throws {
        options.archive = try archive()
        try check("--max-batch-bytes", maxBatchBytes, in: 1024...1 << 40)
        try check("--max-field-bytes", maxFieldBytes, in: 1...1 << 30)
        try check("--max-fields", maxFields, in: 1...1 << 24)
        (options.batchBytes, options.fieldBytes, options.fields) = (maxBatchBytes, maxFieldBytes, maxFields)
    }

    /// The bounds of an archive.
    /// - Throws: ``CommandError`` for the first option that makes no sense.
    func archive() throws -> ArchiveLimits {
        try check("--max-files", maxFiles, in: 1...1 << 40)
        try check("--max-archive-bytes", maxArchiveBytes, in: 1024...1 << 50)
        try check("--max-archive-ratio", maxArchiveRatio, in: 1...1 << 30)
        try check("--max-name-bytes", maxNameBytes, in: 1...TarReader.maxExtensionBytes)
        return ArchiveLimits(
            unpackedBytes: maxArchiveBytes, entries: maxFiles, nameBytes: maxNameBytes, ratio: maxArchiveRatio)
    }
}
