import DensityAPI
import FlowModels
import HTTPTypes
import Imaging
import TestSupport
import Testing

@Suite("/complete", .timeLimit(.minutes(15)))
struct CompletionRouteTests {
    private typealias Answered = LatentTests.ImagesJSON

    private func body(_ mask: String, image: String = "[9,8,7,6,5,4]") -> String {
        "{\"image\":\(image),\"mask\":\(mask)}"
    }

    @Test("draws what is not known, and says how exactly")
    func methods() async throws {
        let api = try await TestAPI()
        let exact = try await api.postJSON("/complete?count=2&seed=7", body("[0,0,0,1,1,1]", image: "[8,8,7,6,5,4]"))
        let drawn: Answered = try exact.decoded()
        #expect(drawn.method == "conditional" && drawn.exact == true && drawn.known_pixels == 3 && drawn.seed == 7)
        #expect(drawn.particles == nil && drawn.moves == nil)
        let samples = try #require(drawn.samples)
        #expect(try samples.map { try $0.pixels() } == [[8, 8, 7, 0, 0, 0], [8, 8, 7, 1, 1, 1]])
        #expect(samples.allSatisfy { $0.round_trip_error?.latent == 0.5 && $0.effective_sample_size == nil })
        #expect(exact.fields[HTTPField.Name("Tusk-Method")!] == "conditional")
        #expect(exact.fields[HTTPField.Name("Tusk-Seed")!] == "7")
        #expect(exact.fields[HTTPField.Name("Tusk-Round-Trip-Error")!] == "latent=0.5")

        let particles: Answered = try await api.postJSON("/complete?particles=6", body("[1,1,0,0,0,0]")).decoded()
        #expect(particles.method == "sequential-monte-carlo" && particles.exact == false && particles.particles == 6)
        #expect(
            particles.samples?[0].effective_sample_size == 3 && particles.samples?[0].ancestors == 2
                && particles.seed != nil)
        let chain: Answered = try await api.postJSON("/complete?moves=5", body("[0,1,0,0,0,0]")).decoded()
        #expect(chain.method == "latent-markov-chain" && chain.exact == false && chain.moves == 5)
        #expect(chain.samples?[0].acceptance == 0.25)
    }

    @Test("a JPEG is no mask: its zeros do not last")
    func lossyMask() async throws {
        let answer = try await TestAPI().postJSON("/complete", body("\"\(jpegOfGray)\""))
        #expect(answer.status == 422 && answer.text.contains("mask: "), "\(answer.text)")
        // Pillow 13.0: [[0, 0, 255], [0, 255, 255]], which it reads as [[0, 3, 255], [3, 251, 255]]
        let small =
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0"
            + "Hyc5PTgyPC4zNDL/wAALCAACAAMBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9"
            + "AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZn"
            + "aGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP0"
            + "9fb3+Pn6/9oACAEBAAA/APW/h9BDbfDnw2kEUcSHTLdyqKFBZowzHjuWJJPckmv/2Q=="
        let refused = try await TestAPI().postJSON("/complete", body("\"\(small)\""))
        #expect(try refused.problem(422, "image-value").hasPrefix("mask: a JPEG does not keep"))
    }

    @Test("takes files called image and mask, and answers as sheet or array")
    func files() async throws {
        let api = try await TestAPI()
        var mask = gray(0)
        mask.pixels[5] = 255
        func form(_ first: String, _ second: String) throws -> [UInt8] {
            var body: [UInt8] = []
            for (name, content) in [(first, try png(mask)), (second, try png(gray(3)))] {
                body += Array(
                    "--x\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"a.png\"\r\n\r\n".utf8)
                body += content + Array("\r\n".utf8)
            }
            return body + Array("--x--\r\n".utf8)
        }
        let body = try form("mask", "image")
        let type = "multipart/form-data; boundary=x"
        let drawn: Answered = try await api.post("/complete", type: type, body).decoded()
        #expect(try drawn.samples?[0].pixels() == [3, 3, 3, 3, 3, 0] && drawn.known_pixels == 5)
        let array = try await api.request(
            .post, "/complete?count=3", fields: [.accept: "application/x-npy", .contentType: type], body: body)
        #expect(try NPYArray.decode(array.body).shape == [3, 2, 3])
        let sheet = try await api.request(
            .post, "/complete", fields: [.accept: "image/png", .contentType: type], body: body)
        #expect(try decodeImage(sheet.body).pixels == [3, 3, 3, 3, 3, 0])
        for (first, second) in [("image", "image"), ("mask", "mask"), ("marc", "image")] {
            _ = try await api.post("/complete", type: type, form(first, second)).problem(400, "malformed-body")
        }
    }

    @Test("a mask is gray and of the model's size, whatever fit the image gets")
    func masks() async throws {
        let api = try await TestAPI()
        func problem(_ mask: String, _ kind: String, query: String = "") async throws -> String {
            try await api.postJSON("/complete" + query, body(mask)).problem(422, kind)
        }
        #expect(
            try await problem("\"\(base64(png(gray(0, width: 4))))\"", "image-size", query: "?fit=cover")
                == "mask: expected 2x3 pixels (height x width), but its width is 4")
        let rgb = Image(width: 3, height: 2, mode: .rgb, pixels: [UInt8](repeating: 0, count: 18))
        #expect(
            try await problem("\"\(base64(png(rgb)))\"", "image-mode")
                == "mask: expected the colour mode gray, not rgb")
        #expect(try await problem("[0,0]", "image-size").hasPrefix("mask: a flat list has 6 numbers"))
        #expect(try await problem("[0,0,0,0,0,256]", "image-value").hasPrefix("mask: values are whole numbers"))
        #expect(try await problem("\"%\"", "image-damaged") == "mask: the string is not base64")
        let fitted: Answered = try await api.postJSON(
            "/complete?fit=stretch", body("[0,0,0,0,0,1]", image: "\"\(base64(png(gray(5, width: 6, height: 4))))\"")
        ).decoded()
        #expect(try fitted.samples?[0].pixels() == [5, 5, 5, 5, 5, 0])
        _ = try await api.postJSON("/complete", body("[0,0,0,0,0,1]", image: "[1]")).problem(422, "image-size")
        for text in [#"{"image":[1,1,1,1,1,1]}"#, "[1]", #"{"image":[1,1,1,1,1,1],"mask":[1],"more":1}"#] {
            _ = try await api.postJSON("/complete", text).problem(400, "malformed-body")
        }
    }

    @Test("every limit has a test on each side")
    func limits() async throws {
        let api = try await TestAPI(options: {
            $0.maxCompletionParticles = 5
            $0.maxCompletionMoves = 7
            $0.maxSampleCount = 3
        })
        for (name, limit) in [("particles", 5), ("moves", 7), ("count", 3)] {
            #expect(try await api.postJSON("/complete?\(name)=\(limit)", body("[0,1,0,0,0,0]")).status == 200)
            #expect(
                try await api.postJSON("/complete?\(name)=\(limit + 1)", body("[0,1,0,0,0,0]")).problem(
                    422, "parameter")
                    == "\(name) must be a whole number from 1 to \(limit), not \"\(limit + 1)\"")
        }
        // defaults are within lower limits
        let chain: Answered = try await api.postJSON("/complete", body("[0,1,0,0,0,0]")).decoded()
        let particles: Answered = try await api.postJSON("/complete", body("[1,1,0,0,0,0]")).decoded()
        #expect(chain.moves == 7 && particles.particles == 5)
        _ = try await api.postJSON("/complete?temperature=2.1", body("[0,1,0,0,0,0]")).problem(422, "parameter")
        _ = try await api.postJSON("/complete?temperature=2", body("[0,1,0,0,0,0]"))
    }

    @Test("a class is drawn, but where the method needs it; what is not finite is an error")
    func classes() async throws {
        let api = try await TestAPI(FakeDensity(classes: ["bear", "elephant"], isConditional: true))
        let drawn: Answered = try await api.postJSON("/complete", body("[0,0,0,0,0,1]", image: "[8,8,7,6,5,4]"))
            .decoded()
        #expect(drawn.samples?[0].class == "bear")
        let named: Answered = try await api.postJSON("/complete?class=elephant", body("[0,0,0,0,0,1]")).decoded()
        #expect(named.samples?[0].class == "elephant")
        #expect(
            try await api.postJSON("/complete", body("[0,0,0,0,0,1]")).problem(422, "parameter")
                == "class is needed, since this model's images are completed by latent-markov-chain; it is one of bear, elephant"
        )
        _ = try await api.postJSON("/complete?class=bear", body("[0,0,0,0,0,1]", image: "[251,1,1,1,1,1]")).problem(
            422, "density-not-finite")
        _ = try await api.postJSON("/complete?class=bear", body("[0,0,0,0,0,1]", image: "[250,1,1,1,1,1]")).problem(
            500, "internal")
        #expect(api.reports.all.count == 1)
    }
}
