import Glibc

/// Lock on a file that one process at a time holds and that ends with the process, however it ends (flock(2)). The file, which is
/// there while the lock is held, has the holder's process number.
package struct FileLock: ~Copyable {
    /// Reason why the lock was not taken.
    package enum Failure: Error, Equatable {
        /// Another process holds it; `process` is its number, nil where the file does not say.
        case held(process: Int?)
        /// A call failed: the file cannot be made or opened.
        case system(SystemError)
    }

    private let path: String
    private let file: Int32
    /// Most bytes of the file: a number and the end of the line.
    private static let maxBytes = 24

    /// Takes the lock whose file is at `path`. A file that a killed process left there is taken over; one that is no lock's, since it
    /// is longer, is left as it is.
    /// - Throws: ``Failure``; of `EEXIST` for a file that is no lock's.
    package init(_ path: String) throws(Failure) {
        self.path = path
        file = try Self.take(path)
    }

    private static func take(_ path: String) throws(Failure) -> Int32 {
        let file: Int32
        do throws(SystemError) {
            file = try openLocked(path)
        } catch {
            guard error.code == EBUSY else { throw .system(error) }
            let number = (try? WholeFile(path).contents(limit: maxBytes)).flatMap {
                Int(String(decoding: $0, as: UTF8.self).prefix { $0.isNumber })
            }
            throw .held(process: number)
        }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_size <= maxBytes else {
            close(file)
            throw .system(SystemError(EEXIST))
        }
        let text = Array("\(getpid())\n".utf8)
        // Without the number, where there is no space for it, the lock holds all the same.
        if ftruncate(file, 0) == 0 { _ = unsafe Glibc.write(file, text, text.count) }
        return file
    }

    deinit {
        // While it is locked, or it would be the next holder's file that goes.
        unsafe unlink(path)
        close(file)
    }
}

/// Opens the regular file at `path` for reading and writing, which is made where there is none, and locks it until it is closed.
///
/// The lock ends before the file's name does where its holder renames or removes it, so that who waited may get the lock of a file
/// that is no longer there: then it is opened anew. Where the file system has no locks the file counts as locked.
/// - Throws: ``SystemError``; of `EBUSY` while somebody else has it locked.
func openLocked(_ path: String) throws(SystemError) -> Int32 {
    while true {
        let file = unsafe open(
            path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o666)
        guard file >= 0 else { throw SystemError() }
        var opened = stat()
        var named = stat()
        guard unsafe fstat(file, &opened) == 0, opened.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw SystemError(EOPNOTSUPP)
        }
        if flock(file, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
            let isHeld = errno == EWOULDBLOCK
            close(file)
            if isHeld { throw SystemError(EBUSY) }
            continue
        }
        if unsafe lstat(path, &named) == 0, named.st_ino == opened.st_ino, named.st_dev == opened.st_dev { return file }
        close(file)
    }
}
