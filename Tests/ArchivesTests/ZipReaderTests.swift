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
                "a.png": content, "folder/b": [1, 2, 3], "empty": [], "../../etc/passwd": [4], "C:\\x": [5],
            ])
        #expect(files(in: try reader(ArchiveBuilder.zip([]))).files.isEmpty)
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
            found[entry.name] = Result { () throws(ArchiveError) in try entry.contents.get().rest(limit: 5000) }
        }
        #expect(
            found == [
                "sum": .failure(.damaged(reason: "a file's checksum is wrong")),
                "long": .failure(.damaged(reason: "a file has another size")),
                "short": .failure(.damaged(reason: "a file has another size")),
                "cut": .failure(.truncated), "secret": .failure(.unsupported(feature: "encryption")),
                "lzma": .failure(.unsupported(feature: "compression method 14")), "good": .success([9]),
            ])
    }

    @Test("an archive cut off anywhere is an error")
    func cut() throws {
        let bytes = ArchiveBuilder.zip([stored("a", [1, 2, 3]), stored("b", [4])])
        for length in 0..<bytes.count {
            #expect(throws: ArchiveError.self, "\(length)") {
                let archive = try reader(Array(bytes[..<length]))
                while let entry = try archive.next() { _ = try entry.contents.get().rest(limit: 100) }
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

    @Test("folders, pipes and what is not there are refused at once")
    func others() {
        for (path, code) in [("/", EISDIR), ("/dev/null", ESPIPE), (path, ENOENT)] {
            #expect(throws: ArchiveError.system(SystemError(code))) { try RandomAccessFile(path) }
        }
    }
}
