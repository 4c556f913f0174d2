import DensityAPI
import FlowCore
import HTTPContent
import Imaging
import TestSupport
import Testing

@Suite("Arrays as images")
struct ArrayInputTests {
    private static let gray = EventShape(height: 2, width: 3, channels: 1)
    private static let rgb = EventShape(height: 2, width: 4, channels: 3)

    /// Log-densities of an array's images, which are the negative sums of their levels; of one image a list of one.
    private func densities(_ shape: EventShape, _ axes: [Int], _ query: String = "", json: Bool = false) async throws
        -> [Double?]
    {
        let values = (0..<axes.reduce(1, *)).map { $0 % 200 }
        let api = try await TestAPI(FakeDensity(shape: shape))
        let answer =
            json
            ? try await api.postJSON("/logprob" + query, nested(values[...], axes))
            : try await api.post("/logprob" + query, type: "application/x-npy", NPYArray(shape: axes, values).encoded())
        if answer.text.contains("\"results\"") {
            return try answer.decoded(as: DensityListJSON.self).results.map(\.logProb)
        }
        let one: DensityJSON = try answer.decoded()
        return [one.logProb]
    }

    private func nested(_ values: ArraySlice<Int>, _ axes: [Int]) -> String {
        guard let count = axes.first else { return "\(values.first!)" }
        let size = values.count / count
        return "["
            + (0..<count).map { nested(values.dropFirst($0 * size).prefix(size), Array(axes.dropFirst())) }.joined(
                separator: ",") + "]"
    }

    @Test("results are as many as images, whatever the order of the axes", arguments: [false, true])
    func counts(json: Bool) async throws {
        for (shape, axes, count) in [
            (Self.gray, [2, 3], 1), (Self.gray, [2, 3, 1], 1), (Self.gray, [1, 2, 3], 1), (Self.gray, [5, 2, 3], 5),
            (Self.gray, [5, 2, 3, 1], 5), (Self.gray, [5, 1, 2, 3], 5), (Self.rgb, [2, 4, 3], 1),
            (Self.rgb, [3, 2, 4], 1),
            (Self.rgb, [5, 2, 4, 3], 5), (Self.rgb, [5, 3, 2, 4], 5),
        ] {
            let found = try await densities(shape, axes, json: json)
            let size = axes.reduce(1, *) / count
            #expect(found == (0..<count).map { n in -Double((0..<size).reduce(0) { $0 + (n * size + $1) % 200 }) })
        }
    }

    @Test("with fit an array is as many images as without, and of any size")
    func fitted() async throws {
        for (shape, axes, count) in [
            (Self.gray, [20, 30], 1), (Self.gray, [20, 30, 3], 1), (Self.gray, [7, 20, 30], 7),
            (Self.gray, [7, 20, 30, 3], 7),
            (Self.gray, [7, 3, 20, 30], 7), (Self.rgb, [3, 20, 30], 1), (Self.rgb, [20, 30, 1], 1),
            (Self.gray, [3, 2, 3], 3),
        ] {
            #expect(try await densities(shape, axes, "?fit=stretch").count == count, "\(axes)")
            #expect(try await densities(shape, axes, "?fit=stretch", json: true).count == count, "\(axes)")
        }
    }

    @Test("channels that come first are brought behind, in NPY, JSON and raw levels alike")
    func channelsFirst() async throws {
        let shape = EventShape(height: 1, width: 2, channels: 3)
        let api = try await TestAPI(FakeDensity(shape: shape))
        func latent(_ query: String, _ type: String, _ body: [UInt8]) async throws -> [Int] {
            let answer = try await api.post("/encode" + query, type: type, body)
            guard case .object(let members) = try JSONReader.read(answer.body),
                case .array(let results)? = members.first(where: { $0.name == "results" })?.value
                    ?? .array([.object(members)]),
                case .object(let first)? = results.first,
                let latent = first.first(where: { $0.name == "latent" })?.value
            else { return [] }
            return String(decoding: latent.encoded, as: UTF8.self).split { !$0.isNumber && $0 != "." }.map {
                Int(Double($0)!)
            }
        }
        let last = try await latent("", "application/octet-stream", [1, 3, 5, 2, 4, 6])
        #expect(last.count == 6)
        #expect(try await latent("?layout=CHW", "application/octet-stream", [1, 2, 3, 4, 5, 6]) == last)
        #expect(try await latent("?layout=NCHW", "application/octet-stream", [1, 2, 3, 4, 5, 6]) == last)
        #expect(
            try await latent(
                "", "application/x-npy", NPYArray(shape: [3, 1, 2], [1, 2, 3, 4, 5, 6] as [UInt8]).encoded()) == last)
        #expect(try await latent("", "application/json", Array(#"{"image":[[[1,2]],[[3,4]],[[5,6]]]}"#.utf8)) == last)
        #expect(
            try await latent("", "application/json", Array(#"{"images":[[[[1,2]],[[3,4]],[[5,6]]]]}"#.utf8)) == last)
    }

    @Test("what can be read in two ways is refused with both, and layout says which")
    func ambiguous() async throws {
        let shape = EventShape(height: 3, width: 3, channels: 3)
        let api = try await TestAPI(FakeDensity(shape: shape))
        let body = NPYArray(shape: [3, 3, 3], Array(0..<27)).encoded()
        let text = try await api.post("/logprob", type: "application/x-npy", body).problem(422, "image-size")
        #expect(text.contains("HWC, 1 image of 3x3x3, or as CHW") && text.hasSuffix("layout=HWC|CHW says which"))
        for layout in ["HWC", "CHW"] {
            #expect(try await api.post("/logprob?layout=\(layout)", type: "application/x-npy", body).status == 200)
        }
        let axes = try await api.post(
            "/logprob?layout=NHWC", type: "application/x-npy", NPYArray(shape: [9, 3], Array(0..<27)).encoded())
        #expect(try axes.problem(422, "parameter") == "layout: NHWC has 4 axes, and the array has the shape [9, 3]")
        let none = try await api.post(
            "/logprob", type: "application/x-npy", NPYArray(shape: [27], Array(0..<27)).encoded())
        #expect(try none.problem(422, "image-size").contains("[3, 3, 3]"))
        let lower = try await api.post("/logprob?layout=hwc", type: "application/x-npy", body)
        #expect(try lower.problem(422, "parameter").contains("HW, HWC, NHW, NHWC, CHW, NCHW"))
    }

    @Test("floats are levels where they are whole, and fractions only where that was said")
    func scales() async throws {
        let api = try await TestAPI()
        func post(_ query: String, _ values: [Double]) async throws -> [Answer] {
            let text = "{\"image\":[\(values.map(\.description).joined(separator: ","))]}"
            return [
                try await api.post(
                    "/logprob" + query, type: "application/x-npy", NPYArray(shape: [2, 3], values).encoded()),
                try await api.postJSON("/logprob" + query, text),
            ]
        }
        func density(_ answer: Answer) throws -> Double? { try answer.decoded(as: DensityJSON.self).logProb }
        for answer in try await post("", [1, 2, 3, 4, 5, 255]) { #expect(try density(answer) == -270) }
        for answer in try await post("", [0, 0, 0, 0, 0, 0]) { #expect(try density(answer) == 0) }
        for answer in try await post("?scale=unit", [0, 1, 0.5, 0, 0, 0]) { #expect(try density(answer) == -383) }
        for answer in try await post("?scale=levels", [0, 1, 1, 0, 0, 0]) { #expect(try density(answer) == -2) }
        for answer in try await post("", [0, 1, 1, 0, 0, 0]) + post("", [0.25, 0, 0, 0, 0, 0]) {
            #expect(try answer.problem(422, "image-value").contains("scale=unit"))
        }
        for answer in try await post("?scale=unit", [0, 1, 2, 0, 0, 0]) {
            #expect(try answer.problem(422, "image-value").contains("not 2.0 at"))
        }
        let exponent: DensityJSON = try await api.postJSON("/logprob", #"{"image":[1,25e1,0,0,0,0]}"#).decoded()
        #expect(exponent.logProb == -251)
        let raw = try await api.post("/logprob?scale=unit", type: "application/octet-stream", [1, 1, 1, 1, 1, 1])
        #expect(try raw.problem(422, "parameter").contains("application/x-npy"))
        // of two levels fractions and levels are the same
        let binary = try await TestAPI(FakeDensity(levels: 2)).postJSON("/logprob", #"{"image":[0.0,1,1,0,0,0]}"#)
        #expect(try density(binary) == -2)
    }

    @Test("each image of an array is judged by itself, alone and in every batch alike")
    func judged() async throws {
        let api = try await TestAPI()
        let images: [[Double]] = [
            [200, 7, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0, 0],
        ]
        let stack = NPYArray(shape: [4, 2, 3], images.flatMap(\.self)).encoded()
        let lists = images.map { "[[\($0[0]),\($0[1]),\($0[2])],[\($0[3]),\($0[4]),\($0[5])]]" }
        for answer in [
            try await api.post("/logprob", type: "application/x-npy", stack),
            try await api.postJSON("/logprob", "[\(lists.joined(separator: ","))]"),
            try await api.postJSON("/logprob", "{\"images\":[\(lists.joined(separator: ","))]}"),
        ] {
            let list: DensityListJSON = try answer.decoded()
            #expect(list.results.map(\.logProb) == [-207, nil, 0, nil])
            for index in [1, 3] { #expect(list.results[index].error?.contains("scale=unit") == true) }
        }
        // whole numbers are levels, though beside fractions
        let mixed: DensityListJSON = try await api.postJSON(
            "/logprob", "[[[0,1,1],[0,0,0]],\(lists[3])]"
        ).decoded()
        #expect(mixed.results.map(\.logProb) == [-2, nil])
        // of a stack of which nothing can be read the problem is the whole one's
        let fractions = NPYArray(shape: [2, 2, 3], images[3] + images[1]).encoded()
        let whole = try await api.post("/logprob", type: "application/x-npy", fractions)
        #expect(try whole.problem(422, "image-value").contains("scale=unit"))
        _ = try await api.postJSON("/logprob", "[\(lists[1]),\(lists[3])]").problem(422, "image-value")
        let unit: DensityListJSON = try await api.postJSON("/logprob?scale=unit", "[\(lists[1]),\(lists[3])]").decoded()
        #expect(unit.results.map(\.logProb) == [-510, -128])
    }

    @Test("with fit lists of as many numbers as an image has are rows of one or images, as is said")
    func rowsOrImages() async throws {
        let api = try await TestAPI()
        let rows = "[[1,2,3,4,5,6],[1,2,3,4,5,6],[1,2,3,4,5,6],[1,2,3,4,5,6]]"
        let flat: DensityListJSON = try await api.postJSON("/logprob", rows).decoded()
        #expect(flat.results.map(\.logProb) == [-21, -21, -21, -21])
        let doubt = try await api.postJSON("/logprob?fit=stretch", rows).problem(422, "image-size")
        #expect(doubt.contains("4 images of 6 numbers in a row") && doubt.contains("4x6 pixels"))
        let array = NPYArray(shape: [4, 6], (0..<24).map { $0 % 6 + 1 }).encoded()
        let wanted: DensityJSON = try await api.post("/logprob?fit=stretch", type: "application/x-npy", array).decoded()
        for (query, body) in [("&layout=HW", rows), ("", "{\"image\":\(rows)}")] {
            let one: DensityJSON = try await api.postJSON("/logprob?fit=stretch" + query, body).decoded()
            #expect(one == wanted)
        }
        let many: DensityListJSON = try await api.postJSON("/logprob?fit=stretch", "{\"images\":\(rows)}").decoded()
        #expect(many.results.map(\.logProb) == [-21, -21, -21, -21])
    }

    @Test("an array of another size is one problem, which names both sizes")
    func otherSize() async throws {
        let api = try await TestAPI()
        let problem = try await api.postJSON("/logprob", "[[1,2,3,4],[1,2,3,4],[1,2,3,4]]").problem(422, "image-size")
        #expect(problem.contains("expected 2x3 pixels (height x width), but its size is 3x4; fit="), "\(problem)")
        // 3x4 pixels of 2 channels, or 3 channels of 4x2
        let row = "[[1,2],[1,2],[1,2],[1,2]]"
        let doubtful = try await api.postJSON("/logprob", "[\(row),\(row),\(row)]").problem(422, "image-size")
        #expect(doubtful.contains("[3, 4, 2]") && doubtful.contains("takes [2, 3]"), "\(doubtful)")
        let image = "[[1,2,3,4,5,6,7],[1,2,3,4,5,6,7]]"
        let stack: DensityListJSON = try await api.postJSON("/logprob", "[\(image),\(image)]").decoded()
        #expect(stack.results.count == 2 && stack.results.allSatisfy { $0.error?.contains("its size is 2x7") == true })
        let wide = Image(width: 2, height: 4, mode: .gray, pixels: Array(repeating: 1, count: 8))
        let refused = try await api.post("/logprob", type: "image/png", encodePNG(wide))
        #expect(try refused.problem(422, "image-size").contains("but its height is 4"))
        let long = Image(width: 3, height: 3, mode: .gray, pixels: Array(repeating: 1, count: 9))
        let larger = try await api.post("/logprob", type: "image/png", encodePNG(long))
        #expect(try larger.problem(422, "image-size").contains("but its size is 3x3;"))
    }

    @Test("true and false in lists are booleans, as in arrays")
    func booleans() async throws {
        let text = "{\"image\":[[true,false,true],[false,false,true]]}"
        let array = NPYArray(shape: [2, 3], elementType: .bool, bytes: [1, 0, 1, 0, 0, 1]).encoded()
        for (levels, query, density) in [
            (2, "", -3), (2, "?scale=unit", -3), (256, "?scale=unit", -765), (256, "?scale=levels", -3), (256, "", nil),
        ] as [(Int, String, Double?)] {
            let api = try await TestAPI(FakeDensity(levels: levels))
            for answer in [
                try await api.postJSON("/logprob" + query, text),
                try await api.postJSON("/logprob" + query, "{\"image\":[true,false,true,false,false,true]}"),
                try await api.post("/logprob" + query, type: "application/x-npy", array),
            ] {
                if let density {
                    #expect(try answer.decoded(as: DensityJSON.self).logProb == density)
                } else {
                    #expect(try answer.problem(422, "image-value").contains("(bool)"))
                }
            }
        }
    }

    @Test(
        "what stands in lists and is no number is named with its position",
        arguments: [
            ("[[1,2,3],[4,null,6]]", "not null at [1, 1]"), ("[[1,2,3],[4,\"5\",6]]", "not a string at [1, 1]"),
            ("[[1,2,3],[4,5,true]]", "true at [1, 2]"), ("[[1,2,3],[true,false,true]]", "true or false at [1, 0]"),
            ("[[true,true,true],[1,2,3]]", "a number at [1, 0]"), ("[[true,2,3],[1,2,3]]", "a number at [0, 1]"),
            ("[[1,2,3],4]", "a number at [1]"), ("[{},1]", "not an object at [0]"), ("null", "not null"),
            ("3", "not a number"),
        ])
    func others(_ image: String, _ text: String) async throws {
        let answer = try await TestAPI().postJSON("/logprob", "{\"image\":\(image)}")
        #expect(try answer.problem(422, "image-value").hasSuffix(text), "\(answer.text)")
    }

    @Test("a mask is what is not 0, in any numbers")
    func masks() async throws {
        let answer = try await TestAPI().postJSON("/complete", #"{"image":[1,1,1,1,1,1],"mask":[[0.0,0,1],[1,1,1.0]]}"#)
        #expect(answer.status == 200 && answer.text.contains("\"known_pixels\":2"), "\(answer.text)")
    }
}
