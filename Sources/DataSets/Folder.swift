internal import FoundationEssentials
internal import Glibc
internal import System

/// Folder of a data set, with the names of what it holds.
package struct Folder: Sendable {
    /// Path as it was given.
    let path: String
    /// Names in the order of their code points, without hidden ones and what archives of macOS leave behind.
    package let names: [String]

    /// Lists the folder at `path`; nil when something else is there.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    package init?(_ path: String) throws(DataError) {
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

    /// Returns the path of the folder's item `name`.
    package func path(_ name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }

    /// Names of the folders inside.
    var folders: [String] { names.filter { Self.isFolder(path($0)) == true } }

    /// Returns the only name in `found`, the files for `purpose`; nil when there is none.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when there are several.
    func onlyOne(of found: [String], for purpose: String) throws(DataError) -> String? {
        if found.count > 1 {
            throw .unsupported(
                file: path, expected: "one file for \(purpose)", found: found.joined(separator: ", "))
        }
        return found.first
    }

    /// Reads names of classes, one a line of the file `name`, without blanks at their ends and empty lines; nil when there is no
    /// such file.
    /// - Throws: ``DataError`` when the file cannot be read, or does not hold different names in UTF-8.
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

/// Returns `line` without white space at its ends.
private func trimmed(_ line: Substring) -> String {
    var line = line.drop(while: \.isWhitespace)
    while line.last?.isWhitespace == true { line.removeLast() }
    return String(line)
}
