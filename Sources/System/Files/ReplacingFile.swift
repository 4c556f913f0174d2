import Glibc

/// File that is written in pieces and takes the place of the one at its path in one step: whoever reads sees the old bytes
/// or the new ones, and what is written is never in memory as a whole.
///
/// Not Foundation's `Data.write(to:options: .atomic)`, which wants all bytes at once: those of a checkpoint are five times a flow's
/// weights.
package struct ReplacingFile: ~Copyable {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private var isFinished = false

    /// Replaces the file at `path` by `bytes`.
    /// - Throws: ``SystemError``.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { write in try write(bytes) }
    }

    /// Replaces the file at `path` by the pieces that `body` writes. Where anything throws, the old file stays, and nothing else.
    /// - Throws: ``SystemError``; what `body` throws.
    package static func write(
        to path: String, _ body: (_ write: ([UInt8]) throws -> Void) throws -> Void
    ) throws {
        var file = try ReplacingFile(path)
        try body { try file.append($0) }
        try file.finish()
    }

    private init(_ path: String) throws {
        self.path = path
        temporary = "\(path).\(UInt64.random(in: .min ... .max)).partial"
        var old = stat()
        // the file that is replaced keeps its permissions
        let mode = unsafe stat(path, &old) == 0 ? old.st_mode & 0o7777 : nil
        descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw SystemError() }
        // fails where the old file belongs to somebody else: then the permissions are those of a new one
        if let mode { _ = fchmod(descriptor, mode) }
    }

    deinit {
        if isFinished { return }
        close(descriptor)
        unsafe unlink(temporary)
    }

    private func append(_ bytes: [UInt8]) throws {
        var first = 0
        while first < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress! + first, bytes.count - first)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError() }
            first += count
        }
    }

    private mutating func finish() throws {
        // some file systems say only now that there was no space
        isFinished = true
        let closed = close(descriptor) == 0 ? 0 : errno
        let renamed = closed != 0 ? 0 : unsafe rename(temporary, path) == 0 ? 0 : errno
        guard closed == 0, renamed == 0 else {
            unsafe unlink(temporary)
            throw SystemError(closed != 0 ? closed : renamed)
        }
    }
}
