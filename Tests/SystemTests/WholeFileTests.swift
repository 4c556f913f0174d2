import Foundation
import System
import Testing

@Suite("Whole files")
struct WholeFileTests {
    /// A folder, gone after the test.
    private final class Place {
        let path = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString)").path

        init() throws {
            try FileManager.default.createDirectory(atPath: path + "/in/below", withIntermediateDirectories: true)
            for name in ["out", "in/file", "in/below/deep", "inside"] {
                try Data(name.utf8).write(to: URL(filePath: "\(path)/\(name)"))
            }
            for (link, target) in [
                ("near", "file"), ("down", "below/deep"), ("up", "../out"), ("beside", "../inside"),
                ("far", "/proc/version"),
                ("round", "../in/file"), ("again", "near"), ("loop", "loop"), ("folder", "below"),
            ] {
                try FileManager.default.createSymbolicLink(atPath: "\(path)/in/\(link)", withDestinationPath: target)
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func open(_ name: String, in folder: String = "in") throws(WholeFile.Failure) -> WholeFile {
            try WholeFile(FileName(name), in: FilePath("\(path)/\(folder)"))
        }
    }

    @Test("a file in a folder is read, by links too as long as they stay below it")
    func inside() throws {
        let place = try Place()
        for (name, text) in [
            ("file", "in/file"), ("near", "in/file"), ("down", "in/below/deep"), ("round", "in/file"),
            ("again", "in/file"),
        ] {
            let file = try place.open(name)
            #expect(String(decoding: try file.contents(limit: 100), as: UTF8.self) == text)
        }
        // The folder itself may be a link.
        try FileManager.default.createSymbolicLink(atPath: "\(place.path)/link", withDestinationPath: "in")
        let file = try place.open("near", in: "link")
        #expect(file.size == 7)
    }

    @Test("a link that leads out of the folder is refused, and what is no file", arguments: ["up", "beside", "far"])
    func outside(_ name: String) throws {
        let place = try Place()
        #expect(throws: WholeFile.Failure.outside) { _ = try place.open(name) }
        #expect(throws: WholeFile.Failure.folder) { _ = try place.open("folder") }
        for missing in ["none", "loop"] { #expect(throws: WholeFile.Failure.self) { _ = try place.open(missing) } }
        #expect(throws: WholeFile.Failure.outside) { _ = try place.open("../out") }
    }

    @Test("a prefix is as long as was asked, or the file")
    func prefix() throws {
        let place = try Place()
        let file = try place.open("file")
        #expect(try file.prefix(3) == Array("in/".utf8))
        #expect(try file.prefix(0).isEmpty)
        #expect(try file.prefix(.max) == Array("in/file".utf8))
        let contents = try file.contents(limit: 7)
        #expect(contents.count == 7, "a prefix moves nothing")
    }

    @Test("the stamp of a file changes with its contents and with the file")
    func stamps() throws {
        let place = try Place()
        func stamp() throws -> FileStamp { try place.open("file").stamp }
        let first = try stamp()
        #expect(try stamp() == first)
        try Data("in/FILE!".utf8).write(to: URL(filePath: "\(place.path)/in/file"))
        let second = try stamp()
        #expect(second != first)
        // as mv does, with the same size and time
        try FileManager.default.copyItem(atPath: "\(place.path)/in/file", toPath: "\(place.path)/in/next")
        try FileManager.default.removeItem(atPath: "\(place.path)/in/file")
        try FileManager.default.moveItem(atPath: "\(place.path)/in/next", toPath: "\(place.path)/in/file")
        #expect(try stamp() != second)
    }
}
