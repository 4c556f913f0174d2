import Archives
import ArgumentParser

/// Options that bound what an archive, which may be a stranger's, unfolds to.
struct ArchiveArguments: ParsableArguments {
    @Option(help: ArgumentHelp("All of an archive, unpacked.", valueName: "bytes"))
    var maxArchiveBytes = ArchiveLimits().unpackedBytes

    @Option(help: ArgumentHelp("Unpacked bytes for each packed one of an archive.", valueName: "n"))
    var maxArchiveRatio = ArchiveLimits().ratio

    @Option(help: ArgumentHelp("Longest name in an archive, with its folders.", valueName: "bytes"))
    var maxNameBytes = ArchiveLimits().nameBytes

    /// The bounds, with those of the number of entries.
    /// - Throws: ``CommandError`` for the first option that makes no sense.
    func limits(entries: Int) throws -> ArchiveLimits {
        try check("--max-archive-bytes", maxArchiveBytes, in: 1024...1 << 50)
        try check("--max-archive-ratio", maxArchiveRatio, in: 1...1 << 30)
        try check("--max-name-bytes", maxNameBytes, in: 1...TarReader.maxExtensionBytes)
        return ArchiveLimits(
            unpackedBytes: maxArchiveBytes, entries: entries, nameBytes: maxNameBytes, ratio: maxArchiveRatio)
    }
}
