import Foundation
import Testing

@testable import tusk

/// Command lines of `tusk` in the pages of the repository.
@Suite("Commands in the documentation")
struct DocumentedCommandTests {
    @Test("are commands that there are, with options that they have")
    func commands() throws {
        let table = try OptionTable(of: Tusk.self)
        var count = 0
        for (page, text) in try Self.pages() {
            for line in Self.lines(of: text) {
                let words = line.split(separator: " ").map(String.init)
                count += 1
                #expect(
                    words.first.map { table.has(command: $0) || $0.hasPrefix("--") } == true, "\(page): tusk \(line)")
                #expect(table.unknownOption(in: words) == nil, "\(page): tusk \(line)")
            }
        }
        #expect(count > 40)
    }

    /// What stands behind `tusk` in code of the page: on lines of its own, where `\` continues, and within backquotes.
    private static func lines(of text: String) -> [String] {
        let joined = text.replacing("\\\n", with: " ")
        let alone = joined.matches(of: /(?m)^    (?:\$ )?tusk ([^#\n]+)/).map { String($0.1) }
        let within = joined.matches(of: /`tusk ([^`\n]+)`/).map { String($0.1) }
        return alone + within
    }

    private static func pages() throws -> [(String, String)] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let files = FileManager.default.enumerator(
            at: root, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        var pages: [(String, String)] = []
        while let file = files?.nextObject() as? URL {
            if file.lastPathComponent == "runs" { files?.skipDescendants() }
            guard file.pathExtension == "md", file.lastPathComponent != "CHANGELOG.md" else { continue }
            pages.append((file.lastPathComponent, try String(contentsOf: file, encoding: .utf8)))
        }
        return pages
    }
}
