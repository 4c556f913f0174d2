import Foundation
import Glibc
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

    @Test("what killed processes left is removed, of this program and of those before it, and nothing else")
    func abandoned() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["a.partial", "a.12345.partial", "b.partial", "a.old.partial", "a.1.partial.gz", "ab.1.partial"] {
            try Data([1]).write(to: folder.appending(path: name))
        }
        try ReplacingFile.removeAbandoned(of: path)
        #expect(try files().sorted() == ["a.1.partial.gz", "a.old.partial", "ab.1.partial", "b.partial"])
        try ReplacingFile.write([7], to: folder.appending(path: "b").path)
        #expect(try files().sorted() == ["a.1.partial.gz", "a.old.partial", "ab.1.partial", "b"], "it was used again")
        #expect(throws: (any Error).self) {
            try ReplacingFile.removeAbandoned(of: folder.appending(path: "none/a").path)
        }
    }

    @Test("one writes at a time: another is refused, and disturbs nothing")
    func oneWriter() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try ReplacingFile.write(to: path) { write in
            try write([1])
            #expect(throws: SystemError(EBUSY)) { try ReplacingFile.write([2], to: path) }
            try ReplacingFile.removeAbandoned(of: path)
            try write([3])
        }
        #expect(try contents() == [1, 3] && files() == ["a"])
    }

    @Test("a device, and a link in the place of what is written, are left alone")
    func others() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: SystemError(EOPNOTSUPP)) { try ReplacingFile.write([1], to: "/dev/null") }
        let kept = folder.appending(path: "kept")
        try Data([5]).write(to: kept)
        try FileManager.default.createSymbolicLink(atPath: path + ".partial", withDestinationPath: kept.path)
        #expect(throws: SystemError(ELOOP)) { try ReplacingFile.write([1], to: path) }
        #expect(try Array(Data(contentsOf: kept)) == [5])
    }
}

@Suite("Lock of a file")
struct FileLockTests {
    @Test("is held by one at a time, names its holder, and leaves no file")
    func exclusion() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString).lock").path
        do {
            let lock = try FileLock(path)
            #expect(throws: FileLock.Failure.held(process: Int(getpid()))) { _ = try FileLock(path) }
            _ = consume lock
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        // what a killed process left is taken over
        try Data("4711\n".utf8).write(to: URL(filePath: path))
        do {
            let lock = try FileLock(path)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())\n")
            _ = consume lock
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        try Data("a page of somebody's notes, say".utf8).write(to: URL(filePath: path))
        #expect(throws: FileLock.Failure.system(SystemError(EEXIST))) { _ = try FileLock(path) }
        #expect(FileManager.default.fileExists(atPath: path))
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: FileLock.Failure.system(SystemError(ENOENT))) { _ = try FileLock(path + "/none") }
    }
}
