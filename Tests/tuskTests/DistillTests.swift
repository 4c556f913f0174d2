import FlowModels
import FlowTraining
import Foundation
import Imaging
import Testing

@Suite("Distillation and fits")
struct DistillTests {
    private func distill(_ work: Workplace, teacher: String = "m.safetensors", _ more: String...) -> [String] {
        [
            "distill", "--teacher", work.file(teacher), "--data", work.path, "--output", work.file("s.safetensors"),
            "--name", "s", "--layers", "2", "--hidden", "16", "--batch", "20",
        ] + more
    }

    @Test("a student is made of a teacher, resumed, and asked as any model is")
    func distillation() throws {
        let work = try Workplace()
        #expect(try Program.run(CommandTests.train(work, "--epochs", "3")).code == 0)
        let teacher = try work.contents("m.safetensors")
        let result = try Program.run(distill(work, "--epochs", "2"))
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("iaf, 2 layers of [16]") && result.output.contains("teacher     m (maf)"))
        #expect(result.output.contains("kl "))
        #expect(try work.contents("m.safetensors") == teacher)
        let curve = try String(decoding: work.contents("s.csv"), as: UTF8.self).split(separator: "\n")
        #expect(curve.count == 3 && curve[0].contains("kl_bits_per_dim"))
        #expect(try decodeImage([UInt8](work.contents("s.png"))).width > 100)
        let student = try ModelFile.load(path: work.file("s.safetensors"))
        #expect(student.record.architecture == "iaf" && student.record.logitAlpha == 1e-3)

        let resumed = try Program.run(distill(work, "--epochs", "3", "--resume"))
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(resumed.output.contains("resumed     after 2 epochs"))
        let sampled = try Program.run(
            ["sample", "--model", work.file("s.safetensors"), "--count", "5", "--output", work.file("s.npy")])
        #expect(sampled.code == 0, "\(sampled.errors)")
        let evaluated = try Program.run(["evaluate", "--model", work.file("s.safetensors"), "--data", work.path])
        #expect(evaluated.code == 0 && evaluated.output.contains("(iaf)"), "\(evaluated.errors)")
        let rounded = try Program.run(
            ["evaluate", "--model", work.file("s.safetensors"), "--data", work.path, "--precision", "bf16"])
        #expect(rounded.code == 0, "\(rounded.errors)")
    }

    @Test("a model is trained further, made deeper, resumed, and asked as any model is")
    func finetune() throws {
        let work = try Workplace()
        let sizes = ["--hidden", "16", "--layers", "1", "--kernel", "3", "--bins", "4", "--conditional"]
        var training = CommandTests.train(work, "--epochs", "3")
        training[4] = "nsf-convolutional"
        let names = ["--class-name", "left", "--class-name", "right"]
        let trained = try Program.run(training + sizes + names)
        #expect(trained.code == 0, "\(trained.errors)")
        let start = try work.contents("m.safetensors")
        let arguments = [
            "finetune", "--model", work.file("m.safetensors"), "--data", work.path, "--output",
            work.file("f.safetensors"), "--name", "f", "--add-blocks", "2", "--batch", "20", "--learning-rate", "1e-4",
            "--dropout", "0.2",
        ]
        let result = try Program.run(arguments + ["--epochs", "2", "--repeat", "right=3"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(
            result.output.contains("1 layers of [16, 16, 16]") && result.output.contains("dropout 0.2, right 3 times"))
        #expect(result.output.contains("start       m, held out ") && result.output.contains("2 epochs of 6 steps"))
        #expect(try work.contents("m.safetensors") == start)
        let resumed = try Program.run(arguments + ["--epochs", "3", "--repeat", "right=3", "--resume"])
        #expect(resumed.code == 0 && resumed.output.contains("resumed     after 2 epochs"), "\(resumed.errors)")
        let other = try Program.run(arguments + ["--epochs", "4", "--resume"])
        #expect(other.code == 1 && other.errors.contains("the checkpoint has repeat right=3, this run none"))

        let record = try ModelFile.load(path: work.file("f.safetensors")).record
        #expect(record.classes == ["left", "right"] && record.classPrior == [0.5, 0.5])
        let inspected = try Program.run(["inspect", work.file("f.safetensors")])
        #expect(inspected.code == 0 && inspected.output.contains("started from  m, parameters "), "\(inspected.output)")
        let sampled = try Program.run(
            ["sample", "--model", work.file("f.safetensors"), "--class", "right", "--count", "5"]
                + ["--output", work.file("f.npy")])
        #expect(sampled.code == 0, "\(sampled.errors)")

        for (text, more) in [
            ("repeat right is 101; it must be 1 to 100", ["--repeat", "right=101"]),
            ("class top: expected one of left, right", ["--repeat", "top=2"]),
            ("dropout is 0.91; it must be 0.0 to 0.9", ["--dropout", "0.91"]),
            ("--add-blocks is 1025", ["--add-blocks", "1025"]),
        ] {
            let refused = try Program.run(arguments + more + ["--overwrite"])
            #expect(refused.code == 1 && refused.errors.contains(text), "\(refused.errors)")
        }
        #expect(try Program.run(arguments + ["--repeat", "right"]).code == 64)
        #expect(try Program.run(CommandTests.train(work, "--epochs", "1", "--name", "v", "--overwrite")).code == 0)
        let vectors = try Program.run(arguments + ["--overwrite"])
        #expect(vectors.code == 1, "\(vectors.output)")
        #expect(vectors.errors.contains("blocks to add is 2; allowed is 0 with maf"), "\(vectors.errors)")
    }

    @Test("a flow is fitted to a formula, and its picture drawn")
    func fit() throws {
        let work = try Workplace()
        let small = ["--layers", "4", "--hidden", "16,16", "--steps", "300", "--samples", "2000"]
        let fitted = try Program.run(
            ["fit", "--target", "banana", "--output", work.file("banana.png")] + small)
        #expect(fitted.code == 0, "\(fitted.errors)")
        for text in ["step 300/300  bound", "of p to the power", "target      banana", "in truth 0", "ess  "] {
            #expect(fitted.output.contains(text), "\(text)")
        }
        let picture = try decodeImage([UInt8](work.contents("banana.png")))
        #expect(picture.width > picture.height && picture.mode == .rgb)
        let json = try Program.run(
            ["fit", "--target", "moons", "--architecture", "nsf-coupling", "--tail-bound", "5", "--json"] + small)
        #expect(json.code == 0, "\(json.errors)")
        let report = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(report["target"] as? String == "moons" && report["architecture"] as? String == "nsf-coupling")
        let weights = try #require(report["weights"] as? [String: Any])
        let fraction = try #require(weights["effective_fraction"] as? Double)
        let (bound, logZ) = try (
            #require(weights["bound"] as? Double), #require(weights["log_normalizer"] as? Double)
        )
        #expect((0...1).contains(fraction) && bound <= logZ)
        #expect(weights["count"] as? Int == 2000)
    }

    @Test("what cannot be done is one line on the error stream and exit code 1")
    func refusals() throws {
        let work = try Workplace()
        let other = try Workplace()
        #expect(try Program.run(CommandTests.train(work, "--epochs", "1")).code == 0)
        #expect(try Program.run(CommandTests.train(other, "--epochs", "1", "--architecture", "iaf")).code == 0)
        var sequential = distill(work)
        sequential[2] = other.file("m.safetensors")
        var none = distill(work)
        none.removeSubrange(1...2)
        none.insert(contentsOf: ["--teacher", "Models/none"], at: 1)
        let refused: [(String, [String])] = [
            ("whose densities are sequential", sequential),
            ("none", none),
            ("--architecture mlp: known are", distill(work, "--architecture", "mlp")),
            ("--flips and --shift", distill(work, "--flips")),
            ("--flips and --shift", distill(work, "--shift", "1")),
            ("--limit", distill(work, "--limit", "0")),
            ("epochs is 0", distill(work, "--epochs", "0")),
            ("a/b", distill(work, "--name", "a/b")),
            ("--architecture mlp: known here are", ["fit", "--target", "moons", "--architecture", "mlp"]),
            ("steps is 0", ["fit", "--target", "moons", "--steps", "0"]),
            ("--samples is 1", ["fit", "--target", "moons", "--samples", "1"]),
            ("--samples is 10000001", ["fit", "--target", "moons", "--samples", "10000001"]),
            ("--threads is 0", ["fit", "--target", "moons", "--threads", "0"]),
            ("anneal is 2.0", ["fit", "--target", "moons", "--anneal", "2"]),
            ("must end in .png", ["fit", "--target", "moons", "--output", work.file("x.jpg")]),
            ("--hidden", ["fit", "--target", "moons", "--hidden", "4,x"]),
            ("--log-scale-bound", ["fit", "--target", "moons", "--log-scale-bound", "0"]),
        ]
        for (text, arguments) in refused {
            let result = try Program.run(arguments)
            #expect(result.code == 1, "\(arguments)")
            #expect(result.errors.hasPrefix("Error: "), "\(result.errors)")
            #expect(result.errors.contains(text), "\(result.errors)")
            #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        }
        #expect(try Program.run(["fit", "--target", "square"]).code == 64)
    }

    @Test("a teacher of another shape is refused, naming both")
    func shape() throws {
        let work = try Workplace()
        // the animals inside the program know 28 x 28 pixels, the data has 4 x 4
        #expect(try Program.run(CommandTests.train(work, "--epochs", "1")).code == 0)
        let animals = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Models/animals.safetensors")
        var arguments = distill(work)
        arguments[2] = animals.path
        let result = try Program.run(arguments)
        #expect(result.code == 1)
        #expect(result.errors.contains("shape of the training images"), "\(result.errors)")
        #expect(result.errors.contains("28") && result.errors.contains("4"))
    }
}
