internal import FlowModels
internal import Imaging

/// Images or labels as one array in a file: IDX or NPY.
enum ArrayFiles {
    /// Names of classes are made up to this many; a larger label is an error.
    static let maxClasses = 65_536

    /// Whether `bytes` are IDX: two zero bytes, then the type of the elements, then the number of axes.
    static func isIDX(_ bytes: [UInt8]) -> Bool { bytes.count >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[3] < 8 }

    /// Reads `[N, H, W]` or `[N, H, W, C]`.
    static func images(_ path: String, bytes: [UInt8], levels: Int) throws(DataError) -> ImageDataSet {
        let (shape, pixels): ([Int], [UInt8])
        if NPYArray.isNPY(bytes) {
            let array = try npy(path, bytes)
            shape = array.shape
            try check(path, shape: shape)
            do {
                pixels = try array.levels(levels)
            } catch {
                guard case .invalidNPY(let field, _, let found) = error,
                    let element = Int(field.drop { !$0.isNumber })
                else { throw .damaged(file: path, reason: "\(error)") }
                let image = element / shape.dropFirst().reduce(1, *)
                throw .valueOutOfRange(file: path, image: image, value: found, levels: levels)
            }
        } else {
            (shape, pixels) = try idx(path, bytes, axes: [3, 4], of: "images")
            try check(path, shape: shape)
            if levels < 256, let index = pixels.firstIndex(where: { $0 >= levels }) {
                let image = index / shape.dropFirst().reduce(1, *)
                throw .valueOutOfRange(file: path, image: image, value: "\(pixels[index])", levels: levels)
            }
        }
        let event = EventShape(height: shape[1], width: shape[2], channels: shape.count == 4 ? shape[3] : 1)
        return ImageDataSet(shape: event, levels: levels, pixels: pixels)
    }

    /// Reads `[N]`.
    static func labels(_ path: String) throws(DataError) -> [Int] {
        let bytes = try DataFile.read(path)
        guard NPYArray.isNPY(bytes) else { return try idx(path, bytes, axes: [1], of: "labels").values.map { Int($0) } }
        let array = try npy(path, bytes)
        guard array.shape.count == 1 else {
            throw .unsupported(file: path, expected: "labels of shape [N]", found: "shape \(array.shape)")
        }
        var labels: [Int] = []
        for (index, value) in array.doubles().enumerated() {
            guard let label = Int(exactly: value), (0..<maxClasses).contains(label) else {
                throw .labelOutOfRange(file: path, index: index, label: "\(value)", classes: maxClasses)
            }
            labels.append(label)
        }
        return labels
    }

    /// Images with at least one pixel, 1 to 4 channels.
    private static func check(_ path: String, shape: [Int]) throws(DataError) {
        guard shape.count == 3 || (shape.count == 4 && (1...4).contains(shape[3])) else {
            throw .unsupported(
                file: path, expected: "images of shape [N, H, W] or [N, H, W, C] with 1 to 4 channels",
                found: "shape \(shape)")
        }
        if shape.contains(0) { throw .empty(file: path, expected: "no axis of length 0, found shape \(shape)") }
    }

    private static func npy(_ path: String, _ bytes: [UInt8]) throws(DataError) -> NPYArray {
        do {
            return try NPYArray.decode(bytes)
        } catch {
            switch error {
            case .invalidNPY(let field, let expected, let found):
                throw .damaged(file: path, reason: "\(field): expected \(expected), found \(found)")
            case .tooLarge(let quantity, let value, let limit):
                throw .tooLarge(file: path, quantity: quantity, value: value, limit: limit)
            default: throw .damaged(file: path, reason: "\(error)")
            }
        }
    }

    /// Reads unsigned bytes of the IDX format.
    ///
    /// Source: LeCun, Cortes and Burges, *The MNIST Database*, "File formats": magic `0 0 type axes`, the lengths of
    /// the axes as big-endian 32-bit numbers, then the elements, last axis fastest. Type 8 is the unsigned byte.
    private static func idx(
        _ path: String, _ bytes: [UInt8], axes: [Int], of what: String
    ) throws(DataError) -> (shape: [Int], values: [UInt8]) {
        let expected = axes.map { "0x0000080\($0)" }.joined(separator: " or ") + " (\(what))"
        let magic = bytes.prefix(4)
        guard magic.count == 4, magic.prefix(3) == [0, 0, 8], axes.contains(Int(magic[3])) else {
            let found = magic.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            throw .wrongMagic(file: path, expected: expected, found: magic.isEmpty ? "an empty file" : "0x" + found)
        }
        let start = 4 + 4 * Int(magic[3])
        guard bytes.count >= start else { throw .truncated(file: path, expected: start, found: bytes.count) }
        var shape: [Int] = []
        var size = 1
        for axis in 0..<Int(magic[3]) {
            let length = bytes[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
            let (product, overflow) = size.multipliedReportingOverflow(by: length)
            if overflow || product > DataFile.maxBytes {
                throw .tooLarge(
                    file: path, quantity: "bytes announced", value: overflow ? .max : product, limit: DataFile.maxBytes)
            }
            shape.append(length)
            size = product
        }
        if bytes.count < start + size { throw .truncated(file: path, expected: start + size, found: bytes.count) }
        if bytes.count > start + size { throw .trailingBytes(file: path, expected: start + size, found: bytes.count) }
        return (shape, Array(bytes[start...]))
    }
}
