import HTTPContent
import Testing

@Suite("Multipart")
struct MultipartTests {
    private let disposition = "Content-Disposition: form-data; name=\"a\"; filename=\"b\""

    private func read(_ text: String, boundary: String = "xyz", maxFiles: Int = 10) throws -> [String] {
        let bytes = Array(text.utf8)
        return try MultipartReader.files(in: bytes, boundary: boundary, maxFiles: maxFiles).map {
            String(decoding: bytes[$0.content], as: UTF8.self)
        }
    }

    @Test("contents come as they are, boundaries of other lengths and line ends within")
    func contents() throws {
        let text =
            "--xyz\r\n\(disposition)\r\n\r\none\r\n--xy\r\n--\r\n\r\n--xyz\r\n\(disposition)\r\n\r\n\r\n--xyz--\r\n"
        #expect(try read(text) == ["one\r\n--xy\r\n--\r\n", ""])
        #expect(try read("--xyz--") == [])
    }

    @Test("a part's media type is read")
    func mediaType() throws {
        let bytes = Array("--xyz\r\n\(disposition)\r\ncontent-type: Image/PNG\r\n\r\n1\r\n--xyz--".utf8)
        let files = try MultipartReader.files(in: bytes, boundary: "xyz", maxFiles: 1)
        #expect(files[0].mediaType == .png)
    }

    @Test("a file needs no name when it says what it is")
    func unnamed() throws {
        let text = "--xyz\r\nContent-Disposition: form-data; name=a\r\nContent-Type: image/png\r\n\r\n1\r\n--xyz--"
        #expect(try read(text) == ["1"])
    }

    @Test("every beginning of a body is refused")
    func cutOff() throws {
        let text = "--xyz\r\n\(disposition)\r\n\r\none\r\n--xyz\r\n\(disposition)\r\n\r\ntwo\r\n--xyz--"
        #expect(try read(text) == ["one", "two"])
        for count in 0..<text.utf8.count {
            #expect(throws: MultipartError.self) { try read(String(decoding: text.utf8.prefix(count), as: UTF8.self)) }
        }
    }

    @Test(
        "what is not multipart/form-data is refused",
        arguments: [
            "x--xyz--",
            "--xyzz\r\n",
            "--xyz-- x",
            "--xyz \r\n",
            "--xyz\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nContent-Disposition: attachment; filename=\"b\"\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nContent-Disposition: form-data; filename=\"b\"\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nContent-Disposition: form-data; name=\"a; filename=b\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nContent-Disposition: form-data; name=a; name=b; filename=c\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nno colon\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nContent-Disposition: form-data; name=a; filename=b\r\nContent-Type: no type\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nContent-Disposition: form-data; name=a; filename=b\r\nContent-Transfer-Encoding: base64\r\n\r\n1\r\n--xyz--",
            "--xyz\r\nA: 1\r\na: 2\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n1\r\n--xyz--",
        ])
    func refused(_ text: String) {
        #expect(throws: MultipartError.self) { try read(text) }
    }

    @Test("files, headers and boundaries may reach their limits, and not pass them")
    func limits() throws {
        func files(_ count: Int) -> String {
            String(repeating: "--xyz\r\n\(disposition)\r\n\r\n1\r\n", count: count) + "--xyz--"
        }
        #expect(try read(files(3), maxFiles: 3).count == 3)
        #expect(throws: MultipartError.tooManyFiles(limit: 3)) { try read(files(4), maxFiles: 3) }

        func header(_ bytes: Int) -> String {
            // "X: " and the line ends of both lines and of the header itself
            let padding = bytes - disposition.utf8.count - 2 - 3 - 2 - 2
            return "--xyz\r\n\(disposition)\r\nX: \(String(repeating: "x", count: padding))\r\n\r\n1\r\n--xyz--"
        }
        #expect(try read(header(MultipartReader.maxHeaderBytes)) == ["1"])
        #expect(throws: MultipartError.self) { try read(header(MultipartReader.maxHeaderBytes + 2)) }

        let long = String(repeating: "b", count: MultipartReader.maxBoundaryBytes)
        #expect(try read("--\(long)--", boundary: long) == [])
        #expect(throws: MultipartError.self) { try read("--\(long)b--", boundary: long + "b") }
        #expect(throws: MultipartError.self) { try read("----", boundary: "") }
    }
}
