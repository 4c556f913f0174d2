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

    @Test(
        "what RFC 2046, section 5.1.1, lets stand around the parts is passed over",
        arguments: [
            ("\r\n", "", ""), ("This is a message in MIME format.\r\n--xy\r\n", "", ""), ("", "", "\r\n"),
            ("", "", "\r\nThe end.\r\n--xyz"), ("", " \t ", ""),
        ])
    func frames(preamble: String, padding: String, epilogue: String) throws {
        let part = "--xyz\(padding)\r\n\(disposition)\r\n\r\n1\r\n"
        #expect(try read(preamble + part + part + "--xyz--\(padding)" + epilogue) == ["1", "1"])
    }

    @Test(
        "file names are taken in any octets, and as browsers and curl write them",
        arguments: [
            ("filename=\"B\u{e4}r.png\"", "B\u{e4}r.png"), (#"filename="a \"b\".png""#, #"a "b".png"#),
            (#"filename="C:\x\""#, #"C:\x\"#), (#"filename="C:\x\"; size=3"#, #"C:\x\"#),
            (#"filename="a\\b""#, #"a\b"#),
            ("filename=plain.png", "plain.png"), (#"filename="""#, ""), (#"filename="a%22b.png""#, "a%22b.png"),
            ("filename*=UTF-8''B%C3%A4r.png", "B\u{e4}r.png"),
            ("filename=x; filename*=iso-8859-1'de'B%E4r", "B\u{e4}r"),
            ("filename=x; filename*=koi8-r''%E4", "x"),
        ])
    func fileNames(parameter: String, name: String) throws {
        let text = "--xyz\r\nContent-Disposition: form-data; name=a; \(parameter)\r\n\r\n1\r\n--xyz--"
        let files = try MultipartReader.files(in: Array(text.utf8), boundary: "xyz", maxFiles: 1)
        #expect(files[0].fileName == name)
        #expect(files[0].name == "a")
    }

    @Test("a file name that is not UTF-8 is a name too, and a folded header one line")
    func octets() throws {
        let start = Array("--xyz\r\nContent-Disposition: form-data;\r\n name=a;\r\n\tfilename=\"B".utf8)
        let body = start + [0xE4] + Array("r.png\"\r\n\r\n1\r\n--xyz--".utf8)
        let files = try MultipartReader.files(in: body, boundary: "xyz", maxFiles: 1)
        #expect(files[0].fileName == "B\u{FFFD}r.png")
    }

    @Test(
        "what is wrong is said with what was seen",
        arguments: [
            ("", "it is empty"), ("--abc\r\n", "no line of it is the boundary \"--xyz\""),
            ("--xyz\n\nx\n--xyz--", "ends in LF alone"), ("--xyz\r\n\r\n1\r\n--xyz--", "no Content-Disposition"),
            (
                "--xyz\r\nContent-Disposition: form-data; name=\"count\"\r\n\r\n1\r\n--xyz--",
                "the part \"count\" is no file"
            ),
        ])
    func reasons(text: String, reason: String) throws {
        do {
            _ = try read(text)
            Issue.record("nothing is wrong")
        } catch {
            guard case MultipartError.malformed(let found) = error else { throw error }
            #expect(found.contains(reason))
        }
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
            "--xyz\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n1\r\n--xyzz\r\n--xyz--",
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
