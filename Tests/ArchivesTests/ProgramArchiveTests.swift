import Archives
import Foundation
import Testing

/// Archives that Fixtures/make.py made with the programs that people have.
@Suite("Archives of other programs")
struct ProgramArchiveTests {
    private static func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)").path
    }

    private func files(_ name: String, asStream: Bool = false) throws -> (
        files: [String: [UInt8]], error: ArchiveError?
    ) {
        let file = try RandomAccessFile(Self.path(name))
        guard case .archive(let archive) = try OpenedFile(file.reader(), file: asStream ? nil : file) else {
            Issue.record("\(name) is no archive")
            return ([:], nil)
        }
        return ArchivesTests.files(in: archive)
    }

    @Test("tarfile's, in each of its forms", arguments: ["ustar", "gnu", "pax"])
    func tar(_ form: String) throws {
        let found = try files("\(form).tar.gz")
        #expect(found.error == nil)
        let long = String(repeating: "l/", count: 70) + "4.png"
        #expect(
            found.files == [
                "cat/1.png": Array("one".utf8), "d\\xffg/2.png": Array(String(repeating: "two", count: 300).utf8),
                "über/3.png": [], long: Array("four".utf8), "link (symbolic link)": [], "hard (hard link)": [],
                "pipe (pipe)": [],
            ])
    }

    @Test("GNU tar's with sparse files, which are named, and those behind them are read", arguments: ["gnu", "pax"])
    func sparse(_ form: String) throws {
        let found = try files("sparse-\(form).tar.gz")
        #expect(found.error == nil && found.files.count == 3)
        #expect(found.files["cat.png"] == Array("cat.png".utf8) && found.files["dog.png"] == Array("dog.png".utf8))
        #expect(found.files.keys.contains { $0.hasSuffix("holes.bin (sparse file)") })
    }

    @Test("zipfile's, from a file and from a stream", arguments: ["stored", "deflated", "piped"], [false, true])
    func zip(_ name: String, asStream: Bool) throws {
        let names = ["cat/1.png", "über/2.png", "dog/3.png"]
        let expected = Dictionary(
            uniqueKeysWithValues: names.map { ($0, Array(String(repeating: $0, count: 40).utf8)) })
        let found = try files("\(name).zip", asStream: asStream)
        #expect(found.error == nil && found.files == expected)
    }

    @Test("a stored file whose length stands behind it is read from a file, and from a stream it is said")
    func pipedStored() throws {
        #expect(try files("piped-stored.zip").files.count == 3)
        #expect(
            try files("piped-stored.zip", asStream: true).error
                == .needsFile(reason: "the length of a stored file stands behind it"))
    }

    @Test("Info-ZIP's, with names in Unicode and links", arguments: [false, true])
    func infoZip(asStream: Bool) throws {
        let found = try files("info-zip-piped.zip", asStream: asStream)
        let names = ["2.png", "über/1.png"]
        #expect(found.error == nil && found.files.keys.sorted() == names)
        if asStream { return }
        #expect(try files("info-zip.zip").files.keys.sorted() == ["2.png", "link.png (symbolic link)", "über/1.png"])
    }
}
