import FlowTraining
import Foundation
import TestSupport
import Testing

@Suite("Scores over HTTP and on the command line", .timeLimit(.minutes(15)))
struct ScoreTests {
    private struct Answer: Decodable {
        var log_prob: Double
        var bits_per_dim: Double
        var samples: Int
    }

    @Test("POST /logprob and evaluate say the same of an image", arguments: [1, 5])
    func same(_ draws: Int) async throws {
        let service = try Service("--precision", "f32")
        let image = [UInt8](try service.work.contents("test-images-idx3-ubyte")[16..<32])
        let body = "{\"image\":\(image)}"
        let answer = try await service.client().roundTrip(
            "POST /logprob?samples=\(draws) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(answer.status == 200, "\(answer.text)")
        let score = try JSONDecoder().decode(Answer.self, from: Data(answer.text.utf8))
        let evaluated = try Program.run([
            "evaluate", "--model", service.work.file("m.safetensors"), "--data", service.work.path, "--split", "test",
            "--limit", "1", "--draws", "\(draws)", "--precision", "f32", "--json",
        ])
        #expect(evaluated.code == 0, "\(evaluated.errors)")
        let evaluation = try JSONDecoder().decode(Evaluation.self, from: Data(evaluated.output.utf8))
        #expect(evaluation.count == 1 && evaluation.draws == draws && score.samples == draws)
        #expect(evaluation.logProb == score.log_prob && evaluation.bitsPerDim == score.bits_per_dim)
        #expect(service.end() == 0)
    }
}
