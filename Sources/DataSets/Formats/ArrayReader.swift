internal import Archives
internal import FlowCore
internal import Imaging
internal import System

/// Array of a file whose elements are read as they come, a block of its first axis at a time.
final class ArrayReader {
    /// Length of each axis.
    let shape: [Int]
    /// Path of the file in errors.
    let file: String
    private let input: DataInput
    private let bytes: ByteReader
    /// Bytes before the first element.
    private let headBytes: Int
    /// Bytes of all elements.
    private let dataBytes: Int
    /// Type of every element.
    fileprivate let type: NPYArray.ElementType
    private let isBigEndian: Bool
    /// Layouts of four axes that come into question.
    private let layouts: [ArrayLayout]

    /// Most bytes of a block, but where a single item has more.
    private static let blockBytes = 1 << 20
    /// Most bytes of an array: 1 TiB. It is never in memory as a whole.
    static let maxBytes = 1 << 40

    /// An array behind its head, last axis fastest.
    ///
    /// - Parameters:
    ///   - bytes: those of `input`, after a head of `headBytes`.
    ///   - type: of every element.
    ///   - layouts: orders of four axes that the format may have.
    /// - Throws: ``DataError`` when the file has not as many bytes as the shape says, or more than are read.
    init(
        _ input: DataInput, _ bytes: ByteReader, shape: [Int], type: NPYArray.ElementType, isBigEndian: Bool,
        headBytes: Int, layouts: [ArrayLayout] = [.nhwc, .nchw]
    ) throws(DataError) {
        (self.input, self.bytes, self.shape, self.headBytes) = (input, bytes, shape, headBytes)
        (self.type, self.isBigEndian, self.layouts) = (type, isBigEndian, layouts)
        file = input.path.text
        var size = type.size
        for length in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: length)
            if overflow || product > Self.maxBytes {
                throw .tooLarge(
                    file: file, quantity: "bytes announced", value: overflow ? .max : product, limit: Self.maxBytes)
            }
            size = product
        }
        dataBytes = size
        guard let found = input.size else { return }
        if found < headBytes + size { throw .truncated(file: file, expected: headBytes + size, found: found) }
        if found > headBytes + size { throw .trailingBytes(file: file, expected: headBytes + size, found: found) }
    }

    /// Reads some bytes.
    /// - Throws: ``DataError`` of the file.
    private func read(_ count: Int) throws(DataError) -> [UInt8] {
        do throws(ArchiveError) { return try bytes.read(count) } catch { throw input.error(error) }
    }

    /// Reads blocks of the first axis, in order.
    /// - Throws: ``DataError`` when the file is cut off or goes on; what `body` throws.
    fileprivate func forEachBlock(_ body: (NPYArray) throws(DataError) -> Void) throws(DataError) {
        let count = shape.first ?? 1
        let itemBytes = count == 0 ? 0 : dataBytes / count
        let most = max(1, Self.blockBytes / max(1, itemBytes))
        var done = 0
        while done < count {
            let items = min(most, count - done)
            let part = try read(items * itemBytes)
            guard part.count == items * itemBytes else {
                let found = headBytes + done * itemBytes + part.count
                throw .truncated(file: file, expected: headBytes + dataBytes, found: found)
            }
            done += items
            let shape = [items] + shape.dropFirst()
            try body(
                isBigEndian
                    ? NPYArray(shape: shape, elementType: type, bigEndian: part[...])
                    : NPYArray(shape: shape, elementType: type, bytes: part))
        }
        let more: Int
        do throws(ArchiveError) { more = try bytes.skip(.max) } catch { throw input.error(error) }
        if more > 0 {
            let expected = headBytes + dataBytes
            throw .trailingBytes(file: file, expected: expected, found: expected + more)
        }
    }

    /// Images of the array, in order.
    /// - Throws: ``DataError`` for a shape that no images have, or that several may have, unless `options` say which it is.
    func images(_ options: DataOptions) throws(DataError) -> ArrayImages {
        if shape.contains(0) { throw .empty(file: file, expected: "no axis of length 0, found shape \(shape)") }
        let layout = if let said = options.layout { said } else { try layout() }
        guard let sides = layout.sides(of: shape), (1...4).contains(sides.channels) else {
            throw .unsupported(
                file: file, expected: "images in the layout \(layout.rawValue), of 1 to 4 channels",
                found: "shape \(shape)")
        }
        return ArrayImages(array: self, layout: layout, sides: sides, options: options)
    }

    /// Order of the axes of a set of images, by their lengths.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` where they tell nothing, or may mean two things.
    private func layout() throws(DataError) -> ArrayLayout {
        do throws(ArrayLayoutError) {
            switch shape.count {
            case 3:
                // A set has as many images as it likes, but no one has heaps of images that are 3 or 4 pixels wide.
                let mayBeColours = (3...4).contains(shape[2]) && min(shape[0], shape[1]) > Self.mostNarrow
                if mayBeColours { throw .several(shape: shape, layouts: [.nhw, .hwc]) }
                return .nhw
            case 4: return try ArrayLayout.reading(of: shape, among: layouts)
            default: throw .none(shape: shape)
            }
        } catch {
            throw .unsupported(
                file: file,
                expected:
                    "images of shape [N, H, W], [N, H, W, C] or [N, C, H, W] with 1 to 4 channels, told apart by --layout where "
                    + "several fit", found: error.found)
        }
    }

    /// Most pixels of a side of images that may be as narrow as a pixel has colours.
    private static let mostNarrow = 8

    /// Reads the array as whole numbers, `0 ..< classes`.
    /// - Throws: ``DataError``.
    func labels(classes: Int) throws(DataError) -> [Int] {
        var labels: [Int] = []
        try forEachBlock { block throws(DataError) in
            for index in 0..<block.count {
                guard let label = block.integer(index), (0..<classes).contains(label) else {
                    throw .labelOutOfRange(
                        file: file, index: labels.count, label: block.text(index), classes: classes)
                }
                labels.append(label)
            }
        }
        return labels
    }
}

extension ArrayLayoutError {
    /// Shape, with its readings where there are several.
    fileprivate var found: String {
        switch self {
        case .none(let shape) where shape.count == 2:
            "shape \(shape), without height and width: numpy.reshape gives it them"
        case .none(let shape): "shape \(shape)"
        case .several(let shape, let layouts):
            "shape \(shape), which is "
                + alternatives(
                    layouts.compactMap { layout in layout.sides(of: shape).map { "\(layout.rawValue), \($0)" } })
        }
    }
}

/// Images of an array, whose axes are known.
struct ArrayImages {
    fileprivate let array: ArrayReader
    fileprivate let layout: ArrayLayout
    fileprivate let sides: ArraySides
    fileprivate let options: DataOptions

    var count: Int { sides.count }

    var shape: EventShape { EventShape(height: sides.height, width: sides.width, channels: sides.channels) }

    /// Hands the levels of each image, `[H, W, C]`, to `sink`, or what is wrong with its values.
    ///
    /// Whether floats and booleans from 0 to 1 are levels or fractions of the top level nobody can say but who made them, and the
    /// last image may show it: of such an array the error comes at the end.
    ///
    /// - Parameters:
    ///   - labels: number of the class of each image; nil for none.
    ///   - split: that all images are of; nil for none.
    /// - Throws: ``DataError`` when the file cannot be read, or the scale is not known; what the sink throws.
    func put(labels: [Int]?, split: Split?, to sink: DataSink) throws(DataError) {
        let isDoubtful =
            options.scale == nil && options.levels > 2 && (array.type.isFloat || array.type == .bool)
        var (exceedsUnit, isBlack) = (false, true)
        var index = 0
        try forEachBlock { block throws(DataError) in
            if isDoubtful, !exceedsUnit {
                exceedsUnit = block.exceedsUnit
                isBlack = isBlack && block.bytes.allSatisfy { $0 == 0 }
            }
            for item in 0..<block.count / shape.dims {
                switch levels(of: block, at: item, index) {
                case .success(let levels):
                    try sink.put(
                        DataItem(
                            name: "\(array.file): image \(index)", content: .levels(levels, shape),
                            origin: .said(label: labels.map { .number($0[index]) }, split: split)))
                case .failure(let error): sink.refuse(error)
                }
                index += 1
            }
        }
        if isDoubtful, !exceedsUnit, !isBlack {
            let error = NPYArray.LevelError.unsaid(type: array.type, levels: options.levels)
            throw .unsupported(
                file: array.file, expected: "whole numbers from 0 to \(options.levels - 1)",
                found: error.reason { "--scale \($0.rawValue)" })
        }
    }

    private func levels(of block: NPYArray, at item: Int, _ index: Int) -> Result<[UInt8], DataError> {
        Result { () throws(NPYArray.LevelError) in
            try block.levels(
                options.levels, scale: options.scale ?? .levels, of: item * shape.dims..<(item + 1) * shape.dims)
        }.mapError { error in
            switch error {
            case .notLevel(_, let value, let levels):
                .valueOutOfRange(file: array.file, image: index, value: value, levels: levels)
            case .notUnit, .unsaid:
                .unsupported(
                    file: "\(array.file): image \(index)", expected: "fractions from 0 to 1",
                    found: error.reason { "--scale \($0.rawValue)" })
            }
        }
    }

    /// Reads blocks of images `[n, H, W, C]`.
    private func forEachBlock(_ body: (NPYArray) throws(DataError) -> Void) throws(DataError) {
        // the only image of an array without an axis that counts them is read whole
        guard layout.isStack else {
            var bytes: [UInt8] = []
            try array.forEachBlock { block throws(DataError) in bytes += block.bytes }
            return try body(channelsLast(bytes, shape: array.shape, count: 1))
        }
        try array.forEachBlock { block throws(DataError) in
            try body(channelsLast(block.bytes, shape: block.shape, count: block.shape[0]))
        }
    }

    private func channelsLast(_ bytes: [UInt8], shape: [Int], count: Int) -> NPYArray {
        NPYArray(
            shape: [count, sides.height, sides.width, sides.channels], elementType: array.type,
            bytes: layout.channelsLast(bytes, shape: shape, width: array.type.size))
    }
}
