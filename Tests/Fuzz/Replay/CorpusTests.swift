import FoundationEssentials
import Testing

/// The committed inputs, among them all that once broke something, without a fuzzer.
@Suite("Fuzzing corpus")
struct CorpusTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "corpus")

    @Test("every input of the corpus keeps what its target demands", arguments: FuzzTarget.all.map(\.name))
    func replay(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = Self.folder.appending(path: name).path()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(!files.isEmpty)
        for file in files {
            let input = Array(try Data(contentsOf: URL(filePath: "\(folder)/\(file)")))
            #expect(input.count <= target.maxLength, "\(file) is longer than what is fuzzed")
            #expect(throws: Never.self, "\(name)/\(file)") { try target.run(input) }
        }
    }

    @Test("every folder of the corpus has a target")
    func folders() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path())
        #expect(folders.sorted() == FuzzTarget.all.map(\.name).sorted())
    }
}
