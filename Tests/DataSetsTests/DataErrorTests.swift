import Compression
import FlowCore
import Imaging
import Testing

@testable import DataSets

/// Loads `name` of `folder` (or the folder itself) and returns the error.
private func failure(_ folder: DataFolder, _ name: String? = nil, split: Split = .all, levels: Int = 256) -> DataError?
{
    do {
        _ = try ImageDataSet.load(path: name.map { folder($0) } ?? folder.path, split: split, levels: levels)
        return nil
    } catch { return error }
}

@Suite("Data errors")
struct DataErrorTests {
    @Test("what cannot be read says so")
    func unreadable() throws {
        let folder = try DataFolder()
        #expect(failure(folder, "none") == .unreadable(file: folder("none"), reason: "No such file or directory"))
        let device = "/dev/null"
        let reason = "not a regular file; - reads standard input"
        #expect(throws: DataError.unreadable(file: device, reason: reason)) {
            try ImageDataSet.load(path: device, split: .all)
        }
    }

    @Test("another format is named, and what the file is where that is known")
    func unknownFormat() throws {
        let folder = try DataFolder()
        let expected = dataFormats.names
        for bytes: [UInt8] in [[1], [0, 0, 8, 9, 0]] {
            try folder.write("file", bytes)
            #expect(failure(folder, "file") == .wrongFormat(file: folder("file"), expected: expected))
        }
        for (bytes, found) in [
            ([], "an empty file: copy or download it again"),
            (Array("GIF89a, or so".utf8), "a GIF picture: save its frames as PNG"),
            (
                Array("version https://git-lfs.github.com/spec/v1\n".utf8),
                "a Git LFS pointer: fetch its file with git lfs pull"
            ),
        ] as [([UInt8], String)] {
            try folder.write("file", bytes)
            #expect(
                failure(folder, "file")
                    == .unsupported(
                        file: folder("file"), expected: "a file of the format \(alternatives(expected))", found: found))
        }
    }

    @Test("a wrong IDX magic says what was expected and found")
    func magic() throws {
        let types = "; the third byte tells the type of the numbers, 0x08 to 0x0e)"
        let expected = "0x00000803 or 0x00000804 (images" + types
        for (bytes, found) in [
            (idx([1, 2, 3], someImages(1), type: 7), "0x00000703"), (idx([6], someImages(1)), "0x00000801"),
            ([7, 8, 9], "0x070809"), ([], "an empty file"),
        ] {
            let folder = try DataFolder()
            try folder.write("train-images-idx3-ubyte", bytes)
            #expect(
                failure(folder)
                    == .wrongMagic(file: folder("train-images-idx3-ubyte"), expected: expected, found: found))
        }
        let folder = try DataFolder()
        try folder.write("train-images-idx3-ubyte", idx([1, 2, 3], someImages(1)))
        try folder.write("train-labels-idx1-ubyte", idx([1, 1], [0]))
        #expect(
            failure(folder)
                == .wrongMagic(
                    file: folder("train-labels-idx1-ubyte"), expected: "0x00000801 (labels" + types,
                    found: "0x00000802"))
    }

    @Test("IDX and NPY files that are cut off or too long say by how much")
    func length() throws {
        let folder = try DataFolder()
        let bytes = idx([2, 2, 3], someImages(2))
        for count in 4..<bytes.count {
            try folder.write("file", Array(bytes[..<count]))
            let expected = count < 16 ? 16 : 28
            #expect(failure(folder, "file") == .truncated(file: folder("file"), expected: expected, found: count))
        }
        try folder.write("file", bytes + [0])
        #expect(failure(folder, "file") == .trailingBytes(file: folder("file"), expected: 28, found: 29))
        let array = NPYArray(shape: [2, 2, 3], someImages(2)).encoded()
        let file = folder("file")
        for (bytes, expected) in [
            (Array(array.dropLast()), DataError.truncated(file: file, expected: 140, found: 139)),
            (array + [0], .trailingBytes(file: file, expected: 140, found: 141)),
            (Array(array[..<20]), .damaged(file: file, reason: "header: expected 118 bytes, found 10 bytes")),
        ] {
            try folder.write("file", bytes)
            #expect(failure(folder, "file") == expected)
            try folder.write("packed", deflate(bytes, coding: .gzip))
            #expect(failure(folder, "packed") != nil)
        }
    }

    @Test("a damaged gzip stream is named")
    func gzip() throws {
        let folder = try DataFolder()
        var bytes = deflate(idx([2, 2, 3], someImages(2)), coding: .gzip)
        try folder.write("file.gz", Array(bytes.dropLast(3)))
        #expect(
            failure(folder, "file.gz")
                == .damaged(file: folder("file.gz"), reason: "the gzip stream ends before its checksum"))
        bytes[bytes.count - 5] ^= 1
        try folder.write("file.gz", bytes)
        #expect(failure(folder, "file.gz") == .damaged(file: folder("file.gz"), reason: "gzip: incorrect data check"))
    }

    @Test("the limit of bytes holds on both sides, packed and unpacked")
    func limit() throws {
        let folder = try DataFolder()
        let bytes = [UInt8](repeating: 7, count: 1000)
        try folder.write("plain", bytes)
        #expect(try DataFile(folder("plain"), maxBytes: 1000).bytes == bytes)
        #expect(throws: DataError.tooLarge(file: folder("plain"), quantity: "bytes", value: 1000, limit: 999)) {
            try DataFile(folder("plain"), maxBytes: 999)
        }
        try folder.write("packed", deflate(bytes, coding: .gzip))
        #expect(try DataFile(folder("packed"), maxBytes: 1000).bytes == bytes)
        #expect(
            throws: DataError.tooLarge(file: folder("packed"), quantity: "unpacked bytes", value: 1000, limit: 999)
        ) {
            try DataFile(folder("packed"), maxBytes: 999)
        }
    }

    @Test("sizes that a header only claims are refused")
    func claims() throws {
        let folder = try DataFolder()
        try folder.write("file", idx([0xffff_ffff, 0xffff_ffff, 0xffff_ffff], []))
        #expect(
            failure(folder, "file")
                == .tooLarge(file: folder("file"), quantity: "bytes announced", value: .max, limit: 1 << 40))
        // The limit itself is let through, to fail for the bytes that are not there.
        try folder.write("file", idx([1 << 30, 1 << 10, 1], []))
        #expect(failure(folder, "file") == .truncated(file: folder("file"), expected: 1 << 40 + 16, found: 16))
        try folder.write("file", idx([1 << 30, (1 << 10) + 1, 1], []))
        #expect(
            failure(folder, "file")
                == .tooLarge(
                    file: folder("file"), quantity: "bytes announced", value: (1 << 40) + (1 << 30), limit: 1 << 40))
    }

    @Test("arrays that are no images are refused")
    func shapes() throws {
        let folder = try DataFolder()
        for shape in [[12], [3, 4], [1, 2, 3, 2, 1], [1, 6, 1, 6]] {
            try folder.write("file", NPYArray(shape: shape, [UInt8](repeating: 0, count: shape.reduce(1, *))).encoded())
            let advice = shape.count == 2 ? ", without height and width: numpy.reshape gives it them" : ""
            guard case .unsupported(folder("file"), _, "shape \(shape)\(advice)") = failure(folder, "file") else {
                Issue.record("\(String(describing: failure(folder, "file")))")
                continue
            }
        }
        for shape in [[0, 2, 3], [1, 0, 3]] {
            try folder.write("file", idx(shape, []))
            guard case .empty(folder("file"), _) = failure(folder, "file") else {
                Issue.record("\(String(describing: failure(folder, "file")))")
                continue
            }
        }
    }

    @Test("values beyond the levels are named with their image")
    func values() throws {
        let folder = try DataFolder()
        try folder.write("file", idx([2, 2, 3], [0, 1, 2, 3, 0, 1, 0, 0, 4, 0, 0, 0]))
        #expect(failure(folder, "file", levels: 5) == nil)
        #expect(
            failure(folder, "file", levels: 4)
                == .valueOutOfRange(file: folder("file"), image: 1, value: "4", levels: 4))
        try folder.write("file", NPYArray(shape: [2, 1, 1], [2, 0.5] as [Float]).encoded())
        #expect(
            failure(folder, "file") == .valueOutOfRange(file: folder("file"), image: 1, value: "0.5", levels: 256))
        try folder.write("file", NPYArray(shape: [2, 1, 1], [1, 0.5] as [Float]).encoded())
        #expect(
            failure(folder, "file")
                == .unsupported(
                    file: folder("file"), expected: "whole numbers from 0 to 255",
                    found:
                        "all values (float32) are from 0 to 1: --scale unit reads them as fractions of 255, --scale levels as the "
                        + "levels 0 and 1"))
        try folder.write("images/0.png", try grayPNG([0, 1, 2, 3, 4, 5]))
        #expect(failure(folder, "images", levels: 6) == nil)
        #expect(
            failure(folder, "images", levels: 5)
                == .valueOutOfRange(file: folder("images/0.png"), image: 0, value: "5", levels: 5))
    }

    @Test("labels must fit the images and the classes")
    func labels() throws {
        let folder = try DataFolder()
        try folder.write("train-images-idx3-ubyte", idx([3, 2, 3], someImages(3)))
        try folder.write("train-labels-idx1-ubyte", idx([2], [0, 1]))
        let labels = folder("train-labels-idx1-ubyte")
        #expect(failure(folder) == .labelCount(file: labels, images: 3, labels: 2))
        try folder.write("train-labels-idx1-ubyte", idx([3], [0, 1, 2]))
        #expect(failure(folder) == nil)
        try folder.write("classes.txt", Array("cat\ndog".utf8))
        #expect(failure(folder) == .labelOutOfRange(file: labels, index: 2, label: "2", classes: 2))
        try folder.write("classes.txt", Array("cat\ndog\ncow".utf8))
        #expect(failure(folder) == nil)
        for text in ["", "\n", "cat\ncat\ncow"] {
            try folder.write("classes.txt", Array(text.utf8))
            guard case .unsupported(folder("classes.txt"), _, _) = failure(folder) else {
                Issue.record("\(text)")
                continue
            }
        }
        for (value, isGood) in [(65_535, true), (65_536, false), (-1, false), (0.5, false), (.nan, false)] {
            let arrays = try DataFolder()
            try arrays.write("train.npy", NPYArray(shape: [1, 2, 3], someImages(1)).encoded())
            try arrays.write("train-labels.npy", NPYArray(shape: [1], [value]).encoded())
            let expected = DataError.labelOutOfRange(
                file: arrays("train-labels.npy"), index: 0, label: "\(value)", classes: 65_536)
            #expect(failure(arrays) == (isGood ? nil : expected))
        }
    }

    @Test("images of another size, mode or depth are named")
    func mixed() throws {
        let folder = try DataFolder()
        try folder.write("0.png", try grayPNG(someImages(1)))
        try folder.write("1.png", try grayPNG(someImages(1), width: 2, height: 3))
        let first = DataError.ShapeCount(shape: twoByThree, count: 1, first: folder("0.png"))
        var other = DataError.ShapeCount(
            shape: EventShape(height: 3, width: 2, channels: 1), count: 1, first: folder("1.png"))
        #expect(failure(folder) == .mixedShapes(file: folder.path, shapes: [first, other]))
        let color = Image(width: 3, height: 2, mode: .rgb, pixels: [UInt8](repeating: 0, count: 18))
        try folder.write("1.png", try encodePNG(color))
        other.shape = EventShape(height: 2, width: 3, channels: 3)
        #expect(failure(folder) == .mixedShapes(file: folder.path, shapes: [first, other]))
        // A 16-bit gray PNG of one pixel.
        try folder.write(
            "deep/0.png",
            [
                137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 16, 0, 0,
                0, 0, 106, 238, 71, 22, 0, 0, 0, 11, 73, 68, 65, 84, 120, 156, 99, 16, 50, 1, 0, 0, 91, 0, 71,
                150, 251, 27, 101, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
            ])
        #expect(
            failure(folder, "deep")
                == .unsupported(
                    file: folder("deep/0.png"), expected: "8 bits a channel, or --grey or --colour, which round to 8",
                    found: "16 bits a channel"))
    }

    @Test("an image file that is none, or is cut off, is named")
    func damagedImage() throws {
        let folder = try DataFolder()
        try folder.write("0.png", [1])
        #expect(failure(folder) == .wrongFormat(file: folder("0.png"), expected: ["PNG", "JPEG", "WebP"]))
        try folder.write("0.png", Array("<!DOCTYPE html>".utf8))
        #expect(
            failure(folder)
                == .unsupported(
                    file: folder("0.png"), expected: "PNG, JPEG or WebP",
                    found: "an HTML page: download the picture itself"))
        try folder.write("0.png", Array(try grayPNG(someImages(1)).dropLast(20)))
        guard case .damaged(folder("0.png"), let reason) = failure(folder), !reason.isEmpty else {
            Issue.record("\(String(describing: failure(folder)))")
            return
        }
    }

    @Test("empty folders are named")
    func empty() throws {
        let folder = try DataFolder()
        func isEmpty(_ error: DataError?, _ name: String?) -> Bool {
            guard case .empty(let file, let expected) = error else { return false }
            return file == name.map { folder($0) } ?? folder.path && !expected.isEmpty
        }
        #expect(isEmpty(failure(folder), nil))
        try folder.makeFolder("classes/cat")
        #expect(isEmpty(failure(folder, "classes"), "classes"))
        try folder.makeFolder("splits/train")
        #expect(isEmpty(failure(folder, "splits"), "splits"))
        try folder.write("arrays/features.npy", NPYArray(shape: [1, 2, 3], someImages(1)).encoded())
        #expect(isEmpty(failure(folder, "arrays"), "arrays"))
        try folder.write("one.idx", idx([1, 2, 3], someImages(1)))
        let cut = Split.allCases.filter { $0 != .all }.map { failure(folder, "one.idx", split: $0) }
        let others = cut.filter {
            guard case .emptySplit(folder("one.idx"), _, 1, 1) = $0 else { return false }
            return $0?.description.contains("one image is too little") ?? false
        }
        #expect(others.count == 2 && cut.contains(nil), "one image lies in one split")
    }

    @Test("folders that mean two things are refused")
    func ambiguous() throws {
        let folder = try DataFolder()
        try folder.write("a/cat/0.png", try grayPNG(someImages(1)))
        try folder.write("a/0.png", try grayPNG(someImages(1)))
        guard case .unsupported(folder("a/0.png"), _, _) = failure(folder, "a") else {
            Issue.record("an image beside class folders")
            return
        }
        try folder.write("b/train/0.png", try grayPNG(someImages(1)))
        try folder.write("b/cat/0.png", try grayPNG(someImages(1)))
        guard case .unsupported(folder("b/cat"), _, _) = failure(folder, "b") else {
            Issue.record("a class beside a split")
            return
        }
        guard case .unsupported(_, let expected, _) = failure(folder, "b"), expected.contains("class") else {
            Issue.record("an error that does not speak of classes")
            return
        }
        for name in ["d/val/0.png", "d/Validation/0.png"] { try folder.write(name, try grayPNG(someImages(1))) }
        guard case .unsupported(folder("d/val"), "one folder for validation", _) = failure(folder, "d") else {
            Issue.record("two folders for one split")
            return
        }
        try folder.write("c/train-images-idx3-ubyte", idx([1, 2, 3], someImages(1)))
        try folder.write("c/train-images-idx3-ubyte.gz", deflate(idx([1, 2, 3], someImages(1)), coding: .gzip))
        guard case .unsupported(folder("c"), _, _) = failure(folder, "c") else {
            Issue.record("two files for one split")
            return
        }
    }

    @Test("a split that is not there is an error when there is no train to cut it from")
    func noSuchSplit() throws {
        let folder = try DataFolder()
        try folder.write("test.npy", NPYArray(shape: [1, 2, 3], someImages(1)).encoded())
        for split in [Split.train, .validation] {
            #expect(
                failure(folder, split: split)
                    == .noSuchSplit(file: folder.path, split: split.rawValue, found: ["test"]))
        }
    }

    @Test("messages name the file, what was expected and what was found")
    func messages() throws {
        let folder = try DataFolder()
        try folder.write("file", Array(idx([2, 2, 3], someImages(2)).dropLast()))
        let text = try #require(failure(folder, "file")).description
        #expect(text == "\(folder("file")): truncated: expected 28 bytes, found 27")
    }
}
