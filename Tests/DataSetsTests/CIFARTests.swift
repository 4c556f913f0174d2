import Compression
import DataSets
import FlowCore
import TestSupport
import Testing

/// Values of image `number`: red, green and blue plane one after the other.
private func planes(_ number: Int) -> [UInt8] {
    (0..<3072).map { UInt8(truncatingIfNeeded: number &+ $0 / 1024 &* 50 &+ $0 % 1024 / 32 &* 3 &+ $0 % 32) }
}

/// The same, pixel by pixel.
private func pixels(_ number: Int) -> [UInt8] {
    let planes = planes(number)
    return (0..<1024).flatMap { pixel in [planes[pixel], planes[1024 + pixel], planes[2048 + pixel]] }
}

/// One image of CIFAR-10, or of CIFAR-100 with its coarse label.
private func record(_ number: Int, label: UInt8, coarse: UInt8? = nil) -> [UInt8] {
    (coarse.map { [$0] } ?? []) + [label] + planes(number)
}

@Suite("CIFAR")
struct CIFARTests {
    @Test("CIFAR-10 is read batch by batch, planes become pixels, and the classes have their names")
    func ten() throws {
        let folder = try DataFolder()
        // the tenth comes after the second
        for (batch, label) in [(10, 9), (2, 3), (1, 0)] {
            try folder.write("data_batch_\(batch).bin", record(batch, label: UInt8(label)))
        }
        try folder.write("test_batch.bin", record(40, label: 7) + record(41, label: 8))
        let names = (0..<10).map { "class \($0)" }
        try folder.write("batches.meta.txt", Array((names.joined(separator: "\n") + "\n\n").utf8))
        try folder.write("readme.html", Array("<html>".utf8))
        let test = try ImageDataSet.load(path: folder.path, split: .test)
        #expect(test.shape == EventShape(height: 32, width: 32, channels: 3))
        #expect(test.pixels == pixels(40) + pixels(41) && test.labels == [7, 8] && test.classes == names)
        let all = try ImageDataSet.load(path: folder.path, split: .all)
        #expect(all.pixels == [1, 2, 10, 40, 41].flatMap(pixels) && all.labels == [0, 3, 9, 7, 8])
        let one = try ImageDataSet.load(path: folder("data_batch_2.bin"), split: .all)
        #expect(one.pixels == pixels(2) && one.labels == [3] && one.classes == names)
    }

    @Test("validation is cut out of the batches for training, test is not")
    func splits() throws {
        let folder = try DataFolder()
        try folder.write("data_batch_1.bin", (0..<200).flatMap { record($0, label: 1) })
        try folder.write("test_batch.bin", (200..<230).flatMap { record($0, label: 1) })
        let counts = try [Split.train, .validation, .test].map {
            try ImageDataSet.load(path: folder.path, split: $0).count
        }
        #expect(counts[0] + counts[1] == 200 && counts[1] > 0 && counts[2] == 30)
        #expect(try ImageDataSet.load(path: folder.path, split: .test).classes == (0..<10).map(String.init))
    }

    @Test("CIFAR-100 has the fine label, gzipped too; another train.bin is not taken for it")
    func hundred() throws {
        let folder = try DataFolder()
        try folder.write("train.bin.gz", deflate(record(1, label: 99, coarse: 19), coding: .gzip))
        try folder.write("test.bin", record(2, label: 20, coarse: 3))
        #expect(throws: DataError.self) { try ImageDataSet.load(path: folder.path, split: .all) }
        #expect(throws: DataError.wrongFormat(file: folder("test.bin"), expected: dataFormats.names)) {
            try ImageDataSet.load(path: folder("test.bin"), split: .all)
        }
        try folder.write("fine_label_names.txt", Array((0..<100).map { "f\($0)" }.joined(separator: "\n").utf8))
        let all = try ImageDataSet.load(path: folder.path, split: .all)
        #expect(all.pixels == pixels(1) + pixels(2) && all.labels == [99, 20] && all.classes[99] == "f99")
    }

    @Test("what is cut off, has another label or another level is named")
    func faults() throws {
        let folder = try DataFolder()
        let name = "data_batch_1.bin"
        for (bytes, expected) in [(3072, 3073), (0, 3073), (3074, 6146)] {
            try folder.write(name, [UInt8](repeating: 0, count: bytes))
            #expect(throws: DataError.truncated(file: folder(name), expected: expected, found: bytes)) {
                try ImageDataSet.load(path: folder.path, split: .all)
            }
        }
        try folder.write(name, record(0, label: 9) + record(1, label: 10))
        #expect(throws: DataError.labelOutOfRange(file: folder(name), index: 1, label: "10", classes: 10)) {
            try ImageDataSet.load(path: folder.path, split: .all)
        }
        try folder.write(name, [0] + [UInt8](repeating: 3, count: 3071) + [4])
        #expect(try ImageDataSet.load(path: folder.path, split: .all, levels: 5).count == 1)
        #expect(throws: DataError.valueOutOfRange(file: folder(name), image: 0, value: "4", levels: 4)) {
            try ImageDataSet.load(path: folder.path, split: .all, levels: 4)
        }
        try folder.write(name + ".gz", record(0, label: 1))
        #expect(throws: DataError.self) { try ImageDataSet.load(path: folder.path, split: .all) }
    }
}
