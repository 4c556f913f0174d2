import Foundation
import Testing

@Suite("Bench")
struct BenchTests {
    private static let sizes = ["--layers", "2", "--hidden", "16,16", "--batch", "3", "--seconds", "0.01"]

    @Test(
        "prints one JSON object for every direction", arguments: ["density", "sample", "train"],
        ["maf", "coupling", "nsf-coupling", "nsf-autoregressive", "nice"])
    func report(_ direction: String, _ architecture: String) throws {
        let result = try Program.run(
            ["bench", "--dims", "9", "--direction", direction, "--architecture", architecture, "--threads", "2"]
                + Self.sizes)
        #expect(result.code == 0, "\(result.errors)")
        let report = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(report["direction"] as? String == direction && report["architecture"] as? String == architecture)
        #expect(report["dims"] as? Int == 9 && report["batch"] as? Int == 3 && report["hidden"] as? [Int] == [16, 16])
        func number(_ key: String) throws -> Double { try #require(report[key] as? Double) }
        let median = try number("images_per_second")
        #expect(try 0 < number("images_per_second_min") && number("images_per_second_min") <= median)
        #expect(try median <= number("images_per_second_max"))
        #expect(try abs(number("milliseconds_per_batch") * median - 3000) < 1e-6 * 3000)
        #expect(try number("gflops") > 0 && number("peak_gflops") > number("gflops"))
    }

    @Test("says in which precision it ran", arguments: ["f32", "bf16"])
    func precision(_ precision: String) throws {
        let result = try Program.run(["bench", "--dims", "9", "--precision", precision] + Self.sizes)
        #expect(result.output.contains("\"precision\":\"\(precision)\""), "\(result.errors)")
    }

    @Test("says to which type of a model file it rounded the weights", arguments: ["float32", "bfloat16", "float16"])
    func filePrecision(_ type: String) throws {
        let result = try Program.run(["bench", "--dims", "9", "--file-precision", type] + Self.sizes)
        #expect(result.output.contains("\"file_precision\":\"\(type)\""), "\(result.errors)")
    }

    @Test("measures the flow of a model file, class-conditional or not", arguments: [[], ["--conditional"]])
    func model(_ more: [String]) throws {
        let work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "1") + more)
        #expect(trained.code == 0, "\(trained.errors)")
        for direction in ["density", "sample", "train"] {
            let result = try Program.run(
                ["bench", "--model", work.file("m.safetensors"), "--seconds", "0.01", "--direction", direction]
                    + ["--batch", "3"])
            #expect(result.code == 0 && result.output.contains("\"hidden\":[16]"), "\(result.errors)")
        }
    }

    @Test(
        "refuses what makes no sense, naming option and limit",
        arguments: [
            (["--batch", "0"], "--batch"), (["--batch", "65537"], "65536"), (["--threads", "0"], "--threads"),
            (["--seconds", "0"], "--seconds"), (["--dims", "0"], "--dims"), (["--hidden", "8,,8"], "--hidden"),
            (["--hidden", "8,x"], "--hidden"), (["--architecture", "made"], "maf, iaf, coupling, nsf-coupling"),
            (["--bins", "1"], "--bins"), (["--bins", "65"], "64"), (["--tail-bound", "0"], "--tail-bound"),
            (["--dims", "1000000", "--hidden", "1000000"], "parameters"), (["--model", "m", "--dims", "4"], "--model"),
            (["--precision", "f16"], "bf16"), (["--precision", "bf16", "--direction", "train"], "f32"),
            (["--file-precision", "f16"], "float16"),
            (["--file-precision", "float16", "--direction", "train"], "float32"),
            (["--file-precision", "float16", "--model", "m"], "--file-precision"),
            (["--model", "nowhere.safetensors"], "nowhere.safetensors"),
        ])
    func refusals(_ arguments: [String], _ expected: String) throws {
        let result = try Program.run(["bench"] + arguments)
        #expect(result.code != 0 && result.output.isEmpty && result.errors.contains(expected), "\(result.errors)")
    }
}
