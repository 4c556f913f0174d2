import Foundation
import Testing

@Suite("Standard output that cannot be written")
struct OutputTests {
    @Test("ends every command with a status of its own, and one line that says why")
    func full() throws {
        let work = try Workplace()
        #expect(try Program.run(CommandTests.train(work, "--epochs", "1")).code == 0)
        let model = ["--model", work.file("m.safetensors")]
        let commands: [[String]] = [
            ["key", "new", "--name", "gate", "--scope", "score"], ["--help"], ["help", "train"], ["--version"], ["key"],
            ["inspect", work.file("m.safetensors")], ["seal", work.file("m.safetensors")],
            ["evaluate", "--data", work.path] + model, ["evaluate", "--data", work.path, "--json"] + model,
            ["sample", "--count", "1", "--output", work.file("s.png")] + model,
            ["bench", "--seconds", "0.01", "--threads", "1"] + model,
            ["fit", "--target", "banana", "--steps", "1", "--samples", "2", "--layers", "1", "--hidden", "2"],
            CommandTests.train(work, "--epochs", "2", "--resume"),
        ]
        for command in commands {
            let full = try Program.run(command, script: "exec >/dev/full")
            #expect(full.code == 74, "\(command)")
            // a picture beside the data is said to be none of it
            let lines = full.errors.split(separator: "\n").filter { !$0.hasSuffix("1 file not used: 1 .png") }
            #expect(lines == ["Error: standard output: No space left on device"], "\(command)")
        }
        // a result that is in a file is there all the same
        #expect(work.exists("s.png"))
        #expect(try Program.run(["inspect", work.file("m.safetensors")]).output.contains("epoch 2 of 2"))
    }

    @Test("a key is not lost with status 0 where output is closed, or ends after some bytes")
    func key() throws {
        let new = ["key", "new", "--name", "gate", "--scope", "score"]
        let closed = try Program.run(new, script: "exec >&-")
        #expect(
            closed.code == 74 && closed.errors == "Error: standard output: Bad file descriptor\n", "\(closed.errors)")
        let work = try Workplace()
        // a file may have 512 bytes a block, and none of them more
        let short = try Program.run(new, script: "trap '' XFSZ; ulimit -f 0; exec >\(work.file("key"))")
        #expect(short.code == 74 && short.errors == "Error: standard output: File too large\n", "\(short.errors)")
        #expect(try Program.run(new).code == 0)
    }

    @Test("that nobody reads any more does not end a training")
    func reader() throws {
        let work = try Workplace()
        let training = CommandTests.train(work, "--epochs", "1").map { "'\($0)'" }.joined(separator: " ")
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/bash")
        shell.arguments = ["-c", "'\(Program.url.path)' \(training) 2>/dev/null | true; exit ${PIPESTATUS[0]}"]
        try shell.run()
        shell.waitUntilExit()
        // the reader may have gone before or after the last line
        #expect([0, 74].contains(shell.terminationStatus) && work.exists("m.safetensors"))
    }
}
