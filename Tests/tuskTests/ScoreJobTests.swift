import Archives
import Arrow
import Foundation
import Imaging
import Testing

@testable import tusk

@Suite("tusk score under whoever starts it", .timeLimit(.minutes(15)))
struct ScoreJobTests {
    private static func model() throws -> Workplace {
        let work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "1"))
        try #require(trained.code == 0, "\(trained.errors)")
        return work
    }

    private static func png(_ value: UInt8) throws -> [UInt8] {
        try encodePNG(Image(width: 4, height: 4, mode: .gray, pixels: (0..<16).map { value + UInt8($0) }))
    }

    private static let writer = ArrowWriter([ArrowWriter.Field("image", .bytes)])

    private static func arguments(_ work: Workplace, _ more: String...) -> [String] {
        ["score", "--model", work.file("m.safetensors")] + more
    }

    @Test("a batch is answered before the next is sent")
    func conversation() throws {
        let work = try Self.model()
        let process = Program.process(Self.arguments(work, "--stdin", "arrow", "--stdout", "arrow"))
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        input.fileHandleForWriting.write(Data(Self.writer.schema))
        // what the program kept back would be waited for without an end
        let answers = try ArrowReader(
            ByteReader { () throws(ArchiveError) in Array(output.fileHandleForReading.availableData) }, file: nil)
        for count in 1...3 {
            let images = Array(repeating: [UInt8]?.some(try Self.png(UInt8(count))), count: count)
            input.fileHandleForWriting.write(Data(Self.writer.batch(count: count, [.bytes(images)])))
            #expect(try answers.next()?.count == count)
        }
        input.fileHandleForWriting.closeFile()
        #expect(try answers.next() == nil)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("limits of a stream, on both sides")
    func limits() throws {
        let work = try Self.model()
        let image = try Self.png(1)
        let batch = Self.writer.batch(count: 1, [.bytes([image + [UInt8](repeating: 0, count: 2048)])])
        try Data(Self.writer.schema + batch + ArrowWriter.end).write(to: URL(filePath: work.file("in")))
        func run(_ option: String, _ limit: String) throws -> Program.Result {
            try Program.run(
                Self.arguments(work, "--stdin", "arrow", "--stdout", "arrow", option, limit),
                script: "exec < '\(work.file("in"))' > '\(work.file("out"))'")
        }
        let refused = try run("--max-batch-bytes", "2048")
        #expect(refused.code == 42 && refused.errors.contains("the limit of 2048 bytes in a batch of a stream"))
        #expect(try run("--max-batch-bytes", "3072").code == 0)
        // of an image it is that row's error
        for (limit, isError) in [("2048", true), ("3072", false)] {
            #expect(try run("--max-image-bytes", limit).code == 0)
            let text = String(decoding: try work.contents("out"), as: UTF8.self)
            #expect(text.contains("more than --max-image-bytes \(limit)") == isError)
        }
    }

    @Test("what cannot be written is status 75, of a stream and of a part")
    func full() throws {
        let work = try Self.model()
        try Data(Self.writer.schema).write(to: URL(filePath: work.file("in")))
        try Data(try Self.png(1)).write(to: URL(filePath: work.file("a.png")))
        for arguments in [
            Self.arguments(work, "--stdin", "arrow", "--stdout", "arrow"),
            Self.arguments(work, work.file("a.png"), "--shard", "0/1"),
        ] {
            let run = try Program.run(arguments, script: "exec < '\(work.file("in"))' > /dev/full")
            #expect(
                run.code == 75 && run.errors == "Error: standard output: No space left on device\n", "\(run.errors)")
        }
    }

    @Test("a part that is interrupted is status 75 and leaves nothing; what a killed one left is no obstacle")
    func interrupted() throws {
        let work = try Self.model()
        let images = (0..<20).flatMap { _ in (0..<16).map { UInt8($0) } }
        try Data(NPYArray.header(shape: [20, 4, 4], elementType: .uint8) + images).write(
            to: URL(filePath: work.file("a.npy")))
        let part = Self.arguments(
            work, work.file("a.npy"), "--threads", "1", "--shard", "0/1", "--output", work.file("out"))
        func begin() throws -> Process {
            let process = Program.process(part + ["--samples", "100000"])
            process.standardError = FileHandle.nullDevice
            try process.run()
            while !work.exists("out.partial"), process.isRunning { usleep(10_000) }
            return process
        }
        let interrupted = try begin()
        usleep(100_000)
        interrupted.terminate()
        interrupted.waitUntilExit()
        #expect(interrupted.terminationReason == .exit && interrupted.terminationStatus == 75)
        #expect(!work.exists("out") && !work.exists("out.partial"))
        let killed = try begin()
        kill(killed.processIdentifier, SIGKILL)
        killed.waitUntilExit()
        #expect(!work.exists("out") && work.exists("out.partial"))
        #expect(try Program.run(part).code == 0)
        #expect(work.exists("out") && !work.exists("out.partial"))
    }

    @Test("parts of arrays, lines of JSON, pictures and a data set are one run's output", arguments: [2, 7, 40])
    func mixed(count: Int) throws {
        let (work, elsewhere) = (try Self.model(), try Workplace())
        let images = (0..<4).flatMap { image in (0..<16).map { UInt8(20 * image + $0) } }
        try Data(NPYArray.header(shape: [4, 4, 4], elementType: .uint8) + images)
            .write(to: URL(filePath: elsewhere.file("a.npy")))
        try Data(try Self.png(3)).write(to: URL(filePath: elsewhere.file("b.png")))
        let line = "{\"image\":\(Array(0..<16))}\n"
        try Data((line + "{}\n" + line).utf8).write(to: URL(filePath: elsewhere.file("c.ndjson")))
        let input = ["a.npy", "c.ndjson", "b.png"].map(elsewhere.file) + ["--data", work.path]
        #expect(try Program.run(Self.arguments(work) + input + ["--output", work.file("whole")]).code == 2)
        var merged = Data()
        for index in 0..<count {
            let part = try Program.run(
                Self.arguments(work, "--shard", "/\(count)", "--output", work.file("part")) + input + ["--overwrite"],
                script: "export JOB_COMPLETION_INDEX=\(index)")
            #expect(part.code == 0, "\(part.errors)")
            merged += try work.contents("part")
        }
        #expect(merged == (try work.contents("whole")))
    }
}
