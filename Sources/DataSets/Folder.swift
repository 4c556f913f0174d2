internal import FoundationEssentials
internal import Glibc
internal import System

/// Folder of a data set, with the names of what it holds.
package struct Folder: Sendable {
    /// Path as it was given.
    let path: String
    /// Names in the order of their code points, without hidden ones and what archives of macOS leave behind.
    let names: [String]

    /// Nil when there is something else at `path`.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    init?(_ path: String) throws(DataError) {
        guard let isFolder = Self.isFolder(path) else { throw .unreadable(file: path, reason: "\(SystemError())") }
        guard isFolder else { return nil }
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
                .filter { !$0.hasPrefix(".") && $0 != "__MACOSX" }
                .sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        } catch {
            throw .unreadable(file: path, reason: "the folder cannot be listed")
        }
        self.path = path
    }

    /// Path of what is called `name` in it.
    func path(_ name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }

    /// Names of the folders in it.
    var folders: [String] { names.filter { Self.isFolder(path($0)) == true } }

    /// The one of the names `found` that there is, if any, of a file for `purpose`.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when there are several.
    func onlyOne(of found: [String], for purpose: String) throws(DataError) -> String? {
        if found.count > 1 {
            throw .unsupported(
                file: path, expected: "one file for \(purpose)", found: found.joined(separator: ", "))
        }
        return found.first
    }

    /// Names of classes, one a line of the file `name`, blanks at the ends and empty lines left out; nil when there is no
    /// such file.
    /// - Throws: ``DataError``.
    func classNames(_ name: String) throws(DataError) -> [String]? {
        guard names.contains(name) else { return nil }
        let file = try DataFile(path(name))
        // a byte order mark, which editors of other systems write
        let bytes = file.bytes.starts(with: [0xef, 0xbb, 0xbf]) ? file.bytes.dropFirst(3) : file.bytes[...]
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .unsupported(file: file.path, expected: "names of classes in UTF-8", found: "other bytes")
        }
        let lines = text.split(whereSeparator: \.isNewline).map(trimmed).filter { !$0.isEmpty }
        if lines.isEmpty || Set(lines).count != lines.count {
            throw .unsupported(
                file: file.path, expected: "names of classes, one a line, all different", found: "otherwise")
        }
        return lines
    }

    private static func isFolder(_ path: String) -> Bool? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }
}

/// Without white space at the ends.
private func trimmed(_ line: Substring) -> String {
    var line = line.drop(while: \.isWhitespace)
    while line.last?.isWhitespace == true { line.removeLast() }
    return String(line)
}
