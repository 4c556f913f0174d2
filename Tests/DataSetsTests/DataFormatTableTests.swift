import DataSets
import Foundation
import Testing

@Suite("Table of data formats")
struct DataFormatTableTests {
    @Test("an empty folder and a strange file are told every format")
    func errors() throws {
        let folder = try DataFolder()
        try folder.write("strange", Array("GIF89a".utf8))
        for (name, words) in [("", dataFormats.map { $0.layout }), ("strange", dataFormats.names)] {
            do {
                _ = try ImageDataSet.load(path: name.isEmpty ? folder.path : folder(name), split: .all)
                Issue.record("no error")
            } catch {
                for word in words { #expect(error.description.contains(word), "\(word)") }
            }
        }
    }

    @Test("every format has a name of its own and says how its files are called")
    func table() {
        #expect(Set(dataFormats.names).count == dataFormats.names.count)
        for format in dataFormats { #expect(!format.names.isEmpty && !format.layout.hasSuffix(".")) }
    }

    @Test("README names every format")
    func readme() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        for name in dataFormats.names { #expect(text.contains(name), "\(name)") }
    }
}
