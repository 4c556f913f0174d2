import Glibc

/// Calls of the system that the replacement of a file is made of. Tests put a disk in the system's place that loses power, or has no
/// space.
package protocol FileOperations {
    /// Opens an empty file at `path`, which only this process writes to until it is closed, with the permissions of the file at
    /// `model` if there is one. What a killed process left at `path` is overwritten.
    /// - Throws: ``SystemError``; of `EBUSY` while somebody else writes to it.
    func create(_ path: String, like model: String) throws(SystemError) -> Int32
    /// Appends `bytes`.
    /// - Throws: ``SystemError``.
    func append(_ bytes: [UInt8], to file: Int32) throws(SystemError)
    /// Waits until what was written to `file` is on the disk (fsync(2)).
    /// - Throws: ``SystemError``.
    func synchronize(_ file: Int32) throws(SystemError)
    /// Gives the file at `old` the name `new`, in the place of a file that has it (rename(2)).
    /// - Throws: ``SystemError``.
    func rename(_ old: String, to new: String) throws(SystemError)
    /// Waits until the names in the folder of `path` are on the disk.
    /// - Throws: ``SystemError``.
    func synchronizeFolder(of path: String) throws(SystemError)
    /// Removes the file at `path`.
    func remove(_ path: String)
    /// Closes `file`.
    func close(_ file: Int32)
}

/// The operations of the system.
package struct SystemFileOperations: FileOperations {
    package init() {}

    package func create(_ path: String, like model: String) throws(SystemError) -> Int32 {
        var old = stat()
        let exists = unsafe stat(model, &old) == 0
        // a device or a folder would be lost to a file of its name
        guard !exists || old.st_mode & S_IFMT == S_IFREG else {
            throw SystemError(old.st_mode & S_IFMT == S_IFDIR ? EISDIR : EOPNOTSUPP)
        }
        let file = try openLocked(path)
        guard ftruncate(file, 0) == 0 else {
            let error = SystemError()
            Glibc.close(file)
            throw error
        }
        // fails where the old file belongs to somebody else: then the permissions are those of a new one
        if exists { _ = fchmod(file, old.st_mode & 0o7777) }
        return file
    }

    package func append(_ bytes: [UInt8], to file: Int32) throws(SystemError) {
        var first = 0
        while first < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress! + first, bytes.count - first)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError() }
            first += count
        }
    }

    package func synchronize(_ file: Int32) throws(SystemError) {
        while fsync(file) != 0 {
            guard errno == EINTR else { throw SystemError() }
        }
    }

    package func rename(_ old: String, to new: String) throws(SystemError) {
        guard unsafe Glibc.rename(old, new) == 0 else { throw SystemError() }
    }

    package func synchronizeFolder(of path: String) throws(SystemError) {
        let number = unsafe open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw SystemError() }
        let descriptor = Descriptor(number)
        do throws(SystemError) {
            try synchronize(descriptor.number)
        } catch {
            // file systems that keep names by other means, some of networks, say so (fsync(2))
            guard error.code == EINVAL || error.code == EROFS else { throw error }
        }
    }

    package func remove(_ path: String) { unsafe unlink(path) }

    package func close(_ file: Int32) {
        // All is on the disk by now, or the file is dropped: there is nobody to tell of an error.
        _ = Glibc.close(file)
    }
}

/// Folder that the file at `path` is in, as a path.
func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
}
