internal import System

/// Reader of tape archives: those of version 7 of Unix, POSIX ustar and pax, and what GNU tar adds for long names and large numbers.
///
/// Archives one behind the other, as `cat a.tar b.tar` makes them, are read as one.
///
/// Source: IEEE Std 1003.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".
package final class TarReader: ArchiveReader {
    private let bytes: ByteReader
    private let limits: ArchiveLimits
    /// Contents of the file that was returned last.
    private var contents: ByteReader?
    /// Zeros that fill the last block of that file.
    private var padding = 0
    /// Whether a block of zeros was read, of which two end an archive.
    private var isBehindEnd = false
    /// Entries that were read.
    private var entries = 0

    static let blockBytes = 512
    /// Most bytes of a header that says more of the next file.
    package static let maxExtensionBytes = 1 << 20

    package init(_ bytes: ByteReader, limits: ArchiveLimits = ArchiveLimits()) {
        self.bytes = bytes.limited(to: limits.unpackedBytes, "unpacked bytes")
        self.limits = limits
    }

    /// Whether bytes begin as an archive does: with a header whose checksum is right, or, of an empty one, with a block of zeros.
    package static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count >= blockBytes else { return false }
        let block = Array(bytes.prefix(blockBytes))
        return isZero(block) || TarHeader(block) != nil
    }

    private static func isZero(_ block: [UInt8]) -> Bool { block.allSatisfy { $0 == 0 } }

    package func next() throws(ArchiveError) -> ArchiveEntry? {
        try passContents()
        var extra = TarExtension()
        while let header = try header() {
            switch header.type {
            case UInt8(ascii: "x"), UInt8(ascii: "X"): try extra.add(pax: try extensionBytes(header))
            case UInt8(ascii: "L"): extra.name = Array(try extensionBytes(header).prefix { $0 != 0 })
            // long targets of links, and what all files of the archive have in common
            case UInt8(ascii: "K"), UInt8(ascii: "g"): _ = try extensionBytes(header)
            default:
                if let entry = try entry(header, extra) { return entry }
                extra = TarExtension()
            }
        }
        if !extra.isEmpty { throw .truncated }
        return nil
    }

    /// The next header; nil at the end.
    private func header() throws(ArchiveError) -> TarHeader? {
        while true {
            let block = try bytes.read(Self.blockBytes)
            // some writers leave out the blocks at the end
            if block.isEmpty { return nil }
            if Self.isZero(block) {
                if block.count < Self.blockBytes, !isBehindEnd { throw .truncated }
                isBehindEnd = true
                continue
            }
            guard block.count == Self.blockBytes || isBehindEnd else { throw .truncated }
            guard block.count == Self.blockBytes, let header = TarHeader(block) else {
                throw .damaged(
                    reason: isBehindEnd ? "what follows its end is no archive" : "a header's checksum is wrong")
            }
            isBehindEnd = false
            return header
        }
    }

    /// The entry that a header begins; nil, when it was passed over, for a folder.
    private func entry(_ header: TarHeader, _ extra: TarExtension) throws(ArchiveError) -> ArchiveEntry? {
        entries += 1
        try limits.checkEntries(entries)
        let name = extra.name ?? header.name
        // links, devices, folders and pipes have no bytes, whatever size their headers name
        if let kind = header.kindWithoutBytes { return limits.entry(name, .other(kind: kind)) }
        if header.type == UInt8(ascii: "5") { return nil }
        guard let size = extra.size ?? header.size else { throw .damaged(reason: "a size is no number") }
        var isSparse = extra.isSparse
        if header.type == UInt8(ascii: "S") {
            isSparse = true
            try passSparseMaps(header)
        }
        let bytes = self.bytes.part(size)
        contents = bytes
        padding = (Self.blockBytes - size % Self.blockBytes) % Self.blockBytes
        // old archives have folders as files with a slash behind their names
        if header.isFile, !(header.type == 0 && name.last == UInt8(ascii: "/")) {
            return limits.entry(name, isSparse ? .other(kind: "sparse file") : .file(bytes))
        }
        if let kind = header.otherKind { return limits.entry(name, .other(kind: kind)) }
        try passContents()
        return nil
    }

    /// Passes over what is left of a file and its last block.
    private func passContents() throws(ArchiveError) {
        guard let contents else { return }
        try contents.skip(.max)
        guard try bytes.skip(padding) == padding else { throw .truncated }
        self.contents = nil
    }

    /// Passes over the blocks that list more pieces of a sparse file than its header holds.
    private func passSparseMaps(_ header: TarHeader) throws(ArchiveError) {
        var hasMore = header.hasMoreSparseMaps
        while hasMore {
            let block = try bytes.read(Self.blockBytes)
            guard block.count == Self.blockBytes else { throw .truncated }
            hasMore = block[504] != 0
        }
    }

    /// Contents of a header that says more of the next file.
    private func extensionBytes(_ header: TarHeader) throws(ArchiveError) -> [UInt8] {
        guard let size = header.size else { throw .damaged(reason: "a size is no number") }
        guard size <= Self.maxExtensionBytes else {
            throw .tooLarge(quantity: "bytes in a header", limit: Self.maxExtensionBytes)
        }
        let extra = try bytes.part(size).read(size)
        let padding = (Self.blockBytes - size % Self.blockBytes) % Self.blockBytes
        guard try bytes.skip(padding) == padding else { throw .truncated }
        return extra
    }
}
