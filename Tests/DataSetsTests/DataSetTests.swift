import Compression
import DataSets
import FlowCore
import Imaging
import TestSupport
import Testing

@Suite("Data set")
struct DataSetTests {
    private let set = ImageDataSet(
        shape: twoByThree, levels: 256, pixels: someImages(4), labels: [0, 1, 0, 1], classes: ["cat", "1x"])

    @Test("an image is a slice of the pixels")
    func images() throws {
        #expect(set.count == 4)
        #expect(try set[2] == [2, 0, 3, 4, 5, 6])
    }

    @Test("limited takes the first images")
    func limited() {
        #expect(set.limited(to: 2).pixels == someImages(2) && set.limited(to: 2).labels == [0, 1])
        #expect(set.limited(to: 4).pixels == set.pixels && set.limited(to: 100).labels == set.labels)
        #expect(set.limited(to: 0).count == 0)
    }

    @Test("only one class, by name or number")
    func only() throws {
        for name in ["1x", "1"] {
            let one = try set.only(classes: [name])
            #expect(one.pixels == someImages(1, from: 1) + someImages(1, from: 3))
            #expect(one.labels == [0, 0] && one.classes == ["1x"])
        }
        for name in ["dog", "2", "-1", ""] {
            #expect(throws: DataError.unknownClass(name: name, classes: ["cat", "1x"])) {
                try set.only(classes: [name])
            }
        }
        let unlabelled = ImageDataSet(shape: twoByThree, levels: 256, pixels: someImages(1))
        #expect(throws: DataError.noLabels(name: "cat")) { try unlabelled.only(classes: ["cat"]) }
    }

    @Test("several classes, classes and images in the order of the set")
    func several() throws {
        let three = ImageDataSet(
            shape: twoByThree, levels: 256, pixels: someImages(4), labels: [2, 1, 0, 2], classes: ["a", "b", "c"])
        let both = try three.only(classes: ["c", "b", "2"])
        #expect(both.pixels == someImages(2) + someImages(1, from: 3))
        #expect(both.classes == ["b", "c"] && both.labels == [1, 0, 1])
    }

    @Test("a flip exchanges left and right, channels in place")
    func flip() {
        let row: [UInt8] = [9, 1, 2, 3, 4, 5, 6, 9]
        #expect(flipHorizontally(row[1..<7], shape: twoByThree) == [3, 2, 1, 6, 5, 4])
        let pairs = EventShape(height: 1, width: 3, channels: 2)
        #expect(flipHorizontally(row[1..<7], shape: pairs) == [5, 6, 3, 4, 1, 2])
        #expect(flipHorizontally(flipHorizontally(row[1..<7], shape: pairs)[...], shape: pairs) == Array(row[1..<7]))
    }

    @Test("the content hash tells data apart, not where it came from")
    func contentHash() throws {
        let hash = try set.contentHash
        #expect(hash.count == 64)
        #expect(try hash == set.subset([0, 1, 2, 3]).contentHash)
        let others = [
            set.limited(to: 3), set.subset([1, 0, 2, 3]),
            ImageDataSet(shape: twoByThree, levels: 255, pixels: set.pixels, labels: set.labels, classes: set.classes),
            ImageDataSet(shape: twoByThree, levels: 256, pixels: set.pixels),
            ImageDataSet(
                shape: EventShape(height: 3, width: 2, channels: 1), levels: 256, pixels: set.pixels,
                labels: set.labels, classes: set.classes),
            ImageDataSet(
                shape: twoByThree, levels: 256, pixels: set.pixels, labels: [0, 1, 1, 1], classes: set.classes),
        ]
        let hashes = try others.map { try $0.contentHash }
        #expect(Set(hashes + [hash]).count == others.count + 1)
    }
}

@Suite("Data formats")
struct DataFormatTests {
    @Test("IDX folders are read, gzipped or not, with labels or without", arguments: [false, true])
    func idxFolder(_ gzipped: Bool) throws {
        let folder = try DataFolder()
        func write(_ name: String, _ bytes: [UInt8]) throws {
            try folder.write(gzipped ? name + ".gz" : name, gzipped ? deflate(bytes, coding: .gzip) : bytes)
        }
        try write("train-images-idx3-ubyte", idx([3, 2, 3], someImages(3)))
        try write("train-labels-idx1-ubyte", idx([3], [0, 2, 1]))
        try write("validation-images-idx3-ubyte", idx([1, 2, 3], someImages(1, from: 10)))
        try write("t10k-images-idx3-ubyte", idx([2, 2, 3], someImages(2, from: 20)))
        try write("t10k-labels-idx1-ubyte", idx([2], [4, 0]))

        let train = try ImageDataSet.load(path: folder.path, split: .train)
        #expect(train.shape == twoByThree && train.pixels == someImages(3) && train.labels == [0, 2, 1])
        #expect(train.classes == ["0", "1", "2", "3", "4"], "of all splits together")
        let validation = try ImageDataSet.load(path: folder.path, split: .validation)
        #expect(validation.pixels == someImages(1, from: 10) && validation.labels == nil && validation.classes == [])
        let test = try ImageDataSet.load(path: folder.path + "/", split: .test)
        #expect(test.pixels == someImages(2, from: 20) && test.labels == [4, 0] && test.classes == train.classes)
        let all = try ImageDataSet.load(path: folder.path, split: .all)
        #expect(all.pixels == train.pixels + validation.pixels + test.pixels && all.labels == nil)
    }

    @Test("IDX with channels is read")
    func idxChannels() throws {
        let folder = try DataFolder()
        try folder.write("test-images-idx4-ubyte", idx([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]))
        let set = try ImageDataSet.load(path: folder.path, split: .test)
        #expect(set.shape == EventShape(height: 1, width: 2, channels: 3) && set.pixels == [1, 2, 3, 4, 5, 6])
    }

    @Test("one IDX file is read, with the labels beside it")
    func idxFile() throws {
        let folder = try DataFolder()
        try folder.write("a-images-idx3-ubyte", idx([3, 2, 3], someImages(3)))
        let plain = try ImageDataSet.load(path: folder("a-images-idx3-ubyte"), split: .all)
        #expect(plain.pixels == someImages(3) && plain.labels == nil)
        try folder.write("a-labels-idx1-ubyte.gz", deflate(idx([3], [1, 1, 0]), coding: .gzip))
        #expect(try ImageDataSet.load(path: folder("a-images-idx3-ubyte"), split: .all).labels == [1, 1, 0])
        try folder.write("classes.txt", Array("cat\r\ndog\n".utf8))
        #expect(try ImageDataSet.load(path: folder("a-images-idx3-ubyte"), split: .all).classes == ["cat", "dog"])
    }

    @Test("NPY folders and files are read")
    func npy() throws {
        let folder = try DataFolder()
        try folder.write("train.npy", NPYArray(shape: [2, 2, 3], someImages(2)).encoded())
        try folder.write("train-labels.npy", NPYArray(shape: [2], [1, 0] as [Float]).encoded())
        let floats = someImages(5, from: 7).map { Float($0) }
        try folder.write("test.npy.gz", deflate(NPYArray(shape: [1, 5, 2, 3], floats).encoded(), coding: .gzip))
        let colour = EventShape(height: 5, width: 2, channels: 3)
        let shapes = [
            DataError.ShapeCount(shape: twoByThree, count: 2, first: folder("train.npy: image 0")),
            DataError.ShapeCount(shape: colour, count: 1, first: folder("test.npy.gz: image 0")),
        ]
        #expect(throws: DataError.mixedShapes(file: folder.path, shapes: shapes)) {
            try ImageDataSet.load(path: folder.path, split: .all)
        }
        let test = try ImageDataSet.load(path: folder.path, split: .test)
        #expect(test.shape == colour && test.pixels == someImages(5, from: 7))
        try folder.write("validation.npy", NPYArray(shape: [1, 2, 3], someImages(1, from: 5)).encoded())
        let train = try ImageDataSet.load(path: folder.path, split: .train)
        #expect(train.pixels == someImages(2) && train.labels == [1, 0] && train.classes == ["0", "1"])
        let file = try ImageDataSet.load(path: folder("train.npy"), split: .all)
        #expect(file.shape == twoByThree && file.pixels == someImages(2))
    }

    @Test("folders of images are read in the order of their names, whatever their suffix says")
    func images() throws {
        let folder = try DataFolder()
        for (name, first) in [("b.png", 2), ("a.PNG", 1), ("c.jpeg", 3)] {
            try folder.write(name, try grayPNG(someImages(1, from: first)))
        }
        try folder.write("README.md", Array("not an image".utf8))
        try folder.write(".hidden.png", [1])
        let set = try ImageDataSet.load(path: folder.path, split: .all)
        #expect(set.shape == twoByThree && set.pixels == someImages(3, from: 1) && set.labels == nil)
        let one = try ImageDataSet.load(path: folder("b.png"), split: .all)
        #expect(one.pixels == someImages(1, from: 2))
    }

    @Test("sub-folders are classes")
    func classes() throws {
        let folder = try DataFolder()
        for (name, first) in [("zebra/1.png", 0), ("bear/2.png", 1), ("zebra/0.png", 2)] {
            try folder.write(name, try grayPNG(someImages(1, from: first)))
        }
        let set = try ImageDataSet.load(path: folder.path, split: .all)
        #expect(set.classes == ["bear", "zebra"] && set.labels == [0, 1, 1])
        #expect(set.pixels == someImages(1, from: 1) + someImages(1, from: 2) + someImages(1))
    }

    @Test("folders of splits are read, and agree about the classes")
    func splits() throws {
        let folder = try DataFolder()
        for name in ["train/a/0.png", "train/c/0.png", "val/b/0.png", "test/c/0.png"] {
            try folder.write(name, try grayPNG(someImages(1, from: name.utf8.count)))
        }
        for (split, labels) in [(Split.validation, [1]), (.test, [2]), (.train, [0, 2]), (.all, [0, 2, 1, 2])] {
            let set = try ImageDataSet.load(path: folder.path, split: split)
            #expect(set.classes == ["a", "b", "c"] && set.labels == labels)
        }
    }

    @Test("colour and fewer levels are read")
    func levels() throws {
        let folder = try DataFolder()
        let image = Image(width: 1, height: 1, mode: .rgb, pixels: [0, 3, 1])
        try folder.write("0.png", try encodePNG(image))
        let set = try ImageDataSet.load(path: folder.path, split: .all, levels: 4)
        #expect(set.levels == 4 && set.shape.channels == 3 && set.pixels == [0, 3, 1])
    }
}

@Suite("Data splits")
struct DataSplitTests {
    private static func parts(_ folder: DataFolder) throws -> [Split: Set<[UInt8]>] {
        var result: [Split: Set<[UInt8]>] = [:]
        for split in [Split.train, .validation, .test] {
            let set = try ImageDataSet.load(path: folder.path, split: split)
            result[split] = Set(try (0..<set.count).map { try set[$0] })
        }
        return result
    }

    @Test("an undivided set is cut 80 to 10 to 10, by content alone")
    func undivided() throws {
        let folder = try DataFolder()
        try folder.write("all.idx", idx([2000, 2, 3], someImages(2000)))
        var sets: [Split: ImageDataSet] = [:]
        for split in [Split.train, .validation, .test] {
            sets[split] = try ImageDataSet.load(path: folder("all.idx"), split: split)
        }
        let counts = [Split.train, .validation, .test].map { sets[$0]!.count }
        #expect(counts.reduce(0, +) == 2000)
        // Binomial with 2000 draws: 5 standard deviations are 89 and 67.
        #expect(abs(counts[0] - 1600) < 89 && abs(counts[1] - 200) < 67 && abs(counts[2] - 200) < 67)

        // The same images in another order, each twice, mirrored: none changes sides.
        let mirrored = (0..<2000).reversed().flatMap { index -> [UInt8] in
            let row = Array(someImages(1, from: index))
            return row + flipHorizontally(row[...], shape: twoByThree)
        }
        try folder.write("all.idx", idx([4000, 2, 3], mirrored))
        for split in [Split.train, .validation, .test] {
            let doubled = try ImageDataSet.load(path: folder("all.idx"), split: split)
            let before = sets[split]!
            #expect(doubled.count == 2 * before.count)
            let own = try (0..<before.count).map { try before[$0] }
            #expect(Set(own).isSubset(of: try (0..<doubled.count).map { try doubled[$0] }))
        }
    }

    @Test("a missing validation split is cut out of train, a test split of its own stays whole")
    func noValidation() throws {
        let folder = try DataFolder()
        try folder.write("train-images-idx3-ubyte", idx([1000, 2, 3], someImages(1000)))
        try folder.write("test-images-idx3-ubyte", idx([100, 2, 3], someImages(100, from: 5000)))
        let parts = try Self.parts(folder)
        #expect(parts[.test]!.count == 100)
        #expect(parts[.train]!.count + parts[.validation]!.count == 1000)
        #expect((50..<150).contains(parts[.validation]!.count))
        #expect(parts[.train]!.isDisjoint(with: parts[.validation]!))
    }

    @Test("splits with files of their own stay whole")
    func whole() throws {
        let folder = try DataFolder()
        for (index, name) in ["train", "validation", "test"].enumerated() {
            try folder.write("\(name).npy", NPYArray(shape: [50, 2, 3], someImages(50, from: 100 * index)).encoded())
        }
        #expect(try Self.parts(folder).values.allSatisfy { $0.count == 50 })
    }
}
