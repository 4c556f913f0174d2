import Glibc
package import System

/// Regular file of which any part is read.
package final class RandomAccessFile {
    private let descriptor: Descriptor
    /// Length in bytes when it was opened.
    package let size: Int

    /// Opens the file at `path`.
    /// - Throws: ``ArchiveError/system(_:)``; of `ESPIPE` for a pipe or a device, of `EISDIR` for a folder.
    package init(_ path: FilePath) throws(ArchiveError) {
        // Non-blocking, or a pipe without a writer would hold us up before it is refused.
        let number = unsafe path.withCString { unsafe open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
        guard number >= 0 else { throw .system(SystemError()) }
        descriptor = Descriptor(number)
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
    func bytes(at offset: Int, _ count: Int) throws(ArchiveError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= size, count <= size - offset else { throw .truncated }
        let bytes = try reader(from: offset).read(count)
        guard bytes.count == count else { throw .truncated }
        return bytes
    }
}
