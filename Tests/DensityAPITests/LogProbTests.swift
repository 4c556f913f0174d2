import DensityAPI
import FlowCore
import FlowModels
import FoundationEssentials
import HTTPTypes
import Imaging
import TestSupport
import Testing

private let size = 6  // of the fake model: 2 x 3 x 1

/// bits/dim of the fake model, by hand.
private func bits(_ logProb: Double) -> Double { -(logProb / 6 - 5.545177444479562) / 0.6931471805599453 }

@Suite("POST /logprob", .timeLimit(.minutes(15)))
struct LogProbTests {
    @Test("a PNG gets its log-density in nats and bits/dim")
    func onePNG() async throws {
        let answer = try await TestAPI().post("/logprob", type: "image/png", png(gray(7)))
        #expect(answer.status == 200)
        #expect(answer.type == "application/json")
        let density: DensityJSON = try answer.decoded()
        #expect(density.model == "fake")
        #expect(density.logProb == -42)
        #expect(abs((density.bitsPerDim ?? 0) - bits(-42)) < 1e-12)
        #expect(density.samples == 1)
        #expect(density.percentile == nil, "the model has no calibration")
        #expect(density.standardError == nil)
        let timing = try #require(answer.fields[HTTPField.Name("Server-Timing")!])
        #expect(timing.contains("queue;dur=") && timing.contains("batch;desc=\"1 rows\""))
        #expect(timing.contains("compute;dur=") && timing.contains("decode;dur="))
    }

    @Test("a class-conditional model answers with the mixture and the posterior, or for the class that is asked for")
    func conditional() async throws {
        let model = FakeDensity(classes: ["bear", "elephant", "lion"], calibration: calibration, isConditional: true)
        let api = try await TestAPI(model)
        let mixture: DensityJSON = try await api.post("/logprob", type: "image/png", png(gray(7))).decoded()
        #expect(abs(mixture.logProb! - (-42 + FakeDensity.mixtureOffset(classes: 3))) < 1e-12)
        let posterior = try #require(mixture.classPosterior)
        // 1 : e⁻¹ : e⁻²
        #expect(abs(posterior["bear"]! - 0.665_240_955_774_822) < 1e-12)
        #expect(abs(posterior["elephant"]! / posterior["bear"]! - 0.367_879_441_171_442) < 1e-12)
        #expect(abs(posterior.values.reduce(0, +) - 1) < 1e-12)
        #expect(mixture.percentile != nil && mixture.className == nil)

        let lion: DensityJSON = try await api.post("/logprob?class=lion", type: "image/png", png(gray(7))).decoded()
        #expect(lion.logProb == -44 && lion.className == "lion")
        #expect(lion.classPosterior == nil && lion.percentile == nil)

        // the bound is one of each class, draws differing by half a nat
        let bound: DensityJSON = try await api.post("/logprob?samples=2", type: "image/png", png(gray(7))).decoded()
        #expect(abs(bound.classPosterior!["bear"]! - posterior["bear"]!) < 1e-12)

        let refusal = try await api.post("/logprob?class=dog", type: "image/png", png(gray(7)))
        #expect(try refusal.problem(422, "parameter").contains("class must be one of bear, elephant, lion"))
    }

    @Test("a model that tells the class by itself has a posterior when it is asked for")
    func inferredClass() async throws {
        let model = FakeDensity(classes: ["bear", "elephant", "lion"], isConditional: true, infersClass: true)
        let api = try await TestAPI(model)
        func density(_ query: String) async throws -> DensityJSON {
            try await api.post("/logprob" + query, type: "image/png", png(gray(7))).decoded()
        }
        let passes = { model.densityCalls.last }
        let plain = try await density("")
        #expect(plain.logProb == -42.5 && plain.classPosterior == nil && passes() == 1)
        #expect(try await density("?posterior=false").classPosterior == nil)
        let asked = try await density("?posterior=true")
        #expect(asked.logProb == -42.5 && passes() == 4)
        #expect(abs(try #require(asked.classPosterior)["bear"]! - 0.665_240_955_774_822) < 1e-12)
        for (query, words) in [
            ("?posterior=true&class=bear", "posterior: there is none given the class bear"),
            ("?posterior=yes", "posterior must be one of true, false"),
        ] {
            let refusal = try await api.post("/logprob" + query, type: "image/png", png(gray(7)))
            #expect(refusal.text.contains(words), "\(refusal.text)")
        }
        let single = try await TestAPI().post("/logprob?posterior=true", type: "image/png", png(gray(7)))
        #expect(try single.problem(422, "parameter").contains("posterior: the model is not class-conditional"))
    }

    private var calibration: [Double] { (0...100).map { Double($0) - 100 } }

    @Test("an answer's members are a score's figures, in their order")
    func members() async throws {
        let body = [UInt8](repeating: 7, count: 6)
        func text(_ model: FakeDensity, _ query: String, list: Bool = false) async throws -> String {
            let path = "/logprob" + (query.isEmpty ? "" : "?" + query)
            return try await TestAPI(model).post(path, type: "application/octet-stream", list ? body + body : body).text
        }
        let plain = FakeDensity()
        let bits = bitsPerDim(logProb: -42, dims: 6, levels: 256)
        #expect(
            try await text(plain, "")
                == #"{"model":"fake","log_prob":-42.0,"bits_per_dim":\#(bits),"samples":1}"#)
        #expect(
            try await text(plain, "", list: true)
                == #"{"model":"fake","failed":0,"results":[{"index":0,"log_prob":-42.0,"bits_per_dim":\#(bits),"samples":1},"#
                + #"{"index":1,"log_prob":-42.0,"bits_per_dim":\#(bits),"samples":1}]}"#)
        let calibrated = FakeDensity(calibration: calibration)
        let bound = ImportanceWeightedBound(logWeights: [-42, -42.5])
        let error = try #require(bound.standardError)
        let percentile = try #require(calibrated.record.calibration?.percentile(of: bound.value))
        #expect(
            try await text(calibrated, "samples=2")
                == #"{"model":"fake","log_prob":\#(bound.value),"#
                + #""bits_per_dim":\#(calibrated.record.bitsPerDim(logProb: bound.value)),"percentile":\#(percentile),"#
                + #""samples":2,"standard_error":\#(error)}"#)
        let conditional = FakeDensity(classes: ["b", "a"], calibration: calibration, isConditional: true)
        #expect(
            try await text(conditional, "class=a")
                == #"{"model":"fake","log_prob":-43.0,"bits_per_dim":\#(conditional.record.bitsPerDim(logProb: -43)),"#
                + #""samples":1,"class":"a"}"#)
        #expect(try await text(conditional, "").contains(#","samples":1,"class_posterior":{"b":0.7"#))
    }

    @Test("one image is the same in every form", arguments: Form.allCases)
    func forms(_ form: Form) async throws {
        let levels: [UInt8] = [1, 2, 3, 4, 5, 6]
        let image = Image(width: 3, height: 2, mode: .gray, pixels: levels)
        let answer = try await TestAPI().post("/logprob", type: form.type, form.body(of: image))
        let density: DensityJSON = try answer.decoded()
        #expect(density.logProb == -21, "\(answer.text)")
    }

    enum Form: String, CaseIterable {
        case png, file, base64, nested, nestedWithChannels, flat, npy, npyWithChannels, raw

        var type: String {
            switch self {
            case .png: "image/png"
            case .file: "multipart/form-data; boundary=xyz"
            case .base64, .nested, .nestedWithChannels: "application/json"
            case .flat: "application/json; charset=UTF-8"
            case .npy, .npyWithChannels: "application/x-npy"
            case .raw: "application/octet-stream"
            }
        }

        func body(of image: Image) throws -> [UInt8] {
            switch self {
            case .png: try encodePNG(image)
            case .file: try multipart([encodePNG(image)])
            case .base64: Array(#"{"image": "\#(DensityAPITests.base64(try encodePNG(image)))"}"#.utf8)
            case .nested: Array(#"{"image": [[1, 2, 3], [4, 5, 6]]}"#.utf8)
            case .nestedWithChannels: Array(#"{"image": [[[1], [2], [3]], [[4], [5], [6]]]}"#.utf8)
            case .flat: Array(#" {"image": [1,2,3,4,5,6]} "#.utf8)
            case .npy: NPYArray(shape: [2, 3], image.pixels).encoded()
            case .npyWithChannels: NPYArray(shape: [2, 3, 1], image.pixels.map(Double.init)).encoded()
            case .raw: image.pixels
            }
        }
    }

    @Test("a JPEG is read")
    func jpeg() async throws {
        // 8 x 8 pixels of gray 128, by libjpeg-turbo.
        let body = try #require(Data(base64Encoded: jpegOfGray))
        let model = FakeDensity(shape: EventShape(height: 8, width: 8, channels: 1))
        let density: DensityJSON = try await TestAPI(model).post("/logprob", type: "image/jpeg", Array(body)).decoded()
        #expect(density.logProb == -Double(64 * 128))
    }

    @Test("images of a list are answered in order, a bad one in its place")
    func list() async throws {
        let body = #"{"images": [[[1,1,1],[1,1,1]], [[1]], {"image": [2,2,2,2,2,2]}, "no base64!", [1,1,1,1,1,256]]}"#
        let answer = try await TestAPI().postJSON("/logprob", body)
        #expect(answer.status == 200)
        let list: DensityListJSON = try answer.decoded()
        #expect(list.model == "fake")
        #expect(list.results.map(\.logProb) == [-6, nil, -12, nil, nil])
        #expect(list.results[1].error?.contains("expected 2x3 pixels (height x width), but its size is 1x1") == true)
        #expect(list.results[1].type == "urn:tusk:problem:image-size")
        #expect(list.results[3].type == "urn:tusk:problem:image-damaged")
        #expect(list.results[4].error == "image: values are whole numbers from 0 to 255, not 256 at [5]")
        #expect(list.failed == 3)
        #expect(list.results.map(\.index) == [0, 1, 2, 3, 4])
    }

    @Test("a list of one, and a list at the top, are lists")
    func lists() async throws {
        let api = try await TestAPI()
        let one: DensityListJSON = try await api.postJSON("/logprob", #"{"images": [[1,1,1,1,1,1]]}"#).decoded()
        #expect(one.results.map(\.logProb) == [-6])
        let top: DensityListJSON = try await api.postJSON("/logprob", "[[1,1,1,1,1,1], [[2,2,2],[2,2,2]]]").decoded()
        #expect(top.results.map(\.logProb) == [-6, -12])
    }

    @Test("several files, stacked arrays and several raw images are lists")
    func stacks() async throws {
        let api = try await TestAPI()
        let files = try multipart([png(gray(1)), [1, 2, 3], png(gray(2))])
        let list: DensityListJSON = try await api.post("/logprob", type: "multipart/form-data; boundary=xyz", files)
            .decoded()
        #expect(list.results.map(\.logProb) == [-6, nil, -12])
        #expect(list.results[1].error == "image: expected \(ImageFormat.choice), but the bytes are of no known kind")

        let stack = NPYArray(shape: [2, 2, 3], (0..<12).map { UInt8($0) }).encoded()
        let arrays: DensityListJSON = try await api.post("/logprob", type: "application/x-npy", stack).decoded()
        #expect(arrays.results.map(\.logProb) == [-15, -51])
        let raw: DensityListJSON = try await api.post(
            "/logprob", type: "application/octet-stream", (0..<12).map { UInt8($0) }
        ).decoded()
        #expect(raw.results == arrays.results)
    }

    @Test("an array of floats that are no levels is refused in its place")
    func floats() async throws {
        let stack = NPYArray(shape: [2, 2, 3], [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6.5]).encoded()
        let list: DensityListJSON = try await TestAPI().post("/logprob", type: "application/x-npy", stack).decoded()
        #expect(list.results[0].logProb == -21)
        #expect(list.results[1].error == "image: values are whole numbers from 0 to 255, not 6.5 at [1, 1, 2]")
    }

    @Test("a row without a finite density, and one that the model refuses, do not fail the others")
    func rowFailures() async throws {
        let api = try await TestAPI()
        let body = "[[1,1,1,1,1,1], [251,1,1,1,1,1], [250,1,1,1,1,1], [2,2,2,2,2,2]]"
        let list: DensityListJSON = try await api.postJSON("/logprob", body).decoded()
        #expect(list.results.map(\.logProb) == [-6, nil, nil, -12])
        #expect(list.results[1].type == "urn:tusk:problem:density-not-finite")
        #expect(list.results[2].type == "urn:tusk:problem:internal")
        #expect(api.reports.all.count == 1)
        #expect(list.results[2].error?.contains("pixels") == false, "internal names stay inside")
    }

    @Test("samples=K gives the importance-weighted bound and its standard error")
    func samples() async throws {
        let answer = try await TestAPI().postJSON("/logprob?samples=2", #"{"image": [0,0,0,0,0,0]}"#)
        let density: DensityJSON = try answer.decoded()
        // Draws have log p 0 and -1/2: log ((1 + e^-0.5)/2); weights 1 and w, error ((1 - w)/2)/((1 + w)/2).
        let w = 0.6065306597126334
        #expect(abs((density.logProb ?? 0) - -0.2190701964) < 1e-9)
        #expect(abs((density.standardError ?? 0) - (1 - w) / (1 + w)) < 1e-12)
        #expect(density.samples == 2)
    }

    @Test("the percentile is the percentage of held-out images with a lower log-density")
    func percentile() async throws {
        let quantiles = (0...100).map { -600 + 6 * Double($0) }
        let api = try await TestAPI(FakeDensity(calibration: quantiles))
        for (levels, percentile) in [("[0,0,0,0,0,0]", 100.0), ("[50,50,50,50,50,50]", 50), ("[3,0,0,0,0,0]", 99.5)] {
            let density: DensityJSON = try await api.postJSON("/logprob", #"{"image": \#(levels)}"#).decoded()
            #expect(abs((density.percentile ?? -1) - percentile) < 1e-9)
        }
        let low: DensityJSON = try await api.postJSON("/logprob", #"{"image": [200,200,200,200,200,200]}"#).decoded()
        #expect(low.percentile == 0)
    }

    @Test("another size or colour mode is refused with what was expected and the parameter that converts")
    func wrongImages() async throws {
        let api = try await TestAPI()
        let large = try await api.post("/logprob", type: "image/png", png(gray(1, width: 5, height: 2)))
        let size = try large.problem(422, "image-size")
        #expect(
            size.contains("expected 2x3 pixels (height x width)") && size.contains("5")
                && size.contains("fit=contain|cover|stretch"))
        let small = try await api.post("/logprob", type: "image/png", png(gray(1, width: 2, height: 2)))
        #expect(try small.problem(422, "image-size").contains("its size is 2x2"))
        let color = Image(width: 3, height: 2, mode: .rgb, pixels: Array(repeating: 1, count: 18))
        let mode = try await api.post("/logprob", type: "image/png", png(color)).problem(422, "image-mode")
        #expect(mode.contains("expected the colour mode gray, not rgb") && mode.contains("fit="))
    }

    @Test("fit converts size and colour mode", arguments: ["contain", "cover", "stretch"])
    func fit(_ fit: String) async throws {
        let color = Image(width: 6, height: 4, mode: .rgb, pixels: Array(repeating: 9, count: 72))
        let answer = try await TestAPI().post("/logprob?fit=\(fit)", type: "image/png", png(color))
        let density: DensityJSON = try answer.decoded()
        #expect(density.logProb == -54)
    }

    @Test("fit converts nested lists too, and reports what cannot be decoded")
    func fitArrays() async throws {
        let api = try await TestAPI()
        let body = #"{"image": [[9,9,9,9,9,9],[9,9,9,9,9,9],[9,9,9,9,9,9],[9,9,9,9,9,9]]}"#
        let density: DensityJSON = try await api.postJSON("/logprob?fit=stretch", body).decoded()
        #expect(density.logProb == -54)
        let broken = try await api.post("/logprob?fit=stretch", type: "image/png", png(gray(1)).dropLast(9))
        #expect(try broken.problem(422, "image-damaged").contains("PNG"))
    }

    @Test("the pixels of one request are bounded")
    func pixelBudget() async throws {
        let api = try await TestAPI(options: { $0.maxRequestPixels = 100 })
        let image = try png(gray(1, width: 6, height: 10))
        let type = "multipart/form-data; boundary=xyz"
        let list: DensityListJSON = try await api.post(
            "/logprob?fit=stretch", type: type, multipart([image, image])
        ).decoded()
        #expect(list.results[0].logProb == -6)
        #expect(list.results[1].error?.contains("60; at most 40") == true)
    }

    @Test("levels below 256 are enforced")
    func levels() async throws {
        let api = try await TestAPI(FakeDensity(levels: 17))
        let good: DensityJSON = try await api.post("/logprob", type: "image/png", png(gray(15))).decoded()
        #expect(good.logProb == -90)
        let bad = try await api.post("/logprob", type: "application/octet-stream", [16, 16, 16, 16, 16, 17])
        #expect(try bad.problem(422, "image-value") == "image: values are whole numbers from 0 to 16, not 17")
    }

    @Test("truncated images are refused, whatever is cut off")
    func truncated() async throws {
        let api = try await TestAPI()
        let whole = try png(gray(7))
        for count in stride(from: 0, to: whole.count, by: 3) {
            let answer = try await api.post("/logprob", type: "image/png", Array(whole.prefix(count)))
            _ = try answer.problem(422, "image-damaged")
        }
    }

    @Test(
        "bodies that cannot be read say where",
        arguments: [
            ("application/json", "", "byte 0"),
            ("application/json", "{\"image\": [1,2}", "byte 14"),
            ("application/json", "{\"picture\": [1]}", "{\"image\": X}"),
            ("application/json", "{\"images\": 3}", "must be a list"),
            ("application/x-npy", "no array", "magic"),
            ("multipart/form-data; boundary=xyz", "nothing", "no line of it is the boundary"),
            ("multipart/form-data", "--xyz", "no boundary"),
        ])
    func malformed(_ type: String, _ body: String, _ text: String) async throws {
        let answer = try await TestAPI().post("/logprob", type: type, Array(body.utf8))
        #expect(try answer.problem(400, "malformed-body").contains(text), "\(answer.text)")
    }

    @Test(
        "sizes that are no image's are refused",
        arguments: [
            (
                "application/octet-stream", Array(repeating: UInt8(1), count: 7), "image-size",
                "multiple of 6 bytes, 2x3x1 (height x width x channels), and has 7"
            ),
            ("application/octet-stream", [], "image-count", "from 1 to 256, not 0"),
            ("application/json", Array("{\"images\": []}".utf8), "image-count", "not 0"),
            ("application/json", Array("{\"image\": [1,2,3]}".utf8), "image-size", "6 numbers"),
            ("application/json", Array("{\"image\": [[1,2,3],[4,5]]}".utf8), "image-size", "same lengths"),
            ("application/json", Array("{\"image\": [[1,2,3],[[4],[5],[6]]]}".utf8), "image-size", "same lengths"),
            ("application/json", Array("[1,2,3,4,5,6]".utf8), "image-value", "must hold images, not numbers"),
            ("application/json", Array("{\"image\": 5}".utf8), "image-value", "expected lists"),
            ("application/json", Array("{\"image\": [1,2,3,4,5,-6]}".utf8), "image-value", "not -6"),
            ("application/json", Array("{\"image\": [1,2,3,4,5,6.5]}".utf8), "image-value", "not 6.5 at [5]"),
            ("application/json", Array("{\"image\": [0.0,1,0,1,0,1]}".utf8), "image-value", "scale=unit"),
            ("application/json", Array("{\"image\": [0.5,1,0,1,0,1]}".utf8), "image-value", "scale=unit"),
            ("application/json", Array("{\"image\": [true,1,0,1,0,1]}".utf8), "image-value", "a number at [1]"),
            ("application/json", Array("[true,false,true]".utf8), "image-value", "must hold images, not numbers"),
            ("multipart/form-data; boundary=xyz", Array("--xyz--".utf8), "image-count", "not 0"),
            (
                "application/x-npy", NPYArray(shape: [6], Array(repeating: UInt8(1), count: 6)).encoded(), "image-size",
                "[6]"
            ),
            ("application/x-npy", NPYArray(shape: [0, 2, 3], [UInt8]()).encoded(), "image-count", "not 0"),
            ("application/x-npy", NPYArray(shape: [0, 3], [UInt8]()).encoded(), "image-size", "[0, 3]"),
        ])
    func sizes(_ type: String, _ body: [UInt8], _ kind: String, _ text: String) async throws {
        let answer = try await TestAPI().post("/logprob", type: type, body)
        #expect(try answer.problem(422, kind).contains(text), "\(answer.text)")
    }

    @Test("images times samples may reach their limit, and not pass it")
    func rowLimit() async throws {
        let api = try await TestAPI(options: { $0.maxRequestRows = 4 })
        let raw = "application/octet-stream"
        let most: DensityListJSON = try await api.post("/logprob", type: raw, Array(repeating: 1, count: 24)).decoded()
        #expect(most.results.count == 4)
        let drawn = try await api.post("/logprob?samples=2", type: raw, Array(repeating: 1, count: 12))
        #expect(drawn.status == 200)
        let over = try await api.post("/logprob?samples=3", type: raw, Array(repeating: 1, count: 12))
        #expect(try over.problem(422, "image-count").contains("samples=3"))
        let list = try await api.postJSON("/logprob", "[[1],[1],[1],[1],[1,1]]")
        #expect(try list.problem(422, "image-count").contains("from 1 to 4, not 5"))
        let files = try await api.post(
            "/logprob", type: "multipart/form-data; boundary=xyz", multipart(Array(repeating: [1], count: 5)))
        #expect(try files.problem(422, "image-count").contains("4 files"))
        let body = try await api.post("/logprob", type: raw, Array(repeating: 1, count: 30))
        #expect(try body.problem(413, "body-too-large").contains("24 bytes"))
    }

    @Test("a body may have as many bytes as its limit, and no more")
    func bodyLimit() async throws {
        let image = try png(gray(1))
        let exact = try await TestAPI(options: { $0.maxImageBytes = image.count })
        #expect(try await exact.post("/logprob", type: "image/png", image).status == 200)
        let short = try await TestAPI(options: { $0.maxImageBytes = image.count - 1 })
        #expect(
            try await short.post("/logprob", type: "image/png", image)
                .problem(413, "body-too-large").contains("\(image.count - 1) bytes"))
        let capped = try await TestAPI(options: { $0.maxBodyBytes = 12 })
        #expect(
            try await capped.post("/logprob", type: "application/octet-stream", image.prefix(12) + []).status == 200)
        #expect(
            try await capped.post("/logprob", type: "application/octet-stream", image.prefix(18) + []).status == 413)
    }

    @Test("a large body is decoded on a helper thread and gives the same")
    func helper() async throws {
        let api = try await TestAPI(options: { $0.inlineBytes = 0 })
        let density: DensityJSON = try await api.post("/logprob", type: "image/png", png(gray(7))).decoded()
        #expect(density.logProb == -42)
        let bad = try await api.post("/logprob", type: "image/png", [1])
        _ = try bad.problem(422, "image-damaged")
    }

    @Test(
        "parameters are checked, and unknown ones named",
        arguments: [
            ("samples=0", "samples must be a whole number from 1 to 64, not \"0\""),
            ("samples=65", "not \"65\""),
            ("samples=%2B3", "not \"+3\""),
            ("samples=1e1", "not \"1e1\""),
            ("fit=squeeze", "fit must be one of contain, cover, stretch, not \"squeeze\""),
            ("samples=1&samples=2", "samples is given twice"),
            ("sample=3", "unknown query parameter \"sample\": known are fit, layout, scale, background"),
        ])
    func parameters(_ query: String, _ text: String) async throws {
        let answer = try await TestAPI().postJSON("/logprob?\(query)", #"{"image": [1,1,1,1,1,1]}"#)
        #expect(try answer.problem(422, "parameter").contains(text), "\(answer.text)")
    }

    @Test("samples may be 64")
    func mostSamples() async throws {
        let density: DensityJSON = try await TestAPI().postJSON("/logprob?samples=64", #"{"image": [1,1,1,1,1,1]}"#)
            .decoded()
        #expect(density.samples == 64)
    }

    @Test(
        "a media type that is not read is refused with those that are",
        arguments: [
            nil, "text/plain", "image/gif", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", "json",
        ] as [String?])
    func mediaTypes(_ type: String?) async throws {
        let answer = try await TestAPI().post("/logprob", type: type, [1])
        _ = try answer.problem(415, "unsupported-media-type")
        #expect(answer.fields[.accept]?.contains("image/png, image/jpeg, image/webp, multipart/form-data") == true)
    }

    @Test("a part of another media type is refused in its place")
    func partTypes() async throws {
        let body = try multipart([png(gray(1)), png(gray(2))], types: ["image/png", "text/plain"])
        let list: DensityListJSON = try await TestAPI().post(
            "/logprob", type: "multipart/form-data; boundary=\"xyz\"", body
        ).decoded()
        #expect(list.results[0].logProb == -6)
        #expect(list.results[1].type == "urn:tusk:problem:unsupported-media-type")
    }
}

/// A `multipart/form-data` body with the boundary `xyz`.
func multipart(_ files: [[UInt8]], types: [String] = []) -> [UInt8] {
    var body: [UInt8] = []
    for (index, file) in files.enumerated() {
        body += "--xyz\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a \\\"b\\\".png\"\r\n".utf8
        if index < types.count { body += "Content-Type: \(types[index])\r\n".utf8 }
        body += "\r\n".utf8 + file + "\r\n".utf8
    }
    return body + "--xyz--\r\n".utf8
}
