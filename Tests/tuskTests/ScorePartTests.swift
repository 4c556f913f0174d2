import Archives
import Arrow
import Foundation
import Imaging
import TestSupport
import Testing

@testable import tusk

@Suite("tusk score as a part of a job", .timeLimit(.minutes(15)))
struct ScorePartTests {
    @Test("parts of any number are all of the input, once, in its order")
    func ranges() throws {
        for total in [0, 1, 2, 5, 16, 17, 1000] {
            for count in [1, 2, 3, 7, 16, 1001] {
                let parts = try (0..<count).map { try Shard("\($0)/\(count)", environment: [:]).range(of: total) }
                #expect(parts.flatMap(\.self) == Array(0..<total))
                #expect(parts.map(\.count).max()! - parts.map(\.count).min()! <= 1)
            }
        }
    }

    @Test("the index comes from the environment of Kubernetes and of Slurm")
    func environment() throws {
        #expect(try Shard("/4", environment: ["JOB_COMPLETION_INDEX": "3"]) == Shard("3/4", environment: [:]))
        let slurm = ["SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "8"]
        #expect(try Shard("auto", environment: slurm) == Shard("1/8", environment: [:]))
        #expect(try Shard("2/4", environment: slurm) == Shard("2/4", environment: [:]))
        #expect(try Shard("3/4", environment: [:]).path("s-{shard}.csv") == "s-00003-of-00004.csv")
    }

    @Test(
        "what is no part is refused with the value",
        arguments: [
            ("4/4", "i of --shard is 4; it must be 0 to 3"), ("-1/4", "i of --shard is -1"),
            ("0/0", "n of --shard is 0; it must be 1 to 1048576"),
            ("0/1048577", "n of --shard is 1048577"), ("3", "it must be i/n"),
            ("/4", "needs JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID"),
            ("auto", "needs JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID"),
        ])
    func refusals(_ text: String, _ reason: String) {
        #expect { try Shard(text, environment: [:]) } throws: { "\($0)".contains(reason) }
    }

    @Test("the largest number of parts is allowed")
    func most() throws {
        #expect(try Shard("1048575/1048576", environment: [:]).range(of: 1_048_576) == 1_048_575..<1_048_576)
    }

    // MARK: The command

    /// A model of 4 × 4 pixels, and a folder with 11 pictures, one of them broken.
    private static func work() throws -> Workplace {
        let work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "1"))
        try #require(trained.code == 0, "\(trained.errors)")
        try FileManager.default.createDirectory(atPath: work.file("images"), withIntermediateDirectories: true)
        for index in 0..<11 {
            let bytes = index == 4 ? Array("no picture".utf8) : try png(index)
            try Data(bytes).write(to: URL(filePath: work.file("images/\(index / 10)\(index % 10).png")))
        }
        return work
    }

    private static func png(_ value: Int) throws -> [UInt8] {
        try encodePNG(Image(width: 4, height: 4, mode: .gray, pixels: (0..<16).map { UInt8($0 * 5 + value) }))
    }

    private static func score(_ work: Workplace, _ arguments: [String], script: String = "") throws -> Program.Result {
        try Program.run(["score", "--model", work.file("m.safetensors")] + arguments, script: script)
    }

    @Test(
        "parts one behind the other are one run's output, byte for byte", arguments: ["ndjson", "csv"], [1, 3, 11, 13])
    func merged(_ format: String, _ count: Int) throws {
        let work = try Self.work()
        let whole = work.file("whole")
        #expect(try Self.score(work, [work.file("images"), "--format", format, "--output", whole]).code > 0)
        var merged = Data()
        for index in 0..<count {
            let part = try Self.score(
                work,
                [
                    work.file("images"), "--format", format, "--shard", "\(index)/\(count)", "--output",
                    work.file("part-{shard}"),
                ])
            #expect(part.code == 0, "\(part.errors)")
            let name =
                "part-\(String(repeating: "0", count: 5 - "\(index)".count))\(index)-of-000\(count < 10 ? "0" : "")\(count)"
            merged += try Data(contentsOf: URL(filePath: work.file(name)))
        }
        #expect(merged == (try Data(contentsOf: URL(filePath: whole))))
    }

    @Test("a part that is there is not done again unasked")
    func done() throws {
        let work = try Self.work()
        let arguments = [work.file("images"), "--shard", "0/2", "--output", work.file("part")]
        #expect(try Self.score(work, arguments).code == 0)
        try Data("kept".utf8).write(to: URL(filePath: work.file("part")))
        let again = try Self.score(work, arguments)
        #expect(again.code == 0 && again.errors.contains("this part is done"))
        #expect(try String(contentsOfFile: work.file("part"), encoding: .utf8) == "kept")
        #expect(try Self.score(work, arguments + ["--overwrite"]).code == 0)
        #expect(try String(contentsOfFile: work.file("part"), encoding: .utf8) != "kept")
    }

    @Test("status 75 for what one may mend, 42 for what no other try makes sound")
    func statuses() throws {
        let work = try Self.work()
        let part = [work.file("images"), "--shard", "0/2"]
        #expect(try Self.score(work, part, script: "exec > /dev/full").code == 75)
        #expect(try Self.score(work, part).code == 0)
        #expect(try Self.score(work, [work.file("none"), "--shard", "0/2"]).code == 42)
        #expect(try Self.score(work, [work.file("images"), "--shard", "2/2"]).code == 42)
        #expect(
            try Self.score(work, [work.file("images"), "--shard", "0/2", "--output", work.file("no/folder")]).code == 42
        )
        let model = ["score", "--model", work.file("none"), work.file("images"), "--shard", "0/2"]
        #expect(try Program.run(model).code == 42)
    }

    // MARK: Streams

    /// A stream of batches of pictures; nil is a null.
    private static func stream(_ batches: [[[UInt8]?]], name: String = "image") -> [UInt8] {
        let writer = ArrowWriter([.init("id", .int64), .init(name, .bytes)])
        let messages = batches.enumerated().flatMap { index, files in
            writer.batch(count: files.count, [.int64(files.indices.map { 100 * index + $0 }), .bytes(files)])
        }
        return writer.schema + messages + ArrowWriter.end
    }

    /// Answers of the command to a stream on its standard input.
    private static func answer(
        _ work: Workplace, _ stream: [UInt8], _ options: [String] = []
    ) throws -> (result: Program.Result, batches: [ArrowBatch], reader: ArrowReader?) {
        try Data(stream).write(to: URL(filePath: work.file("in.arrow")))
        let result = try score(
            work, ["--stdin", "arrow", "--stdout", "arrow"] + options,
            script: "exec < '\(work.file("in.arrow"))' > '\(work.file("out.arrow"))'")
        guard result.code == 0 else { return (result, [], nil) }
        let reader = try ArrowReader(
            RandomAccessFile(work.file("out.arrow")).reader(), file: nil, limits: ArrowLimits())
        var batches: [ArrowBatch] = []
        while let batch = try reader.next() { batches.append(batch) }
        return (result, batches, reader)
    }

    private static func column(_ reader: ArrowReader?, _ batch: ArrowBatch, _ name: String) throws -> ArrowColumn {
        batch.columns[try #require(reader?.schema.fields.firstIndex { $0.name == name })]
    }

    @Test("a batch is answered by a batch, a row by a row, with nulls and errors in their places")
    func streams() throws {
        let work = try Self.work()
        let files = [try Self.png(0), nil, Array("no picture".utf8), try Self.png(1)]
        let (result, batches, reader) = try Self.answer(
            work, Self.stream([files, [], [try Self.png(2)]]), ["--pass", "id"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(batches.map(\.count) == [4, 0, 1])
        let log = try Self.column(reader, batches[0], "log_prob")
        #expect((0..<4).map(log.isNull) == [false, true, true, false])
        let errors = try Self.column(reader, batches[0], "error")
        #expect((0..<4).map(errors.isNull) == [true, false, false, true])
        #expect(try Self.column(reader, batches[2], "id").value(0) == .integer(200))
        let alone = try Self.answer(work, Self.stream([[try Self.png(2)]]))
        #expect(
            try Self.column(alone.reader, alone.batches[0], "log_prob").numbers(0..<1)
                == Self.column(reader, batches[2], "log_prob").numbers(0..<1))
    }

    @Test("a stream that cannot be used ends with status 42 and the reason")
    func badStreams() throws {
        let work = try Self.work()
        let stream = Self.stream([[try Self.png(0), try Self.png(1)]])
        for (bytes, options, reason) in [
            ([], [], "it is empty"), (Array("PNG".utf8), [], "not an Arrow IPC stream"),
            (Array(stream.prefix(stream.count / 2)), [], "standard input"),
            (stream, ["--max-batch-rows", "1"], "a batch has 2 rows, more than --max-batch-rows 1"),
            (stream, ["--image-column", "none"], "--image-column none"), (stream, ["--pass", "none"], "--pass none"),
            (stream, ["--format", "csv"], "it goes without --format csv"),
        ] as [([UInt8], [String], String)] {
            let (result, _, _) = try Self.answer(work, bytes, options)
            #expect(result.code == 42 && result.errors.contains(reason), "\(result.errors)")
        }
        #expect(try Self.answer(work, stream, ["--max-batch-rows", "2"]).result.code == 0)
        #expect(try Self.score(work, ["--stdin", "arrow"]).code == 42)
    }
}
