import Glibc

/// A regular file that was opened to be read whole, within a limit; and who may do what with it.
package struct WholeFile: ~Copyable {
    package enum Failure: Error {
        /// It cannot be opened or read, by its `errno`.
        case system(Int32)
        /// A folder, a pipe or a device.
        case notAFile
        case tooLarge
    }

    private let descriptor: Descriptor
    /// Type and permissions.
    package let mode: UInt32
    package let owner: UInt32

    /// - Throws: ``Failure``.
    package init(_ path: String) throws(Failure) {
        // Non-blocking, or a pipe without a writer would hold us up before it is refused.
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard number >= 0 else { throw .system(errno) }
        let descriptor = Descriptor(number)
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw .system(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        self.descriptor = descriptor
        mode = status.st_mode
        owner = status.st_uid
    }

    /// - Throws: ``Failure``.
    package func contents(limit: Int) throws(Failure) -> [UInt8] {
        // One byte more than the limit shows that there are more.
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let part = unsafe bytes.withUnsafeMutableBytes {
                unsafe read(descriptor.number, $0.baseAddress! + count, $0.count - count)
            }
            if part == 0 { return Array(bytes[..<count]) }
            if part < 0, errno != EINTR { throw .system(errno) }
            count += max(part, 0)
        }
        throw .tooLarge
    }
}
