internal import Archives
internal import Imaging
package import System

/// Folder of a data set, with the names of what it holds.
package final class Folder {
    /// Path as it was given.
    package let path: FilePath
    private let items: [FolderListing.Item]
    /// The pictures in it, once somebody asked.
    private var walk: PictureWalk?

    /// Lists the folder at `path`; nil when something else is there.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    package init?(_ path: FilePath) throws(DataError) {
        do throws(SystemError) {
            guard let listing = try FolderListing(path) else { return nil }
            items = listing.items
        } catch {
            throw .unreadable(file: path.text, reason: "\(error)")
        }
        self.path = path
    }

    /// Lists the folder at `path`, in UTF-8.
    /// - Throws: as for a path of bytes.
    package convenience init?(_ path: String) throws(DataError) { try self.init(FilePath(path)) }

    /// Names of the files, in the order of their bytes, without hidden ones.
    package var names: [String] { names(of: .file) }

    /// Names of the folders inside, in the order of their bytes, without hidden ones.
    package var folders: [String] { names(of: .folder) }

    private func names(of kind: FolderListing.Item.Kind) -> [String] {
        items.filter { $0.kind == kind }.map { String(bytesOfName: $0.name) }.filter { !UnusedEntries.isHidden($0) }
    }

    /// Returns the path of the folder's item `name`.
    package func path(_ name: String) -> FilePath {
        let bytes = items.first { String(bytesOfName: $0.name) == name }?.name
        return path.appending(bytes ?? Array(name.utf8))
    }

    /// The pictures in it and in all folders inside.
    /// - Throws: ``DataError`` when a folder cannot be listed, or there are more files than `options` allow or too many folders in one another.
    func pictures(_ options: DataOptions) throws(DataError) -> PictureWalk {
        if let walk { return walk }
        let found = try PictureWalk(path, limit: options.archive.entries)
        walk = found
        return found
    }

    /// Counts what is not among the files `used`: other files by their names, and folders.
    package func unused(besides used: Set<String>) -> UnusedEntries {
        var unused = UnusedEntries()
        let own = UnusedEntries.trainingFiles(in: names)
        for item in items {
            let name = String(bytesOfName: item.name)
            switch item.kind {
            case .file where !used.contains(name) && !own.contains(name): unused.add(name: name)
            case .file: break
            case .folder: unused.add(reason: UnusedEntries.isHidden(name) ? "hidden" : "folder")
            case .other: unused.add(reason: "link to nothing, pipe or device")
            }
        }
        return unused
    }

    /// Returns the only name in `found`, the files for `purpose`; nil when there is none.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when there are several.
    func onlyOne(of found: [String], for purpose: String) throws(DataError) -> String? {
        if found.count > 1 {
            throw .unsupported(
                file: path.text, expected: "one file for \(purpose)", found: found.joined(separator: ", "))
        }
        return found.first
    }

    /// Reads names of classes, one a line of the file `name`, without blanks at their ends and empty lines; nil when there is no
    /// such file.
    /// - Throws: ``DataError`` when the file cannot be read, or does not hold different names in UTF-8.
    package func classNames(_ name: String) throws(DataError) -> [String]? {
        guard names.contains(name) else { return nil }
        let file = try DataFile(path(name), maxBytes: Self.mostClassNameBytes)
        if let kind = fileKind(of: file.bytes), kind.isStandIn {
            throw .unsupported(
                file: file.path.text, expected: "names of classes, one a line", found: kind.phraseWithAdvice)
        }
        // a byte order mark, which editors of other systems write
        let bytes = file.bytes.starts(with: [0xef, 0xbb, 0xbf]) ? file.bytes.dropFirst(3) : file.bytes[...]
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .unsupported(file: file.path.text, expected: "names of classes in UTF-8", found: "other bytes")
        }
        let lines = text.split(whereSeparator: \.isNewline).map(trimmed).filter { !$0.isEmpty }
        var seen: Set<String> = []
        if let twice = lines.first(where: { !seen.insert($0).inserted }) {
            throw .unsupported(
                file: file.path.text, expected: "names of classes, one a line, all different", found: "\(twice) twice")
        }
        if lines.isEmpty {
            throw .unsupported(file: file.path.text, expected: "names of classes, one a line", found: "no name")
        }
        return lines
    }

    /// Most bytes of a list of classes.
    private static let mostClassNameBytes = 16 << 20
}

/// Returns `line` without white space and what cannot be seen at its ends.
private func trimmed(_ line: Substring) -> String {
    func isBlank(_ character: Character) -> Bool {
        character.isWhitespace || character.unicodeScalars.allSatisfy { $0.value == 0xfeff || $0.value == 0x200b }
    }
    var line = line.drop(while: isBlank)
    while let last = line.last, isBlank(last) { line.removeLast() }
    return String(line)
}
