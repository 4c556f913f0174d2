/// File in an archive. Its name is a name only: nothing is ever written to it.
package struct ArchiveEntry {
    /// Name as the archive has it, folders and all; bytes that are no UTF-8 are replaced.
    package let name: String
    /// The file's bytes, or why they cannot be read.
    package let contents: Result<ByteReader, ArchiveError>
}

/// Bounds of an archive.
package struct ArchiveLimits: Sendable {
    /// Most bytes of all that is read of it, unpacked: a small archive may unfold to any size.
    package var unpackedBytes: Int

    /// - Parameter unpackedBytes: by default 64 GiB.
    package init(unpackedBytes: Int = 1 << 36) { self.unpackedBytes = unpackedBytes }
}

/// Archive whose files are read one after the other.
package protocol ArchiveReader: AnyObject {
    /// The next file; nil behind the last. The one before it cannot be read any more. Folders, links and devices are passed over.
    /// - Throws: ``ArchiveError``, after which there is no next file.
    func next() throws(ArchiveError) -> ArchiveEntry?
}
