import FlowModels
import Foundation
import Glibc
import Testing

@Suite("Files of a training", .timeLimit(.minutes(15)))
struct TrainingOutputTests {
    private static let files = ["m.safetensors", "m.checkpoint", "m.csv", "m.png"]

    private func finetune(_ work: Workplace, _ more: [String]) -> [String] {
        ["finetune", "--model", work.file("t.safetensors"), "--data", work.path] + output(work) + ["--epochs", "1"]
            + more
    }
    private func distill(_ work: Workplace, _ more: [String]) -> [String] {
        ["distill", "--teacher", work.file("t.safetensors"), "--data", work.path, "--layers", "2", "--hidden", "16"]
            + output(work) + ["--epochs", "1"] + more
    }
    private func output(_ work: Workplace) -> [String] { ["--output", work.file("m.safetensors"), "--name", "m"] }

    @Test("are not replaced unless --resume or --overwrite says so, by any command that trains")
    func overwriting() throws {
        let work = try Workplace()
        let teacher = try Program.run(CommandTests.train(work, "--epochs", "1", "--output", work.file("t.safetensors")))
        #expect(teacher.code == 0, "\(teacher.errors)")
        let commands: [([String]) -> [String]] = [
            { CommandTests.train(work, "--epochs", "1") + $0 }, { finetune(work, $0) }, { distill(work, $0) },
        ]
        for command in commands {
            for file in Self.files { try? FileManager.default.removeItem(atPath: work.file(file)) }
            #expect(try Program.run(command([])).code == 0)
            let before = try Self.files.map(work.contents)
            let refused = try Program.run(command([]))
            #expect(refused.code == 1 && refused.output.isEmpty, "before any work: \(refused.output)")
            for text in Self.files.map(work.file) + [
                "--resume continues from the checkpoint", "--overwrite begins anew",
            ] {
                #expect(refused.errors.contains(text), "\(text): \(refused.errors)")
            }
            #expect(refused.errors.split(separator: "\n").count == 1)
            #expect(try Self.files.map(work.contents) == before)
            #expect(!work.exists("m.lock"))
            let anew = try Program.run(command(["--overwrite"]))
            #expect(anew.code == 0 && !anew.output.contains("resumed"), "\(anew.errors)")
        }

        // each file by itself; a checkpoint alone may be continued, and nothing else
        for file in Self.files {
            let other = try Workplace()
            try Data([1]).write(to: URL(filePath: other.file(file)))
            let isCheckpoint = file == "m.checkpoint"
            for more in isCheckpoint ? [[]] : [[], ["--resume"]] {
                let refused = try Program.run(CommandTests.train(other, "--epochs", "1") + more)
                #expect(refused.code == 1 && refused.errors.contains(other.file(file)), "\(refused.errors)")
                #expect(refused.errors.contains("there is no checkpoint to continue from") == !isCheckpoint)
            }
            let anew = try Program.run(CommandTests.train(other, "--epochs", "1", "--overwrite"))
            #expect(anew.code == 0 && other.exists("m.safetensors"), "\(anew.errors)")
        }
    }

    @Test("a device is not replaced by a model")
    func device() throws {
        let work = try Workplace()
        let link = work.file("m.safetensors")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/dev/null")
        let refused = try Program.run(CommandTests.train(work, "--epochs", "1", "--overwrite"))
        #expect(refused.code == 1 && refused.errors.contains("\(link) is no regular file"), "\(refused.errors)")
        #expect(refused.output.isEmpty)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "/dev/null")
    }

    /// A training that goes on until it is ended, once it has its first checkpoint.
    private func begin(_ work: Workplace) throws -> Process {
        let process = Program.process(CommandTests.train(work, "--epochs", "1000000", "--patience", "0"))
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        while !work.exists("m.checkpoint"), process.isRunning { usleep(1000) }
        return process
    }

    @Test("one process writes them: another is refused, and told which it is")
    func oneWriter() throws {
        let work = try Workplace()
        let first = try begin(work)
        defer { first.terminate() }
        let checkpoint = try work.contents("m.checkpoint")
        // by the name without the suffix they are the same files
        for name in ["m.safetensors", "m"] {
            let second = try Program.run(CommandTests.train(work, "--overwrite", "--output", work.file(name)))
            #expect(second.code == 1 && second.output.isEmpty, "\(second.output)")
            #expect(second.errors.contains("process \(first.processIdentifier) is training it now"), "\(second.errors)")
        }
        #expect(!checkpoint.isEmpty && work.exists("m.lock"))
        first.terminate()
        first.waitUntilExit()
        #expect(first.terminationStatus == 130 && !work.exists("m.lock"))
    }

    @Test("what a killed training left does not hinder the next, which removes it")
    func killed() throws {
        let work = try Workplace()
        let first = try begin(work)
        kill(first.processIdentifier, SIGKILL)
        first.waitUntilExit()
        #expect(work.exists("m.lock"))
        let abandoned = [
            "m.checkpoint.partial", "m.checkpoint.4711.partial", "m.safetensors.partial", "m.csv.1.partial",
        ]
        for name in abandoned { try Data([1]).write(to: URL(filePath: work.file(name))) }
        let resumed = try Program.run(CommandTests.train(work, "--epochs", "1", "--resume"))
        #expect(resumed.code == 0 && resumed.output.contains("resumed"), "\(resumed.errors)")
        for name in abandoned + ["m.lock"] { #expect(!work.exists(name), "\(name)") }
    }

    @Test("seal adds a hash to a model file that has none, and inspect shows it; the model inside the program has one")
    func seal() throws {
        let embedded = try Program.run(["inspect"])
        #expect(embedded.output.contains("sha256        verified: "), "\(embedded.output)")
        let work = try Workplace()
        let old = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/maf.safetensors")
        let file = work.file("old.safetensors")
        try FileManager.default.copyItem(atPath: old.path, toPath: file)
        #expect(try Program.run(["inspect", file]).output.contains("sha256        none"))
        let sealed = try Program.run(["seal", file])
        #expect(sealed.code == 0 && sealed.output.hasPrefix("\(file): "), "\(sealed.errors)")
        #expect(try Program.run(["inspect", file]).output.contains("sha256        verified: "))
        #expect(try Program.run(["seal", file]).output.hasSuffix(", as before\n"))
        var bytes = try Data(contentsOf: URL(filePath: file))
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: URL(filePath: file))
        for command in [["inspect", file], ["seal", file], ["serve", "--port", "0", "--model", file]] {
            let refused = try Program.run(command)
            #expect(refused.code == 1 && refused.errors.contains("\(file): the file is damaged"), "\(refused.errors)")
        }
    }
}
