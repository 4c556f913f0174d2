import Archives
import DataSets
import FlowCore
import Glibc
import Imaging
import System
import TestSupport
import Testing

/// What the names of folders say, and that nothing in them is left out in silence.
@Suite("Trees of pictures")
struct ImageTreeTests {
    private func write(_ names: [String], to folder: DataFolder) throws {
        for (index, name) in names.enumerated() {
            try folder.write(name, try grayPNG(someImages(1, from: index)))
        }
    }

    private func load(_ folder: DataFolder, _ options: DataOptions = DataOptions()) throws -> LoadedData {
        try LoadedData(path: folder.path, splits: [.all], options: options)
    }

    @Test(
        "splits are known alone or beside words that say nothing, in any case",
        arguments: [
            ("train", Split.train), ("Training", .train), ("TRN", .train), ("train_images", .train),
            ("Train Set", .train), ("val2017", .validation), ("dev", .validation), ("images-valid", .validation),
            ("Testing", .test), ("t10k", .test), ("test.data", .test), ("cat", nil), ("train-cat", nil),
            ("trains", nil), ("test tube", nil), ("train_test", nil), ("", nil),
        ] as [(String, Split?)])
    func names(_ name: String, _ split: Split?) {
        #expect(Split(inNameOf: name) == split)
    }

    @Test("pictures in folders below a class are of that class, and one class may be called as a split is")
    func nested() throws {
        let folder = try DataFolder()
        try write(["Train/cat/a.png", "Train/cat/2020/may/b.png", "Train/train/c.png", "Val/cat/d.png"], to: folder)
        let data = try load(folder)
        let all = try data.images(.all)
        #expect(all.classes == ["cat", "train"] && all.labels == [0, 0, 1, 0])
        #expect(data.present == [.train, .validation])
    }

    @Test("splits in the folders of classes are refused, with the way that they are read")
    func splitsBelowClasses() throws {
        let folder = try DataFolder()
        try write(["cat/train/a.png", "cat/test/b.png", "dog/train/c.png"], to: folder)
        let error = try #require(throws: DataError.self) { try load(folder) }
        #expect(error.description.contains("train/cat"), "\(error)")
    }

    @Test("names that are not UTF-8 are names as others, at any depth, of classes too")
    func otherNames() throws {
        let folder = try DataFolder()
        let name: [UInt8] = [0x42, 0xe4, 0x72]  // Bär in Latin-1
        let root = FilePath(folder.path)
        let classes = [root.appending(name), root.appending(Array("cat".utf8))]
        for (index, path) in classes.enumerated() {
            let isMade = unsafe path.withCString { unsafe mkdir($0, 0o700) } == 0
            let deep = path.appending([0xff])
            let isDeepMade = unsafe deep.withCString { unsafe mkdir($0, 0o700) } == 0
            try #require(isMade && isDeepMade)
            let file = deep.appending([0x80] + Array(".png".utf8))
            let bytes = try grayPNG(someImages(1, from: index))
            guard let stream = unsafe file.withCString({ unsafe fopen($0, "wb") }) else {
                Issue.record("no file")
                return
            }
            let written = unsafe fwrite(bytes, 1, bytes.count, stream)
            #expect(written == bytes.count)
            unsafe fclose(stream)
        }
        let all = try load(folder).images(.all)
        #expect(all.classes == ["B\\xe4r", "cat"] && all.labels == [0, 1] && all.pixels == someImages(2))
    }

    @Test("every file that is not used is counted by its reason")
    func unused() throws {
        let folder = try DataFolder()
        try write(["cat/a.png", "dog/b.png"], to: folder)
        for name in [
            "cat/x.gif", "cat/y.GIF", "cat/Thumbs.db", ".hidden", "README", "dog/notes.txt", "__MACOSX/cat/._a.png",
        ] {
            try folder.write(name, [1])
        }
        try folder.makeFolder("bird")
        let report = try load(folder).report
        #expect(
            report.unused.counts == [
                ".gif": 2, "Thumbs.db": 1, "hidden": 2, "without an ending": 1, ".txt": 1, "empty folder": 1,
            ])
        #expect(
            report.lines.first
                == "8 files not used: 2 .gif, 2 hidden, 1 .txt, 1 Thumbs.db, 1 empty folder, 1 without an ending")
        // beside the folders of splits too
        let splits = try DataFolder()
        try write(["train/a.png", "test/b.png", "cover.png"], to: splits)
        #expect(try load(splits).report.unused.counts == ["beside the folders of the splits": 1])
    }

    @Test("a model that was trained beside its pictures, with its checkpoint and curve, is no data")
    func ownFiles() throws {
        let folder = try DataFolder()
        try write(["cat/a.png", "dog/b.png", "m.png"], to: folder)
        for name in ["m.safetensors", "m.checkpoint", "m.lock", "m.csv"] { try folder.write(name, [1]) }
        let data = try load(folder)
        #expect(try data.images(.all).count == 2 && data.report.unused.count == 0)
        // without the model it is a picture as others
        try write(["dog/m.png"], to: folder)
        #expect(try load(folder).images(.all).count == 3)
    }

    @Test("data in two forms is refused, and both are named; pictures beside arrays are counted")
    func twoForms() throws {
        let folder = try DataFolder()
        try write(["cat/a.png", "dog/b.png"], to: folder)
        try folder.write("train.npy", NPYArray(shape: [1, 2, 3], someImages(1)).encoded())
        let error = try #require(throws: DataError.self) { try load(folder) }
        #expect(error.description.contains("train.npy and cat/a.png"), "\(error)")
        // what holds no images hides none, and is counted
        let stray = try DataFolder()
        try write(["cat/a.png", "dog/b.png"], to: stray)
        for name in ["features.npy", "train.npz", "index.csv"] { try stray.write(name, Array("no images".utf8)) }
        #expect(try load(stray).report.unused.counts == [".npy": 1, ".npz": 1, ".csv": 1])
        let flat = try DataFolder()
        try write((0..<4).map { "\($0).png" }, to: flat)
        try flat.write("train.npy", NPYArray(shape: [1, 2, 3], someImages(1)).encoded())
        let both = try #require(throws: DataError.self) { try load(flat) }
        #expect(both.description.contains("train.npy and 0.png"), "\(both)")
        let arrays = try DataFolder()
        try write(["sheet.png"], to: arrays)
        try arrays.write("train.npy", NPYArray(shape: [1, 2, 3], someImages(1)).encoded())
        #expect(try load(arrays).report.unused.counts == [".png": 1])
    }

    @Test("links in circles end, and a folder may not be nested or filled without bound")
    func bounds() throws {
        let folder = try DataFolder()
        try write(["cat/a.png"], to: folder)
        let isLinked = unsafe symlink(folder.path, folder("cat/up")) == 0
        try #require(isLinked)
        #expect(try load(folder).report.unused.counts == ["link to a folder that it is in": 1])
        var options = DataOptions()
        options.archive.entries = 3
        #expect(try load(folder, options).images(.all).count == 1)
        options.archive.entries = 2
        #expect(throws: DataError.tooLarge(file: folder.path, quantity: "files", value: 3, limit: 2)) {
            try load(folder, options)
        }
        for depth in [31, 32] {
            let deep = try DataFolder()
            let path = (0..<depth).map { "d\($0)" }.joined(separator: "/")
            try write(["\(path)/a.png"], to: deep)
            if depth < 32 {
                #expect(try load(deep).images(.all).count == 1)
            } else {
                let error = try #require(throws: DataError.self) { try load(deep) }
                #expect(error.description.contains("folders in one another: 33 is over the limit of 32"), "\(error)")
            }
        }
    }
}
