import DataSets
import FlowCore
import Imaging
import TestSupport
import Testing

/// Names and kinds of files by which data sets are published.
@Suite("Names of data")
struct DataNamesTests {
    private func load(_ folder: DataFolder, _ split: Split = .train) throws -> ImageDataSet {
        try ImageDataSet.load(path: folder.path, split: split)
    }

    /// A set with one image a split, so that nothing is cut out.
    private func write(_ folder: DataFolder, others: (validation: String, test: String)) throws {
        try folder.write(others.validation, idx([1, 2, 3], someImages(1, from: 10)))
        try folder.write(others.test, idx([1, 2, 3], someImages(1, from: 20)))
    }

    @Test(
        "IDX files are known with dashes or a point, with a prefix, in upper case",
        arguments: [
            ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"),
            ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte"),
            (
                "emnist-digits-train-images-idx3-ubyte", "emnist-digits-train-labels-idx1-ubyte",
                "emnist-digits-test-images-idx3-ubyte"
            ),
            ("Training-images-idx3-ubyte", "Training-labels-idx1-ubyte", "TEST-images-idx3-ubyte"),
        ])
    func idxNames(_ images: String, _ labels: String, _ test: String) throws {
        let folder = try DataFolder()
        try folder.write(images, idx([2, 2, 3], someImages(2)))
        try folder.write(labels, idx([2], [1, 0]))
        try write(folder, others: ("val-images-idx3-ubyte", test))
        let train = try load(folder)
        #expect(train.pixels == someImages(2) && train.labels == [1, 0])
        #expect(try load(folder, .test).pixels == someImages(1, from: 20))
        // and as a single file
        let alone = try ImageDataSet.load(path: folder(images), split: .all)
        #expect(alone.pixels == someImages(2) && alone.labels == [1, 0])
    }

    @Test("IDX labels of 32 bits are read")
    func wideLabels() throws {
        let folder = try DataFolder()
        try folder.write("train-images-idx3-ubyte", idx([2, 2, 3], someImages(2)))
        try folder.write("train-labels-idx1-int", idx([2], [0, 0, 1, 2, 0, 0, 0, 3], type: 0x0c))
        try write(folder, others: ("val-images-idx3-ubyte", "test-images-idx3-ubyte"))
        let train = try load(folder)
        #expect(train.labels == [258, 3] && train.classes.count == 259)
    }

    @Test(
        "NPY labels are known with a dash or a line, as a row or a column",
        arguments: [("train-labels.npy", [2]), ("train_labels.npy", [2]), ("train-labels.npy", [2, 1])])
    func npyLabels(_ name: String, _ shape: [Int]) throws {
        let folder = try DataFolder()
        try folder.write("train.npy", NPYArray(shape: [2, 2, 3], someImages(2)).encoded())
        try folder.write(name, NPYArray(shape: shape, [1, 0] as [UInt8]).encoded())
        for split in ["validation", "test"] {
            try folder.write("\(split).npy", NPYArray(shape: [1, 2, 3], someImages(1)).encoded())
        }
        #expect(try load(folder).labels == [1, 0])
        #expect(try ImageDataSet.load(path: folder("train.npy"), split: .all).labels == [1, 0])
        try folder.write("train_labels.npy.gz", NPYArray(shape: [2], [1, 0] as [UInt8]).encoded())
        #expect(throws: DataError.self) { try load(folder) }
    }

    @Test("labels that are a table are refused by their shape")
    func labelTable() throws {
        let folder = try DataFolder()
        try folder.write("train.npy", NPYArray(shape: [2, 2, 3], someImages(2)).encoded())
        try folder.write("train-labels.npy", NPYArray(shape: [1, 2], [1, 0] as [UInt8]).encoded())
        let expected = DataError.unsupported(
            file: folder("train-labels.npy"), expected: "labels of shape [N] or [N, 1]", found: "shape [1, 2]")
        #expect(throws: expected) { try ImageDataSet.load(path: folder.path, split: .all) }
    }

    @Test(
        "folders of splits are known by the words for them, whatever their case",
        arguments: [
            ("train", "validation", "test"), ("Train", "Val", "Test"), ("training", "valid", "testing"),
            ("TRN", "dev", "T10K"),
        ])
    func splitFolders(_ train: String, _ validation: String, _ test: String) throws {
        let folder = try DataFolder()
        for (index, name) in [train, validation, test].enumerated() {
            // a class may be called as a split is
            try folder.write("\(name)/train/0.png", try grayPNG(someImages(1, from: index)))
        }
        for (index, split) in [Split.train, .validation, .test].enumerated() {
            let set = try load(folder, split)
            #expect(set.pixels == someImages(1, from: index) && set.classes == ["train"], "\(split)")
        }
    }

    @Test("what lies beside pictures does not hide them")
    func stray() throws {
        let folder = try DataFolder()
        for index in 0..<4 { try folder.write("\(index % 2)/\(index).png", try grayPNG(someImages(1, from: index))) }
        try folder.write("features.npy", NPYArray(shape: [2, 2], [1, 2, 3, 4] as [UInt8]).encoded())
        try folder.write("__MACOSX/0/._0.png", [0, 5, 22, 7])
        try folder.write("0/._2.png", [0, 5, 22, 7])
        try folder.write("0/Thumbs.db", [1])
        let set = try load(folder, .all)
        #expect(set.count == 4 && set.classes == ["0", "1"])
    }

    @Test(
        "classes.txt is read as editors of any system write it",
        arguments: [
            "cat\ndog\n", "cat\r\ndog\r\n", "cat\rdog", "\u{FEFF}cat\r\ndog", "cat \n\tdog\t\n", "\ncat\n \ndog\n\n",
        ])
    func classNames(_ text: String) throws {
        let folder = try DataFolder()
        try folder.write("train.npy", NPYArray(shape: [2, 2, 3], someImages(2)).encoded())
        try folder.write("train-labels.npy", NPYArray(shape: [2], [1, 0] as [UInt8]).encoded())
        try folder.write("classes.txt", Array(text.utf8))
        #expect(try load(folder, .all).classes == ["cat", "dog"])
        try folder.write("classes.txt", [0x42, 0xe4, 0x72, 0x0a, 0x41])  // Latin-1
        #expect(
            throws: DataError.unsupported(
                file: folder("classes.txt"), expected: "names of classes in UTF-8", found: "other bytes")
        ) { try load(folder, .all) }
    }

    @Test("an NPY file of a kind that is not read is sound, and not called damaged")
    func unreadKinds() throws {
        let folder = try DataFolder()
        let array = String(
            decoding: NPYArray(shape: [1, 2, 2], [1, 2, 3, 4] as [UInt8]).encoded(), as: Unicode.ASCII.self)
        for (old, new) in [("'|u1'", "'<c8'"), ("'|u1'", "'<U1'"), ("NUMPY\u{1}", "NUMPY\u{4}")] {
            let text = array.replacing(old, with: new)
            try folder.write("file", [0x93] + text.utf8.drop { $0 != UInt8(ascii: "N") })
            let error = #expect(throws: DataError.self) {
                try ImageDataSet.load(path: folder("file"), split: .all)
            }
            guard case .unsupported? = error else {
                Issue.record("\(new): \(error.map { "\($0)" } ?? "no error")")
                continue
            }
        }
    }

    @Test("transposed and big-endian arrays are read, of whole numbers of any type")
    func otherKinds() throws {
        let folder = try DataFolder()
        // [2, 2, 3] with the first axis fastest, as numpy.asfortranarray saves it
        let values: [[UInt8]] = [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]]
        let transposed = (0..<3).flatMap { x in (0..<2).flatMap { y in values.map { $0[y * 3 + x] } } }
        let head = String(
            decoding: NPYArray.header(shape: [2, 2, 3], elementType: .uint8), as: Unicode.ASCII.self)
        func file(_ old: String, _ new: String, _ data: [UInt8]) -> [UInt8] {
            [0x93] + Array(head.replacing(old, with: new).utf8.drop { $0 != UInt8(ascii: "N") }) + data
        }
        for bytes in [
            file("'fortran_order': False", "'fortran_order': True ", transposed),
            file("'|u1'", "'>u2'", values.joined().flatMap { [0, $0] }),
            file("'|u1'", "'<i8'", values.joined().flatMap { [$0, 0, 0, 0, 0, 0, 0, 0] }),
        ] {
            try folder.write("file", bytes)
            let set = try ImageDataSet.load(path: folder("file"), split: .all)
            #expect(set.shape == twoByThree && set.pixels == values.flatMap(\.self))
        }
    }
}
