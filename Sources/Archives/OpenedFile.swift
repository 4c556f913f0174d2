/// What a file is by its first bytes, unfolded where they are gzip's: an archive, or anything else.
package enum OpenedFile {
    case archive(any ArchiveReader)
    case other(ByteReader)

    /// Looks at the first bytes, of which no more are waited for than it takes: who sends a line of JSON may wait for an answer to it.
    /// - Parameters:
    ///   - file: the file itself, where any part of it can be read; without it, a ZIP archive is read as it comes.
    ///   - limits: bounds of the archive, and of what gzip's bytes unfold to.
    /// - Throws: ``ArchiveError``.
    package init(
        _ bytes: ByteReader, file: RandomAccessFile?, limits: ArchiveLimits = ArchiveLimits()
    ) throws(ArchiveError) {
        try self.init(bytes, file: file, limits: limits, isUnfolded: false)
    }

    private init(
        _ bytes: ByteReader, file: RandomAccessFile?, limits: ArchiveLimits, isUnfolded: Bool
    ) throws(ArchiveError) {
        let start = try Self.start(of: bytes)
        if start.starts(with: [0x1f, 0x8b]), !isUnfolded {
            // a gzip stream in a gzip stream is neither
            try self.init(bytes.gunzipped(limits), file: nil, limits: limits, isUnfolded: true)
        } else if ZipReader.recognizes(start) {
            if let file {
                self = .archive(try ZipReader(file, limits: limits))
            } else {
                self = .archive(ZipStreamReader(bytes, limits: limits))
            }
        } else if TarReader.recognizes(start) {
            self = .archive(TarReader(bytes, limits: limits))
        } else {
            self = .other(bytes)
        }
    }

    /// First bytes, as many as tell what they are.
    package static func start(of bytes: ByteReader) throws(ArchiveError) -> ArraySlice<UInt8> {
        let there = try bytes.peek()
        return mayBeText(there) ? there : try bytes.peek(TarReader.blockBytes)
    }

    /// Whether bytes begin as JSON does (RFC 8259, section 2).
    private static func mayBeText(_ start: ArraySlice<UInt8>) -> Bool {
        start.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }.map {
            $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[")
        }
            ?? false
    }
}
