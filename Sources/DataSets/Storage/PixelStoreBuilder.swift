import Glibc
import System

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
    private var file: Int32?

    /// Bytes that are written at once.
    private static let blockBytes = 1 << 20

    init(memory: Int, folder: FilePath) { (self.memory, self.folder) = (memory, folder) }

    deinit { if let file { close(file) } }

    /// Whether the images have gone to a file.
    var isInFile: Bool { file != nil }

    /// Adds an image, of as many values as the ones before it.
    /// - Throws: ``DataError/noScratch(folder:reason:)``.
    mutating func append(_ row: [UInt8]) throws(DataError) {
        precondition(count == 0 || row.count == dims)
        dims = row.count
        if file == nil, pixels.count + row.count > memory { file = try scratchFile() }
        pixels += row
        count += 1
        if file != nil, pixels.count >= Self.blockBytes { try flush() }
    }

    private mutating func flush() throws(DataError) {
        guard let file else { return }
        var done = 0
        while done < pixels.count {
            let part = unsafe pixels.withUnsafeBytes { unsafe write(file, $0.baseAddress! + done, $0.count - done) }
            if part >= 0 {
                done += part
            } else if errno != EINTR {
                throw .noScratch(folder: folder.text, reason: "\(SystemError())")
            }
        }
        pixels.removeAll(keepingCapacity: false)
    }

    /// Linux's flag for a file without a name (open(2)), a macro that Swift does not see.
    private static let withoutName: Int32 = 0o20000000 | O_DIRECTORY

    /// Opens a file that has no name, and is gone when it is closed, however the program ends.
    private borrowing func scratchFile() throws(DataError) -> Int32 {
        let number = unsafe folder.withCString { unsafe open($0, Self.withoutName | O_RDWR | O_CLOEXEC, 0o600) }
        if number >= 0 { return number }
        // Not every file system has such files.
        guard [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) else {
            throw .noScratch(folder: folder.text, reason: "\(SystemError())")
        }
        var template = folder.appending(Array(".tusk-images-XXXXXX".utf8)).bytes.map(CChar.init(bitPattern:)) + [0]
        let other = unsafe mkstemp(&template)
        guard other >= 0 else { throw .noScratch(folder: folder.text, reason: "\(SystemError())") }
        _ = fcntl(other, F_SETFD, FD_CLOEXEC)
        unsafe unlink(template)
        return other
    }

    /// The images that were added.
    /// - Throws: ``DataError/noScratch(folder:reason:)``.
    consuming func finished() throws(DataError) -> PixelStore {
        let (dims, count) = (max(1, dims), count)
        guard let file else { return PixelStore(.memory(pixels), dims: dims, count: count) }
        try flush()
        self.file = nil
        return PixelStore(.file(Descriptor(file)), dims: dims, count: count)
    }
}
