import Foundation
import System
import Testing

@Suite("Replacing a file")
struct ReplacingFileTests {
    private let folder: URL
    private var path: String { folder.appending(path: "a").path }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func contents() throws -> [UInt8] { try Array(Data(contentsOf: URL(filePath: path))) }
    private func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }

    @Test("pieces make one file, which stands there when all are written, with the permissions of the one before")
    func pieces() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try ReplacingFile.write(to: path) { write in
            try write([1, 2])
            #expect(try files().count == 1 && !FileManager.default.fileExists(atPath: path))
            try write([])
            try write(Array(repeating: 3, count: 100_000))
        }
        #expect(try contents() == [1, 2] + Array(repeating: 3, count: 100_000))
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        try ReplacingFile.write(to: path) { write in
            #expect(try contents().count == 100_002)
            try write([4])
        }
        #expect(try contents() == [4] && files() == ["a"])
        let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(permissions == 0o640)
    }

    @Test("what fails on the way leaves the old file and nothing else")
    func failure() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        struct Stopped: Error {}
        try ReplacingFile.write(to: path) { write in try write([1]) }
        #expect(throws: Stopped.self) {
            try ReplacingFile.write(to: path) { write in
                try write([2])
                throw Stopped()
            }
        }
        #expect(try contents() == [1] && files() == ["a"])
        // a folder cannot be replaced
        let inner = folder.appending(path: "b").path
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        #expect(throws: SystemError.self) { try ReplacingFile.write(to: inner) { write in try write([1]) } }
        #expect(try files().sorted() == ["a", "b"])
        let error = #expect(throws: SystemError.self) {
            try ReplacingFile.write(to: inner + "/c/d") { write in try write([1]) }
        }
        #expect(error == SystemError(ENOENT))
    }
}
