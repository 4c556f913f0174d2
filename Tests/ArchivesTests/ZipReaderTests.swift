import Archives
import Compression
import Foundation
import System
import TestSupport
import Testing

@Suite("ZIP archives")
final class ZipReaderTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString).zip").path
    private let content: [UInt8] = (0..<3000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private func reader(_ bytes: [UInt8], _ limits: ArchiveLimits = ArchiveLimits()) throws -> ZipReader {
        try Data(bytes).write(to: URL(filePath: path))
        return try ZipReader(RandomAccessFile(path), limits: limits)
    }

    private func deflated(_ name: String, _ bytes: [UInt8]) -> ArchiveBuilder.ZipFile {
        // without zlib's header and checksum
        ArchiveBuilder.ZipFile(
            name: name, size: bytes.count, checksum: unsafe crc32(bytes.span.bytes),
            stored: Array(deflate(bytes, coding: .deflate).dropFirst(2).dropLast(4)))
    }

    private func stored(_ name: String, _ bytes: [UInt8]) -> ArchiveBuilder.ZipFile {
        var file = ArchiveBuilder.ZipFile(
            name: name, size: bytes.count, checksum: unsafe crc32(bytes.span.bytes), stored: bytes)
        file.method = 0
        return file
    }

    @Test(
        "stored and deflated files come back, folders do not, with fields of 32 bits or 64", arguments: [false, true])
    func plain(_ isLarge: Bool) throws {
        let bytes = ArchiveBuilder.zip(
            [
                deflated("a.png", content), stored("folder/", []), stored("folder/b", [1, 2, 3]), deflated("empty", []),
                stored("../../etc/passwd", [4]), stored("C:\\x", [5]),
            ], isLarge: isLarge, comment: "PK\u{5}\u{6} is how a directory's end begins")
        #expect(ZipReader.recognizes(bytes[...]))
        let found = files(in: try reader(bytes))
        #expect(found.error == nil)
        #expect(
            found.files == [
                "a.png": content, "folder/b": [1, 2, 3], "empty": [], "../../etc/passwd": [4], "C:/x": [5],
            ])
        #expect(files(in: try reader(ArchiveBuilder.zip([]))).files.isEmpty)
    }

    @Test("names are as flag, field and system of the archive say, and links are none")
    func names() throws {
        let umlaut: [UInt8] = [0x81, 0x62]  // üb in code page 437
        func named(_ name: [UInt8], flags: Int = 0, system: Int = 0, mode: Int = 0, extra: [UInt8] = [])
            -> ArchiveBuilder.ZipFile
        {
            var file = stored("", [1])
            (file.name, file.flags, file.system, file.mode, file.extra) = (name, flags, system, mode, extra)
            return file
        }
        func field(_ sum: UInt32) -> [UInt8] {
            let number = (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
            return [0x75, 0x70, 9, 0, 1] + number + Array("fiel".utf8)
        }
        let sum = unsafe crc32(umlaut.span.bytes)
        let archive = try reader(
            ArchiveBuilder.zip([
                named(umlaut), named(umlaut, system: 3), named(Array("öl".utf8), flags: 1 << 11),
                named(umlaut, extra: field(sum)), named(umlaut, extra: field(sum ^ 1)), named(Array("a\\b".utf8)),
                named(Array("a\\b".utf8), system: 3), named(Array("link".utf8), system: 3, mode: 0o120777),
                named(Array("folder".utf8), system: 3, mode: 0o040755),
            ]))
        var found: [String] = []
        while let entry = try archive.next() {
            if case .other(let kind) = entry.contents { found.append(kind) } else { found.append("\(entry.name)") }
        }
        #expect(found == ["üb", "\\x81b", "öl", "fiel", "üb", "a/b", "a\\b", "symbolic link"])
    }

    @Test("what is wrong with a file is no fault of the others")
    func oneBadFile() throws {
        var sum = stored("sum", [1, 2])
        sum.checksum ^= 1
        var long = deflated("long", content)
        long.size -= 1
        var short = deflated("short", content)
        short.size += 1
        var cut = deflated("cut", content)
        cut.stored.removeLast()
        var secret = stored("secret", [1])
        secret.flags = 1
        var lzma = stored("lzma", [1])
        lzma.method = 14
        let archive = try reader(
            ArchiveBuilder.zip([sum, long, short, cut, secret, lzma, stored("good", [9])]))
        var found: [String: Result<[UInt8], ArchiveError>] = [:]
        while let entry = try archive.next() {
            found[entry.name.description] = Result { () throws(ArchiveError) in try entry.bytes().rest(limit: 5000) }
        }
        #expect(
            found == [
                "sum": .failure(.damaged(reason: "a file's checksum is wrong")),
                "long": .failure(.damaged(reason: "a file has another size")),
                "short": .failure(.damaged(reason: "a file has another size")),
                "cut": .failure(.truncated), "secret": .failure(.unsupported(feature: "encryption")),
                "lzma": .failure(.unsupported(feature: "LZMA compression (method 14)")), "good": .success([9]),
            ])
    }

    @Test("an archive cut off anywhere is an error")
    func cut() throws {
        let bytes = ArchiveBuilder.zip([stored("a", [1, 2, 3]), stored("b", [4])])
        for length in 0..<bytes.count {
            #expect(throws: ArchiveError.self, "\(length)") {
                let archive = try reader(Array(bytes[..<length]))
                while let entry = try archive.next() { _ = try entry.bytes().rest(limit: 100) }
            }
        }
    }

    @Test("no byte of an archive, changed, makes more than an error")
    func changed() throws {
        let bytes = ArchiveBuilder.zip([deflated("a", [1, 2, 3]), stored("b", [4])], isLarge: true)
        for place in bytes.indices {
            for value: UInt8 in [0, 0x7f, 0xff] {
                var other = bytes
                other[place] = value
                if let archive = try? reader(other) { _ = files(in: archive) }
            }
        }
    }

    @Test("entries that share their bytes unfold to no more than the limit; one file has a limit too")
    func bomb() throws {
        let file = deflated("zeros", [UInt8](repeating: 0, count: 100_000))
        let bytes = ArchiveBuilder.zip(Array(repeating: file, count: 10), sharesFirst: true)
        #expect(bytes.count < 2000)
        let enough = files(in: try reader(bytes, ArchiveLimits(unpackedBytes: 1_000_000)))
        #expect(enough.error == nil && enough.files.count == 1)
        let short = try reader(bytes, ArchiveLimits(unpackedBytes: 999_999))
        #expect(files(in: short).error == .tooLarge(quantity: "unpacked bytes", limit: 999_999))
        // nor does it go on
        #expect(throws: ArchiveError.self) { try short.next() }
        #expect(files(in: try reader(bytes), limit: 100_000).error == nil)
        #expect(files(in: try reader(bytes), limit: 99_999).error == .tooLarge(quantity: "bytes", limit: 99_999))
    }

    @Test("entries, names and the ratio of all bytes to packed ones have a limit")
    func limits() throws {
        let bytes = ArchiveBuilder.zip([stored("folder/", []), stored("abc", [1])])
        #expect(files(in: try reader(bytes, ArchiveLimits(entries: 2))).error == nil)
        #expect(
            files(in: try reader(bytes, ArchiveLimits(entries: 1))).error == .tooLarge(quantity: "entries", limit: 1))
        #expect(files(in: try reader(bytes, ArchiveLimits(nameBytes: 3))).files == ["abc": [1]])
        let long = try #require(try reader(bytes, ArchiveLimits(nameBytes: 2)).next())
        #expect(throws: ArchiveError.tooLarge(quantity: "bytes in its name", limit: 2)) { try long.bytes() }
        let zeros = [UInt8](repeating: 0, count: 2 << 20)
        let folded = ArchiveBuilder.zip([deflated("zeros", zeros)])
        let ratio = zeros.count / folded.count
        #expect(files(in: try reader(folded, ArchiveLimits(ratio: ratio)), limit: zeros.count).error == nil)
        #expect(
            files(in: try reader(folded, ArchiveLimits(ratio: ratio - 1)), limit: zeros.count).error
                == .tooLarge(quantity: "unpacked bytes for each packed one", limit: ratio - 1))
        // what others call a bomb: files that share their bytes
        let bomb = ArchiveBuilder.zip(Array(repeating: deflated("zeros", zeros), count: 10), sharesFirst: true)
        #expect(
            files(in: try reader(bomb), limit: zeros.count).error
                == .tooLarge(quantity: "unpacked bytes for each packed one", limit: 1100))
        let gzip = deflate(zeros, coding: .gzip)
        let most = zeros.count / gzip.count
        #expect(try ByteReader(gzip).gunzipped(ArchiveLimits(ratio: 2 * most)).rest(limit: zeros.count) == zeros)
        #expect(throws: ArchiveError.tooLarge(quantity: "unpacked bytes for each packed one", limit: most / 2)) {
            try ByteReader(gzip).gunzipped(ArchiveLimits(ratio: most / 2)).rest(limit: zeros.count)
        }
    }

    @Test("a directory that lists another number of files is damaged, and volumes are refused")
    func directory() throws {
        let bytes = ArchiveBuilder.zip([stored("a", [1]), stored("b", [2])])
        let end = bytes.count - 22
        for (place, error) in [
            (10, ArchiveError.damaged(reason: "its directory has another number of files than it says")),
            (4, .unsupported(feature: "several volumes")),
            (16, .damaged(reason: "its directory is not where it should be")),
        ] {
            var other = bytes
            other[end + place] += place == 16 ? 20 : 1
            #expect(throws: error) {
                let archive = try reader(other)
                while try archive.next() != nil {}
            }
        }
    }

    @Test("folders, pipes and what is not there are refused at once")
    func others() {
        for (path, code) in [("/", EISDIR), ("/dev/null", ESPIPE), (path, ENOENT)] {
            #expect(throws: ArchiveError.system(SystemError(code))) { try RandomAccessFile(path) }
        }
    }
}
