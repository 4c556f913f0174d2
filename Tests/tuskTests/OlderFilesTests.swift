import FlowModels
import FlowTraining
import Foundation
import Testing

/// Models and checkpoints in `Fixtures`, of the images of ``Workplace``, as the program wrote them when every file had the sizes of
/// all architectures.
@Suite("Files of older programs")
struct OlderFilesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    /// Mean `log p(y)` of the test images, nats, as that program said.
    private static let logProbs: [(String, Double)] = [
        ("maf", 1.3887905260335534), ("maf-conditional", 1.3880820388321218), ("iaf", 1.3905620770032452),
        ("coupling", 1.389476220356503), ("nice", 1.3906628293104106), ("nsf-coupling", 1.4074045411666483),
        ("nsf-autoregressive", 1.3992774881819252), ("realnvp", 1.3922839772978373), ("glow", 10.236191465028332),
        ("nsf-glow", 5.03968791310132), ("nsf-convolutional", 1.4232998288086507),
    ]

    private func logProb(_ model: String, _ work: Workplace) throws -> Double {
        let run = try Program.run(["evaluate", "--model", model, "--data", work.path, "--json"])
        #expect(run.code == 0, "\(run.errors)")
        return try JSONDecoder().decode(Evaluation.self, from: Data(run.output.utf8)).logProb
    }

    /// Sums in single precision may differ in their last digits on another processor.
    @Test("models have the densities that they had, and are written again as they were", arguments: logProbs)
    func models(_ name: String, _ expected: Double) throws {
        let file = Self.folder.appending(path: "\(name).safetensors")
        #expect(try abs(logProb(file.path, Workplace()) - expected) < 1e-3)
        func record(_ bytes: [UInt8]) throws -> [String: Any] {
            let json = try #require(unsafe Safetensors.decode(bytes.span.bytes).metadata["tusk"])
            return try #require(JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        }
        func text(_ value: Any?) throws -> String {
            String(
                decoding: try JSONSerialization.data(withJSONObject: [value ?? NSNull()], options: .sortedKeys),
                as: UTF8.self)
        }
        let bytes = try [UInt8](Data(contentsOf: file))
        let loaded = unsafe try ModelFile.load(bytes.span.bytes)
        let (before, after) = try (record(bytes), record(ModelFile.encode(loaded, precision: .float16)))
        for key in Set(before.keys).union(after.keys).subtracting(["check"]) {
            #expect(try text(before[key]) == text(after[key]), "\(key)")
        }
    }

    private static let trainings: [(String, Double, [String])] = [
        (
            "maf-conditional", 4.212327853277017,
            [
                "--architecture", "maf", "--layers", "2", "--hidden", "5,5,5", "--residual", "--conditional",
                "--activation", "tanh", "--log-scale-bound", "4", "--flips", "--shift", "1", "--repeat", "1=2",
                "--learning-rate-of", "biases=2", "--clip", "0.5", "--ema", "0.9", "--weight-decay", "0.01",
                "--accumulate", "8",
            ]
        ),
        (
            "nsf-autoregressive", 27.88879663497686,
            [
                "--architecture", "nsf-autoregressive", "--layers", "1", "--hidden", "5", "--bins", "3", "--tail-bound",
                "4.5", "--conditional", "--dequantization", "variational", "--dequantizer-layers", "1",
                "--dequantizer-hidden", "3",
            ]
        ),
        (
            "realnvp", 15.697904164370012,
            [
                "--architecture", "realnvp", "--layers", "1", "--hidden", "16", "--kernel", "1", "--scales", "1",
                "--dropout", "0.1",
            ]
        ),
    ]

    /// Some fifty epochs on another processor may end a little elsewhere.
    @Test("a training that was stopped in its midst ends as it would have ended then", arguments: trainings)
    func checkpoints(_ name: String, _ expected: Double, _ options: [String]) throws {
        let work = try Workplace()
        try FileManager.default.copyItem(
            atPath: Self.folder.appending(path: "\(name).checkpoint").path, toPath: work.file("m.checkpoint"))
        let common = [
            "train", "--data", work.path, "--alpha", "1e-3", "--batch", "20", "--seed", "3", "--epochs", "60", "--name",
            name, "--output", work.file("m.safetensors"), "--learning-rate", "0.01", "--warmup-steps", "10", "--resume",
        ]
        let other = try Program.run(common + options + ["--levels", "255"])
        #expect(other.code == 1 && other.errors.contains("levels"), "\(other.errors)")
        let trained = try Program.run(common + options)
        #expect(trained.code == 0 && trained.output.contains("resumed     after "), "\(trained.errors)")
        #expect(try abs(logProb(work.file("m.safetensors"), work) - expected) < 0.05)
    }
}
