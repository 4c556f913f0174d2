import DensityAPI
import FoundationEssentials
import HTTPTypes
import Imaging
import Serving
import TestSupport
import Testing

@Suite("Decoding of bodies", .timeLimit(.minutes(15)))
struct DecodingTests {
    /// 10 × 9 pixels in ten scans, as libjpeg writes them of its own accord, by Pillow.
    private static let progressive =
        Data(
            base64Encoded: """
                /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU\
                FRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU\
                FBQUFBQUFBT/wgARCAAJAAoDAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABwb/xAAXAQEBAQEAAAAAAAAAAAAAAAAGBAMF\
                /9oADAMBAAIQAxAAAAGJS5uQeAe5LJyEQf/EABkQAAIDAQAAAAAAAAAAAAAAAAACAwYiMv/aAAgBAQABBQKtwiw5rYvP/8QAGBEA\
                AgMAAAAAAAAAAAAAAAAAAAMEEBT/2gAIAQMBAT8BZCMQ2v/EABkRAAIDAQAAAAAAAAAAAAAAAAAFASExQf/aAAgBAgEBPwFk92yX\
                t6Muk6f/xAAWEAEBAQAAAAAAAAAAAAAAAAAAAQL/2gAIAQEABj8CyjKP/8QAGRAAAwADAAAAAAAAAAAAAAAAAAFBEFGh/9oACAEB\
                AAE/IdEnxYedH//aAAwDAQACAAMAAAAQh9//xAAZEQEAAgMAAAAAAAAAAAAAAAAAATEhQWH/2gAIAQMBAT8Q5pzpsm3/xAAXEQEA\
                AwAAAAAAAAAAAAAAAAAAECEx/9oACAECAQE/EC3omz//xAAZEAEAAgMAAAAAAAAAAAAAAAAAMfBRocH/2gAIAQEAAT8Q0iwocV1h\
                /9k=
                """
        ).map(Array.init) ?? []

    private func flatPNG(_ side: Int) throws -> [UInt8] {
        try encodePNG(
            Image(width: side, height: side, mode: .gray, pixels: [UInt8](repeating: 6, count: side * side)))
    }

    @Test("scans of an image are limited, on both sides", arguments: [(10, 200), (9, 422)])
    func scans(limit: Int, status: Int) async throws {
        let api = try await TestAPI(options: { $0.imageLimits.scans = limit })
        let answer = try await api.post("/logprob?fit=stretch", type: "image/jpeg", Self.progressive)
        #expect(answer.status == status)
        if status == 422 {
            #expect(
                try answer.problem(422, "image-work") == "image: it has 10 scans; at most 9 can be decoded here")
        }
    }

    @Test("the defaults let a progressive photograph of 16 megapixels through, and little more")
    func defaults() {
        let options = APIOptions(version: "") { _ in }
        #expect(options.imageLimits.scans >= 10)
        #expect(options.maxRequestScannedPixels >= 10 * options.imageLimits.pixels)
        #expect(options.maxRequestScannedPixels < 32 * options.imageLimits.pixels)
    }

    @Test(
        "pixels times scans of a request are limited, all its images together",
        arguments: [(1800, 2), (1799, 1), (899, 0)])
    func scannedPixels(limit: Int, sound: Int) async throws {
        let api = try await TestAPI(options: { $0.maxRequestScannedPixels = limit })
        let list: DensityListJSON = try await api.post(
            "/logprob?fit=stretch", type: "multipart/form-data; boundary=xyz",
            multipart([Self.progressive, Self.progressive])
        ).decoded()
        #expect(list.results.map { $0.logProb != nil } == [sound > 0, sound > 1])
        if sound == 1 {
            #expect(
                list.results[1].error
                    == "image: its pixels times its scans are 900; at most 899 can be decoded here")
            #expect(list.results[1].type == "urn:tusk:problem:image-work")
        }
    }

    @Test("an image that turns out damaged has taken its pixels too")
    func damagedPixels() async throws {
        let api = try await TestAPI(options: { $0.maxRequestPixels = 100 })
        let image = try encodePNG(Image(width: 6, height: 10, mode: .gray, pixels: [UInt8](repeating: 1, count: 60)))
        let list: DensityListJSON = try await api.post(
            "/logprob?fit=stretch", type: "multipart/form-data; boundary=xyz", multipart([image.dropLast(20), image])
        ).decoded()
        #expect(list.results[0].type == "urn:tusk:problem:image-damaged")
        #expect(list.results[1].error?.contains("60; at most 40") == true)
    }

    @Test("whether a body is decoded inline or in the lane, the answer is the same")
    func inlineOrNot() async throws {
        let png = try encodePNG(Image(width: 3, height: 2, mode: .gray, pixels: [1, 2, 3, 4, 5, 6]))
        let npy = NPYArray(shape: [2, 2, 3], Array(1...12)).encoded()
        let json = "[[[1,2,3],[4,5,6]], \"\(Data(png).base64EncodedString())\", 3, \"AAAA\", [[9]]]"
        let bodies: [(String, [UInt8])] = [
            ("image/png", png), ("image/png", png.dropLast(9)), ("application/octet-stream", Array(1...18)),
            ("application/x-npy", npy), ("application/json", Array(json.utf8)), ("application/json", [0x7B]),
            ("multipart/form-data; boundary=xyz", multipart([png, Self.progressive, png.dropLast(9), png])),
        ]
        for path in ["/logprob", "/logprob?fit=cover"] {
            for (type, body) in bodies {
                var answers: [Answer] = []
                for work in [0, 100, 1 << 40] {
                    let api = try await TestAPI(options: {
                        $0.inlineWork = work
                        // On a busy machine a thread may be called away for long.
                        $0.requestTimeout = .seconds(600)
                    })
                    let fields: HTTPFields = [.contentType: type, .requestID: "same"]
                    answers.append(try await api.request(.post, path, fields: fields, body: body))
                    #expect(api.reports.all.isEmpty)
                }
                let told = Set(answers.map { "\($0.status) \($0.text)" })
                #expect(told.count == 1, "\(type): \(told)")
            }
        }
    }

    /// Keeps the one thread of `lane` until the task is cancelled.
    private func hold(_ lane: DecodingLane) async -> Task<Void, Never> {
        let isRunning = Locked(false)
        let task = Task {
            _ = try? await lane.run(for: Caller(name: "other"), deadline: nil, steps: [1 << 30]) { _, stop in
                isRunning.change { $0 = true }
                while !stop.isStopped { pause() }
            }
        }
        await eventually { isRunning.value }
        return task
    }

    @Test("a lane that is full is 429, with the limit and when to come again")
    func full() async throws {
        var policy = DecodingPolicy.oneThread
        policy.maxRequests = 1
        let api = try await TestAPI(decoding: policy, options: { $0.inlineWork = 0 })
        let held = await hold(api.decoding)
        let answer = try await api.post("/logprob?fit=stretch", type: "image/png", flatPNG(8))
        #expect(
            try answer.problem(429, "queue-full") == "the decoding queue holds 1 of at most 1 requests")
        #expect(answer.fields[.retryAfter] == "1")
        #expect(try await api.request(.get, "/admin/status", on: .unixSocket).text.contains("\"decoding_requests\":1"))
        held.cancel()
        await held.value
        #expect(try await api.post("/logprob?fit=stretch", type: "image/png", flatPNG(8)).status == 200)
    }

    @Test("a deadline that passes while an image waits to be decoded ends the request")
    func deadline() async throws {
        var policy = DecodingPolicy.oneThread
        policy.shortWork = 0
        let api = try await TestAPI(
            decoding: policy,
            options: {
                $0.inlineWork = 0
                $0.requestTimeout = .milliseconds(20)
            })
        let held = await hold(api.decoding)
        _ = try await api.post("/logprob?fit=stretch", type: "image/png", flatPNG(8)).problem(504, "deadline")
        held.cancel()
        await held.value
    }

    @Test("a client that leaves while its image is decoded frees the lane")
    func leaving() async throws {
        var policy = DecodingPolicy.oneThread
        policy.shortWork = 0
        let api = try await TestAPI(decoding: policy)
        // Some seconds of work, if nobody stopped it: eight requests of a flat picture each.
        let image = try flatPNG(4096)
        let tasks = (0..<8).map { _ in
            Task { _ = try await api.post("/logprob?fit=stretch", type: "image/png", image) }
        }
        await eventually {
            (try? await api.request(.get, "/admin/status", on: .unixSocket).text.contains("\"decoding_requests\":0"))
                == false
        }
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.result }
        #expect(try await api.request(.get, "/admin/status", on: .unixSocket).text.contains("\"decoding_requests\":0"))
        #expect(
            try await api.decoding.run(for: Caller(name: "next"), deadline: nil, steps: [1]) { step, _ in step } == [0])
        #expect(api.reports.all.isEmpty)
    }
}
