import DataSets
import FlowCore
import Imaging
import TestSupport
import Testing

/// Bad files, mixed shapes, copies, and sets in a file.
@Suite("Reading data sets")
struct ReadingTests {
    private func load(
        _ folder: DataFolder, _ splits: Set<Split> = [.all], _ options: DataOptions = DataOptions()
    ) throws -> LoadedData { try LoadedData(path: folder.path, splits: splits, options: options) }

    @Test("all bad files are named before anything else, ten of them; --skip-bad goes on and counts")
    func bad() throws {
        let folder = try DataFolder()
        for index in 0..<30 {
            let image = try grayPNG(someImages(1, from: index))
            try folder.write("\(10 + index).png", index % 2 == 0 ? image : Array(image.dropLast(20)))
        }
        let error = try #require(throws: DataError.self) { try load(folder) }
        let lines = error.description.split(separator: "\n")
        #expect(lines[0].contains("15 images cannot be read; --skip-bad"), "\(error)")
        #expect(lines.count == 12 && lines[1].contains("11.png") && lines[11].contains("and 5 more"), "\(error)")
        var options = DataOptions()
        options.skipsBad = true
        let data = try load(folder, [.all], options)
        let all = try data.images(.all)
        #expect(all.count == 15 && all.skipped == 15 && data.report.bad.count == 15)
        #expect(data.report.lines.contains { $0.contains("15 that could not be read are skipped") })
    }

    @Test("shapes are counted, and brought to one where that is asked for")
    func shapes() throws {
        let folder = try DataFolder()
        for index in 0..<3 { try folder.write("a\(index).png", try grayPNG(someImages(1, from: index))) }
        let colour = Image(width: 4, height: 4, mode: .rgb, pixels: (0..<48).map { UInt8(5 * $0) })
        try folder.write("b.png", try encodePNG(colour))
        let error = try #require(throws: DataError.self) { try load(folder) }
        let text = error.description
        #expect(text.contains("3 of 2x3x1, such as") && text.contains("1 of 4x4x3"), "\(text)")
        #expect(text.contains("--size") && text.contains("--grey"))
        var options = DataOptions()
        (options.size, options.mode) = (ImageSize(height: 2, width: 2), .gray)
        let data = try load(folder, [.all], options)
        let all = try data.images(.all)
        #expect(all.shape == EventShape(height: 2, width: 2, channels: 1) && data.report.converted == 4)
        let expected = colour.converted(to: .gray).fitted(width: 2, height: 2, fit: .cover, padding: [0]).pixels
        #expect(try all[3] == expected)
    }

    @Test(
        "copies in the splits that are tested are counted, mirrored ones too; so are images of one colour and lonely classes"
    )
    func copies() throws {
        let folder = try DataFolder()
        let images = someImages(4)
        try folder.write("train.npy", NPYArray(shape: [4, 2, 3], images).encoded())
        try folder.write("train-labels.npy", NPYArray(shape: [4], [0, 0, 0, 1] as [UInt8]).encoded())
        let mirrored = flipHorizontally(images[6..<12], shape: twoByThree)
        let others = Array(images[..<6]) + mirrored + [UInt8](repeating: 7, count: 6)
        try folder.write("test.npy", NPYArray(shape: [3, 2, 3], others).encoded())
        try folder.write("test-labels.npy", NPYArray(shape: [3], [0, 0, 0] as [UInt8]).encoded())
        let report = try load(folder).report
        #expect(report.duplicates == [.test: 2] && report.constant == 1 && report.singleClasses == ["1"])
        #expect(report.images == 7 && report.distinct == 5)
    }

    @Test("too few or equal images say what is wrong, and what to do")
    func few() throws {
        let folder = try DataFolder()
        for (images, words) in [
            ((0..<300).flatMap { _ in someImages(1) }, "its 300 images are one image 300 times"),
            (someImages(3), "none of its 3 images (3 different ones) falls into"),
            (someImages(1), "one image is too little"),
        ] {
            try folder.write("set.npy", NPYArray(shape: [images.count / 6, 2, 3], images).encoded())
            let data = try LoadedData(path: folder("set.npy"), splits: [.all])
            var texts: [String] = []
            for split in [Split.train, .validation, .test] {
                do throws(DataError) { _ = try data.images(split) } catch { texts.append(error.description) }
            }
            #expect(!texts.isEmpty && texts.allSatisfy { $0.contains(words) && $0.contains("--split all") }, "\(texts)")
        }
    }

    @Test("labels count from 1 where none is 0, and a list of names says which there are")
    func labels() throws {
        let folder = try DataFolder()
        try folder.write("train-images-idx3-ubyte", idx([3, 2, 3], someImages(3)))
        try folder.write("train-labels-idx1-ubyte", idx([3], [1, 3, 2]))
        let letters = try load(folder).images(.all)
        #expect(letters.classes == ["1", "2", "3"] && letters.labels == [0, 2, 1])
        try folder.write("train-labels-idx1-ubyte", idx([3], [1, 3, 0]))
        #expect(try load(folder).images(.all).classes == ["0", "1", "2", "3"])
    }

    @Test("images that are kept in a file are the same, and leave nothing behind")
    func file() throws {
        let (folder, scratch) = (try DataFolder(), try DataFolder())
        try folder.write("train.npy", NPYArray(shape: [1000, 2, 3], someImages(1000)).encoded())
        let inMemory = try load(folder)
        var options = DataOptions()
        (options.memory, options.scratch) = (100, scratch.path)
        let inFile = try load(folder, [.all], options)
        #expect(inFile.report.isInFile && !inMemory.report.isInFile)
        for split in [Split.train, .validation, .test, .all] {
            let (one, other) = (try inMemory.images(split), try inFile.images(split))
            #expect(one.pixels == other.pixels)
            #expect(try one.contentHash == other.contentHash)
        }
        #expect(try #require(try Folder(scratch.path)).names.isEmpty)
        options.scratch = scratch("none")
        let error = DataError.noScratch(folder: scratch("none"), reason: "No such file or directory")
        #expect(throws: error) { try load(folder, [.all], options) }
        // the limit itself is memory's
        options.memory = 6000
        #expect(try !load(folder, [.all], options).report.isInFile)
    }

    @Test("booleans and fractions are no levels unless somebody says what they are")
    func scales() throws {
        let folder = try DataFolder()
        let fractions: [Float] = [0, 0.5, 1, 0.25, 0, 1]
        try folder.write("train.npy", NPYArray(shape: [1, 2, 3], fractions).encoded())
        let error = try #require(throws: DataError.self) { try load(folder) }
        #expect(error.description.contains("--scale unit"), "\(error)")
        var options = DataOptions()
        options.scale = .unit
        #expect(try load(folder, [.all], options).images(.all).pixels == [0, 128, 255, 64, 0, 255])
        // whole numbers of a set that goes beyond 1 are levels, its black images too
        try folder.write(
            "train.npy", NPYArray(shape: [2, 2, 3], [0, 0, 0, 0, 0, 1, 9, 8, 7, 6, 5, 255] as [Float]).encoded())
        #expect(try load(folder).images(.all).pixels == [0, 0, 0, 0, 0, 1, 9, 8, 7, 6, 5, 255])
    }

    @Test("axes are told apart by their lengths, or by what is said")
    func layouts() throws {
        let folder = try DataFolder()
        let values = (0..<2 * 3 * 20 * 20).map { UInt8(truncatingIfNeeded: $0) }
        try folder.write("train.npy", NPYArray(shape: [2, 3, 20, 20], values).encoded())
        let first = try load(folder).images(.all)
        #expect(first.shape == EventShape(height: 20, width: 20, channels: 3))
        #expect(try first[1].prefix(3) == [values[1200], values[1600], values[2000]])
        try folder.write("train.npy", NPYArray(shape: [20, 20, 3], Array(values[..<1200])).encoded())
        let error = try #require(throws: DataError.self) { try load(folder) }
        #expect(
            error.description.contains("--layout") && error.description.contains("HWC, 1 image of 20x20x3"), "\(error)")
        var options = DataOptions()
        options.layout = .hwc
        #expect(try load(folder, [.all], options).images(.all).count == 1)
        options.layout = .nhw
        #expect(try load(folder, [.all], options).images(.all).count == 20)
    }
}
