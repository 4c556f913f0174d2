import DensityAPI
import FlowCore
import FoundationEssentials
import Imaging
import TestSupport
import Testing

@Suite("Images of models of few levels")
struct FewLevelTests {
    private static let color = EventShape(height: 2, width: 3, channels: 3)

    /// The answer to a picture or an array, and that to the levels which are expected of it.
    private func same(
        _ levels: Int, _ query: String, _ type: String, _ body: [UInt8], _ expected: [UInt8],
        shape: EventShape = EventShape(height: 2, width: 3, channels: 1), route: String = "/encode",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let api = try await TestAPI(FakeDensity(shape: shape, levels: levels))
        let answer = try await api.post(route + query, type: type, body)
        let wanted = try await api.post(route, type: "application/octet-stream", expected)
        #expect(wanted.status == 200, sourceLocation: sourceLocation)
        #expect(
            answer.text == wanted.text, "\(levels) \(query) \(type) \(expected)", sourceLocation: sourceLocation)
    }

    private func bytes(_ base64: String) throws -> [UInt8] { Array(try #require(Data(base64Encoded: base64))) }

    private func picture(_ mode: ColorMode, _ pixels: [UInt8], width: Int = 3, height: Int = 2) -> Image {
        Image(width: width, height: height, mode: mode, pixels: pixels)
    }

    @Test("pictures are levels, or levels spread over black to white")
    func meanings() async throws {
        for (levels, pixels, expected) in [
            (2, [0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 0, 1]), (2, [0, 255, 0, 255, 0, 255], [0, 1, 0, 1, 0, 1]),
            (4, [0, 85, 170, 255, 0, 0], [0, 1, 2, 3, 0, 0]), (4, [0, 1, 2, 3, 0, 0], [0, 1, 2, 3, 0, 0]),
            (4, [0, 255, 0, 0, 0, 0], [0, 3, 0, 0, 0, 0]), (16, [17, 34, 0, 0, 0, 255], [1, 2, 0, 0, 0, 15]),
            (16, [15, 0, 0, 0, 0, 0], [15, 0, 0, 0, 0, 0]), (17, [0, 255, 32, 0, 0, 0], [0, 16, 2, 0, 0, 0]),
            (17, [16, 15, 0, 0, 0, 0], [16, 15, 0, 0, 0, 0]), (255, [127, 3, 0, 0, 0, 0], [127, 3, 0, 0, 0, 0]),
        ] as [(Int, [UInt8], [UInt8])] {
            try await same(levels, "", "image/png", encodePNG(picture(.gray, pixels)), expected)
        }
        for (levels, pixels, text) in [
            (2, [0, 1, 255, 0, 0, 0], "not 1;"), (2, [0, 128, 0, 0, 0, 0], "0, 255, not 128;"),
            (17, [0, 254, 0, 0, 0, 0], "0 to 255, not 254;"),
            (17, [0, 16, 0, 0, 16, 0], "scale=levels|unit says which"),
        ] as [(Int, [UInt8], String)] {
            let answer = try await TestAPI(FakeDensity(levels: levels)).post(
                "/logprob", type: "image/png", encodePNG(picture(.gray, pixels)))
            #expect(try answer.problem(422, "image-value").contains(text))
        }
    }

    @Test("scale says what the values of a picture are")
    func said() async throws {
        let doubtful = try encodePNG(picture(.gray, [0, 16, 0, 0, 16, 0]))
        try await same(17, "?scale=levels", "image/png", doubtful, [0, 16, 0, 0, 16, 0])
        try await same(17, "?scale=unit", "image/png", doubtful, [0, 1, 0, 0, 1, 0])
        let any = try encodePNG(picture(.gray, [50, 180, 112, 92, 174, 77]))
        let unit = try await TestAPI(FakeDensity(levels: 17)).post("/logprob?scale=unit", type: "image/png", any)
        #expect(try unit.problem(422, "image-value").hasSuffix("fit=contain|cover|stretch reduces any to levels"))
        let refused = try await TestAPI(FakeDensity(levels: 17)).post("/logprob?scale=levels", type: "image/png", any)
        #expect(try refused.problem(422, "image-value") == "image: values are whole numbers from 0 to 16, not 50")
        // of 256 levels they are the same
        try await same(256, "?scale=unit", "image/png", any, [50, 180, 112, 92, 174, 77])
    }

    @Test("pictures of our own answers are what they were, however dark", arguments: [2, 16, 17, 200, 256])
    func own(levels: Int) async throws {
        let model = FakeDensity(levels: levels)
        let api = try await TestAPI(model)
        for level in stride(from: 0, to: levels, by: levels / 17 + 1) {
            let pixels = [0, UInt8(level), 0, UInt8((levels - 1) * (level & 1)), 0, 0]
            let wanted = try await api.post("/encode", type: "application/octet-stream", pixels)
            for (image, scale) in [
                (model.record.picture(of: pixels), ValueScale.unit), (picture(.gray, pixels), .levels),
            ] {
                let file = try encodePNG(image, scale: levels == 256 ? nil : scale)
                let answer = try await api.post("/encode", type: "image/png", file)
                #expect(answer.status == 200 && answer.text == wanted.text, "\(level) \(scale)")
            }
        }
    }

    @Test("GET /sample says in its pictures what their values are")
    func samples() async throws {
        let model = FakeDensity(levels: 17)
        let api = try await TestAPI(model)
        let answer = try await api.get("/sample?seed=7", accept: "image/png")
        #expect(try ImageHeader(of: answer.body[...]).valueScale == .unit)
        let samples: SamplesJSON = try await api.get("/sample?seed=7").decoded()
        let first = try await api.post("/encode", type: "image/png", answer.body)
        let second = try await api.postJSON("/encode", "{\"image\":\"\(samples.samples[0].image)\"}")
        #expect(first.status == 200 && first.text == second.text)
        #expect(try await api.get("/sample?seed=7&count=4", accept: "image/png").status == 200)
    }

    @Test("with fit what has more values is reduced to levels, after it was resized and converted")
    func quantized() async throws {
        // Pillow 13.0: Image.reduce(2) is [77, 87, 161, 201, 83, 93]; numpy 2.4.6: x.astype(int) * levels // 256
        let photo = (0..<24).map { UInt8(($0 * 37 + 11) % 256) }
        let floats = NPYArray(shape: [4, 6], photo.map { Double($0) / 255 }).encoded()
        for (levels, expected) in [
            (2, [0, 0, 1, 1, 0, 0]), (4, [1, 1, 2, 3, 1, 1]), (17, [5, 5, 10, 13, 5, 6]),
            (100, [30, 33, 62, 78, 32, 36]), (256, [77, 87, 161, 201, 83, 93]),
        ] as [(Int, [UInt8])] {
            try await same(
                levels, "?fit=stretch", "image/png", encodePNG(picture(.gray, photo, width: 6, height: 4)), expected)
            try await same(levels, "?fit=cover&scale=unit", "application/x-npy", floats, expected)
        }
        // Pillow 13.0: convert("L") is [50, 180, 112, 92, 174, 77]
        let color = picture(.rgb, (0..<18).map { UInt8(($0 * 53 + 7) % 256) })
        try await same(17, "?fit=cover", "image/png", encodePNG(color), [3, 11, 7, 6, 11, 5])
        // Pillow 13.0: paste on #ff8000 with the alpha channel, convert("L"): [141, 174, 140, 180, 140, 188]
        let clear = picture(.rgba, (0..<24).map { UInt8(($0 * 97 + 3) % 256) })
        for (levels, expected) in [(17, [9, 11, 9, 11, 9, 12]), (100, [55, 67, 54, 70, 54, 73])] as [(Int, [UInt8])] {
            try await same(levels, "?fit=cover&background=%23ff8000", "image/png", encodePNG(clear), expected)
        }
        // levels stay levels
        try await same(
            17, "?fit=stretch", "image/png", encodePNG(picture(.gray, [1, 3, 5, 5, 9, 9], width: 6, height: 1)),
            [2, 5, 9, 2, 5, 9])
        try await same(
            17, "?fit=stretch", "application/x-npy", NPYArray(shape: [1, 6], [1, 3, 5, 5, 9, 9]).encoded(),
            [2, 5, 9, 2, 5, 9])
        let array = try await TestAPI(FakeDensity(levels: 17)).post(
            "/logprob?fit=stretch", type: "application/x-npy", NPYArray(shape: [4, 6], photo).encoded())
        #expect(try array.problem(422, "image-value").hasSuffix("divided by 255 with scale=unit"))
    }

    @Test("alpha of an array is levels, and the background that of the model", arguments: [2, 4, 16, 17, 100, 256])
    func alpha(levels: Int) async throws {
        let top = UInt8(levels - 1)
        let colors: [UInt8] = [0, top, 0, top, top / 2, 0]
        let alphas: [UInt8] = [top, top, 0, 0, top, top]
        let array = zip(colors, alphas).flatMap { [$0, $1] }
        let body = NPYArray(shape: [2, 3, 2], array).encoded()
        let white: [UInt8] = [0, top, top, top, top / 2, 0]
        for query in ["?fit=cover", "?background=white", "?fit=contain&layout=HWC"] {
            for route in ["/logprob", "/encode"] {
                try await same(levels, query, "application/x-npy", body, white, route: route)
            }
            let lists =
                "["
                + stride(from: 0, to: 12, by: 6).map { row in
                    "["
                        + stride(from: row, to: row + 6, by: 2).map { "[\(array[$0]),\(array[$0 + 1])]" }
                        .joined(separator: ",") + "]"
                }.joined(separator: ",") + "]"
            try await same(levels, query, "application/json", Array("{\"image\":\(lists)}".utf8), white)
        }
        try await same(levels, "?background=black", "application/x-npy", body, [0, top, 0, 0, top / 2, 0])
        let floats = NPYArray(shape: [2, 3, 2], array.map { Double($0) / Double(top) }).encoded()
        try await same(levels, "?fit=cover&scale=unit", "application/x-npy", floats, white)
        try await same(levels, "?background=white&scale=unit", "application/x-npy", floats, white)
        let rgba: [UInt8] = (0..<6).flatMap { i -> [UInt8] in [colors[i], 0, top, alphas[i]] }
        let expected: [UInt8] = (0..<6).flatMap { i -> [UInt8] in
            alphas[i] == 0 ? [top, top, top] : [colors[i], 0, top]
        }
        try await same(
            levels, "?fit=cover", "application/x-npy", NPYArray(shape: [2, 3, 4], rgba).encoded(), expected,
            shape: Self.color)
        let twoImages = try await TestAPI(FakeDensity(levels: levels)).post(
            "/interpolate?fit=cover&layout=NHWC", type: "application/x-npy",
            NPYArray(shape: [2, 2, 3, 2], array + array).encoded())
        #expect(twoImages.status == 200, "\(twoImages.text)")
    }

    @Test("what shines through is a part of the top level")
    func translucent() async throws {
        // numpy 2.4.6: floor((c * a + 16 * (16 - a)) / 16 + 0.5)
        let array = zip([0, 3, 16, 7, 9, 16], [16, 16, 16, 0, 8, 4]).flatMap { [UInt8($0), UInt8($1)] }
        try await same(
            17, "?fit=cover", "application/x-npy", NPYArray(shape: [2, 3, 2], array).encoded(), [0, 3, 16, 16, 13, 16])
    }

    @Test("a picture's own values tell whether it is of levels, not those of its background or of pixels nobody sees")
    func transparent() async throws {
        for (levels, colors) in [
            (2, [0, 1, 0, 1, 0, 1]), (4, [1, 2, 3, 0, 1, 0]), (17, [1, 2, 3, 0, 1, 0]), (100, [99, 2, 3, 0, 1, 0]),
        ] as [(Int, [UInt8])] {
            let spread = SpreadLevels(levels).spread(colors)
            for values in [colors, spread] {
                // the last pixel is transparent, and of a colour that says nothing
                let opaque: [UInt8] = values.dropLast().flatMap { value -> [UInt8] in [value, 255] }
                let pixels: [UInt8] = opaque + [177, 0]
                let file = try encodePNG(picture(.grayAlpha, pixels))
                let top = UInt8(levels - 1)
                for (query, level) in [
                    ("?background=white", top), ("?background=black", 0), ("?fit=contain", top),
                    ("?background=%23808080", SpreadLevels(levels).nearest(to: [128])[0]),
                ] {
                    try await same(levels, query, "image/png", file, colors.dropLast() + [level])
                }
            }
        }
    }

    @Test("lossy pictures have no levels, however dark")
    func lossy() async throws {
        // Pillow 13.0: 8 x 8 pixels of 9 as JPEG
        let dark = try bytes(
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0"
                + "Hyc5PTgyPC4zNDL/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9"
                + "AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZn"
                + "aGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP0"
                + "9fb3+Pn6/9oACAEBAAA/APCK/9k=")
        #expect(try decodeImage(dark).pixels == Array(repeating: 9, count: 64))
        try await same(16, "?fit=stretch", "image/jpeg", dark, [0, 0, 0, 0, 0, 0])
        try await same(16, "?fit=stretch&scale=levels", "image/jpeg", dark, [9, 9, 9, 9, 9, 9])
        // Pillow 13.0: [[0, 5, 10], [15, 8, 3]] as WebP, quality 100, and lossless
        let lossy = try bytes(
            "UklGRjIAAABXRUJQVlA4ICYAAACwAQCdASoDAAIAAAAAJaQAA1WBndlAAP7//7vXbejGP1c1ofgAAA==")
        try await same(16, "?fit=cover", "image/webp", lossy, [0, 0, 0, 0, 0, 0])
        let lossless = try bytes(
            "UklGRj4AAABXRUJQVlA4TDIAAAAvAkAAAC+gIG0DFrY7CtI2YGG7oyBtAxa2O/MfwLaSaCuJ/6CQbQQ4tXtATuIi+h/rBQ==")
        try await same(16, "?fit=cover", "image/webp", lossless, [0, 5, 10, 15, 8, 3])
    }
}
