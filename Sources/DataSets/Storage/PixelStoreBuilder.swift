internal import System

/// Pixels of images that come one after the other: in memory as long as they have room there, then in a temporary file.
struct PixelStoreBuilder: ~Copyable {
    /// Values of an image; 0 before the first.
    private(set) var dims = 0
    /// Number of images.
    private(set) var count = 0
    /// Most bytes that are kept in memory.
    private let memory: Int
    /// Folder of the temporary file.
    private let folder: FilePath
    private var pixels: [UInt8] = []
    private var file: ScratchFile?

    /// Bytes that are written at once.
    private static let blockBytes = 1 << 20

    init(memory: Int, folder: FilePath) { (self.memory, self.folder) = (memory, folder) }

    /// Whether the images have gone to a file.
    var isInFile: Bool { file != nil }

    /// Adds an image, of as many values as the ones before it.
    /// - Throws: ``DataError/noScratch(folder:reason:)``.
    mutating func append(_ row: [UInt8]) throws(DataError) {
        precondition(count == 0 || row.count == dims)
        dims = row.count
        if file == nil, pixels.count + row.count > memory { file = try ScratchFile(in: folder) }
        pixels += row
        count += 1
        if file != nil, pixels.count >= Self.blockBytes { try flush() }
    }

    private mutating func flush() throws(DataError) {
        try file?.write(pixels)
        pixels.removeAll(keepingCapacity: false)
    }

    /// The images that were added.
    /// - Throws: ``DataError/noScratch(folder:reason:)``.
    consuming func finished() throws(DataError) -> PixelStore {
        let (dims, count) = (max(1, dims), count)
        guard let file = file.take() else { return PixelStore(.memory(pixels), dims: dims, count: count) }
        try file.write(pixels)
        return PixelStore(.file(file.opened()), dims: dims, count: count)
    }
}
