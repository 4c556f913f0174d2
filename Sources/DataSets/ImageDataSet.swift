public import FlowCore
import System

/// Images of one size, with labels or without.
public struct ImageDataSet: Sendable, Equatable {
    /// Height, width and channels of every image.
    public let shape: EventShape
    /// Number of values of a dimension, `0 ..< levels`; 2 to 256.
    public let levels: Int
    /// Values of all images, `[count, D]`, each image row-major `[height, width, channels]`.
    public let pixels: [UInt8]
    /// Class of each image, an index into ``classes``; nil when the set has no labels.
    public let labels: [Int]?
    /// Names of the classes, or decimal numbers where the data has no names; empty when there are no labels.
    public let classes: [String]

    /// Number of images.
    public var count: Int { pixels.count / shape.dims }

    /// - Precondition: `pixels` holds whole images, `levels` is 2 to 256, and there is a label for each image, an index into
    ///   `classes`, or neither labels nor classes.
    public init(shape: EventShape, levels: Int, pixels: [UInt8], labels: [Int]? = nil, classes: [String] = []) {
        precondition(shape.dims > 0 && pixels.count % shape.dims == 0 && (2...256).contains(levels))
        precondition(labels?.allSatisfy { classes.indices.contains($0) } ?? classes.isEmpty)
        precondition(labels.map { $0.count == pixels.count / shape.dims } ?? true)
        self.shape = shape
        self.levels = levels
        self.pixels = pixels
        self.labels = labels
        self.classes = classes
    }

    /// Values of one image, `[D]`.
    public subscript(index: Int) -> ArraySlice<UInt8> {
        precondition(index >= 0 && index < count)
        return pixels[index * shape.dims..<(index + 1) * shape.dims]
    }

    /// Returns the first `limit` images, or all if there are fewer.
    public func limited(to limit: Int) -> ImageDataSet {
        precondition(limit >= 0)
        guard limit < count else { return self }
        return ImageDataSet(
            shape: shape, levels: levels, pixels: Array(pixels[..<(limit * shape.dims)]),
            labels: labels.map { Array($0[..<limit]) }, classes: classes)
    }

    /// Returns the images of some classes, each given by its name or else its number; those are then the only classes.
    /// - Throws: ``DataError/unknownClass(name:classes:)`` or ``DataError/noLabels(name:)``.
    public func only(classes names: [String]) throws(DataError) -> ImageDataSet {
        guard let labels else { throw .noLabels(name: names.joined(separator: ", ")) }
        var kept: Set<Int> = []
        for name in names {
            kept.insert(try label(named: name))
        }
        let order = kept.sorted()
        let chosen = subset(labels.indices.filter { kept.contains(labels[$0]) })
        return ImageDataSet(
            shape: shape, levels: levels, pixels: chosen.pixels,
            labels: chosen.labels?.map { order.firstIndex(of: $0)! }, classes: order.map { classes[$0] })
    }

    /// Returns the label of the class called `name`, or else of the class of that number.
    /// - Throws: ``DataError/unknownClass(name:classes:)``.
    package func label(named name: String) throws(DataError) -> Int {
        let number = Int(name).flatMap { classes.indices.contains($0) ? $0 : nil }
        guard let label = classes.firstIndex(of: name) ?? number else {
            throw .unknownClass(name: name, classes: classes)
        }
        return label
    }

    /// Whether the classes are those of a model, by their names or by their numbers alone.
    public func hasClasses(_ names: [String]) -> Bool {
        classes == names || classes == names.indices.map(String.init)
    }

    /// Returns the images with other names for their classes, one for each.
    public func named(classes names: [String]) -> ImageDataSet {
        precondition(names.count == classes.count)
        return ImageDataSet(shape: shape, levels: levels, pixels: pixels, labels: labels, classes: names)
    }

    /// Returns the images with these indices, in their order.
    public func subset(_ indices: [Int]) -> ImageDataSet {
        var chosen: [UInt8] = []
        chosen.reserveCapacity(indices.count * shape.dims)
        for index in indices { chosen += self[index] }
        return ImageDataSet(
            shape: shape, levels: levels, pixels: chosen, labels: labels.map { labels in indices.map { labels[$0] } },
            classes: classes)
    }

    /// SHA-256, in hexadecimal, of shape, levels, labels and pixels: equal for equal data, whatever file it came from.
    /// Names of classes are not part of it.
    public var contentHash: String {
        let labels = labels.map { "\($0)" } ?? "none"
        let head = "\(count)x\(shape.height)x\(shape.width)x\(shape.channels) levels \(levels) labels \(labels)\n"
        return SHA256.hex(Array(head.utf8) + pixels)
    }
}

/// Exchanges left and right of one image, row-major `[height, width, channels]`.
public func flipHorizontally(_ row: ArraySlice<UInt8>, shape: EventShape) -> [UInt8] {
    precondition(row.count == shape.dims)
    var result = Array(row)
    let channels = shape.channels
    for y in 0..<shape.height {
        for x in 0..<shape.width {
            let target = (y * shape.width + x) * channels
            let source = row.startIndex + (y * shape.width + shape.width - 1 - x) * channels
            for channel in 0..<channels { result[target + channel] = row[source + channel] }
        }
    }
    return result
}
