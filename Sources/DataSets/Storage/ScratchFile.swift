internal import Archives
import Glibc
import System

/// File without a name, which is gone when it is closed, however the program ends.
struct ScratchFile: ~Copyable {
    private let descriptor: Descriptor
    private let folder: FilePath

    /// Linux's flag for a file without a name (open(2)), a macro that Swift does not see.
    private static let withoutName: Int32 = 0o20000000 | O_DIRECTORY

    /// Opens a file in `folder`.
    /// - Throws: ``DataError/noScratch(folder:reason:)``.
    init(in folder: FilePath) throws(DataError) {
        self.folder = folder
        let number = unsafe folder.withCString { unsafe open($0, Self.withoutName | O_RDWR | O_CLOEXEC, 0o600) }
        if number >= 0 {
            descriptor = Descriptor(number)
            return
        }
        // Not every file system has such files.
        guard [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) else {
            throw .noScratch(folder: folder.text, reason: "\(SystemError())")
        }
        var template = folder.appending(Array(".tusk-images-XXXXXX".utf8)).bytes.map(CChar.init(bitPattern:)) + [0]
        let other = unsafe mkstemp(&template)
        guard other >= 0 else { throw .noScratch(folder: folder.text, reason: "\(SystemError())") }
        descriptor = Descriptor(other)
        _ = fcntl(other, F_SETFD, FD_CLOEXEC)
        unsafe unlink(template)
    }

    /// Writes behind what was written.
    /// - Throws: ``DataError/noScratch(folder:reason:)``.
    borrowing func write(_ bytes: [UInt8]) throws(DataError) {
        var done = 0
        while done < bytes.count {
            let part = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor.number, $0.baseAddress! + done, $0.count - done)
            }
            if part >= 0 {
                done += part
            } else if errno != EINTR {
                throw .noScratch(folder: folder.text, reason: "\(SystemError())")
            }
        }
    }

    /// The open file.
    consuming func opened() -> Descriptor { descriptor }
}

extension ByteReader {
    /// All bytes as a file, any part of which can be read: in memory as long as they have room there, then in a temporary file.
    /// - Parameters:
    ///   - memory: most bytes that are kept in memory.
    ///   - limit: most bytes altogether.
    ///   - folder: that of the temporary file.
    ///   - failure: makes the error of reading them.
    /// - Throws: ``DataError``.
    func kept(
        memory: Int, limit: Int, folder: FilePath, _ failure: (ArchiveError) -> DataError
    ) throws(DataError) -> RandomAccessFile {
        let limited = limited(to: limit, "bytes of a stream that is kept")
        func some() throws(DataError) -> [UInt8] {
            do throws(ArchiveError) { return try limited.some(1 << 20) } catch { throw failure(error) }
        }
        var held: [UInt8] = []
        while case let piece = try some(), !piece.isEmpty {
            held += piece
            guard held.count > memory else { continue }
            let file = try ScratchFile(in: folder)
            var size = held.count
            try file.write(held)
            held = []
            while case let piece = try some(), !piece.isEmpty {
                try file.write(piece)
                size += piece.count
            }
            return RandomAccessFile(file.opened(), size: size)
        }
        return RandomAccessFile(held)
    }
}
