import DataSets
import FlowModels
import FlowTraining
import Foundation
import Imaging
import Testing

@Suite("Commands")
struct CommandTests {
    static func train(_ work: Workplace, _ more: String...) -> [String] {
        [
            "train", "--data", work.path, "--architecture", "maf", "--output", work.file("m.safetensors"), "--name",
            "m",
            "--layers", "2", "--hidden", "16", "--batch", "20", "--alpha", "1e-3",
        ] + more
    }

    @Test("train, evaluate and sample work on one another's files")
    func together() throws {
        let work = try Workplace()
        let trained = try Program.run(Self.train(work, "--epochs", "3", "--class", "0", "--class-name", "left"))
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(trained.output.contains("30 images (train), 10 to validate"))
        #expect(trained.output.contains("epoch 3/3") && trained.output.contains(", 910 parameters\n"))
        #expect(try String(decoding: work.contents("m.csv"), as: UTF8.self).split(separator: "\n").count == 4)
        #expect(try decodeImage([UInt8](work.contents("m.png"))).width > 100)
        #expect(work.exists("m.checkpoint"))
        let record = try ModelFile.load(path: work.file("m.safetensors")).record
        #expect(record.classes == ["left"] && record.parameterCount == 910)
        #expect(record.training?.epochs == 3)

        let evaluated = try Program.run(
            ["evaluate", "--model", work.file("m.safetensors"), "--data", work.path, "--class", "0"]
                + ["--split", "validation", "--json"])
        #expect(evaluated.code == 0, "\(evaluated.errors)")
        let json = try JSONDecoder().decode(Evaluation.self, from: Data(evaluated.output.utf8))
        #expect(json.count == 10)
        #expect(json.bitsPerDim == record.heldOut?.bitsPerDim)
        let half = try Program.run(
            ["evaluate", "--model", work.file("m.safetensors"), "--data", work.path, "--class", "0"]
                + ["--split", "validation", "--json", "--precision", "bf16"])
        let rounded = try JSONDecoder().decode(Evaluation.self, from: Data(half.output.utf8))
        #expect(rounded.bitsPerDim != json.bitsPerDim && abs(rounded.bitsPerDim - json.bitsPerDim) < 0.02)
        let readable = try Program.run(
            ["evaluate", "--model", work.file("m.safetensors"), "--data", work.path, "--limit", "7"])
        #expect(readable.output.contains("7, test split"))

        let compared = try Program.run(
            ["evaluate", "--model", work.file("m.safetensors"), "--data", work.path, "--split", "train"]
                + ["--samples", "20", "--json"])
        #expect(compared.code == 0, "\(compared.errors)")
        let comparison = try #require(
            try JSONDecoder().decode(Evaluation.self, from: Data(compared.output.utf8)).comparison)
        #expect(comparison.count == 20 && (0...1).contains(comparison.neighbours.coverage))
        #expect(comparison.memorization == nil, "the training images themselves are compared")
        for (count, message) in [("19", "--samples is 19; it must be 20 to 2048"), ("2049", "--samples is 2049")] {
            let refused = try Program.run(["evaluate", "--data", work.path, "--samples", count])
            #expect(refused.code == 1 && refused.errors.contains(message), "\(refused.errors)")
        }

        let inspected = try Program.run(["inspect", work.file("m.safetensors"), "--tensors"])
        #expect(inspected.code == 0, "\(inspected.errors)")
        // two layers of 121 + 270 weights in their masks and 16 + 32 biases, and 32 of standardisation
        for text in [
            "maf: 2 layers of [16]", "class", "left", "10 images (validation)", "layers.1.weights.0", "16x16",
            " 910 in F32\n", ", format 2\n",
        ] {
            #expect(inspected.output.contains(text), "\(text)")
        }
        let described = try Program.run(["inspect", "--json"])
        #expect(described.code == 0 && described.output.contains("\"name\" : \"animals\""))
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(described.output.utf8)) as? [String: Any])
        #expect(object["name"] as? String == "animals" && object["architecture"] as? String == "nsf-convolutional")
        let sizes = try #require(object["hyper_parameters"] as? [String: Any])
        #expect(sizes["bins"] as? Int == 12 && sizes["gated"] as? Bool == true && sizes["scales"] == nil)
        #expect((object["description"] as? String)?.hasPrefix("1 layers of [64, 64") == true)

        let sampled = try Program.run(
            ["sample", "--model", work.file("m.safetensors"), "--count", "5", "--seed", "3"]
                + ["--output", work.file("s.npy")])
        #expect(sampled.code == 0, "\(sampled.errors)")
        #expect(try NPYArray.decode([UInt8](work.contents("s.npy"))).shape == [5, 4, 4])
        let beside = try Program.run(
            ["sample", "--model", work.file("m.safetensors"), "--count", "4", "--output", work.file("s.png")]
                + ["--beside", work.path, "--class", "0"])
        #expect(beside.code == 0, "\(beside.errors)")
        let sheet = try decodeImage([UInt8](work.contents("s.png")))
        #expect(sheet.width > sheet.height)
    }

    @Test("images of another shape are refused, and both shapes are printed as height, width and channels")
    func shapes() throws {
        let work = try Workplace()
        let other = try Workplace(side: 2)
        let trained = try Program.run(Self.train(work, "--epochs", "1"))
        #expect(trained.code == 0 && trained.output.contains(" images (train), 20 to validate, 4x4x1, 256 levels"))
        #expect(try Program.run(["inspect", work.file("m.safetensors")]).output.contains("4x4x1, 256 levels"))
        let model = ["--model", work.file("m.safetensors"), "--data", other.path]
        for arguments in [
            ["evaluate"] + model, ["finetune", "--output", work.file("f.safetensors"), "--name", "f"] + model,
            ["sample", "--model", work.file("m.safetensors"), "--output", work.file("s.png"), "--beside", other.path],
        ] {
            let refused = try Program.run(arguments)
            #expect(refused.code == 1 && refused.errors.contains("expected 4x4x1, found 2x2x1"), "\(refused.errors)")
        }
    }

    @Test("the type of the tensors in a file has a name of its own beside what a model computes in")
    func filePrecision() throws {
        let work = try Workplace()
        let refused = try Program.run(Self.train(work, "--epochs", "1", "--precision", "float16"))
        #expect(refused.code == 1 && refused.errors.contains("is --file-precision"), "\(refused.errors)")
        #expect(!work.exists("m.safetensors"))
        let trained = try Program.run(Self.train(work, "--epochs", "1", "--file-precision", "float16"))
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(try Program.run(["inspect", work.file("m.safetensors")]).output.contains(" in F16\n"))
        let help = try Program.run(["train", "--help"]).output
        #expect(help.contains("--file-precision") && !help.contains("--precision"))
    }

    /// The limit's two sides, to the number, are in the tests of the model file, whose limit it is.
    @Test("nothing is trained whose file would be refused: many masked zeros in memory for few parameters")
    func maskedZeros() throws {
        let work = try Workplace(side: 1)
        let refused = try Program.run(Self.train(work, "--epochs", "1", "--layers", "1", "--hidden", "4094,4094"))
        #expect(refused.code == 1 && refused.errors.contains("ask for 16,781,310 numbers"), "\(refused.errors)")
        #expect(refused.errors.contains("masks leave 8,192; at most 16,777,216"), "\(refused.errors)")
        let trained = try Program.run(Self.train(work, "--epochs", "1", "--layers", "1", "--hidden", "300,300"))
        #expect(trained.code == 0, "\(trained.errors)")
        let inspected = try Program.run(["inspect", work.file("m.safetensors"), "--tensors"])
        #expect(inspected.code == 0 && inspected.output.contains(" 604 in F32\n"), "\(inspected.output)")
    }

    @Test("the help of --data names every format that is read")
    func dataHelp() throws {
        let help = try Program.run(["help", "train"])
        #expect(help.code == 0)
        let text = help.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for name in dataFormats.names { #expect(text.contains(name), "\(name)") }
    }

    @Test("the first samples of a seed are the same however many are drawn")
    func seeds() throws {
        let work = try Workplace()
        #expect(try Program.run(Self.train(work, "--epochs", "1")).code == 0)
        func samples(_ count: Int, seed: Int) throws -> [UInt8] {
            let result = try Program.run(
                ["sample", "--model", work.file("m.safetensors"), "--count", "\(count)", "--seed", "\(seed)"]
                    + ["--output", work.file("s.npy")])
            #expect(result.code == 0, "\(result.errors)")
            return try NPYArray.decode([UInt8](work.contents("s.npy"))).bytes
        }
        let three = try samples(3, seed: 1)
        #expect(try samples(40, seed: 1).prefix(three.count) == three[...])
        #expect(try samples(3, seed: 2) != three)
    }

    @Test("an interrupted training exits with 130 and, resumed, ends the same", arguments: [SIGINT, SIGTERM])
    func interruption(_ signal: Int32) throws {
        let work = try Workplace()
        let other = try Workplace()
        // the two must be one run: the same seed, the same data
        let options = ["--epochs", "300"]
        // Watched by the shell that becomes the program: this process is busy with other tests, and could come too late.
        let watch = """
            (while [ ! -e '\(work.file("m.checkpoint"))' ]; do kill -0 $$ || exit; done; kill -\(signal) $$) >/dev/null 2>&1 &
            """
        let process = Program.process(Self.train(work, "--checkpoint-interval", "0") + options, script: watch)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 130)
        #expect(text.contains("--resume"))
        #expect(!work.exists("m.safetensors"))

        let resumed = try Program.run(Self.train(work, "--resume") + options)
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(resumed.output.contains("resumed"))
        #expect(try Program.run(Self.train(other) + options).code == 0)
        let check = try ModelFile.load(path: work.file("m.safetensors")).record.check
        #expect(try ModelFile.load(path: other.file("m.safetensors")).record.check == check)
    }

    @Test("what cannot be done is one line on the error stream and exit code 1")
    func refusals() throws {
        let work = try Workplace()
        let missing = work.file("none")
        let refused: [(String, [String])] = [
            ("none", ["train", "--data", missing, "--architecture", "maf", "--output", work.file("x"), "--name", "x"]),
            ("mlp", Self.train(work, "--architecture", "mlp")),
            ("epochs is 0", Self.train(work, "--epochs", "0")),
            ("class 7", Self.train(work, "--class", "7")),
            ("a/b", Self.train(work, "--name", "a/b")),
            ("--hidden", Self.train(work, "--hidden", "4,x")),
            ("--output", Self.train(work, "--output", work.file("no/folder/x"))),
            ("--limit", Self.train(work, "--limit", "0")),
            ("logit_alpha", Self.train(work, "--alpha", "0.5")),
            ("from 0 to 3", Self.train(work, "--levels", "4")),
            ("none", ["evaluate", "--model", missing, "--data", work.path]),
            ("--count", ["sample", "--count", "0", "--output", work.file("x.png")]),
        ]
        for (text, arguments) in refused {
            let result = try Program.run(arguments)
            #expect(result.code == 1, "\(arguments)")
            #expect(result.errors.hasPrefix("Error: "), "\(result.errors)")
            #expect(result.errors.contains(text), "\(result.errors)")
            // of bad images the first ten are named, each in a line
            let lines = text == "from 0 to 3" ? 12 : 1
            #expect(result.errors.split(separator: "\n").count == lines, "\(result.errors)")
        }
        let usage = try Program.run(["train", "--no-such-option"])
        #expect(usage.code == 64)
    }
}
