import FoundationEssentials
import Imaging

/// Contents of a file of the folder Fixtures.
func fixture(_ name: String) throws -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    return [UInt8](try Data(contentsOf: folder.appending(path: name)))
}

/// Picture of Fixtures/pictures.py, with what Pillow reads from it.
struct Golden {
    var name: String
    var file: [UInt8]
    /// Pixels `[height, width, channels]`.
    var pixels: NPYArray

    /// The pictures of one of its files, three arrays each.
    static func all(of file: String) throws -> [Golden] {
        var rest = try fixture(file)[...]
        func next() throws -> NPYArray {
            let header = try NPYArray.readHeader(rest)
            defer { rest = rest.dropFirst(header.bytes + header.dataBytes) }
            return try NPYArray.decode(Array(rest.prefix(header.bytes + header.dataBytes)))
        }
        var goldens: [Golden] = []
        while !rest.isEmpty {
            let name = String(decoding: try next().bytes, as: UTF8.self)
            goldens.append(Golden(name: name, file: try next().bytes, pixels: try next()))
        }
        return goldens
    }

    /// Whether `image` is what Pillow reads, to the bit.
    func matches(_ image: Image) -> Bool {
        image.pixels == pixels.bytes && pixels.shape == [image.height, image.width, image.mode.channels]
    }
}
