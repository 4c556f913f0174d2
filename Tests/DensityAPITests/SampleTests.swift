import DensityAPI
import FlowCore
import FlowModels
import FoundationEssentials
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving
import TestSupport
import Testing

@Suite("GET /sample", .timeLimit(.minutes(15)))
struct SampleTests {
    /// What the fake model draws.
    private func drawn(_ count: Int, seed: UInt64, temperature: Float = 1) throws -> [DrawnImage] {
        try FakeDensity().sample(
            (0..<count).map { SampleRow(seed: seed, index: UInt64($0), temperature: temperature) },
            isCancelled: { false })
    }

    @Test("JSON has each image as a PNG with its log-density")
    func json() async throws {
        let answer = try await TestAPI().get("/sample?count=3&seed=7")
        #expect(answer.status == 200)
        #expect(answer.type == "application/json")
        #expect(answer.fields[HTTPField.Name("Tusk-Seed")!] == "7")
        #expect(answer.fields[HTTPField.Name("Server-Timing")!]?.contains("compute;dur=") == true)
        let samples: SamplesJSON = try answer.decoded()
        let expected = try drawn(3, seed: 7)
        #expect(samples.seed == 7 && samples.model == "fake" && samples.temperature == 1)
        #expect(samples.samples.map(\.index) == [0, 1, 2])
        #expect(try samples.samples.map { try $0.decodedImage().pixels } == expected.map(\.pixels))
        #expect(samples.samples.map(\.logProb) == expected.map(\.logDensity))
        #expect(
            abs(samples.samples[0].bitsPerDim - bitsPerDim(logProb: samples.samples[0].logProb, dims: 6, levels: 256))
                == 0)
    }

    @Test(
        "the same seed gives the same bytes",
        arguments: [
            "application/json", "image/png", "application/x-npy", "application/x-ndjson",
        ])
    func same(_ type: String) async throws {
        let first = try await TestAPI().get("/sample?count=5&seed=11", accept: type)
        let second = try await TestAPI(configure: { $0.sequentialBlockRows = 2 }).get(
            "/sample?count=5&seed=11", accept: type)
        #expect(first.type == type)
        #expect(first.body == second.body && !first.body.isEmpty)
    }

    @Test("a missing seed is random, and reported so that it can be used again")
    func randomSeed() async throws {
        let api = try await TestAPI()
        let first: SamplesJSON = try await api.get("/sample").decoded()
        let second: SamplesJSON = try await api.get("/sample").decoded()
        #expect(first.seed != second.seed)
        #expect(first.seed < 1 << 53)
        #expect(first.samples.count == 1)
        let again: SamplesJSON = try await api.get("/sample?seed=\(first.seed)").decoded()
        #expect(again.samples.map(\.image) == first.samples.map(\.image))
    }

    @Test("every 64-bit seed is taken")
    func largestSeed() async throws {
        let samples: SamplesJSON = try await TestAPI().get("/sample?seed=18446744073709551615").decoded()
        #expect(samples.seed == .max)
    }

    @Test("one PNG is the image itself, several are a sheet")
    func png() async throws {
        let api = try await TestAPI()
        let one = try decodeImage(await api.get("/sample?seed=7", accept: "image/png").body)
        #expect(one.width == 3 && one.height == 2)
        #expect(one.pixels == (try drawn(1, seed: 7)[0].pixels))
        let sheet = try decodeImage(await api.get("/sample?seed=7&count=4", accept: "image/*").body)
        // 2 x 2 images, 21 times as large, with gaps of 2
        #expect(sheet.width == 2 * 63 + 6 && sheet.height == 2 * 42 + 6)
    }

    @Test("NPY has all images")
    func npy() async throws {
        let answer = try await TestAPI().get("/sample?seed=7&count=4", accept: "application/x-npy")
        let array = try NPYArray.decode(answer.body)
        #expect(array.shape == [4, 2, 3])
        #expect(array.bytes == (try drawn(4, seed: 7).flatMap(\.pixels)))
        let color = try await TestAPI(FakeDensity(shape: EventShape(height: 2, width: 2, channels: 3)))
            .get("/sample?count=2", accept: "application/x-npy")
        #expect(try NPYArray.decode(color.body).shape == [2, 2, 2, 3])
    }

    @Test("NDJSON comes line by line, block by block")
    func ndjson() async throws {
        let api = try await TestAPI(configure: { $0.sequentialBlockRows = 2 })
        let answer = try await api.get("/sample?seed=7&count=5", accept: "application/x-ndjson")
        #expect(answer.pieces == 3)
        let lines = answer.text.split(separator: "\n")
        let samples = try lines.map { try JSONDecoder().decode(SampleJSON.self, from: Data($0.utf8)) }
        #expect(samples.map(\.index) == [0, 1, 2, 3, 4])
        #expect(try samples.map { try $0.decodedImage().pixels } == (try drawn(5, seed: 7).map(\.pixels)))
        #expect(lines[0].hasPrefix(#"{"model":"fake","seed":7,"index":0,"#))
    }

    @Test("the head of NDJSON does not wait for the last block")
    func streams() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model, configure: { $0.sequentialBlockRows = 1 })
        let head = HTTPRequest(
            method: .get, scheme: "http", authority: "test", path: "/sample?count=3&seed=1",
            headerFields: [.accept: "application/x-ndjson"])
        model.hold(afterSamplingCalls: 2)  // that of the self-test and the first block
        let response = await api.api.response(to: head)
        guard case .stream(let stream) = response.body else {
            Issue.record("the body is no stream")
            return
        }
        model.release()
        var lines = 0
        for try await piece in stream { lines += piece.count { $0 == 0x0A } }
        #expect(lines == 3)
    }

    @Test("a client that leaves a stream stops the sampling, and nobody is told of a failure")
    func leaves() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model, configure: { $0.sequentialBlockRows = 1 })
        let head = HTTPRequest(
            method: .get, scheme: "http", authority: "test", path: "/sample?count=100&seed=1",
            headerFields: [.accept: "application/x-ndjson"])
        model.hold(afterSamplingCalls: 2)  // that of the self-test and the first block
        let reading = Task {
            guard case .stream(let stream) = await api.api.response(to: head).body else { return }
            for try await _ in stream {}
        }
        await eventually { model.samplingCalls.count == 3 }
        reading.cancel()
        _ = try? await reading.value
        await eventually { api.service.queuedRows == 0 && model.cancelledCalls > 0 }
        model.release()
        // what would be reported is by now: the next request comes behind it
        #expect(try await api.get("/sample?seed=1").status == 200)
        #expect(api.reports.all == [])
    }

    @Test("a client that goes away stops the sampling")
    func gone() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model, configure: { $0.sequentialBlockRows = 1 })
        model.hold()
        let task = Task { try await api.get("/sample?count=100") }
        await eventually { model.samplingCalls.count == 2 }  // that of the self-test and this
        task.cancel()
        _ = try await task.value
        await eventually { api.service.queuedRows == 0 && model.cancelledCalls > 0 }
    }

    @Test(
        "Accept is negotiated by quality, then by exactness, then by our order",
        arguments: [
            (nil, "application/json"),
            ("*/*", "application/json"),
            ("image/*", "image/png"),
            ("image/png;q=0.5, application/x-npy;q=0.9", "application/x-npy"),
            ("application/x-ndjson, */*", "application/x-ndjson"),
            ("application/json;q=0, */*;q=0.1", "image/png"),
            ("text/html, application/xhtml+xml, application/xml;q=0.9, image/avif, */*;q=0.8", "application/json"),
            ("nonsense, image/png", "image/png"),
        ] as [(String?, String)])
    func accept(_ accept: String?, _ type: String) async throws {
        let answer = try await TestAPI().get("/sample?seed=1", accept: accept)
        #expect(answer.type == type)
    }

    @Test(
        "parameters are checked",
        arguments: [
            ("count=0", "count must be a whole number from 1 to 256, not \"0\""),
            ("count=257", "not \"257\""),
            ("count=99999999999999999999", "not \"99999999999999999999\""),
            ("count=", "not \"\""),
            ("seed=-1", "seed must be a whole number from 0 to 18446744073709551615, not \"-1\""),
            ("seed=18446744073709551616", "not \"18446744073709551616\""),
            ("temperature=0", "temperature must be a number greater than 0 and at most 2.0, not \"0\""),
            ("temperature=2.01", "not \"2.01\""),
            ("temperature=nan", "not \"nan\""),
            ("temperature=0x1", "not \"0x1\""),
            ("class=giraffe", "not class-conditional, and knows no \"giraffe\"; it learned elephant"),
            ("n=3", "unknown query parameter \"n\": known are count, seed, temperature, class, model"),
        ])
    func parameters(_ query: String, _ text: String) async throws {
        let answer = try await TestAPI().get("/sample?\(query)")
        #expect(try answer.problem(422, "parameter").contains(text), "\(answer.text)")
    }

    @Test(
        "the temperature comes back as it was sent",
        arguments: ["0.7", "0.1", "1", "1.25", "1e-3", "0.123456789", "1.9999999999"])
    func temperatureEcho(text: String) async throws {
        let api = try await TestAPI()
        let samples: SamplesJSON = try await api.get("/sample?temperature=\(text)").decoded()
        #expect(samples.temperature == Double(text))
        #expect(api.model.samplingCalls.last?.first?.temperature == Float(text))
        let completed = try await api.postJSON(
            "/complete?temperature=\(text)", #"{"image":[1,1,1,1,1,1],"mask":[0,0,1,1,1,1]}"#)
        guard case .object(let members) = try JSONReader.read(completed.body) else { return }
        #expect(members.first { $0.name == "temperature" }?.value.encoded == JSON.number(Double(text)!).encoded)
    }

    @Test("pictures of a model of few levels are spread over black to white, and can be scored again")
    func fewLevels() async throws {
        let model = FakeDensity(levels: 4)
        let api = try await TestAPI(model)
        let drawn = try model.sample([SampleRow(seed: 7, index: 0)], isCancelled: { false })[0].pixels
        let answer = try await api.get("/sample?seed=7", accept: "image/png")
        #expect(try decodeImage(answer.body).pixels == drawn.map { $0 * 85 })
        let sheet = try decodeImage(await api.get("/sample?seed=7&count=4", accept: "image/png").body)
        #expect(sheet.pixels.contains(255) || !drawn.contains(3))
        let again: DensityJSON = try await api.post("/logprob", type: "image/png", answer.body).decoded()
        #expect(again.logProb == -Double(drawn.reduce(0) { $0 + Int($1) }))
        let samples: SamplesJSON = try await api.get("/sample?seed=7").decoded()
        #expect(try samples.samples[0].decodedImage().pixels == drawn)
    }

    @Test("limits may be reached", arguments: ["count=256", "temperature=2", "temperature=1e-3", "class=elephant"])
    func limits(_ query: String) async throws {
        let model = FakeDensity()
        let answer = try await TestAPI(model).get("/sample?\(query)")
        #expect(answer.status == 200)
        if query == "temperature=2" { #expect(model.samplingCalls.last?.first?.temperature == 2) }
    }

    @Test("a class is refused by a model of several")
    func classes() async throws {
        let answer = try await TestAPI(FakeDensity(classes: ["elephant", "lion"])).get("/sample?class=lion")
        #expect(try answer.problem(422, "parameter").contains("it learned elephant, lion"))
    }

    @Test("a class-conditional model draws the class that is asked for, and says which")
    func conditional() async throws {
        let model = FakeDensity(classes: ["bear", "elephant"], isConditional: true)
        let api = try await TestAPI(model)
        let answer = try await api.get("/sample?class=elephant&count=2")
        #expect(answer.status == 200 && answer.text.contains("\"class\":\"elephant\""), "\(answer.text)")
        #expect(model.samplingCalls.last?.map(\.classIndex) == [1, 1])
        _ = try await api.get("/sample?count=2")
        #expect(model.samplingCalls.last?.map(\.classIndex) == [nil, nil])
        let refusal = try await api.get("/sample?class=lion")
        #expect(try refusal.problem(422, "parameter").contains("class must be one of bear, elephant, not \"lion\""))
    }

    @Test("HEAD says what GET would be, and draws nothing")
    func head() async throws {
        let model = FakeDensity()
        let answer = try await TestAPI(model).request(.head, "/sample?count=9&seed=4", fields: [.accept: "image/png"])
        #expect(answer.status == 200)
        #expect(answer.type == "image/png")
        #expect(answer.body.isEmpty)
        #expect(model.samplingCalls.count == 1, "the self-test's")
    }
}
