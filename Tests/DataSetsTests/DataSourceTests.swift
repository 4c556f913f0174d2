import Archives
import Compression
import DataSets
import FlowCore
import Foundation
import Imaging
import System
import TestSupport
import Testing

/// Data sets that Fixtures/make.py wrote, with the packages that people have: 20 images, of which number i is of value 10·i + 5 but for
/// its last row, and of class i mod 3.
@Suite("Data sets of other programs")
struct DataSourceTests {
    private static func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)").path
    }

    private static func load(
        _ name: String, _ split: Split = .all, _ options: DataOptions = DataOptions()
    ) throws -> (images: ImageDataSet, data: LoadedData) {
        let data = try LoadedData(path: path(name), splits: [split], options: options)
        return (try data.images(split), data)
    }

    /// Numbers of the images, by their values.
    private static func numbers(_ images: ImageDataSet) throws -> [Int] {
        try (0..<images.count).map { index in
            let pixels = try images[index]
            #expect(pixels.prefix(24).allSatisfy { $0 == pixels[0] } && pixels.suffix(6).allSatisfy { $0 == 0 })
            return (Int(pixels[0]) - 5) / 10
        }
    }

    private static let labels = (0..<20).map { $0 % 3 }

    @Test(
        "arrays of NumPy's savez, by the names that MedMNIST, Keras and others give them",
        arguments: ["medmnist.npz", "keras.npz", "two.npz"])
    func arrays(_ name: String) throws {
        let (images, data) = try Self.load(name)
        #expect(try Self.numbers(images) == Array(0..<20) && images.labels == Self.labels)
        #expect(images.shape == EventShape(height: 5, width: 6, channels: 1) && images.classes == ["0", "1", "2"])
        #expect(data.report.unused.count == 0)
        let parts: Set<Split> =
            switch name {
            case "medmnist.npz": [.train, .validation, .test]
            case "keras.npz": [.train, .test]
            default: []
            }
        #expect(data.present == parts)
        if parts.contains(.test) {
            let test = try Self.load(name, .test).images
            #expect(try Self.numbers(test) == (name == "keras.npz" ? Array(12..<20) : Array(15..<20)))
            #expect(test.labels == (name == "keras.npz" ? Array(Self.labels[12...]) : Array(Self.labels[15...])))
        }
    }

    @Test("an array alone, in Fortran's order and big-endian with channels first; what is not used is named")
    func otherArrays() throws {
        #expect(try Self.numbers(Self.load("one.npz").images) == Array(0..<20))
        #expect(try Self.load("one.npz").images.labels == nil)
        let fortran = try Self.load("fortran.npz").images
        #expect(fortran.shape == EventShape(height: 5, width: 6, channels: 3) && fortran.labels == Self.labels)
        #expect(try (0..<20).map { Int(try fortran[$0][0]) } == (0..<20).map { 10 * $0 + 5 })
        let several = try Self.load("several-labels.npz")
        #expect(try Self.numbers(several.images) == Array(0..<20) && several.images.labels == nil)
        let reasons = several.data.report.unused.counts.keys.sorted()
        #expect(
            reasons.count == 3 && reasons[0] == "array labels (int8 [20, 4])"
                && reasons[1] == "array mean (float64 [2])"
        )
        let digits = try Self.load("digits.npz")
        #expect(digits.images.count == 20 && digits.images.shape == EventShape(height: 8, width: 8, channels: 1))
        #expect(digits.images.labels?.prefix(9) == [0, 1, 2, 0, 1, 2, 0, 1, 2])
        #expect(digits.data.report.unused.counts == ["array data (float64 [20, 64])": 1])
    }

    @Test(
        "arrays of NumPy's savez from a pipe, also as it writes them to one, gzipped, and kept in a file",
        arguments: ["medmnist.npz", "keras.npz", "two.npz", "piped.npz", "piped-packed.npz"])
    func pipedArrays(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.path(name))))
        let named = try Self.load(name)
        func read(_ bytes: [UInt8], _ options: DataOptions = DataOptions()) throws -> LoadedData {
            let input = try DataInput(FilePath("-"), ByteReader(bytes), file: nil)
            return try LoadedData(input, splits: [.all], options: options)
        }
        var small = DataOptions()
        (small.memory, small.scratch) = (100, FileManager.default.temporaryDirectory.path)
        for data in [try read(bytes), try read(deflate(bytes, coding: .gzip)), try read(bytes, small)] {
            let images = try data.images(.all)
            #expect(images.pixels == named.images.pixels && images.labels == Self.labels)
            #expect(data.present == named.data.present)
        }
        small.scratch = "/nowhere"
        #expect(throws: DataError.noScratch(folder: "/nowhere", reason: "No such file or directory")) {
            try read(bytes, small)
        }
        var limited = DataOptions()
        // its arrays are fewer bytes than those of it all, but where they are packed
        limited.archive.unpackedBytes = max(bytes.count, 8192)
        #expect(try read(bytes, limited).images(.all).count == 20)
        limited.archive.unpackedBytes = bytes.count - 1
        #expect(
            throws: DataError.tooLarge(
                file: "-", quantity: "bytes of a stream that is kept", value: bytes.count, limit: bytes.count - 1)
        ) { try read(bytes, limited) }
    }

    @Test("shards of WebDataset, one, many by braces, and by their split; captions are counted")
    func shards() throws {
        let one = try Self.load("wds-train-000000.tar.gz")
        #expect(
            try Self.numbers(one.images) == Array(0..<6) && one.images.labels == [0, 1, 2, 0, 1, 2]
                && one.data.present.isEmpty)
        #expect(one.data.report.unused.counts == [".txt": 6])
        let many = try Self.load("wds-train-{000000..000001}.tar.gz")
        #expect(try Self.numbers(many.images) == Array(0..<12) && many.data.present == [.train])
        let names = Self.path("wds-train-{000000..000001}.tar.gz") + "::" + Self.path("wds-val-{000000..000001}.tar.gz")
        let all = try LoadedData(path: names, splits: [.all])
        #expect(try Self.numbers(all.images(.all)) == Array(0..<20) && all.present == [.train, .validation])
        let validation = try LoadedData(path: names, splits: [.validation]).images(.validation)
        #expect(try Self.numbers(validation) == Array(12..<20) && validation.labels == Array(Self.labels[12...]))
        let json = try Self.load("wds-json.tar.gz").images
        #expect(try Self.numbers(json) == Array(0..<20))
        #expect(json.classes == ["cat", "dog", "emu"] && json.labels == Self.labels)
        #expect(throws: DataError.self) { try Self.load("wds-train-{000000..000009}.tar.gz") }
    }

    @Test("Arrow files of the datasets library, with the names of its classes")
    func arrow() throws {
        let part = try Self.load("data-00000-of-00002.arrow")
        #expect(part.images.count == 10 && part.images.classes == ["cat", "dog", "emu"])
        #expect(part.data.report.unused.counts == ["column note": 1])
        let folder = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for split in ["train", "test"] {
            try FileManager.default.createDirectory(
                at: folder.appending(path: split), withIntermediateDirectories: true)
        }
        for (name, split) in [("data-00000-of-00002.arrow", "train"), ("data-00001-of-00002.arrow", "test")] {
            try FileManager.default.copyItem(
                at: URL(filePath: Self.path(name)), to: folder.appending(path: "\(split)/\(name)"))
        }
        let data = try LoadedData(path: folder.path, splits: [.all])
        let all = try data.images(.all)
        #expect(data.present == [.train, .test])
        #expect(
            try Self.numbers(all) == Array(0..<20) && all.labels == Self.labels && all.classes == ["cat", "dog", "emu"])
        try Data("PAR1".utf8).write(to: folder.appending(path: "x.parquet"))
        #expect(throws: DataError.self) {
            try LoadedData(path: folder.appending(path: "x.parquet").path, splits: [.all])
        }
    }
}

/// Archives and tables made here.
@Suite("Archives and tables as data sets")
final class ArchiveDataTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return file.path
    }

    private static func png(_ value: UInt8) throws -> [UInt8] {
        try encodePNG(Image(width: 2, height: 2, mode: .gray, pixels: [value, value, value, 0]))
    }

    private func load(_ path: String, skipsBad: Bool = false) throws -> (images: ImageDataSet, data: LoadedData) {
        var options = DataOptions()
        options.skipsBad = skipsBad
        let data = try LoadedData(path: path, splits: [.all], options: options)
        return (try data.images(.all), data)
    }

    @Test(
        "a tree in an archive is what it would be as a folder, whatever folder it begins with",
        arguments: ["tar", "zip"])
    func tree(_ form: String) throws {
        var files: [(name: String, bytes: [UInt8])] = []
        for (index, name) in ["train/cat/1", "train/dog/2", "TEST/cat/3", "train/cat/deep/4"].enumerated() {
            files.append(("./my set/\(name).png", try Self.png(UInt8(10 * index + 10))))
        }
        files += [
            ("my set/README", [1]), ("__MACOSX/my set/train/._1.png", [1]), ("my set/train/cat/Thumbs.db", [1]),
            ("my set/more.zip", [1]), ("my set/train/cat/x.gif", [1]),
        ]
        let bytes =
            form == "tar"
            ? ArchiveBuilder.tar(files) + ArchiveBuilder.tarEntry("my set/link.png", [], type: "2")
            : ArchiveBuilder.zip(
                files.map { file in
                    var entry = ArchiveBuilder.ZipFile(
                        name: file.name, size: file.bytes.count, checksum: unsafe crc32(file.bytes.span.bytes),
                        stored: file.bytes)
                    entry.method = 0
                    return entry
                })
        let (images, data) = try load(write(bytes, "set.\(form)"))
        #expect(images.classes == ["cat", "dog"] && images.labels == [0, 1, 0, 0] && data.present == [.train, .test])
        #expect(images.pixels.filter { $0 > 0 } == [10, 20, 40, 30].flatMap { [$0, $0, $0] })
        var expected = [
            "without an ending": 1, "hidden": 1, "Thumbs.db": 1, "archive in an archive": 1, ".gif": 1,
        ]
        if form == "tar" { expected["symbolic link"] = 1 }
        #expect(data.report.unused.counts == expected)
    }

    @Test("names of classes that are no UTF-8 stay apart")
    func names() throws {
        var bytes: [UInt8] = []
        for (index, byte) in [UInt8(0xe4), 0xe5].enumerated() {
            let path = Array("16 path=".utf8) + [byte] + Array("/1.png\n".utf8)
            bytes += ArchiveBuilder.tarEntry("x", path, type: "x")
            bytes += ArchiveBuilder.tarEntry("short", try Self.png(UInt8(index + 1)))
        }
        #expect(try load(write(bytes, "set.tar")).images.classes == ["\\xe4", "\\xe5"])
    }

    @Test("a zero in a name of an archive, which no path has, is a character as others")
    func zeros() throws {
        func zip(_ names: [String]) throws -> String {
            let one = try Self.png(1)
            return try write(
                ArchiveBuilder.zip(
                    names.map { name in
                        var entry = ArchiveBuilder.ZipFile(
                            name: name, size: one.count, checksum: unsafe crc32(one.span.bytes), stored: one)
                        entry.method = 0
                        return entry
                    }), "set.zip")
        }
        for (names, words) in [
            (["a/1.png", "b~\0.png"], "b~\0.png: expected images only inside the class folders"),
            (["train/1.png", "b\0/1.png"], "b\0: expected only folders of splits beside train"),
            (["c\0/train/1.png", "c\0/test/1.png", "d/2.png"], "c\0/"),
        ] {
            let found = try message { try self.load(zip(names)) }
            #expect(found.contains("set.zip/" + words), "\(found)")
        }
        let classes = try load(zip(["a\0/1.png", "a/1.png"])).images.classes
        #expect(classes == ["a", "a\0"])
    }

    @Test("samples of WebDataset that are not whole are named, and not misread")
    func samples() throws {
        func tar(_ files: [(String, [UInt8])]) throws -> String {
            try write(ArchiveBuilder.tar(files.map { (name: $0.0, bytes: $0.1) }), "set.tar")
        }
        let one = try Self.png(1)
        let sound: [(String, [UInt8])] = [("a.png", one), ("a.cls", Array("3.0\n".utf8))]
        #expect(try load(tar(sound)).images.labels == [3])
        #expect(try load(tar(sound.reversed())).images.labels == [3])
        #expect(try load(tar([("a.png", one), ("a.cls", Array("65535".utf8))])).images.classes.count == 65_536)
        let most = try message { try self.load(tar([("a.png", one), ("a.cls", Array("65536".utf8))])) }
        #expect(most.contains("number of a class: 65536 is over the limit of 65535"))
        // a class without a picture, and a picture without a class, which makes the others' useless
        let two = try load(tar(sound + [("b.cls", [0x31]), ("c.png", one)]))
        #expect(two.images.count == 2 && two.images.labels == nil)
        #expect(
            two.data.report.unused.counts == ["class without a picture": 1, "labels, since 1 image has none": 1])
        // several pictures, and a key that comes again, are bad entries
        let several =
            sound + [("b.png", one), ("b.seg.png", one), ("b.cls", [0x31]), ("a.PNG", one), ("a.cls", [0x31])]
        #expect(throws: DataError.self) { try load(tar(several)) }
        let rest = try load(tar(several), skipsBad: true)
        #expect(rest.images.count == 1 && rest.data.report.bad.count == 2)
        // all pictures before all classes
        let apart: [(String, [UInt8])] = [("a.png", one), ("b.png", one), ("a.cls", [0x31]), ("b.cls", [0x32])]
        #expect(throws: DataError.self) { try load(tar(apart)) }
        // names with dots are no samples
        let tree = try load(
            tar([("cat/p.1.png", one), ("cat/p.2.png", try Self.png(2)), ("dog/q.png", try Self.png(3))]))
        #expect(tree.images.count == 3 && tree.images.labels == [0, 0, 1])
    }

    @Test("an archive without pictures says what is in it, and an empty one so")
    func empty() throws {
        let texts = ArchiveBuilder.tar([(name: "a.txt", bytes: [1])])
        #expect(
            try message { try self.load(self.write(texts, "set.tar")) }.hasSuffix("; found 1 file not used: 1 .txt"))
        let none = try message { try self.load(self.write([UInt8](repeating: 0, count: 10_240), "empty.tar")) }
        #expect(none.contains("holds no images"))
        let cut = try message {
            try self.load(
                self.write(Array(ArchiveBuilder.tar([(name: "a.png", bytes: [1])]).dropLast(1300)), "cut.tar"))
        }
        #expect(cut.contains("ends too early"))
    }

    private func message(_ body: () throws -> some Any) throws -> String {
        let error = try #require(throws: DataError.self) { _ = try body() }
        return error.description
    }

    @Test("a table of paths and labels; missing files are bad, and pictures that it does not list are counted")
    func table() throws {
        for index in 1...4 { _ = try write(Self.png(UInt8(index)), "pictures/\(index).png") }
        let lines =
            "\u{feff}file;label\r\npictures/1.png;cat\r\n\"pictures/2.png\";\"a \"\"b\"\"; c\"\r\n./pictures/3.png;cat\r\n"
        let path = try write(Array(lines.utf8), "labels.csv")
        for given in [path, folder.path] {
            let (images, data) = try load(given)
            #expect(images.classes == ["a \"b\"; c", "cat"] && images.labels == [1, 0, 1])
            #expect(data.report.unused.counts == ["not in the table": 1])
        }
        for (line, found) in [
            ("none.png;cat", "No such file"), ("../x.png;cat", "one that leaves it"),
            ("/etc/x.png;cat", "one that leaves it"),
            (";cat", "expected the path of a picture"),
        ] {
            _ = try write(Array((lines + line).utf8), "labels.csv")
            #expect(try message { try self.load(path) }.contains(found), "\(line)")
            #expect(try load(path, skipsBad: true).images.count == 3)
        }
        _ = try write(Array("file,label,split\npictures/1.png,0,train\npictures/2.png,1,test\n".utf8), "labels.csv")
        #expect(try load(path).data.present == [.train, .test])
        // the pictures in a folder called as the table, as MedMNIST saves them
        let saved = Array("TRAIN,1.png,0\nTEST,2.png,1\n".utf8)
        try FileManager.default.removeItem(atPath: path)
        let own = try load(write(saved, "pictures.csv"))
        #expect(own.data.present == [.train, .test] && own.images.labels == [0, 1])
        #expect(own.data.report.unused.counts == ["not in the table": 2])
        try FileManager.default.removeItem(at: folder.appending(path: "pictures.csv"))
        // a table of captions changes nothing of a tree
        _ = try write(Array("file,caption\npictures/1.png,x\n".utf8), "labels.csv")
        let tree = try load(folder.path)
        #expect(tree.images.count == 4 && tree.data.report.unused.counts == [".csv": 1])
    }

    @Test("an archive of pictures that begins with an array is one of pictures, from a pipe too")
    func arrayBesidePictures() throws {
        func stored(_ name: String, _ bytes: [UInt8]) -> ArchiveBuilder.ZipFile {
            var entry = ArchiveBuilder.ZipFile(
                name: name, size: bytes.count, checksum: unsafe crc32(bytes.span.bytes), stored: bytes)
            entry.method = 0
            return entry
        }
        let array = NPYArray(shape: [2], [0, 1] as [UInt8]).encoded()
        let bytes = ArchiveBuilder.zip([stored("a.npy", array), stored("b.png", try Self.png(1))])
        let input = try DataInput(FilePath("-"), ByteReader(bytes), file: nil)
        for data in [
            try load(write(bytes, "set.zip")).data,
            try LoadedData(input, splits: [.all], options: DataOptions()),
        ] {
            #expect(try data.images(.all).count == 1 && data.report.unused.counts == [".npy": 1])
        }
    }

    @Test("a table of pixels is said to be one")
    func pixels() throws {
        let numbers = (0..<65).map { "\($0)" }.joined(separator: ",")
        let names = "label," + (0..<64).map { "pixel\($0)" }.joined(separator: ",")
        for text in [numbers, names + "\n" + numbers] {
            let found = try message { try self.load(self.write(Array(text.utf8), "digits.csv")) }
            #expect(found.contains("found pixels: numpy.savez of them"), "\(found)")
        }
        let captions = try message { try self.load(self.write(Array("caption,author\na,b\n".utf8), "digits.csv")) }
        #expect(captions.hasSuffix("found none of these"))
    }

    @Test("fields of a table have limits")
    func tableLimits() throws {
        _ = try write(Self.png(1), "12.png")
        let path = try write(Array("path,label\n12.png,cat\n".utf8), "labels.csv")
        func read(_ change: (inout DataOptions) -> Void) throws -> Int {
            var options = DataOptions()
            change(&options)
            return try LoadedData(path: path, splits: [.all], options: options).images(.all).count
        }
        #expect(try read { ($0.fieldBytes, $0.fields, $0.archive.entries) = (6, 2, 2) } == 1)
        for (quantity, limit, change) in [
            ("bytes in a field", 5, { $0.fieldBytes = 5 }), ("fields in a line", 1, { $0.fields = 1 }),
            ("lines", 1, { $0.archive.entries = 1 }),
        ] as [(String, Int, (inout DataOptions) -> Void)] {
            #expect(throws: DataError.tooLarge(file: path, quantity: quantity, value: limit + 1, limit: limit)) {
                try read(change)
            }
        }
    }

    @Test("bounds of an archive hold for data sets too")
    func limits() throws {
        let path = try write(
            ArchiveBuilder.tar([(name: "a.png", bytes: try Self.png(1)), (name: "b.png", bytes: try Self.png(2))]),
            "a.tar")
        var options = DataOptions()
        options.archive.entries = 2
        #expect(try LoadedData(path: path, splits: [.all], options: options).images(.all).count == 2)
        options.archive.entries = 1
        #expect(throws: DataError.tooLarge(file: path, quantity: "entries", value: 2, limit: 1)) {
            try LoadedData(path: path, splits: [.all], options: options)
        }
    }
}
