import Foundation
import TestSupport
import Testing

@Suite("The state of drift", .timeLimit(.minutes(15)))
struct DriftStateTests {
    private struct Drift: Decodable {
        var images: Int
        var wealth: Double
    }

    private func drift(_ service: Service) async throws -> Drift {
        let client = try service.client()
        try await client.send("GET /drift HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return try JSONDecoder().decode(Drift.self, from: body(try await client.readToEnd()))
    }

    private func score(_ service: Service, _ images: Int) async throws {
        let client = try service.client()
        try await client.send(
            "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
                + "Connection: close\r\nContent-Length: \(16 * images)\r\n\r\n")
        try await client.send([UInt8](repeating: 7, count: 16 * images))
        #expect(String(decoding: try await client.readToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
    }

    private func body(_ answer: [UInt8]) throws -> Data {
        let text = String(decoding: answer, as: UTF8.self)
        return Data(try #require(text.components(separatedBy: "\r\n\r\n").last).utf8)
    }

    @Test("survives a restart; other calibration images begin it anew; one service has it at a time")
    func restart() async throws {
        let work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "1"))
        #expect(trained.code == 0, "\(trained.errors)")
        let (model, state) = (work.file("m.safetensors"), work.file("drift.json"))
        let first = try Service("--drift-state", state, model: model)
        try await score(first, 30)
        let before = try await drift(first)
        #expect(before.images == 30 && before.wealth != 1)
        let refused = try Program.run(["serve", "--model", model, "--port", "0", "--drift-state", state])
        #expect(refused.code == 78 && refused.errors.contains("another service keeps its state there"))
        first.terminate()
        #expect(first.status() == 0)

        let second = try Service("--drift-state", state, model: model)
        let after = try await drift(second)
        #expect(after.images == 30 && after.wealth == before.wealth)
        second.terminate()
        #expect(second.status() == 0 && second.errors.contains("drift goes on"))

        let calibrated = work.file("c.safetensors")
        let made = try Program.run([
            "calibrate", "--model", model, "--data", work.path, "--output", calibrated, "--split", "train",
        ])
        #expect(made.code == 0, "\(made.errors)")
        let third = try Service("--drift-state", state, model: calibrated)
        #expect(try await drift(third).images == 0)
        third.terminate()
        #expect(third.status() == 0 && third.errors.contains("drift begins anew"))
        // The state of the first calibration images is still there.
        let fourth = try Service("--drift-state", state, model: model)
        #expect(try await drift(fourth).images == 30)
        fourth.terminate()
        #expect(fourth.status() == 0)
        let broken = String(decoding: try work.contents("drift.json"), as: UTF8.self).replacing(
            "\"images\":30", with: "\"images\":-30")
        try Data(broken.utf8).write(to: URL(filePath: state))
        let damaged = try Program.run(["serve", "--model", model, "--port", "0", "--drift-state", state])
        #expect(damaged.code != 0 && damaged.errors.contains("has numbers that no test has"), "\(damaged.errors)")
    }

    @Test("a file that is no state, and a rate that is none, are refused in one line")
    func refusals() throws {
        let work = try Workplace()
        for (text, reason) in [
            ("{}", "it is no state that tusk wrote"), (#"{"version":2,"models":{}}"#, "its version is 2, not 1"),
        ] {
            try Data(text.utf8).write(to: URL(filePath: work.file("state")))
            let refused = try Program.run(["serve", "--port", "0", "--drift-state", work.file("state")])
            #expect(refused.code == 78 && refused.errors.contains(reason), "\(refused.errors)")
            #expect(refused.errors.split(separator: "\n").count == 1)
        }
        let folder = try Program.run(["serve", "--port", "0", "--drift-state", work.path])
        #expect(folder.code == 78 && folder.errors.contains("it is a folder"))
        let nowhere = try Program.run(["serve", "--port", "0", "--drift-state", ""])
        #expect(nowhere.code == 78 && nowhere.errors.contains("--drift-state: the path is empty"))
        let rate = try Program.run(["serve", "--port", "0", "--drift-alarm", "2"])
        #expect(rate.code != 0 && rate.errors.contains("--drift-alarm is 2; it must be a decimal fraction"))
    }
}
