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
    private let block: (_ shape: [Int], _ bytes: [UInt8]) -> NPYArray

    /// Most bytes of a block, but where a single item has more.
    private static let blockBytes = 1 << 20
    /// Most bytes of an array: 1 TiB. It is never in memory as a whole.
    static let maxBytes = 1 << 40

    /// An array behind its head.
    ///
    /// - Parameters:
    ///   - bytes: those of `input`, after a head of `headBytes`.
    ///   - elementBytes: size of an element.
    ///   - block: makes an array of the bytes of some items.
    /// - Throws: ``DataError`` when the file has not as many bytes as the shape says, or more than are read.
    init(
        _ input: DataInput, _ bytes: ByteReader, shape: [Int], elementBytes: Int, headBytes: Int,
        block: @escaping (_ shape: [Int], _ bytes: [UInt8]) -> NPYArray
    ) throws(DataError) {
        (self.input, self.bytes, self.shape, self.headBytes, self.block) = (input, bytes, shape, headBytes, block)
        file = input.path.text
        var size = elementBytes
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
    private func forEachBlock(_ body: (NPYArray) throws(DataError) -> Void) throws(DataError) {
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
            try body(block([items] + shape.dropFirst(), part))
        }
        let more: Int
        do throws(ArchiveError) { more = try bytes.skip(.max) } catch { throw input.error(error) }
        if more > 0 {
            let expected = headBytes + dataBytes
            throw .trailingBytes(file: file, expected: expected, found: expected + more)
        }
    }

    /// Shape of the images, where the array is `[N, H, W]` or `[N, H, W, C]` with 1 to 4 channels.
    /// - Throws: ``DataError`` for any other shape.
    func imageShape() throws(DataError) -> (count: Int, image: EventShape) {
        guard shape.count == 3 || (shape.count == 4 && (1...4).contains(shape[3])) else {
            throw .unsupported(
                file: file, expected: "images of shape [N, H, W] or [N, H, W, C] with 1 to 4 channels",
                found: "shape \(shape)")
        }
        if shape.contains(0) { throw .empty(file: file, expected: "no axis of length 0, found shape \(shape)") }
        return (
            shape[0], EventShape(height: shape[1], width: shape[2], channels: shape.count == 4 ? shape[3] : 1)
        )
    }

    /// Hands over the levels of each image, or what is wrong with its values.
    /// - Throws: ``DataError`` when the file cannot be read; what `body` throws.
    func forEachLevels(
        _ levels: Int, image: EventShape,
        _ body: (_ index: Int, _ levels: Result<[UInt8], DataError>) throws(DataError) -> Void
    ) throws(DataError) {
        var index = 0
        try forEachBlock { block throws(DataError) in
            let count = block.shape[0]
            for (place, values) in block.rows(of: levels, dims: image.dims).enumerated() {
                try body(
                    index + place,
                    values.mapError { error in
                        .valueOutOfRange(file: file, image: index + place, value: error.value, levels: levels)
                    })
            }
            index += count
        }
    }

    /// Reads the array as whole numbers, `0 ..< classes`.
    /// - Throws: ``DataError``.
    func labels(classes: Int) throws(DataError) -> [Int] {
        var labels: [Int] = []
        try forEachBlock { block throws(DataError) in
            for value in block.doubles() {
                guard let label = Int(exactly: value), (0..<classes).contains(label) else {
                    throw .labelOutOfRange(file: file, index: labels.count, label: "\(value)", classes: classes)
                }
                labels.append(label)
            }
        }
        return labels
    }
}

extension NPYArray {
    /// Levels of each item of the first axis, `dims` elements, or its first element that is none.
    fileprivate func rows(of levels: Int, dims: Int) -> [Result<[UInt8], LevelError>] {
        let starts = stride(from: 0, to: count, by: dims)
        do {
            let all = try self.levels(levels)
            return starts.map { .success(Array(all[$0..<$0 + dims])) }
        } catch {
            let size = elementType.size
            return starts.map { start in
                let item = NPYArray(
                    shape: [dims], elementType: elementType, bytes: Array(bytes[start * size..<(start + dims) * size]))
                return Result { () throws(LevelError) in try item.levels(levels) }
            }
        }
    }
}
