import Compression
import DataSets
import FlowCore
import Imaging
import TestSupport
import Testing

/// Names of folders by which splits are known, and folders around them.
@Suite("Names of splits")
struct SplitNameTests {
    /// Splits and classes of a tree of one picture a path.
    private func read(_ paths: [String]) throws -> (present: Set<Split>, classes: [String], train: Int) {
        let folder = try DataFolder()
        for (index, path) in paths.enumerated() { try folder.write(path, try grayPNG(someImages(1, from: index))) }
        let data = try LoadedData(path: folder.path, splits: [.all], options: DataOptions())
        return (data.present, try data.images(.all).classes, data.present.isEmpty ? 0 : try data.images(.train).count)
    }

    @Test(
        "words that are grown together, or begin with a capital, or stand in one pair of names",
        arguments: [
            ["trainset", "testset"], ["TrainImages", "TestImages"], ["TrainingData", "TestData"], ["trainA", "testA"],
            ["imagenet-train", "imagenet-val"], ["DIV2K_train_HR", "DIV2K_valid_HR"], ["train", "validate"],
            ["train", "evaluation"], ["tr", "te"], ["Xtrain", "Xtest"], ["trainval", "holdout"], ["train2012", "val2012"],
        ])
    func pairs(_ names: [String]) throws {
        // far more in the second, so that it is seen which one is learned
        let paths = ["\(names[0])/cat/0.png", "\(names[0])/dog/1.png"] + (2..<30).map { "\(names[1])/dog/\($0).png" }
        let (present, classes, train) = try read(paths)
        #expect(present.count == 2 && present.contains(.train) && classes == ["cat", "dog"])
        #expect(train <= 2)
    }

    @Test(
        "names of classes that have such a word in them stay classes",
        arguments: [
            ["train_station", "bus_station"], ["test_tube", "beaker"], ["steam train", "passenger train"], ["te", "xu"],
            ["train station", "test tube"], ["Trainer", "Tester"],
        ])
    func classes(_ names: [String]) throws {
        let (present, classes, _) = try read(["\(names[0])/0.png", "\(names[1])/1.png"])
        #expect(present.isEmpty && classes == names.sorted())
    }

    @Test(
        "folders around the whole say nothing, nor does one of pictures below a split's",
        arguments: ["photos/", "data/images/", "set/v1.0/", ""], ["", "images/"])
    func wrappers(_ around: String, _ inside: String) throws {
        let (present, classes, train) = try read([
            "\(around)train/\(inside)cat/0.png", "\(around)train/\(inside)dog/1.png", "\(around)test/\(inside)cat/2.png",
        ])
        #expect(present == [.train, .test] && classes == ["cat", "dog"] && train == 2)
        let plain = try read(["\(around)cat/0.png", "\(around)dog/1.png"])
        #expect(plain.present.isEmpty && plain.classes == ["cat", "dog"])
    }

    @Test("the only class is one, and splits below a class are refused however deep")
    func only() throws {
        #expect(try read(["cat/0.png", "cat/1.png"]).classes == ["cat"])
        #expect(try read(["photos/cat/0.png", "photos/cat/1.png"]).classes == ["cat"])
        #expect(throws: DataError.self) { try read(["cat/b/train/0.png", "cat/b/test/1.png", "dog/b/train/2.png"]) }
    }

    @Test("rows of a table without a split, beside others, are to learn from", arguments: ["test", "val"])
    func emptySplits(_ word: String) throws {
        let folder = try DataFolder()
        var table = "path,label,split\n"
        for index in 0..<40 {
            try folder.write("\(index).png", try grayPNG(someImages(1, from: index)))
            table += "\(index).png,\(index % 2 == 0 ? "cat" : "dog"),\(index < 8 ? word : "")\n"
        }
        try folder.write("labels.csv", Array(table.utf8))
        let data = try LoadedData(path: folder.path, splits: [.all], options: DataOptions())
        let split = try #require(Split(inNameOf: word))
        #expect(data.present == [.train, split])
        #expect(try data.images(split).count == 8 && data.images(.all).count == 40)
    }

    @Test("where some images of a split have no label none of them has, in what is cut out of it neither")
    func partialLabels() throws {
        let folder = try DataFolder()
        var table = "path,label\n"
        for index in 0..<90 {
            try folder.write("\(index).png", try grayPNG(someImages(1, from: index)))
            table += "\(index).png,\(index == 7 ? "" : index % 2 == 0 ? "cat" : "dog")\n"
        }
        try folder.write("labels.csv", Array(table.utf8))
        let data = try LoadedData(path: folder.path, splits: [.all], options: DataOptions())
        for (_, images) in try data.parts() { #expect(images.labels == nil && images.classes.isEmpty) }
        #expect(data.report.unused.counts == ["labels, since 1 image has none": 89])
    }

    @Test("where every image is bad the first ones are named, skipped or not")
    func allBad() throws {
        let folder = try DataFolder()
        for name in ["cat/a.png", "dog/b.png"] { try folder.write(name, Array("version https://git-lfs".utf8)) }
        var options = DataOptions()
        options.skipsBad = true
        let error = try #require(throws: DataError.self) {
            try LoadedData(path: folder.path, splits: [.all], options: options)
        }
        #expect(error.description.contains("none of its 2 images can be read") && error.description.contains("a.png"))
    }

    @Test("pictures are composed on the background, or keep their transparency as a channel")
    func transparency() throws {
        let folder = try DataFolder()
        for index in 0..<3 {
            let pixels = [UInt8(index), 2, 3, 0] + [9, 9, 9, 255]
            try folder.write(
                "\(index).png", try encodePNG(Image(width: 2, height: 1, mode: .rgba, pixels: pixels)))
        }
        var options = DataOptions()
        func pixels() throws -> [UInt8] {
            try LoadedData(path: folder.path, splits: [.all], options: options).images(.all)[0]
        }
        #expect(try pixels() == [255, 255, 255, 9, 9, 9])
        options.background = .black
        #expect(try pixels() == [0, 0, 0, 9, 9, 9])
        options.keepsAlpha = true
        #expect(try pixels().count == 8)
    }

    @Test(
        "a file that was not fetched is named as what it is, whatever lies beside it",
        arguments: ["train-images-idx3-ubyte", "train.npz", "train.tar", "set.arrow", "labels.csv", "classes.txt"])
    func notFetched(_ name: String) throws {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
        let folder = try DataFolder()
        try folder.write(name, Array(pointer.utf8))
        if name == "classes.txt" {
            try folder.write("train.npy", NPYArray(shape: [2, 2, 3], someImages(2)).encoded())
            try folder.write("train-labels.npy", NPYArray(shape: [2], [0, 1]).encoded())
        }
        if name == "labels.csv" { for index in 0..<5 { try folder.write("\(index).png", try grayPNG(someImages(1, from: index))) } }
        let error = try #require(throws: DataError.self) {
            try LoadedData(path: folder.path, splits: [.all], options: DataOptions())
        }
        #expect(error.description.contains("a Git LFS pointer: fetch its file with git lfs pull"), "\(error)")
    }

    @Test("labels of an NPZ that are not as many as its images are an error")
    func labelCount() throws {
        let folder = try DataFolder()
        let labels = NPYArray(shape: [6], [0, 1, 0, 1, 0, 1]).encoded()
        let images = NPYArray(shape: [90, 2, 3], someImages(90)).encoded()
        let files = [("images.npy", images), ("labels.npy", labels)].map { name, bytes in
            var file = ArchiveBuilder.ZipFile(
                name: name, size: bytes.count, checksum: unsafe crc32(bytes.span.bytes), stored: bytes)
            file.method = 0
            return file
        }
        try folder.write("set.npz", ArchiveBuilder.zip(files))
        let error = try #require(throws: DataError.self) {
            try LoadedData(path: folder("set.npz"), splits: [.all], options: DataOptions())
        }
        guard case .labelCount(_, 90, 6) = error else {
            Issue.record("\(error)")
            return
        }
    }
}
