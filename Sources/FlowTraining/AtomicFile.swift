import FoundationEssentials
import Glibc

/// A file that appears under its name whole or not at all: bytes go to a neighbour, which ``commit()`` makes durable and
/// renames. Dropped before that, the neighbour is removed.
package struct AtomicFile: ~Copyable {
    private let path: String
    private let temporary: String
    private let descriptor: Int32

    /// - Throws: ``TrainingError/file(path:operation:reason:)``.
    package init(path: String) throws {
        self.path = path
        temporary = path + ".partial"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw systemError(path, "write") }
    }

    /// Appends `bytes`.
    package borrowing func write(_ bytes: RawSpan) throws {
        try unsafe bytes.withUnsafeBytes { bytes in
            var rest = unsafe bytes[...]
            while unsafe !rest.isEmpty {
                let written = unsafe Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0 {
                    if errno == EINTR { continue }
                    throw systemError(path, "write")
                }
                unsafe rest = rest.dropFirst(written)
            }
        }
    }

    package consuming func commit() throws {
        if fsync(descriptor) != 0 || rename(temporary, path) != 0 { throw systemError(path, "write") }
    }

    deinit {
        close(descriptor)
        unlink(temporary)  // nothing is there after a commit
    }

    /// Writes a whole file at once.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try AtomicFile(path: path)
        try file.write(bytes.span.bytes)
        try file.commit()
    }
}

/// The last system call's error, about `path`.
func systemError(_ path: String, _ operation: String) -> TrainingError {
    .file(path: path, operation: operation, reason: unsafe String(cString: strerror(errno)))
}
