import FoundationEssentials
import Glibc

/// File that is written in pieces and takes the place of the one at its path in one step: whoever reads sees the old bytes
/// or the new ones, and so does who reads after a loss of power at any moment. What is written is never in memory as a whole.
///
/// Bytes go to a file beside the one at the path, `.partial` behind its name, and to the disk before that file gets the name; and the
/// name goes to the disk before the writing counts as done. Without the first, a file system may write the name before the bytes;
/// without the second, the old file may come back (Pillai et al., *All File Systems Are Not Created Equal* (2014), OSDI).
///
/// Not Foundation's `Data.write(to:options: .atomic)`, which wants all bytes at once, those of a checkpoint are five times a flow's
/// weights, and does not wait for the disk.
package struct ReplacingFile: ~Copyable {
    private let path: String
    private let temporary: String
    private let files: any FileOperations
    private let file: Int32
    private var isRenamed = false

    /// Replaces the file at `path` by `bytes`.
    /// - Throws: ``SystemError``; of `EBUSY` while somebody else writes to it.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { write in try write(bytes) }
    }

    /// Replaces the file at `path` by the pieces that `body` writes, and returns when they are on the disk. Where anything throws
    /// before the file has its name, the old file stays, and nothing else.
    /// - Throws: ``SystemError``; of `EBUSY` while somebody else writes to it; what `body` throws.
    package static func write(
        to path: String, by files: any FileOperations = SystemFileOperations(),
        _ body: (_ write: ([UInt8]) throws -> Void) throws -> Void
    ) throws {
        var file = try ReplacingFile(path, files)
        try body { try files.append($0, to: file.file) }
        try file.finish()
    }

    /// Removes what killed processes left of files that were to replace the one at `path`, unless somebody writes to it now.
    ///
    /// Programs before this one put a number before the suffix.
    /// - Throws: what the system says where the folder cannot be read.
    package static func removeAbandoned(of path: String) throws {
        let folder = folder(of: path)
        let name = String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
        guard unsafe access(folder, R_OK | X_OK) == 0 else { throw SystemError() }
        for other in try FileManager.default.contentsOfDirectory(atPath: folder) {
            guard other.hasPrefix(name + "."), other.hasSuffix(suffix) else { continue }
            let number = other.dropFirst(name.utf8.count).dropLast(suffix.utf8.count).dropFirst()
            guard number.allSatisfy(\.isNumber) else { continue }
            let abandoned = folder + "/" + other
            do throws(SystemError) {
                let file = try openLocked(abandoned)
                unsafe unlink(abandoned)
                close(file)
            } catch {
                // in use, or no file of ours
            }
        }
    }

    private static let suffix = ".partial"

    private init(_ path: String, _ files: any FileOperations) throws {
        self.path = path
        self.files = files
        temporary = path + Self.suffix
        file = try files.create(temporary, like: path)
    }

    deinit {
        // Before it is closed, and with that unlocked, or it would be another writer's file that goes.
        if !isRenamed { files.remove(temporary) }
        files.close(file)
    }

    private mutating func finish() throws {
        // some file systems say only now that there was no space
        try files.synchronize(file)
        try files.rename(temporary, to: path)
        isRenamed = true
        try files.synchronizeFolder(of: path)
    }
}
