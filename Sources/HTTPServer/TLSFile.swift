import Glibc

/// The files of a TLS configuration, read whole and within a limit.
enum TLSFile {
    /// - Throws: ``TLSError``.
    static func read(_ path: String) throws(TLSError) -> [UInt8] {
        try contents(of: try open(path), path)
    }

    /// Reads a private key, which nobody else may read or change.
    ///
    /// The rule is PostgreSQL's (its manual, section 19.9.1): a key of this user's is for this user alone; one of root's
    /// may also be read by its group, which is how a service that is not root comes to it.
    /// - Throws: ``TLSError``.
    static func readKey(_ path: String) throws(TLSError) -> [UInt8] {
        let file = try open(path)
        let status = try status(of: file, path)
        let mode = status.st_mode & 0o777
        if let error = refusal(ofKey: path, mode: mode, owner: status.st_uid, user: geteuid()) { throw error }
        return try contents(of: file, path)
    }

    /// Why `user` shall not use a key of such permissions.
    static func refusal(ofKey path: String, mode: UInt32, owner: UInt32, user: UInt32) -> TLSError? {
        guard owner == user || owner == 0 else { return .foreignKey(file: path, owner: owner) }
        let allowed: UInt32 = owner == user ? 0o700 : 0o740
        return mode & ~allowed == 0 ? nil : .exposedKey(file: path, mode: mode)
    }

    private static func open(_ path: String) throws(TLSError) -> Descriptor {
        // Without O_NONBLOCK a pipe would wait for its writer.
        let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard number >= 0 else { throw .unreadable(file: path, code: errno) }
        return Descriptor(number)
    }

    private static func status(of file: borrowing Descriptor, _ path: String) throws(TLSError) -> stat {
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0 else { throw .unreadable(file: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path) }
        return status
    }

    private static func contents(of file: borrowing Descriptor, _ path: String) throws(TLSError) -> [UInt8] {
        _ = try status(of: file, path)
        // One byte more than the limit shows that there are more.
        var bytes = [UInt8](repeating: 0, count: TLSConfiguration.fileBytes + 1)
        var count = 0
        while count < bytes.count {
            let part = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(file.number, $0.baseAddress! + count, $0.count - count)
            }
            if part == 0 { return Array(bytes[..<count]) }
            if part < 0, errno != EINTR { throw .unreadable(file: path, code: errno) }
            count += max(part, 0)
        }
        throw .tooLarge(file: path, limit: TLSConfiguration.fileBytes)
    }
}
