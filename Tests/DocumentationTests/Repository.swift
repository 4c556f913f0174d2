import Foundation

/// Text files of this repository, by paths from its root.
struct Repository {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let files: [String: String]

    /// What a build, a Python environment or a run leaves here is no part of the repository.
    private static let skipped: Set<String> = ["runs", "records", "__pycache__", "corpus"]
    private static let extensions: Set<String> = [
        "md", "swift", "c", "h", "py", "sh", "mjs", "yaml", "txt", "service", "socket",
    ]

    init() throws {
        var files: [String: String] = [:]
        let prefix = root.path().count
        let paths = FileManager.default.enumerator(
            at: root, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        while let url = paths?.nextObject() as? URL {
            let name = url.lastPathComponent
            if Self.skipped.contains(name) {
                paths?.skipDescendants()
            } else if Self.extensions.contains(url.pathExtension) || ["Makefile", "Dockerfile"].contains(name) {
                files[String(url.path().dropFirst(prefix))] = try String(contentsOf: url, encoding: .utf8)
            }
        }
        self.files = files
    }

    func has(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path())
    }

    /// Titles of a page's headings, without their marks.
    func headings(of page: String) -> [String] {
        (files[page] ?? "").split(separator: "\n").filter { $0.hasPrefix("#") }.map {
            $0.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces)
        }
    }

    /// The anchor that GitHub gives a heading.
    static func anchor(of heading: String) -> String {
        String(
            heading.lowercased().compactMap { character -> Character? in
                if character == " " { return "-" }
                return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
            })
    }

    /// `path` as it is meant in the file `page`, from the root; nil when it leaves the repository.
    static func resolve(_ path: some StringProtocol, from page: String) -> String? {
        var parts = page.split(separator: "/").dropLast().map(String.init)
        for part in path.split(separator: "/") {
            if part == ".." {
                guard parts.popLast() != nil else { return nil }
            } else if part != "." {
                parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }
}
