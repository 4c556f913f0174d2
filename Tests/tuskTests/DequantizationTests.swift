import FlowCore
import FlowModels
import FlowTraining
import Foundation
import Testing

@Suite("Variational dequantization on the command line")
struct DequantizationTests {
    @Test("train learns it, resumes it, and evaluate, sample and inspect know it")
    func together() throws {
        let work = try Workplace()
        let options = ["--dequantization", "variational", "--dequantizer-layers", "3", "--dequantizer-hidden", "6,5"]
        let trained = try Program.run(CommandTests.train(work, "--epochs", "2") + options)
        #expect(trained.code == 0, "\(trained.errors)")
        // standardisation; per coupling 8 of 16 dimensions and 16 of context to 6, 6 to 5, 5 to 16
        let ofDequantizer = 2 * 16 + 3 * ((8 + 16) * 6 + 6 + 6 * 5 + 5 + 5 * 16 + 16)
        #expect(trained.output.contains("noise       variational, 3 layers of [6, 5], \(ofDequantizer) parameters\n"))
        let file = work.file("m.safetensors")
        let record = try ModelFile.load(path: file).record
        #expect(record.dequantization == "variational")
        #expect(record.dequantizer == ["layers": 3, "hidden": [6, 5]])
        #expect(record.parameterCount == 910 + ofDequantizer)

        let resumed = try Program.run(CommandTests.train(work, "--epochs", "3", "--resume") + options)
        #expect(resumed.code == 0 && resumed.output.contains("resumed     after 2 epochs"), "\(resumed.errors)")
        let uniform = try Program.run(CommandTests.train(work, "--epochs", "4", "--resume"))
        #expect(uniform.code == 1 && uniform.errors.contains("dequantization"), "\(uniform.errors)")

        func evaluation(_ more: String...) throws -> Evaluation {
            let run = try Program.run(
                ["evaluate", "--model", file, "--data", work.path, "--split", "validation", "--json"] + more)
            #expect(run.code == 0, "\(run.errors)")
            return try JSONDecoder().decode(Evaluation.self, from: Data(run.output.utf8))
        }
        let one = try evaluation()
        let heldOut = try ModelFile.load(path: file).record.heldOut
        #expect(one.bitsPerDim == heldOut?.bitsPerDim)
        #expect(try evaluation("--draws", "32").bitsPerDim < one.bitsPerDim)

        let inspected = try Program.run(["inspect", file, "--tensors"])
        #expect(inspected.output.contains("noise         variational, 3 layers of [6, 5]\n"), "\(inspected.output)")
        #expect(inspected.output.contains("dequantizer.layers.2.weights.0"))
        let plain = try Program.run(["inspect"])
        #expect(plain.output.contains("noise         uniform\n"))
        let drawn = try Program.run(["sample", "--model", file, "--count", "4", "--output", work.file("s.png")])
        #expect(drawn.code == 0 && work.exists("s.png"), "\(drawn.errors)")
    }

    @Test(
        "sizes are of a variational dequantization, and within limits",
        arguments: [
            (["--dequantizer-layers", "2"], "it is uniform"), (["--dequantizer-hidden", "8"], "it is uniform"),
            (["--dequantization", "variational", "--dequantizer-layers", "0"], "--dequantizer-layers is 0"),
            (["--dequantization", "variational", "--dequantizer-layers", "1025"], "--dequantizer-layers is 1025"),
            (["--dequantization", "variational", "--dequantizer-hidden", "8,x"], "--dequantizer-hidden 8,x"),
            (
                ["--dequantization", "variational", "--dequantizer-hidden", "1048576,1048576,1048576,1048576,1048576"],
                "--dequantizer-hidden ask for more than"
            ),
        ])
    func refusals(_ options: [String], _ message: String) throws {
        let work = try Workplace()
        let refused = try Program.run(CommandTests.train(work, "--epochs", "1") + options)
        #expect(refused.code == 1 && refused.errors.contains(message), "\(refused.errors)")
        #expect(!work.exists("m.safetensors"))
    }

    @Test("the largest number of couplings is trained")
    func largest() throws {
        let work = try Workplace()
        let trained = try Program.run(
            CommandTests.train(work, "--epochs", "1", "--limit", "2", "--dequantization", "variational")
                + ["--dequantizer-layers", "1024", "--dequantizer-hidden", "1"])
        #expect(trained.code == 0, "\(trained.errors)")
    }
}
