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
            ("R0lGODlhAQABAAAAACw=", "image-damaged", "a GIF picture"),
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

    @Test("of models of few levels pictures are levels, or levels spread over black to white")
    func fewLevels() async throws {
        func answer(_ levels: Int, _ pixels: [UInt8]) async throws -> Answer {
            let picture = Image(width: 3, height: 2, mode: .gray, pixels: pixels)
            return try await TestAPI(FakeDensity(levels: levels)).post(
                "/logprob", type: "image/png", encodePNG(picture))
        }
        for (levels, pixels, sum) in [
            (2, [0, 1, 0, 1, 0, 1], 3), (2, [0, 255, 0, 255, 0, 255], 3), (4, [0, 85, 170, 255, 0, 0], 6),
            (4, [0, 1, 2, 3, 0, 0], 6), (4, [0, 255, 0, 0, 0, 0], 3), (16, [17, 34, 0, 0, 0, 255], 18),
            (16, [15, 0, 0, 0, 0, 0], 15),
        ] as [(Int, [UInt8], Int)] {
            let density: DensityJSON = try await answer(levels, pixels).decoded()
            #expect(density.logProb == -Double(sum))
        }
        for (levels, pixels, text) in [
            (2, [0, 1, 255, 0, 0, 0], "not 1"), (2, [0, 128, 0, 0, 0, 0], "0, 255, not 128"),
            (17, [0, 255, 0, 0, 0, 0], "0 to 16, not 255"),
        ] as [(Int, [UInt8], String)] {
            #expect(try await answer(levels, pixels).problem(422, "image-value").contains(text))
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
