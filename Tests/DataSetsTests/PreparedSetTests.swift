import DataSets
import FlowCore
import Imaging
import TestSupport
import Testing

@Suite("Prepared sets")
struct PreparedSetTests {
    @Test("what is written is read again: images, classes, splits")
    func roundTrip() throws {
        let (folder, output) = (try DataFolder(), try DataFolder())
        for (index, name) in ["train/cat/a", "train/dog/b", "val/dog/c", "test/cat/d"].enumerated() {
            try folder.write("\(name).png", try grayPNG(someImages(1, from: 40 * index)))
        }
        let data = try LoadedData(path: folder.path, splits: [.all])
        let summary = try PreparedSet.write(data.parts(), to: output.path, levels: 256, nearDistance: 0)
        // the only training image was not cut: it says so by the digest
        let again = try LoadedData(path: output.path, splits: [.all])
        for split in [Split.validation, .test] {
            let (before, after) = (try data.images(split), try again.images(split))
            #expect(before.pixels == after.pixels && before.labels == after.labels && after.classes == ["cat", "dog"])
        }
        #expect(summary.counts == [.train: 2, .validation: 1, .test: 1])
        #expect(summary.classCounts == [.train: [1, 1], .validation: [0, 1], .test: [1, 0]])
        #expect(again.report.unused.count == 0 && again.present == [.train, .validation, .test])
    }

    @Test("levels are reduced by whole steps of the scale")
    func levels() throws {
        let (folder, output) = (try DataFolder(), try DataFolder())
        try folder.write("a.png", try grayPNG([0, 63, 64, 127, 128, 255]))
        let data = try LoadedData(path: folder.path, splits: [.all])
        let all = [(split: Split.train, images: try data.images(.all))]
        _ = try PreparedSet.write(all, to: output.path, levels: 4)
        var options = DataOptions(levels: 4)
        options.levels = 4
        let set = try LoadedData(path: output.path, splits: [.all], options: options).images(.all)
        #expect(set.pixels == [0, 0, 1, 1, 2, 3] && set.levels == 4)
    }

    @Test("a difference hash changes little with noise and brightness, and much with the picture")
    func hash() {
        let shape = EventShape(height: 32, width: 32, channels: 1)
        func picture(_ value: (Int, Int) -> Int) -> DifferenceHash {
            DifferenceHash(
                of: (0..<1024).map { UInt8(clamping: value($0 / 32, $0 % 32)) }, shape: shape)
        }
        let wave = picture { y, x in 100 + 3 * abs(x - 16) + 2 * abs(y - x) }
        let brighter = picture { y, x in 120 + 3 * abs(x - 16) + 2 * abs(y - x) + (x * y) % 3 }
        let other = picture { y, x in 100 + 3 * (16 - abs(x - 16)) + y }
        #expect(wave.distance(to: brighter) <= 4 && wave.distance(to: other) > 16)
        #expect(wave.distance(to: wave) == 0)
    }
}
