import Glibc
import System

/// Regular file of which any part is read.
package final class RandomAccessFile {
    private let descriptor: Descriptor
    /// Length in bytes when it was opened.
    package let size: Int

    /// Opens the file at `path`.
    /// - Throws: ``ArchiveError/system(_:)``; of `ESPIPE` for a pipe or a device, of `EISDIR` for a folder.
    package init(_ path: String) throws(ArchiveError) {
        // Non-blocking, or a pipe without a writer would hold us up before it is refused.
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard number >= 0 else { throw .system(SystemError()) }
        descriptor = Descriptor(number)
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw .system(SystemError()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .system(SystemError(status.st_mode & S_IFMT == S_IFDIR ? EISDIR : ESPIPE))
        }
        size = Int(status.st_size)
    }

    /// The file that standard input is, where that is a regular one of which nothing was read yet; else nil.
    package convenience init?(standardInput number: Int32 = STDIN_FILENO) {
        var status = stat()
        guard unsafe fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG, lseek(number, 0, SEEK_CUR) == 0
        else { return nil }
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return nil }
        self.init(Descriptor(copy), size: Int(status.st_size))
    }

    private init(_ descriptor: consuming Descriptor, size: Int) {
        self.descriptor = descriptor
        self.size = size
    }

    /// A reader of the bytes from `offset` on.
    package func reader(from offset: Int = 0) -> ByteReader {
        var offset = offset
        return ByteReader { () throws(ArchiveError) in
            let bytes = try ByteReader.read(self.descriptor.number, at: offset)
            offset += bytes.count
            return bytes
        }
    }

    /// The `count` bytes from `offset` on.
    /// - Throws: ``ArchiveError/truncated`` where there are fewer.
    package func bytes(at offset: Int, _ count: Int) throws(ArchiveError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= size, count <= size - offset else { throw .truncated }
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let part = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe pread(descriptor.number, room.baseAddress! + done, count - done, off_t(offset + done))
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
