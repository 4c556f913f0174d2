import Glibc
import System

/// The files of a TLS configuration, read whole and within a limit.
package enum TLSFile {
    /// Reads a file that holds no secret.
    /// - Throws: ``TLSError``.
    static func read(_ path: String) throws(TLSError) -> [UInt8] {
        try contents(of: path) { _, _ throws(TLSError) in }
    }

    /// Reads a private key, which nobody else may read or change.
    ///
    /// The rule is PostgreSQL's (its manual, section 19.9.1): a key of this user's is for this user alone; one of root's
    /// may also be read by its group, which is how a service that is not root comes to it.
    /// - Throws: ``TLSError``.
    static func readKey(_ path: String) throws(TLSError) -> [UInt8] {
        try contents(of: path) { mode, owner throws(TLSError) in
            if let error = refusal(ofKey: path, mode: mode & 0o777, owner: owner, user: geteuid()) { throw error }
        }
    }

    /// Reason why `user` shall not use a key of such permissions; nil when they are in order.
    package static func refusal(ofKey path: String, mode: UInt32, owner: UInt32, user: UInt32) -> TLSError? {
        guard owner == user || owner == 0 else { return .foreignKey(file: path, owner: owner) }
        let allowed: UInt32 = owner == user ? 0o700 : 0o740
        return mode & ~allowed == 0 ? nil : .exposedKey(file: path, mode: mode)
    }

    /// - Parameter check: of permissions and owner, before anything is read.
    private static func contents(
        of path: String, _ check: (_ mode: UInt32, _ owner: UInt32) throws(TLSError) -> Void
    ) throws(TLSError) -> [UInt8] {
        func named(_ failure: WholeFile.Failure) -> TLSError {
            switch failure {
            case .system(let error): .unreadable(file: path, code: error.code)
            case .folder, .notAFile, .outside: .notAFile(path)
            case .tooLarge: .tooLarge(file: path, limit: TLSConfiguration.fileBytes)
            }
        }
        let file: WholeFile
        do { file = try WholeFile(path) } catch { throw named(error) }
        try check(file.mode, file.owner)
        do { return try file.contents(limit: TLSConfiguration.fileBytes) } catch { throw named(error) }
    }
}
