import Archives
import Arrow
import Foundation
import Testing

/// What Fixtures/make.py wrote, with the programs that people have.
@Suite("Arrow files and streams")
final class ArrowReaderTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString).arrow").path

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private static func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)").path
    }

    private func reader(_ name: String, asStream: Bool = false, _ limits: ArrowLimits = ArrowLimits()) throws
        -> ArrowReader
    {
        let file = try RandomAccessFile(Self.path("\(name).arrow"))
        #expect(ArrowReader.recognizes(try file.reader().peek(8)))
        return try ArrowReader(file.reader(), file: asStream ? nil : file, limits: limits)
    }

    /// The values of a column, of all batches, or of the part of it called `part`.
    private func values(_ reader: ArrowReader, _ name: String, part: String? = nil) throws -> [ArrowValue?] {
        let index = try #require(reader.schema.fields.firstIndex { $0.name == name })
        var values: [ArrowValue?] = []
        while let batch = try reader.next() {
            let column = batch.columns[index]
            let values0 = part.flatMap { part in column.children.first { $0.field.name == part } } ?? column
            for row in 0..<batch.count { values.append(column.isNull(row) ? nil : try values0.value(row)) }
        }
        return values
    }

    private static func pictures() throws -> [[UInt8]] {
        try JSONDecoder().decode([[UInt8]].self, from: Data(contentsOf: URL(filePath: path("expected.json"))))
    }

    private static func texts(_ texts: String?...) -> [ArrowValue?] { texts.map { $0.map { .text(Array($0.utf8)) } } }

    private static let names = texts("cat", "dog", "dog", nil, "cat")

    @Test("a set of the library datasets: pictures, labels, names of classes", arguments: [false, true])
    func datasets(asStream: Bool) throws {
        let pictures = try Self.pictures().map { ArrowValue?.some(.bytes($0)) }
        #expect(try values(reader("datasets", asStream: asStream), "image", part: "bytes") == pictures)
        let numbers: [ArrowValue?] = [0, 1, 1, -1, 0].map { .integer($0) }
        let set = try reader("datasets", asStream: asStream)
        #expect(try values(set, "label") == numbers)
        #expect(set.schema.metadata["huggingface"]?.contains(#""names": ["cat", "dog"]"#) == true)
        #expect(set.schema.fields[0].typeName == "struct<bytes: binary, path: string>")
    }

    @Test("pyarrow's files, large offsets, nulls, dictionaries and parts of tables", arguments: [false, true])
    func pyarrow(asStream: Bool) throws {
        let pictures = try Self.pictures().map { ArrowValue?.some(.bytes($0)) }
        #expect(try values(reader("file", asStream: asStream), "image", part: "bytes") == pictures)
        #expect(try values(reader("file", asStream: asStream), "label") == Self.names)
        var some = pictures
        (some[1], some[2]) = (nil, nil)
        #expect(try values(reader("large", asStream: asStream), "image", part: "bytes") == some)
        #expect(
            try values(reader("large", asStream: asStream), "image", part: "path")
                == Self.texts("0.png", nil, "elsewhere.png", "3.png", "4.png"))
        #expect(try values(reader("large", asStream: asStream), "label") == Self.names)
        #expect(try values(reader("dictionary", asStream: asStream), "class") == Self.names)
        #expect(try values(reader("dictionary", asStream: asStream), "img") == pictures)
        #expect(try values(reader("sliced", asStream: asStream), "image", part: "bytes") == Array(pictures[2...]))
        #expect(try values(reader("sliced", asStream: asStream), "label") == [.integer(1), .integer(-1), .integer(0)])
        #expect(try values(reader("empty", asStream: asStream), "image").isEmpty)
        let extra = try #require(try reader("large").schema.fields.first)
        #expect(extra.typeName == "list<int64>" && !extra.isValue)
    }

    @Test("integers of every width, and booleans")
    func integers() throws {
        func numbers(_ values: Int?...) -> [ArrowValue?] { values.map { $0.map { .integer($0) } } }
        #expect(try values(reader("integers"), "u8") == numbers(0, 1, 255, nil, 4))
        #expect(try values(reader("integers"), "i16") == numbers(0, -1, 300, nil, 4))
        #expect(try values(reader("integers"), "yes") == numbers(1, 0, 1, nil, 0))
    }

    @Test("polars' views, of a file that only its end describes")
    func views() throws {
        #expect(try values(reader("views"), "image") == Self.pictures().map { .bytes($0) })
        #expect(try values(reader("views"), "label") == Self.names)
        #expect(throws: ArchiveError.needsFile(reason: "it does not begin with its schema")) {
            try reader("views", asStream: true)
        }
    }

    @Test(
        "compressed buffers are what they are without compression: pyarrow's streams, files and Feather, polars' views",
        arguments: ["lz4", "zstd", "feather"], [false, true])
    func compressed(name: String, asStream: Bool) throws {
        for (column, part) in [("image", "bytes"), ("image", "path"), ("class", nil), ("label", nil), ("text", nil)] {
            let expected = try values(reader("plain"), column, part: part)
            #expect(expected.count == 5 && expected.contains { $0 != nil })
            #expect(try values(reader(name, asStream: asStream), column, part: part) == expected, "\(column)")
        }
        guard name != "feather", !asStream else { return }
        #expect(try values(reader("views-\(name)"), "image") == Self.pictures().map { .bytes($0) })
        #expect(try values(reader("views-\(name)"), "label") == Self.names)
    }

    @Test("a batch of a stream and a dictionary have a limit")
    func limits() throws {
        func read(_ name: String, _ limits: ArrowLimits) throws {
            let set = try reader(name, asStream: true, limits)
            while try set.next() != nil {}
        }
        // two pictures, as pyarrow lays them out
        let most = (1...4096).first { most in
            (try? read("file", ArrowLimits(batchBytes: most))) != nil
        }
        let bytes = try #require(most)
        #expect(throws: ArchiveError.tooLarge(quantity: "bytes in a batch of a stream", limit: bytes - 1)) {
            try read("file", ArrowLimits(batchBytes: bytes - 1))
        }
        try read("dictionary", ArrowLimits(dictionaryValues: 2))
        #expect(throws: ArchiveError.tooLarge(quantity: "values in a dictionary", limit: 1)) {
            try read("dictionary", ArrowLimits(dictionaryValues: 1))
        }
    }

    @Test("what compressed buffers unfold to has limits, which hold before anything is unfolded")
    func unfoldingLimits() throws {
        func read(_ limits: ArrowLimits) throws {
            let set = try reader("zstd", limits)
            while try set.next() != nil {}
        }
        let most = try #require((1...1 << 16).first { (try? read(ArrowLimits(batchBytes: $0))) != nil })
        #expect(most > 3000, "three texts of 1,000 bytes are in a batch")
        #expect(throws: ArchiveError.tooLarge(quantity: "unfolded bytes in a batch", limit: most - 1)) {
            try read(ArrowLimits(batchBytes: most - 1))
        }
        // the length of the first frame, which says now that it is larger than anything
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.path("zstd.arrow"))))
        func changed(_ length: Int) throws -> [UInt8] {
            let frame = try #require(
                bytes.indices.dropLast(4).first { bytes[$0..<$0 + 4].elementsEqual([0x28, 0xb5, 0x2f, 0xfd]) })
            var other = bytes
            other.replaceSubrange(
                frame - 8..<frame, with: (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
            return other
        }
        func readAll(_ bytes: [UInt8], _ limits: ArrowLimits = ArrowLimits()) throws {
            let file = RandomAccessFile(bytes)
            while try ArrowReader(file.reader(), file: file, limits: limits).next() != nil { break }
        }
        #expect(throws: ArchiveError.tooLarge(quantity: "unfolded bytes in a batch", limit: 1 << 30)) {
            try readAll(changed(.max))
        }
        #expect(throws: ArchiveError.damaged(reason: "a compressed buffer has a length below 0")) {
            try readAll(changed(-2))
        }
        #expect(throws: ArchiveError.tooLarge(quantity: "unpacked bytes for each packed one", limit: 100)) {
            try readAll(changed(2 << 20), ArrowLimits(ratio: 100))
        }
        #expect(throws: ArchiveError.damaged(reason: "a buffer unfolds to fewer bytes than it says")) {
            try readAll(changed(2 << 20), ArrowLimits(ratio: 100_000))
        }
    }

    /// Reads all that there is.
    private func readAll(_ bytes: [UInt8], asFile: Bool = false) throws {
        var file: RandomAccessFile?
        if asFile {
            try Data(bytes).write(to: URL(filePath: path))
            file = try RandomAccessFile(path)
        }
        let set = try ArrowReader(ByteReader(bytes), file: file, limits: ArrowLimits(batchBytes: 1 << 16))
        func read(_ column: ArrowColumn, _ row: Int) throws {
            _ = try column.value(row)
            for child in column.children where row < child.count { try read(child, row) }
        }
        while let batch = try set.next() {
            for column in batch.columns { for row in 0..<min(batch.count, 100) { try read(column, row) } }
        }
    }

    @Test(
        "no byte of a file, changed, and no cut makes more than an error",
        arguments: ["datasets", "file", "dictionary", "views", "lz4", "views-zstd"])
    func damaged(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.path("\(name).arrow"))))
        try readAll(bytes, asFile: true)
        for place in bytes.indices {
            for value: UInt8 in [0, 0xff] where bytes[place] != value {
                var other = bytes
                other[place] = value
                for asFile in [false, true] where !asFile || place % 5 == 0 {
                    do { try readAll(other, asFile: asFile) } catch { #expect(error is ArchiveError) }
                }
            }
        }
        // a file has a mark at its end, and a stream may end behind any batch
        if name == "file" {
            for length in stride(from: 0, to: bytes.count, by: 7) {
                #expect(throws: ArchiveError.self, "\(length)") { try readAll(Array(bytes[..<length])) }
            }
        }
    }
}
