import DensityAPI
import FlowCore
import FoundationEssentials
import HTTPTypes
import Imaging
import TestSupport
import Testing

@Suite("Media types of bodies")
struct BodyTypeTests {
    private static let levels: [UInt8] = [1, 2, 3, 4, 5, 6]
    private static let picture = Image(width: 3, height: 2, mode: .gray, pixels: levels)
    private static let text = Array(#"{"image":[1,2,3,4,5,6]}"#.utf8)

    @Test(
        "a body of no type, or a form's, is recognised by its first bytes",
        arguments: [nil, "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"])
    func recognised(type: String?) async throws {
        let api = try await TestAPI()
        let bodies = try [
            encodePNG(Self.picture), NPYArray(shape: [2, 3], Self.levels).encoded(), Self.text,
            [0xEF, 0xBB, 0xBF, 0x0A] + Self.text,
        ]
        for body in bodies {
            let density: DensityJSON = try await api.post("/logprob", type: type, body).decoded()
            #expect(density.logProb == -21)
        }
    }

    @Test("what no first bytes tell is refused with what they are, and what would be taken")
    func unknown() async throws {
        let api = try await TestAPI()
        let png = try encodePNG(Self.picture)
        for (body, text) in [
            (Array("GIF89a".utf8) + Array(repeating: 0, count: 20), "a GIF picture"),
            (Array("--xyz\r\n".utf8), "names the boundary"),
            (png.filter { $0 != 0x0A && $0 != 0x0D }, "--data-binary"), ([], "an empty file"),
            (Self.levels, "no known kind"),
            (Array("<!doctype html>".utf8), "an HTML page"),
        ] {
            let problem = try await api.post("/logprob", type: nil, body).problem(415, "unsupported-media-type")
            #expect(problem.contains(text) && problem.contains("image/png, image/jpeg"), "\(problem)")
        }
        let completion = try await api.post("/complete", type: nil, png).problem(415, "unsupported-media-type")
        #expect(completion.contains("multipart/form-data, application/json"))
    }

    @Test("a picture or an array is no row of levels, whatever its length")
    func octets() async throws {
        let model = FakeDensity(shape: EventShape(height: 1, width: 1, channels: 1))
        let api = try await TestAPI(model, options: { $0.maxRequestRows = 100_000 })
        let npy = NPYArray(shape: [2, 3], Self.levels).encoded()
        let jpeg = Array(try #require(Data(base64Encoded: jpegOfGray)))
        for (body, type) in [
            (try encodePNG(Self.picture), "image/png"), (npy, "application/x-npy"), (jpeg, "image/jpeg"),
        ] {
            for name in ["application/octet-stream", "application/octet-stream; charset=binary"] {
                let problem = try await api.post("/logprob", type: name, body).problem(415, "unsupported-media-type")
                #expect(problem.contains("send it as \(type)"), "\(problem)")
            }
        }
        // three bytes of a signature may be levels
        let levels = try await api.post("/logprob", type: "application/octet-stream", [0xFF, 0xD8, 0xFF, 1])
        #expect(levels.status == 200)
    }

    /// First bytes of pictures of formats that are not read, with their media types and what is said of them.
    private static let others: [(type: String, start: [UInt8], phrase: String, advice: String)] = [
        ("image/gif", Array("GIF89a".utf8) + [1, 0, 1, 0, 0, 0, 0], "a GIF picture", "save its frames as PNG"),
        ("image/tiff", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 1, 0], "a TIFF picture", "save it as PNG"),
        ("image/avif", [0, 0, 0, 20] + Array("ftypavif\0\0\0\0mif1".utf8), "an AVIF picture", "save it as PNG"),
        ("image/heic", [0, 0, 0, 20] + Array("ftypheic\0\0\0\0mif1".utf8), "a HEIC picture", "save it as PNG"),
        (
            "image/bmp", [0x42, 0x4D, 60, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0], "a BMP picture",
            "save it as PNG"
        ),
        ("image/jp2", [0, 0, 0, 12] + Array("jP  \r\n".utf8) + [0x87, 0x0A], "a JPEG 2000 picture", "save it as PNG"),
    ].map { ($0.0, $0.1 + Array(repeating: 0, count: 60 - $0.1.count), $0.2, $0.3) }

    @Test(
        "pictures of other formats are 415 with what was seen, what is taken and what to do, by their type or their bytes"
    )
    func otherFormats() async throws {
        let model = FakeDensity(shape: EventShape(height: 1, width: 1, channels: 1), decision: .test())
        let api = try await TestAPI(model)
        for (type, body, phrase, advice) in Self.others {
            for path in ["/logprob", "/typicality", "/encode", "/interpolate"] {
                // sixty bytes are sixty rows of levels, but for what they are
                for sent in [type, "\(type); charset=binary", nil, "application/octet-stream"] {
                    // two rows are two bytes: more are not read
                    if path == "/interpolate", sent == "application/octet-stream" { continue }
                    let answer = try await api.post(path, type: sent, body)
                    let problem = try answer.problem(415, "unsupported-media-type")
                    #expect(problem.contains(phrase) && problem.contains(advice), "\(path) \(problem)")
                    #expect(problem.contains("image/png, image/jpeg, image/webp"), "\(path) \(problem)")
                    #expect(answer.fields[.accept]?.hasPrefix("image/png, image/jpeg, image/webp") == true)
                    if let sent, sent.hasPrefix("image") { #expect(problem.contains(sent)) }
                }
            }
            // a type that is read, and bytes that are not
            let wrong = try await api.post("/logprob", type: "image/png", body).problem(415, "unsupported-media-type")
            #expect(wrong.contains("expected PNG, JPEG or WebP, but the bytes are \(phrase); \(advice)"), "\(wrong)")
            let form =
                Array("--x\r\nContent-Disposition: form-data; name=a; filename=a\r\nContent-Type: \(type)\r\n\r\n".utf8)
                + body + Array("\r\n--x--\r\n".utf8)
            let part = try await api.post("/logprob", type: "multipart/form-data; boundary=x", form)
            #expect(try part.problem(415, "unsupported-media-type").contains("\(phrase); \(advice)"))
            let line = try await api.post(
                "/logprob", type: "application/x-ndjson", Array("\"\(base64(body))\"\n[1]".utf8))
            let first = try Answer(status: 200, fields: [:], text: String(line.text.prefix { $0 != "\n" }))
                .decoded(as: DensityJSON.self)
            #expect(first.type == "urn:tusk:problem:unsupported-media-type" && first.error?.contains(advice) == true)
        }
        let video = Array(
            "--x\r\nContent-Disposition: form-data; name=a; filename=a\r\nContent-Type: video/mp4\r\n\r\n1\r\n--x--\r\n"
                .utf8)
        let part = try await api.post("/logprob", type: "multipart/form-data; boundary=x", video)
        #expect(try part.problem(415, "unsupported-media-type").contains("a video is not read: save its frames as PNG"))
        for path in ["/typicality", "/encode", "/interpolate", "/complete"] {
            let problem = try await api.post(path, type: "application/jsonl", []).problem(415, "unsupported-media-type")
            #expect(problem.contains("bodies of lines are taken by POST /logprob alone"), "\(problem)")
        }
    }

    @Test("levels that happen to begin as a file of another kind are levels, but for what they cannot be")
    func levelsThatLookLikeFiles() async throws {
        let model = FakeDensity(shape: EventShape(height: 1, width: 1, channels: 1))
        let api = try await TestAPI(model)
        for start in [
            [0x42, 0x4D], [0xFF, 0x0A], [0x50, 0x4B, 3, 4], [0x49, 0x49, 0x2A, 0, 0, 0, 0, 0], [0x1F, 0x8B],
            [0x50, 0x36, 0x0A], [0xFF, 0xFE],
        ] as [[UInt8]] {
            let levels = start + [UInt8](repeating: 0, count: 30)
            #expect(try await api.post("/logprob", type: "application/octet-stream", levels).status == 200, "\(start)")
        }
        let page = try await api.post("/logprob", type: "application/octet-stream", Array("<!doctype html>".utf8))
        #expect(try page.problem(415, "unsupported-media-type").contains("download the picture itself"))
    }

    @Test("a bad image of several is named where the answer cannot be in its place")
    func namesOfBadImages() async throws {
        let api = try await TestAPI()
        var form: [UInt8] = []
        for (name, content) in [("a.png", try encodePNG(Self.picture)), ("b.gif", Array("GIF89a".utf8))] {
            form +=
                Array("--x\r\nContent-Disposition: form-data; name=image; filename=\(name)\r\n\r\n".utf8)
                + content + Array("\r\n".utf8)
        }
        form += Array("--x--\r\n".utf8)
        for (path, accept) in [("/interpolate", "*/*"), ("/encode", "application/x-npy")] {
            let answer = try await api.request(
                .post, path, fields: [.contentType: "multipart/form-data; boundary=x", .accept: accept], body: form)
            let problem = try answer.problem(415, "unsupported-media-type")
            #expect(problem.hasPrefix("image 2 of 2, \"b.gif\": image: expected PNG"), "\(problem)")
        }
    }

    @Test(
        "other names of a type and parameters that mean nothing change nothing",
        arguments: [
            "image/x-png", "image/png; charset=binary", "image/png; charset=ISO-8859-1", "IMAGE/PNG", "image/jpg",
            "image/jpeg",
        ])
    func names(type: String) async throws {
        let density: DensityJSON = try await TestAPI().post("/logprob", type: type, encodePNG(Self.picture)).decoded()
        #expect(density.logProb == -21)
    }

    @Test(
        "JSON is UTF-8 whatever its charset says (RFC 8259, section 11)",
        arguments: ["application/json; charset=utf8", "application/json; charset=ISO-8859-1", "text/json"])
    func charset(type: String) async throws {
        let density: DensityJSON = try await TestAPI().post("/logprob", type: type, Self.text).decoded()
        #expect(density.logProb == -21)
    }
}

@Suite("Pictures in JSON and forms")
struct PictureTests {
    private static let picture = Image(width: 3, height: 2, mode: .gray, pixels: [1, 2, 3, 4, 5, 6])

    @Test("base64 with line breaks, without padding, of URLs' alphabet, and as a data: URL")
    func base64() async throws {
        let api = try await TestAPI()
        let text = DensityAPITests.base64(try encodePNG(Self.picture))
        let lines = stride(from: 0, to: text.count, by: 20).map { start in
            String(text.dropFirst(start).prefix(20))
        }.joined(separator: "\\r\\n")
        let urlSafe = text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        for image in [
            lines, urlSafe, "data:image/png;base64," + text, "data:;base64," + text, "data:image/x-png;base64," + lines,
        ] {
            let answer = try await api.postJSON("/logprob", #"{"image": "\#(image)"}"#)
            #expect(try answer.decoded(as: DensityJSON.self).logProb == -21, "\(answer.text)")
        }
    }

    @Test(
        "what is no picture says so",
        arguments: [
            ("!AQID", "image-damaged", "not base64"), ("data:image/png;base64,!", "image-damaged", "RFC 2397"),
            ("data:text/html;base64,AQID", "unsupported-media-type", "text/html"),
            ("https://example.org/a.png", "image-damaged", "nothing is fetched"),
            ("R0lGODlhAQABAAAAACw=", "unsupported-media-type", "a GIF picture; save its frames as PNG"),
            (
                "data:image/gif;base64,R0lGODlhAQABAAAAACw=", "unsupported-media-type",
                "a GIF picture; save its frames as PNG"
            ),
            ("data:video/mp4;base64,AQID", "unsupported-media-type", "a video is not read: save its frames as PNG"),
            ("PGh0bWw+", "image-damaged", "an HTML page; download the picture itself"),
        ])
    func wrong(image: String, kind: String, text: String) async throws {
        let answer = try await TestAPI().postJSON("/logprob", #"["\#(image)"]"#)
        let entry = try answer.decoded(as: DensityListJSON.self).results[0]
        #expect(entry.type == "urn:tusk:problem:\(kind)" && entry.error?.contains(text) == true, "\(answer.text)")
    }

    @Test("entries of a form have their place and their file's name, arrays each of their images")
    func files() async throws {
        let png = try encodePNG(Self.picture)
        var body: [UInt8] = []
        let stack = NPYArray(shape: [2, 2, 3], Array(1...12)).encoded()
        for (name, type, content) in [
            (Array("B".utf8) + [0xE4] + Array("r.png".utf8), "image/png; charset=binary", png),
            (Array("a.npy".utf8), "application/octet-stream", stack),
            (Array("empty.png".utf8), "image/png", []), (Array("nested".utf8), "multipart/mixed; boundary=y", [1]),
        ] {
            body += "--xyz\r\nContent-Disposition: form-data; name=image; filename=\"".utf8 + name + "\"\r\n".utf8
            body += "Content-Type: \(type)\r\n\r\n".utf8 + content + "\r\n".utf8
        }
        let answer = try await TestAPI().post(
            "/logprob", type: "multipart/form-data; boundary=xyz", body + "--xyz--".utf8)
        let list: DensityListJSON = try answer.decoded()
        #expect(list.results.map(\.file) == ["B\u{FFFD}r.png", "a.npy", "a.npy", "empty.png", "nested"])
        #expect(list.results.map(\.index) == [0, 1, 2, 3, 4])
        #expect(list.results.map(\.logProb) == [-21, -21, -57, nil, nil])
        #expect(list.failed == 2)
        #expect(list.results[3].error?.contains("an empty file") == true)
        #expect(list.results[4].error?.contains("parts in parts are not read") == true)
    }

    @Test("contain pads with the background, of few levels with its level, on every route alike")
    func padding() async throws {
        let small = Image(width: 3, height: 1, mode: .gray, pixels: [1, 1, 1])
        let api = try await TestAPI()
        // a row of the picture, and one of padding
        for (query, level) in [("", 255), ("&background=black", 0), ("&background=%23102030", 29)] {
            for (type, body) in [
                ("image/png", try encodePNG(small)),
                ("application/x-npy", NPYArray(shape: [1, 3], [1, 1, 1]).encoded()),
                ("application/json", Array("{\"image\":[[1,1,1]]}".utf8)),
            ] {
                for route in ["/logprob", "/encode"] {
                    let answer = try await api.post("\(route)?fit=contain" + query, type: type, body)
                    let density: DensityJSON = try answer.decoded()
                    #expect(density.logProb == -Double(3 + 3 * level), "\(route) \(query) \(type) \(answer.text)")
                }
            }
        }
        for (levels, pixels, query, sum) in [
            (2, [0, 1, 0], "", 4), (2, [0, 255, 0], "", 4), (2, [0, 0, 0], "&background=black", 0),
            (2, [0, 255, 0], "&background=%23808080", 4), (4, [0, 85, 255], "&background=%23505050", 7),
            (16, [3, 0, 0], "&background=%23111111", 6), (100, [4, 0, 0], "", 301),
        ] as [(Int, [UInt8], String, Int)] {
            let picture = Image(width: 3, height: 1, mode: .gray, pixels: pixels)
            let answer = try await TestAPI(FakeDensity(levels: levels)).post(
                "/logprob?fit=contain" + query, type: "image/png", encodePNG(picture))
            #expect(try answer.decoded(as: DensityJSON.self).logProb == -Double(sum), "\(levels) \(answer.text)")
        }
    }

    @Test("pictures with alpha are composed on the colour that was asked for, and with fit on white")
    func background() async throws {
        let clear = Image(width: 3, height: 2, mode: .grayAlpha, pixels: Array(repeating: 0, count: 12))
        let api = try await TestAPI()
        func post(_ query: String) async throws -> Answer {
            try await api.post("/logprob" + query, type: "image/png", encodePNG(clear))
        }
        for (query, level) in [
            ("?fit=stretch", 255), ("?background=white", 255), ("?background=black", 0), ("?background=%23101010", 16),
            ("?fit=stretch&background=black", 0),
        ] {
            let density: DensityJSON = try await post(query).decoded()
            #expect(density.logProb == -Double(6 * level))
        }
        _ = try await post("").problem(422, "image-mode")
        #expect(try await post("?background=red").problem(422, "parameter").contains("white, black or #rrggbb"))
    }
}
