package import System

/// What an archive has under a name. The name is a name only: nothing is ever written to it.
package struct ArchiveEntry {
    /// What stands behind the name.
    package enum Contents {
        /// A file, with its bytes.
        case file(ByteReader)
        /// A file whose bytes cannot be read, and why.
        case unreadable(ArchiveError)
        /// No file, but a `kind` of thing that has no bytes of its own, such as "symbolic link".
        case other(kind: String)
    }

    /// Name as the archive has it, folders and all.
    package let name: FileName
    package let contents: Contents

    /// The file's bytes.
    /// - Throws: ``ArchiveError``; ``ArchiveError/unsupported(feature:)`` where it is no file.
    package func bytes() throws(ArchiveError) -> ByteReader {
        switch contents {
        case .file(let bytes): return bytes
        case .unreadable(let error): throw error
        case .other(let kind): throw .unsupported(feature: "a \(kind)")
        }
    }
}

/// Archive whose files are read one after the other.
package protocol ArchiveReader: AnyObject {
    /// What comes next; nil behind the last. The file before it cannot be read any more. Folders are passed over.
    /// - Throws: ``ArchiveError``, after which there is nothing next.
    func next() throws(ArchiveError) -> ArchiveEntry?
}
