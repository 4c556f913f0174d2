import ArgumentParser
import DataSets
import DensityAPI
import FlowCore
import FlowModels
import FlowTraining
import Imaging
import System

struct Sample: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws images from a model's density.",
        discussion: "A name that ends in .png is written as a contact sheet, one in .npy as [n, height, width] or "
            + "[n, height, width, channels] levels. The same seed gives the same images.")

    @OptionGroup var model: ModelArguments

    @Option(help: "Images to draw.")
    var count = 64

    @Option(help: "Seed; sample i of a seed is the same however many are drawn.")
    var seed: UInt64 = 0

    @Option(help: "Standard deviation of the latent; 1 is the learned density.")
    var temperature: Float = 1

    @Option(help: ArgumentHelp("sheet.png or samples.npy.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Put real images of this data beside the sheet.", valueName: "path"))
    var beside: String?

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp(
            "Draw this class, of a class-conditional model, and show only real images of it; may be repeated.",
            valueName: "class"))
    var only: [String] = []

    @Option(help: "Split of the real images.")
    var split: Split = .train

    @Option(help: "Only the first so many real images; default: as many as are drawn.")
    var limit: Int?

    @Option(help: ArgumentHelp("Threads.", valueName: "n"))
    var threads = Processors.count

    func run() throws {
        try check("--count", count, in: 1...1_000_000)
        try check("--temperature", temperature, in: 0...10)
        try check("--threads", threads, in: 1...1024)
        let density = try model.load()
        let shape = density.record.eventShape
        if !only.isEmpty, beside == nil, !density.record.isConditional {
            throw CommandError(
                "--class: the model is not class-conditional; without --beside there is nothing to choose")
        }
        let real = try realImages(density.record)
        let classes = try classIndices(density.record)
        // in tiles of what the sequential direction solves at once
        let blocks = count.blocks(of: 16)
        let drawn = try mapInParallel(blocks.count, threads: threads) { b in
            let rows = blocks[b].map { i in
                SampleRow(
                    seed: seed, index: UInt64(i), temperature: temperature,
                    classIndex: classes.isEmpty ? nil : classes[i % classes.count])
            }
            return try density.sample(rows, isCancelled: { false })
        }.flatMap { $0 }

        if output.hasSuffix(".npy") {
            guard beside == nil else { throw CommandError("--beside needs an output that ends in .png") }
            let sides = [count, shape.height, shape.width] + (shape.channels == 1 ? [] : [shape.channels])
            try writeFile(NPYArray(shape: sides, drawn.flatMap(\.pixels)).encoded(), to: output)
        } else if output.hasSuffix(".png") {
            let sheet = contactSheet(of: drawn.map(\.pixels), density.record)
            let images = real.map { Imaging.beside(sheet, contactSheet(of: $0, density.record)) } ?? sheet
            try writeFile(encodePNG(images), to: output)
        } else {
            throw CommandError("--output \(output): the name must end in .png or .npy")
        }
        let mean = drawn.reduce(0) { $0 + $1.logDensity } / Double(count)
        let bits = density.record.bitsPerDim(logProb: mean)
        Terminal.line("\(output): \(grouped(count)) samples, mean bits/dim \(fixed(bits, 4)) under the model itself")
    }

    /// The classes to draw in turn; none: as often as the training images are of each.
    private func classIndices(_ record: ModelRecord) throws -> [Int] {
        guard record.isConditional else { return [] }
        return try only.map { name in
            guard let index = record.classes.firstIndex(of: name) else {
                throw CommandError("--class \(name): the model knows \(record.classes.joined(separator: ", "))")
            }
            return index
        }
    }

    private func realImages(_ record: ModelRecord) throws -> [[UInt8]]? {
        let (shape, levels) = (record.eventShape, record.levels)
        guard let beside else {
            if limit != nil { throw CommandError("--limit needs --beside") }
            return nil
        }
        var set = try realSet(beside, of: shape, levels: levels)
        if !only.isEmpty {
            // data that numbers its classes has the model's in their order
            let isNumbered = set.classes == record.classes.indices.map(String.init)
            set = try set.only(
                classes: only.map { name in
                    isNumbered ? record.classes.firstIndex(of: name).map(String.init) ?? name : name
                })
        }
        guard set.shape == shape else {
            throw TrainingError.mismatch(
                property: "shape of the real images", expected: "\(shape)", actual: "\(set.shape)")
        }
        let wanted = limit ?? count
        try check("--limit", wanted, in: 1...Int.max)
        guard set.count > 0 else { throw TrainingError.noImages(split: split.rawValue) }
        // none is better than the first by its place
        return try set.chosen(wanted, seed: seed)
    }

    /// The split of the images at `path`; those of several sizes, which are only looked at, are brought to the model's.
    private func realSet(_ path: String, of shape: EventShape, levels: Int) throws -> ImageDataSet {
        var options = DataOptions(levels: levels)
        do {
            return try DataArguments.read(path, [split], options).images(split)
        } catch DataError.mixedShapes where levels == 256 && path != "-" {
            options.size = ImageSize(height: shape.height, width: shape.width)
            options.mode = ColorMode(channels: shape.channels)
            Terminal.line("\(path): images of several sizes, brought to \(shape) to be looked at")
            return try DataArguments.read(path, [split], options).images(split)
        }
    }

    /// Sheet of the images, their levels spread over 0 ... 255.
    private func contactSheet(of pixels: [[UInt8]], _ record: ModelRecord) -> Image {
        let shape = record.eventShape
        return Imaging.contactSheet(
            pixels.map(record.picture), scale: sheetScale(height: shape.height, width: shape.width))
    }
}
