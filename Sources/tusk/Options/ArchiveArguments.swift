import Archives
import ArgumentParser

/// Options that bound what a folder has and what an archive, which may be a stranger's, unfolds to.
struct ArchiveArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Most files, folders and links of a folder or an archive.", valueName: "n"))
    var maxFiles = ArchiveLimits().entries

    @Option(help: ArgumentHelp("All of an archive, unpacked.", valueName: "bytes"))
    var maxArchiveBytes = ArchiveLimits().unpackedBytes

    @Option(help: ArgumentHelp("Unpacked bytes for each packed one of an archive.", valueName: "n"))
    var maxArchiveRatio = ArchiveLimits().ratio

    @Option(help: ArgumentHelp("Longest name in an archive, with its folders.", valueName: "bytes"))
    var maxNameBytes = ArchiveLimits().nameBytes

    /// The bounds of an archive.
    /// - Throws: ``CommandError`` for the first option that makes no sense.
    func limits() throws -> ArchiveLimits {
        try check("--max-files", maxFiles, in: 1...1 << 40)
        try check("--max-archive-bytes", maxArchiveBytes, in: 1024...1 << 50)
        try check("--max-archive-ratio", maxArchiveRatio, in: 1...1 << 30)
        try check("--max-name-bytes", maxNameBytes, in: 1...TarReader.maxExtensionBytes)
        return ArchiveLimits(
            unpackedBytes: maxArchiveBytes, entries: maxFiles, nameBytes: maxNameBytes, ratio: maxArchiveRatio)
    }
}
