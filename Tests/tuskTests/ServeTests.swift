import Foundation
import TestSupport
import Testing

@Suite("tusk serve", .timeLimit(.minutes(15)))
struct ServeTests {
    @Test("it says where it is and what it serves, answers, and ends in order")
    func life() async throws {
        let service = try Service()
        #expect(service.text.contains("m, maf, images 4x4x1"))
        let client = try service.client()
        let density = try await client.roundTrip(
            "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 16\r\n\r\n"
                + "0123456789abcdef")
        #expect(density.status == 200)
        #expect(density.text.hasPrefix(#"{"model":"m","log_prob":"#))
        let samples = try await client.roundTrip("GET /sample?count=3&seed=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(samples.status == 200)
        #expect(samples.text.contains(#""seed":1,"#) && samples.text.contains(#""index":2,"#))
        let contract = try await client.roundTrip("GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(contract.text.hasPrefix("openapi: 3.1.0\n"))
        #expect(service.end() == 0)
        #expect(service.text.hasSuffix("finishing the requests that have begun\n"))
    }

    @Test("with --precision bf16 it answers in bfloat16, nearly the same")
    func halfPrecision() async throws {
        func logDensity(_ service: Service) async throws -> Double {
            let client = try service.client()
            let answer = try await client.roundTrip(
                "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
                    + "Content-Length: 16\r\n\r\n0123456789abcdef")
            let number = answer.text.split(separator: "log_prob\":").last?.prefix { $0 != "," }
            return try #require(number.flatMap { Double($0) })
        }
        let (single, half) = try (Service("--precision", "f32"), Service("--precision", "bf16"))
        #expect(single.text.contains("parameters, f32\n") && half.text.contains("parameters, bf16\n"))
        let (expected, rounded) = try await (logDensity(single), logDensity(half))
        // 16 dimensions
        #expect(expected != rounded && abs(expected - rounded) < 16 * 0.02)
        #expect(single.end() == 0 && half.end() == 0)
        let refused = try Program.run(["serve", "--precision", "f16"])
        #expect(refused.code == 64 && refused.errors.contains("bf16"))
    }

    @Test("of several models ?model= picks one, and the first is the default")
    func severalModels() async throws {
        let work = try Workplace()
        let second = work.file("second.safetensors")
        let trained = try Program.run(
            CommandTests.train(work, "--epochs", "1", "--name", "n", "--layers", "3", "--output", second))
        try #require(trained.code == 0, "\(trained.errors)")
        let service = try Service("--model", second)
        #expect(service.text.contains(": 2 models: m, maf, images 4x4x1, 910 parameters; n, maf, images 4x4x1, "))
        let client = try service.client()
        func ask(_ request: String) async throws -> String {
            let answer = try await client.roundTrip(request)
            try #require(answer.status == 200)
            return answer.text
        }
        func logDensity(_ query: String) async throws -> String {
            try await ask(
                "POST /logprob\(query) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
                    + "Content-Length: 16\r\n\r\n0123456789abcdef")
        }
        func get(_ path: String) async throws -> String {
            try await ask("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }
        let (first, other) = try await (logDensity(""), logDensity("?model=n"))
        #expect(first.hasPrefix(#"{"model":"m","log_prob":"#) && other.hasPrefix(#"{"model":"n","log_prob":"#))
        #expect(first.dropFirst(12) != other.dropFirst(12))
        // Each answers what it answers alone.
        #expect(try await logDensity("?model=m") == first)
        let alone = try Service(model: second)
        let client2 = try alone.client()
        #expect(
            try await client2.roundTrip(
                "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
                    + "Content-Length: 16\r\n\r\n0123456789abcdef"
            ).text == other)
        #expect(alone.end() == 0)
        let models = try await get("/models")
        #expect(models.hasPrefix(#"{"default":"m","models":[{"name":"m","#) && models.contains(#"{"name":"n","#))
        #expect(try await get("/models/n").hasPrefix(#"{"name":"n","#))
        #expect(try await get("/sample?model=n&seed=1").contains(#""model":"n""#))
        #expect(try await get("/health").contains(#""ready":true,"model":"m""#))
        let unknown = try await client.roundTrip("GET /sample?model=o HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(unknown.status == 404 && unknown.text.contains("urn:tusk:problem:unknown-model"))
        #expect(service.end() == 0)

        let twice = try Program.run(["serve", "--port", "0", "--model", second, "--model", second])
        #expect(twice.code == 1)
        #expect(twice.errors == "Error: --model \(second): its model is called n, as is that of --model \(second)\n")
    }

    @Test("names and origins are what the options say")
    func browsers() async throws {
        let service = try Service("--allowed-host", "tusk.example", "--cors-origin", "https://app.example")
        let client = try service.client()
        func health(_ host: String) async throws -> RawResponse {
            try await client.roundTrip("GET /health HTTP/1.1\r\nHost: \(host)\r\nOrigin: https://app.example\r\n\r\n")
        }
        let named = try await health("tusk.example")
        #expect(named.status == 200 && named["access-control-allow-origin"] == "https://app.example")
        #expect(try await health("localhost:\(service.port())").status == 200)
        #expect(try await health("evil.example").status == 421)
        #expect(service.end() == 0)
        for (option, value, reason) in [
            ("--cors-origin", "*", "any page"), ("--cors-origin", "null", "sandboxed"),
            ("--allowed-host", "a:80", "port"),
        ] {
            let refused = try Program.run(["serve", "--port", "0", option, value])
            #expect(refused.code == 1 && refused.errors.hasPrefix("Error: \(option) is \(value): "))
            #expect(refused.errors.contains(reason))
        }
    }

    @Test("a body without a length is refused with 411")
    func noLength() async throws {
        let service = try Service()
        let client = try service.client()
        let answer = try await client.roundTrip(
            "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n\r\n")
        #expect(answer.status == 411)
        #expect(answer.text.contains("urn:tusk:problem:length-required"))
        #expect(service.end() == 0)
    }

    @Test("what keeps it from starting is said in one line")
    func refusals() throws {
        let service = try Service()
        let model = service.work.file("m.safetensors")
        func refused(_ arguments: String..., code: Int32 = 1) throws -> String {
            let result = try Program.run(["serve"] + arguments)
            #expect(result.code == code)
            #expect(result.errors.split(separator: "\n").count == 1)
            return result.errors
        }
        #expect(
            try refused("--model", model, "--port", "\(service.port())", code: 69)
                == "Error: port \(service.port()) of 127.0.0.1 is in use\n")
        #expect(try refused("--port", "0", "--model", service.work.file("none")).contains("No such file or directory"))
        #expect(
            try refused("--port", "0", "--model", service.work.file("train-images-idx3-ubyte"))
                .contains("not a sound safetensors file"))
        #expect(try refused("--port", "65536").contains("--port is 65536; it must be 0 to 65535"))
        #expect(try refused("--max-queue-rows", "255").contains("--max-queue-rows is 255; it must be 256 to"))
        #expect(service.end() == 0)
    }
}
