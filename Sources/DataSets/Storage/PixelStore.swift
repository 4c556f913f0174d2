import Glibc
import System

/// Pixels of images of one size, in memory or in a file.
final class PixelStore: Sendable {
    /// Values of an image.
    let dims: Int
    /// Number of images.
    let count: Int
    private let place: Place

    enum Place: ~Copyable, Sendable {
        case memory([UInt8])
        /// A file from which each image is read when it is wanted, so that the images take no memory.
        case file(Descriptor)
    }

    /// - Parameter pixels: `[count, dims]`.
    convenience init(_ pixels: [UInt8], dims: Int) {
        self.init(.memory(pixels), dims: dims, count: pixels.count / dims)
    }

    init(_ place: consuming Place, dims: Int, count: Int) {
        self.place = place
        (self.dims, self.count) = (dims, count)
    }

    /// Values of image `index`, `[dims]`.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    func row(_ index: Int) throws(DataError) -> [UInt8] {
        precondition(index >= 0 && index < count)
        switch place {
        case .memory(let pixels): return Array(pixels[index * dims..<(index + 1) * dims])
        case .file(let descriptor): return try Self.read(descriptor.number, at: index * dims, dims)
        }
    }

    private static func read(_ number: Int32, at offset: Int, _ count: Int) throws(DataError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let part = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe pread(number, room.baseAddress! + done, count - done, off_t(offset + done))
            }
            if part > 0 {
                done += part
            } else if part == 0 {
                throw .unreadable(file: scratchName, reason: "it has become shorter")
            } else if errno != EINTR {
                throw .unreadable(file: scratchName, reason: "\(SystemError())")
            }
        }
        return bytes
    }

    /// Name of the file in errors: it has none of its own.
    static let scratchName = "temporary file of the images"
}
