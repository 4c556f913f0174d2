public import FlowCore
import System

/// Images of one size, with labels or without; the pixels are in memory, or in a file from which each image is read when it is wanted.
public struct ImageDataSet: Sendable {
    /// Height, width and channels of every image.
    public let shape: EventShape
    /// Number of values of a dimension, `0 ..< levels`; 2 to 256.
    public let levels: Int
    /// Class of each image, an index into ``classes``; nil when the set has no labels.
    public private(set) var labels: [Int]?
    /// Names of the classes, or decimal numbers where the data has no names; empty when there are no labels.
    public private(set) var classes: [String]
    /// Number of files and images of the data that could not be read and were skipped.
    public internal(set) var skipped = 0
    /// Pixels of these images and perhaps others.
    private let store: PixelStore
    /// Place in the store of each image.
    private var rows: [Int]

    /// Number of images.
    public var count: Int { rows.count }

    /// - Parameter pixels: values of all images, `[count, D]`, each image row-major `[height, width, channels]`.
    /// - Precondition: `pixels` holds whole images, `levels` is 2 to 256, and there is a label for each image, an index into
    ///   `classes`, or neither labels nor classes.
    public init(shape: EventShape, levels: Int, pixels: [UInt8], labels: [Int]? = nil, classes: [String] = []) {
        precondition(shape.dims > 0 && pixels.count % shape.dims == 0)
        let store = PixelStore(pixels, dims: shape.dims)
        self.init(
            shape: shape, levels: levels, store: store, rows: Array(0..<store.count), labels: labels, classes: classes)
    }

    /// - Parameter rows: place of each image in `store`, which has the images of other sets too.
    /// - Precondition: as for the other initialiser.
    init(shape: EventShape, levels: Int, store: PixelStore, rows: [Int], labels: [Int]?, classes: [String]) {
        precondition((2...256).contains(levels) && store.dims == shape.dims)
        precondition(labels?.allSatisfy { classes.indices.contains($0) } ?? classes.isEmpty)
        precondition(labels.map { $0.count == rows.count } ?? true)
        (self.shape, self.levels, self.store, self.rows) = (shape, levels, store, rows)
        (self.labels, self.classes) = (labels, classes)
    }

    /// Values of one image, `[D]`.
    /// - Throws: ``DataError/unreadable(file:reason:)`` when they are in a file that cannot be read.
    public subscript(index: Int) -> [UInt8] {
        get throws(DataError) { try store.row(rows[index]) }
    }

    /// Returns the first `limit` images, or all if there are fewer.
    public func limited(to limit: Int) -> ImageDataSet {
        precondition(limit >= 0)
        return limit < count ? subset(Array(0..<limit)) : self
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
        var chosen = subset(labels.indices.filter { kept.contains(labels[$0]) })
        chosen.labels = chosen.labels?.map { order.firstIndex(of: $0)! }
        chosen.classes = order.map { classes[$0] }
        return chosen
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
        var named = self
        named.classes = names
        return named
    }

    /// Returns the images with these indices, in their order; none is copied.
    public func subset(_ indices: [Int]) -> ImageDataSet {
        var subset = self
        subset.rows = indices.map { rows[$0] }
        subset.labels = labels.map { labels in indices.map { labels[$0] } }
        return subset
    }

    /// SHA-256, in hexadecimal, of shape, levels, labels and pixels: equal for equal data, whatever file it came from.
    /// Names of classes are not part of it.
    public var contentHash: String {
        get throws(DataError) {
            let labels = labels.map { "\($0)" } ?? "none"
            let head = "\(count)x\(shape.height)x\(shape.width)x\(shape.channels) levels \(levels) labels \(labels)\n"
            var hash = SHA256()
            let start = Array(head.utf8)
            hash.update(start.span)
            for index in 0..<count {
                let image = try self[index]
                hash.update(image.span)
            }
            return hash.hex()
        }
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
