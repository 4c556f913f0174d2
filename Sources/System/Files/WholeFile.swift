import Glibc

/// Regular file that is read as a whole, copied or mapped.
///
/// Size, owner and permissions are known before anything is read. A pipe, a folder or a device is refused at once and
/// never waited for.
package struct WholeFile: ~Copyable {
    /// Reason why a file was not read. The description completes "it is" where it is no system error.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// A call failed: the file cannot be opened or read.
        case system(SystemError)
        case folder
        /// A pipe or a device.
        case notAFile
        /// There are more than `limit` bytes.
        case tooLarge(limit: Int)

        package var description: String {
            switch self {
            case .system(let error): "\(error)"
            case .folder: "a folder"
            case .notAFile: "not a regular file"
            case .tooLarge(let limit): "larger than \(limit) bytes"
            }
        }
    }

    private let descriptor: Descriptor
    /// Type and permissions, as `st_mode` of stat(2) has them.
    package let mode: UInt32
    /// User id of the owner.
    package let owner: UInt32
    /// Length in bytes when the file was opened.
    package let size: Int

    /// Opens the file at `path`.
    /// - Throws: ``Failure``.
    package init(_ path: FilePath) throws(Failure) {
        // Non-blocking, or a pipe without a writer would hold us up before it is refused.
        let number = unsafe path.withCString { unsafe open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
        guard number >= 0 else { throw .system(SystemError()) }
        let descriptor = Descriptor(number)
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw .system(SystemError()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw status.st_mode & S_IFMT == S_IFDIR ? .folder : .notAFile
        }
        self.descriptor = descriptor
        mode = status.st_mode
        owner = status.st_uid
        size = Int(status.st_size)
    }

    /// Opens the file at `path`, in UTF-8.
    /// - Throws: as for a path of bytes.
    package init(_ path: String) throws(Failure) { try self.init(FilePath(path)) }

    /// Copy of all bytes.
    /// - Throws: ``Failure``; ``Failure/tooLarge(limit:)`` when there are more than `limit`.
    package func contents(limit: Int) throws(Failure) -> [UInt8] {
        guard size <= limit else { throw .tooLarge(limit: limit) }
        // The size is a guess: the file may grow, and those of /proc have 0. One byte more shows whether it was right.
        var bytes = [UInt8](repeating: 0, count: size + 1)
        var count = 0
        while true {
            let part = unsafe bytes.withUnsafeMutableBytes {
                unsafe read(descriptor.number, $0.baseAddress! + count, $0.count - count)
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw .system(SystemError()) }
            if part == 0 { break }
            count += part
            guard count <= limit else { throw .tooLarge(limit: limit) }
            if count == bytes.count { bytes += [UInt8](repeating: 0, count: min(max(count, 4096), limit + 1 - count)) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Result of `body` for the bytes, which are mapped: pages that it does not look at are never read. They are valid
    /// inside `body` alone, and only as long as nobody shortens the file.
    /// - Throws: ``Failure``; what `body` throws.
    package func withMappedBytes<Output>(_ body: (RawSpan) throws -> Output) throws -> Output {
        // There is no mapping of nothing.
        guard size > 0 else { return try unsafe body([UInt8]().span.bytes) }
        guard let address = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor.number, 0),
            unsafe address != MAP_FAILED
        else { throw Failure.system(SystemError()) }
        defer { unsafe munmap(address, size) }
        return try unsafe body(RawSpan(_unsafeStart: UnsafeRawPointer(address), byteCount: size))
    }
}
