import DataSets
import FlowCore
import FoundationEssentials
import Imaging

/// A folder of test files, removed with its owner.
final class DataFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "tusk-data-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path(percentEncoded: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes `bytes` at `name`, folders on the way included.
    func write(_ name: String, _ bytes: [UInt8]) throws {
        let url = URL(filePath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
    }

    /// The path of a file in it.
    func callAsFunction(_ name: String) -> String { path + "/" + name }
}

/// An IDX file of unsigned bytes.
func idx(_ shape: [Int], _ values: [UInt8], type: UInt8 = 8) -> [UInt8] {
    let sizes = shape.flatMap { size in [24, 16, 8, 0].map { UInt8(size >> $0 & 255) } }
    return [0, 0, type, UInt8(shape.count)] + sizes + values
}

/// `count` different 2 × 3 gray images.
func someImages(_ count: Int, from first: Int = 0) -> [UInt8] {
    (first..<first + count).flatMap { [UInt8($0 & 255), UInt8($0 >> 8), 3, 4, 5, 6] }
}

func grayPNG(_ pixels: [UInt8], width: Int = 3, height: Int = 2) throws -> [UInt8] {
    try encodePNG(Image(width: width, height: height, mode: .gray, pixels: pixels))
}

let twoByThree = EventShape(height: 2, width: 3, channels: 1)
