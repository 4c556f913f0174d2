import Glibc
package import System

/// Regular file, or bytes in memory, of which any part is read.
package final class RandomAccessFile {
    /// The file, which it closes in the end, and its number; nil for bytes in memory.
    private let descriptor: Descriptor?
    private let number: Int32?
    private let held: [UInt8]
    /// Length in bytes when it was opened.
    package let size: Int

    /// Opens the file at `path`.
    /// - Throws: ``ArchiveError/system(_:)``; of `ESPIPE` for a pipe or a device, of `EISDIR` for a folder.
    package init(_ path: FilePath) throws(ArchiveError) {
        // Non-blocking, or a pipe without a writer would hold us up before it is refused.
        let number = unsafe path.withCString { unsafe open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
        guard number >= 0 else { throw .system(SystemError()) }
        descriptor = Descriptor(number)
        self.number = number
        held = []
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw .system(SystemError()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .system(SystemError(status.st_mode & S_IFMT == S_IFDIR ? EISDIR : ESPIPE))
        }
        size = Int(status.st_size)
    }

    /// Opens the file at `path`, in UTF-8.
    /// - Throws: as for a path of bytes.
    package convenience init(_ path: String) throws(ArchiveError) { try self.init(FilePath(path)) }

    /// The file that standard input, or another open descriptor, is, where that is a regular one of which nothing was read yet; else
    /// nil.
    package init?(standardInput number: Int32 = STDIN_FILENO) {
        var status = stat()
        guard unsafe fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG, lseek(number, 0, SEEK_CUR) == 0
        else { return nil }
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return nil }
        descriptor = Descriptor(copy)
        self.number = copy
        held = []
        size = Int(status.st_size)
    }

    /// A regular file that is open already, of `size` bytes.
    package init(_ descriptor: consuming Descriptor, size: Int) {
        number = descriptor.number
        self.descriptor = consume descriptor
        held = []
        self.size = size
    }

    /// A file of bytes in memory.
    package init(_ bytes: [UInt8]) {
        descriptor = nil
        number = nil
        held = bytes
        size = bytes.count
    }

    /// A reader of the bytes from `offset` on.
    package func reader(from offset: Int = 0) -> ByteReader {
        var offset = offset
        return ByteReader { () throws(ArchiveError) in
            let bytes = try self.some(at: offset)
            offset += bytes.count
            return bytes
        }
    }

    /// Some bytes at `offset`; none at the end.
    private func some(at offset: Int) throws(ArchiveError) -> [UInt8] {
        guard let number else {
            return Array(held.dropFirst(offset).prefix(ByteReader.pieceBytes))
        }
        return try ByteReader.read(number, at: offset)
    }

    /// The `count` bytes from `offset` on.
    /// - Throws: ``ArchiveError/truncated`` where there are fewer.
    package func bytes(at offset: Int, _ count: Int) throws(ArchiveError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= size, count <= size - offset else { throw .truncated }
        guard let number else { return Array(held[offset..<offset + count]) }
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let part = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe pread(number, room.baseAddress! + done, count - done, off_t(offset + done))
            }
            if part < 0, errno == EINTR { continue }
            if part < 0 { throw .system(SystemError()) }
            // the file was shortened
            if part == 0 { throw .truncated }
            done += part
        }
        return bytes
    }
}
