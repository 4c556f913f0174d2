internal import Archives
internal import Imaging
internal import System

/// Arrays in the IDX format, by the names that MNIST and its kin have: `train-images-idx3-ubyte` with
/// `train-labels-idx1-ubyte`; also with a point before `idx`, or a prefix as in `emnist-digits-train-images-idx3-ubyte`.
///
/// Source: LeCun, Cortes and Burges, *The MNIST Database*, "File formats": magic `0 0 type axes`, the lengths of the axes as
/// big-endian 32-bit numbers, then the elements, big-endian, last axis fastest.
enum IDXFormat: ArrayFormat {
    static let names = ["IDX"]
    static let layout =
        "IDX files called train-images-idx3-ubyte (of colour images idx4) and train-labels-idx1-ubyte"

    static func role(of name: Substring) -> ArrayRole? {
        for (word, holdsLabels) in [("-images", false), ("-labels", true)] {
            guard let range = name.firstRange(of: word) else { continue }
            let rest = name[range.upperBound...]
            guard rest.hasPrefix("-idx") || rest.hasPrefix(".idx") else { continue }
            let set = name[..<range.lowerBound]
            let split = Split(spelled: set.split(separator: "-", omittingEmptySubsequences: false).last ?? "")
            return ArrayRole(set: String(set), split: split, holdsLabels: holdsLabels)
        }
        return nil
    }

    static func recognizes(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[3] < 8
    }

    static func images(_ file: DataInput) throws(DataError) -> ArrayReader {
        try array(file, of: "images", axes: [3, 4])
    }

    static func labels(_ file: DataInput) throws(DataError) -> ArrayReader {
        try array(file, of: "labels", axes: [1])
    }

    /// Types of the elements by their codes, the third byte of a file.
    private static let types: [UInt8: NPYArray.ElementType] = [
        0x08: .uint8, 0x09: .int8, 0x0b: .int16, 0x0c: .int32, 0x0d: .float32, 0x0e: .float64,
    ]

    private static func array(_ file: DataInput, of what: String, axes: [Int]) throws(DataError) -> ArrayReader {
        let path = file.path.text
        let magic = Array(file.start.prefix(4))
        guard magic.count == 4, magic[0] == 0, magic[1] == 0, let type = types[magic[2]], axes.contains(Int(magic[3]))
        else {
            let expected = axes.map { hexadecimal([0, 0, 8, UInt8($0)]) }.joined(separator: " or ")
            throw .wrongMagic(
                file: path,
                expected: "\(expected) (\(what); the third byte tells the type of the numbers, 0x08 to 0x0e)",
                found: magic.isEmpty ? "an empty file" : hexadecimal(magic))
        }
        let start = 4 + 4 * Int(magic[3])
        let bytes = file.bytes()
        let head: [UInt8]
        do throws(ArchiveError) { head = try bytes.read(start) } catch { throw file.error(error) }
        guard head.count == start else { throw .truncated(file: path, expected: start, found: head.count) }
        let shape = (0..<Int(magic[3])).map { axis in head[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
        }
        return try ArrayReader(
            file, bytes, shape: shape, type: type, isBigEndian: true, headBytes: start, layouts: [.nhwc])
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        "0x" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
