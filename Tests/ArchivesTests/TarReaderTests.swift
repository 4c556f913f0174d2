import Archives
import System
import TestSupport
import Testing

/// Names and contents of all files, with their kinds behind the names of what is none, and the error that ended the reading.
func files(in archive: some ArchiveReader, limit: Int = 1 << 20) -> (files: [String: [UInt8]], error: ArchiveError?) {
    var files: [String: [UInt8]] = [:]
    do throws(ArchiveError) {
        while let entry = try archive.next() {
            if case .other(let kind) = entry.contents {
                files["\(entry.name) (\(kind))"] = []
                continue
            }
            files[entry.name.description] = try entry.bytes().rest(limit: limit)
        }
        return (files, nil)
    } catch {
        return (files, error)
    }
}

@Suite("Tape archives")
struct TarReaderTests {
    private func files(_ bytes: [UInt8], _ limits: ArchiveLimits = ArchiveLimits()) -> (
        files: [String: [UInt8]], error: ArchiveError?
    ) {
        ArchivesTests.files(in: TarReader(ByteReader(bytes), limits: limits))
    }

    @Test("files of every length come back, folders and links do not")
    func plain() {
        let expected = Dictionary(
            uniqueKeysWithValues: [0, 1, 511, 512, 513, 5000].map { ("f\($0)", [UInt8](repeating: 7, count: $0)) })
        let sorted = expected.sorted { $0.key < $1.key }.map { (name: $0.key, bytes: $0.value) }
        let others =
            ArchiveBuilder.tarEntry("folder/", [], type: "5") + ArchiveBuilder.tarEntry("old/", [], type: "\0")
            + ArchiveBuilder.tarEntry("label", [], type: "V")
            + ArchiveBuilder.tarEntry("global", ArchiveBuilder.paxRecord("comment", "x"), type: "g")
        let bytes = others + ArchiveBuilder.tar(sorted)
        #expect(TarReader.recognizes(bytes[...]))
        let found = files(bytes)
        #expect(found.files == expected && found.error == nil)
        // what was not read is passed over
        let reader = TarReader(ByteReader(bytes))
        var names: [String] = []
        while let entry = try? reader.next() { names.append(entry.name.description) }
        #expect(names == sorted.map(\.name))
    }

    @Test("what is no file is named by its kind, and has no bytes whatever its size says")
    func kinds() {
        let kinds: [(Character, String)] = [
            ("1", "hard link"), ("2", "symbolic link"), ("3", "device"), ("4", "device"), ("6", "pipe"),
        ]
        let ten = Array("00000000012".utf8)
        var bytes = kinds.flatMap { ArchiveBuilder.tarEntry("e\($0.0)", [], type: $0.0, size: ten) }
        bytes += ArchiveBuilder.tarEntry("eM", [1], type: "M") + ArchiveBuilder.tarEntry("eA", [1], type: "A")
        let found = files(bytes + ArchiveBuilder.tar([("a", [1])]))
        #expect(found.error == nil)
        let names = kinds.map { "e\($0.0) (\($0.1))" }
        #expect(
            Set(found.files.keys)
                == Set(names + ["eM (piece of a file of another volume)", "eA (entry of type A)", "a"]))
    }

    @Test(
        "archives one behind the other are one, whatever blocks of zeros are between; an empty one is one without files"
    )
    func concatenated() {
        let zeros = [UInt8](repeating: 0, count: 10_240)
        let bytes = ArchiveBuilder.tar([("a", [1])]) + zeros + ArchiveBuilder.tar([("b", [2])]) + zeros
        #expect(files(bytes).files == ["a": [1], "b": [2]] && files(bytes).error == nil)
        #expect(TarReader.recognizes(zeros[...]) && files(zeros).files.isEmpty && files(zeros).error == nil)
        let text = Array("something else".utf8)
        for rest in [text, text + zeros] {
            #expect(files(zeros + rest).error == .damaged(reason: "what follows its end is no archive"))
        }
        #expect(files(ArchiveBuilder.tarEntry("x", Array("name".utf8), type: "L")).error == .truncated)
    }

    @Test("names are bytes, which are told apart where they are no UTF-8")
    func bytes() throws {
        var names: [FileName] = []
        let pax = Array("12 path=".utf8) + [0xff, 0x2f, 0x61] + Array("\n".utf8)
        let bytes =
            ArchiveBuilder.tarEntry("x", pax, type: "x") + ArchiveBuilder.tarEntry("short", [])
            + ArchiveBuilder.tar([("\\xff/a", []), ("\\xf", [])])
        let reader = TarReader(ByteReader(bytes))
        while let entry = try reader.next() { names.append(entry.name) }
        #expect(names.map(\.bytes) == [[0xff, 0x2f, 0x61], Array("\\xff/a".utf8), Array("\\xf".utf8)])
        #expect(names.map(\.description) == ["\\xff/a", "\\x5cxff/a", "\\xf"])
        #expect(names[0].parts == [FileName([0xff]), FileName("a")])
    }

    @Test("the old sum of signed bytes, and headers without a magic number, are understood")
    func old() {
        var bytes = ArchiveBuilder.tarEntry("é", [1], magic: "")
        #expect(files(bytes).files == ["é": [1]])
        let sum = (0..<512).reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(Int8(bitPattern: bytes[$1]))) }
        let digits = String(sum, radix: 8)
        bytes.replaceSubrange(
            148..<156, with: Array((String(repeating: "0", count: 6 - digits.count) + digits).utf8) + [0, 0x20])
        #expect(files(bytes).files == ["é": [1]])
    }

    @Test("long names of pax, ustar and GNU, and large sizes, are understood; hostile names are names")
    func names() {
        let long = String(repeating: "long/", count: 60) + "name.png"
        let pax = ArchiveBuilder.paxRecord("path", long) + ArchiveBuilder.paxRecord("size", "3")
        let base256: [UInt8] = [0x80] + [UInt8](repeating: 0, count: 10) + [3]
        let bytes =
            ArchiveBuilder.tarEntry("x", pax, type: "x") + ArchiveBuilder.tarEntry("short", [1, 2, 3])
            + ArchiveBuilder.tarEntry("x", Array("target\0".utf8), type: "K")
            + ArchiveBuilder.tarEntry("x", Array((long + "2\0").utf8), type: "L")
            + ArchiveBuilder.tarEntry("short", [4, 5, 6])
            + ArchiveBuilder.tarEntry("large", [7, 8, 9], size: base256)
            + ArchiveBuilder.tarEntry("name", [1], prefix: "some/prefix")
            + ArchiveBuilder.tar([("../../etc/passwd", [2]), ("/absolute", [3])])
        let found = files(bytes)
        #expect(found.error == nil)
        #expect(
            found.files == [
                long: [1, 2, 3], long + "2": [4, 5, 6], "large": [7, 8, 9], "some/prefix/name": [1],
                "../../etc/passwd": [2], "/absolute": [3],
            ])
    }

    @Test("an archive cut off anywhere gives what is before the cut, and an error unless it is between files")
    func cut() {
        let bytes = ArchiveBuilder.tar([("a", [1, 2, 3]), ("b", [UInt8](repeating: 4, count: 600))])
        let whole: [String: [UInt8]] = ["a": [1, 2, 3], "b": [UInt8](repeating: 4, count: 600)]
        for length in 0...bytes.count {
            let found = files(Array(bytes[..<length]))
            #expect(found.files.allSatisfy { whole[$0.key] == $0.value })
            let isBetween = [0, 1024, 2560].contains(length) || length >= 2560 + 512
            #expect((found.error == nil) == isBetween, "\(length)")
            if let error = found.error { #expect(error == .truncated) }
        }
    }

    @Test("what contradicts the format is an error with a reason")
    func damaged() {
        var bytes = ArchiveBuilder.tar([("a", [1])])
        bytes[0] ^= 1
        #expect(files(bytes).error == .damaged(reason: "a header's checksum is wrong"))
        #expect(!TarReader.recognizes(bytes[...]) && !TarReader.recognizes(bytes[..<511]))
        // eight exbibytes, of a few bytes
        let large = ArchiveBuilder.tarEntry("a", [1], size: [0x80, 0, 0, 0, 0x3f] + [UInt8](repeating: 255, count: 7))
        #expect(files(large).error == .truncated)
        #expect(files(ArchiveBuilder.tarEntry("a", [1], size: Array("77777777777".utf8))).error == .truncated)
        for records in ["", "x", "9999 path=a\n", "5 path", "0 a=b\n"].map({ Array($0.utf8) }) where !records.isEmpty {
            #expect(
                files(ArchiveBuilder.tarEntry("a", records, type: "x")).error
                    == .damaged(reason: "a pax header is not made of records"), "\(records)")
        }
        let size = ArchiveBuilder.paxRecord("size", "-1")
        #expect(
            files(ArchiveBuilder.tarEntry("a", size, type: "x")).error == .damaged(reason: "a size is no number"))
        #expect(
            files(ArchiveBuilder.tarEntry("a", [1], size: Array("12345x".utf8))).error
                == .damaged(reason: "a size is no number"))
    }

    @Test("a header's extension and all unpacked bytes have a limit")
    func limits() {
        let most = TarReader.maxExtensionBytes
        let name = [UInt8](repeating: 0x61, count: most)
        let tail = ArchiveBuilder.tar([("a", [1])])
        let names = ArchiveLimits(nameBytes: most)
        #expect(
            files(ArchiveBuilder.tarEntry("x", name, type: "L") + tail, names).files.keys.first?.utf8.count == most)
        #expect(
            files(ArchiveBuilder.tarEntry("x", name, type: "L") + tail, ArchiveLimits(nameBytes: most - 1)).error
                == .tooLarge(quantity: "bytes in its name", limit: most - 1))
        #expect(
            files(ArchiveBuilder.tarEntry("x", name + [0x61], type: "L") + tail).error
                == .tooLarge(quantity: "bytes in a header", limit: most))
        // a header, a block, and one of zeros
        #expect(files(tail, ArchiveLimits(unpackedBytes: tail.count)).error == nil)
        let short = files(tail, ArchiveLimits(unpackedBytes: tail.count - 1))
        #expect(short.error == .tooLarge(quantity: "unpacked bytes", limit: tail.count - 1))
        let two = ArchiveBuilder.tarEntry("folder/", [], type: "5") + tail
        #expect(files(two, ArchiveLimits(entries: 2)).error == nil)
        #expect(files(two, ArchiveLimits(entries: 1)).error == .tooLarge(quantity: "entries", limit: 1))
    }
}
