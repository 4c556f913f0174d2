import Foundation
import TestSupport
import Testing

@Suite("The page of the program", .timeLimit(.minutes(15)))
struct PageTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Page")

    /// Paths below Page/ of the files that are for browsers.
    private static var files: [String] {
        let all = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return all.filter { path in ["html", "js", "css", "svg"].contains(path.split(separator: ".").last) }.sorted()
    }

    @Test("every file of Page/ is inside the program, as it is there")
    func files() async throws {
        let files = Self.files
        try #require(files.count > 5)
        let service = try Service()
        let client = try service.client()
        for path in files {
            let answer = try await client.roundTrip("GET /page/\(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let expected = try String(decoding: Data(contentsOf: Self.folder.appending(path: path)), as: UTF8.self)
            let isSame = answer.text == expected
            #expect(answer.status == 200 && isSame, "\(path); a new file: scripts/embed-page.py")
        }
        let first = try await client.roundTrip("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(first.status == 200 && first.text.hasPrefix("<!doctype html>"))
        let json = try await client.roundTrip("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(json.status == 200 && json.text.hasPrefix(#"{"openapi":"3.1.0","#))
        #expect(service.end() == 0)
    }

    @Test("with --page off there is none, and the contract is")
    func off() async throws {
        let service = try Service("--page", "off")
        let client = try service.client()
        for (path, status) in [("/", 404), ("/docs", 404), ("/page/main.js", 404), ("/openapi.json", 200)] {
            let answer = try await client.roundTrip("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(answer.status == status, "\(path)")
        }
        #expect(service.end() == 0)
    }
}
