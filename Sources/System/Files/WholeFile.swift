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
        /// A link that leads out of the folder in which the file was asked for.
        case outside

        package var description: String {
            switch self {
            case .system(let error): "\(error)"
            case .folder: "a folder"
            case .notAFile: "not a regular file"
            case .tooLarge(let limit): "larger than \(limit) bytes"
            case .outside: "a link that leads out of its folder"
            }
        }
    }

    private let descriptor: Descriptor
    /// Type and permissions, as `st_mode` of stat(2) has them.
    package let mode: UInt32
    /// User id of the owner.
    package let owner: UInt32
    /// Length in bytes when the file was opened.
    package var size: Int { stamp.size }
    /// What tells the file from another that takes its place.
    package let stamp: FileStamp

    // Non-blocking, or a pipe without a writer would hold us up before it is refused.
    private static let flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK

    /// Opens the file at `path`.
    /// - Throws: ``Failure``.
    package init(_ path: FilePath) throws(Failure) {
        let number = unsafe path.withCString { unsafe open($0, Self.flags) }
        guard number >= 0 else { throw .system(SystemError()) }
        try self.init(Descriptor(number))
    }

    /// Opens the file called `name` inside `folder`. Links are followed as long as the file that they lead to is in the folder or below it.
    /// - Throws: ``Failure``; ``Failure/outside`` for any other.
    package init(_ name: FileName, in folder: FilePath) throws(Failure) {
        let parent = unsafe folder.withCString { unsafe open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard parent >= 0 else { throw .system(SystemError()) }
        let home = Descriptor(parent)
        let number = unsafe FilePath(name.bytes).withCString { unsafe openat(home.number, $0, Self.flags) }
        guard number >= 0 else { throw .system(SystemError()) }
        let descriptor = Descriptor(number)
        // What was opened, not what stands at its path by now.
        let (inner, outer) = (try descriptor.place(), try home.place())
        guard inner.starts(with: outer == [slash] ? outer : outer + [slash]) else { throw .outside }
        try self.init(descriptor)
    }

    private init(_ descriptor: consuming Descriptor) throws(Failure) {
        var status = stat()
        guard unsafe fstat(descriptor.number, &status) == 0 else { throw .system(SystemError()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw status.st_mode & S_IFMT == S_IFDIR ? .folder : .notAFile
        }
        self.descriptor = descriptor
        mode = status.st_mode
        owner = status.st_uid
        stamp = FileStamp(
            size: Int(status.st_size), modified: status.st_mtim.nanoseconds, changed: status.st_ctim.nanoseconds,
            number: UInt64(status.st_ino))
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

    /// Copy of the first `count` bytes, or of all where there are fewer.
    /// - Throws: ``Failure/system(_:)``.
    package func prefix(_ count: Int) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(count, size))
        var filled = 0
        while filled < bytes.count {
            let part = unsafe bytes.withUnsafeMutableBytes {
                unsafe pread(descriptor.number, $0.baseAddress! + filled, $0.count - filled, off_t(filled))
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw .system(SystemError()) }
            if part == 0 { break }
            filled += part
        }
        bytes.removeLast(bytes.count - filled)
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

/// What tells a file from another that takes its place, and from itself after a change.
package struct FileStamp: Hashable, Sendable {
    /// Length, bytes.
    package let size: Int
    /// Times of the last change of the contents and of the inode, nanoseconds since 1970.
    package let modified: Int
    package let changed: Int
    /// Number of the inode.
    package let number: UInt64

    package init(size: Int, modified: Int, changed: Int, number: UInt64) {
        self.size = size
        self.modified = modified
        self.changed = changed
        self.number = number
    }
}

private let slash = UInt8(ascii: "/")

extension timespec {
    fileprivate var nanoseconds: Int { tv_sec &* 1_000_000_000 &+ tv_nsec }
}

extension Descriptor {
    /// Path of what is open, links resolved (proc(5), `/proc/self/fd`).
    fileprivate borrowing func place() throws(WholeFile.Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = unsafe bytes.withUnsafeMutableBytes {
            unsafe readlink("/proc/self/fd/\(number)", $0.baseAddress!, $0.count)
        }
        guard length >= 0 else { throw .system(SystemError()) }
        return Array(bytes[..<length])
    }
}
