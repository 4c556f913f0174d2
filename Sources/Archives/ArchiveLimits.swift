internal import System

/// Bounds of an archive, which may be a stranger's: a small one may unfold to any size, and list any number of files.
package struct ArchiveLimits: Sendable, Equatable {
    /// Most bytes of all that is read of it, unpacked.
    package var unpackedBytes: Int
    /// Most files, folders and links in it.
    package var entries: Int
    /// Most bytes of a name, with the folders in it.
    package var nameBytes: Int
    /// Most unpacked bytes for each packed one, of the whole archive; of less than ``ratioFloorBytes`` unpacked ones it is not asked.
    package var ratio: Int

    /// Unpacked bytes below which the ratio says nothing: 1 MiB.
    package static let ratioFloorBytes = 1 << 20

    /// - Parameters:
    ///   - unpackedBytes: by default 64 GiB.
    ///   - entries: by default 16,777,216.
    ///   - nameBytes: by default 4,096, which is Linux's for a path.
    ///   - ratio: by default 1,100; deflate itself gives at most 1,032 (zlib, Technical Details), and files of an archive that share
    ///     their bytes any number.
    package init(
        unpackedBytes: Int = 1 << 36, entries: Int = 1 << 24, nameBytes: Int = 4096, ratio: Int = 1100
    ) {
        self.unpackedBytes = unpackedBytes
        self.entries = entries
        self.nameBytes = nameBytes
        self.ratio = ratio
    }

    /// Holds what came out of an archive against what went in.
    /// - Throws: ``ArchiveError/tooLarge(quantity:limit:)``.
    package func checkRatio(unpacked: Int, packed: Int) throws(ArchiveError) {
        if unpacked >= Self.ratioFloorBytes, unpacked / ratio > packed {
            throw .tooLarge(quantity: "unpacked bytes for each packed one", limit: ratio)
        }
    }

    /// Holds what came out of all files of an archive so far against ``unpackedBytes``, and against what went in.
    /// - Throws: ``ArchiveError/tooLarge(quantity:limit:)``.
    func checkUnpacked(_ unpacked: Int, packed: Int) throws(ArchiveError) {
        if unpacked > unpackedBytes { throw .tooLarge(quantity: "unpacked bytes", limit: unpackedBytes) }
        try checkRatio(unpacked: unpacked, packed: packed)
    }

    /// - Throws: ``ArchiveError/tooLarge(quantity:limit:)`` where `count` is more than ``entries``.
    func checkEntries(_ count: Int) throws(ArchiveError) {
        if count > entries { throw .tooLarge(quantity: "entries", limit: entries) }
    }

    /// An entry with these contents; of a longer name than ``nameBytes`` its end, and no contents.
    func entry(_ name: [UInt8], _ contents: ArchiveEntry.Contents) -> ArchiveEntry {
        if name.count <= nameBytes { return ArchiveEntry(name: FileName(name), contents: contents) }
        return ArchiveEntry(
            name: FileName(name.suffix(nameBytes)),
            contents: .unreadable(.tooLarge(quantity: "bytes in its name", limit: nameBytes)))
    }
}
