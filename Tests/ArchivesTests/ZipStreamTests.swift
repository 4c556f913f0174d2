import Archives
import Compression
import TestSupport
import Testing

@Suite("ZIP archives from a stream")
struct ZipStreamTests {
    private func file(_ name: String, _ bytes: [UInt8], method: Int = 8) -> ArchiveBuilder.ZipFile {
        var file = ArchiveBuilder.ZipFile(
            name: name, size: bytes.count, checksum: unsafe crc32(bytes.span.bytes),
            stored: method == 8 ? Array(deflate(bytes, coding: .deflate).dropFirst(2).dropLast(4)) : bytes)
        file.method = method
        return file
    }

    /// A reader that gets `bytes` in pieces of `size`.
    private func reader(_ bytes: [UInt8], size: Int = 1000, _ limits: ArchiveLimits = ArchiveLimits())
        -> ZipStreamReader
    {
        var rest = bytes[...]
        let pieces = ByteReader {
            defer { rest = rest.dropFirst(size) }
            return Array(rest.prefix(size))
        }
        return ZipStreamReader(pieces, limits: limits)
    }

    @Test("stored and deflated files come in their order, in pieces of any size", arguments: [1, 2, 30, 1000])
    func plain(_ size: Int) throws {
        let long = (0..<3000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let bytes = ArchiveBuilder.zip([
            file("a", long), file("folder/", [], method: 0), file("b", [1, 2], method: 0), file("c", []),
        ])
        let found = files(in: reader(bytes, size: size))
        #expect(found.error == nil && found.files == ["a": long, "b": [1, 2], "c": []])
        let skipped = reader(bytes, size: size)
        var names: [String] = []
        while let entry = try skipped.next() { names.append("\(entry.name)") }
        #expect(names == ["a", "b", "c"])
        #expect(files(in: reader(ArchiveBuilder.zip([]), size: size)).files.isEmpty)
    }

    @Test("what the directory lists must be what was read")
    func confirmed() throws {
        let two = ArchiveBuilder.zip([file("a", [1], method: 0), file("b", [2], method: 0)])
        let shared = ArchiveBuilder.zip([file("a", [1]), file("b", [1])], sharesFirst: true)
        for bytes in [shared, two.replacing([0x50, 0x4b, 1, 2], with: [0x50, 0x4b, 5, 6], maxReplacements: 1)] {
            #expect(
                files(in: reader(bytes)).error
                    == .damaged(reason: "its directory has other files than stand before it"))
        }
        var wrong = file("a", [1, 2])
        wrong.checksum ^= 1
        #expect(files(in: reader(ArchiveBuilder.zip([wrong]))).error == .damaged(reason: "a file's checksum is wrong"))
        for length in 0..<two.count - 18 {
            let error = files(in: reader(Array(two[..<length]))).error
            #expect(error != nil, "\(length)")
        }
    }

    @Test("what cannot be read is passed over where its length is known, and limits hold")
    func refused() throws {
        var secret = file("secret", [1], method: 0)
        secret.flags = 1
        let archive = reader(ArchiveBuilder.zip([secret, file("good", [9])]))
        let first = try #require(try archive.next())
        #expect(throws: ArchiveError.unsupported(feature: "encryption")) { try first.bytes() }
        #expect(try archive.next()?.bytes().rest(limit: 10) == [9])
        #expect(try archive.next() == nil)
        let zeros = [UInt8](repeating: 0, count: 2 << 20)
        let bytes = ArchiveBuilder.zip([file("zeros", zeros), file("more", [])])
        for (limits, quantity, limit) in [
            (ArchiveLimits(unpackedBytes: zeros.count - 1), "unpacked bytes", zeros.count - 1),
            (ArchiveLimits(entries: 1), "entries", 1),
            (ArchiveLimits(ratio: 100), "unpacked bytes for each packed one", 100),
        ] {
            #expect(
                files(in: reader(bytes, limits), limit: zeros.count).error
                    == .tooLarge(quantity: quantity, limit: limit))
        }
        let enough = ArchiveLimits(unpackedBytes: zeros.count, entries: 2)
        #expect(files(in: reader(bytes, enough), limit: zeros.count).error == nil)
    }
}
