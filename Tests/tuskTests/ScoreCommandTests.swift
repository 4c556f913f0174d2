import Compression
import Foundation
import Imaging
import TestSupport
import Testing

@testable import tusk

@Suite("tusk score", .timeLimit(.minutes(15)))
struct ScoreCommandTests {
    /// A model of 4 × 4 pixels, which ten images calibrate.
    private static func model() throws -> Workplace {
        let work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "1"))
        try #require(trained.code == 0, "\(trained.errors)")
        return work
    }

    private static func score(_ work: Workplace, _ arguments: [String], script: String = "") throws -> Program.Result {
        try Program.run(["score", "--model", work.file("m.safetensors")] + arguments, script: script)
    }

    private static func write(_ bytes: [UInt8], _ name: String, _ work: Workplace) throws -> String {
        let path = work.file(name)
        let folder = URL(filePath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    private static func png(_ value: UInt8, side: Int = 4) throws -> [UInt8] {
        let pixels = (0..<side * side).map { UInt8(truncatingIfNeeded: Int(value) + $0) }
        return try encodePNG(Image(width: side, height: side, mode: .gray, pixels: pixels))
    }

    private struct Record: Decodable, Equatable {
        var source: String
        var index: Int?
        var log_prob: Double?
        var verdict: String?
        var type: String?
        var error: String?
    }

    private static func records(_ output: String) throws -> [Record] {
        try output.split(separator: "\n").map { try JSONDecoder().decode(Record.self, from: Data($0.utf8)) }
    }

    @Test(
        "says what POST /logprob says of an image, field by field",
        arguments: ["", "samples=3", "detail=evidence&alarm=0.2", "detail=none", "detail=pixels"])
    func sameAsRoute(_ query: String) async throws {
        let service = try Service("--precision", "f32")
        let body = "{\"image\":\([UInt8](try service.work.contents("test-images-idx3-ubyte")[16..<32]))}"
        let answer = try await service.client().roundTrip(
            "POST /logprob?\(query) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(answer.status == 200, "\(answer.text)")
        let file = try Self.write(Array(body.utf8), "one.json", service.work)
        let options = query.split(separator: "&").flatMap { pair in
            let parts = pair.split(separator: "=")
            return ["--\(parts[0])", String(parts[1])]
        }
        let scored = try Self.score(service.work, [file] + options)
        #expect(scored.code == 0, "\(scored.errors)")
        #expect(scored.output == answer.text.replacing("{\"model\"", with: "{\"source\":\"\(file)\",\"model\"") + "\n")
        // the same fields as columns, and nothing else but where the image is from and what is wrong
        let table = try Self.score(service.work, [file, "--format", "csv"] + options)
        let lines = table.output.split(separator: "\r\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let columns = lines[0].dropFirst(2).dropLast(2).map { String($0.prefix { $0 != "." }) }
        let object = try #require(try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any])
        #expect(Set(columns) == Set(object.keys) && lines.count == 2)
        #expect(service.end() == 0)
    }

    @Test("an image of a list that cannot be scored has the route's words")
    func sameErrors() async throws {
        let service = try Service()
        let body = "[{\"image\":[[1,2],[3,4]]},{\"image\":[[300]]},\"?\",{}]"
        let answer = try await service.client().roundTrip(
            "POST /logprob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        let file = try Self.write(Array(body.utf8), "list.json", service.work)
        let scored = try Self.score(service.work, [file])
        #expect(scored.code == 2 && scored.errors == "Warning: 4 of 4 could not be scored\n")
        let items = (0..<4).map { "{\"source\":\"\(file)\",\"index\":\($0),\"model\":\"m\"," }
        let lines = scored.output.split(separator: "\n")
        #expect(zip(lines, items).allSatisfy { $0.hasPrefix($1) })
        let rest = zip(lines, items).map { $0.dropFirst($1.count) }
        let entries = zip(0..., rest).map { "{\"index\":\($0)," + $1 }.joined(separator: ",")
            .replacing("--fit contain", with: "fit=contain")
        #expect(answer.text == "{\"model\":\"m\",\"failed\":4,\"results\":[\(entries)]}")
        #expect(service.end() == 0)
    }

    @Test("files, folders, arrays, lines and data sets come in their order, and bad ones lose nothing of the others")
    func order() throws {
        let work = try Self.model()
        for (index, name) in ["b.png", "a/2.png", "a/1.png", "a/deep/3.PNG"].enumerated() {
            _ = try Self.write(Self.png(UInt8(10 * index)), "images/\(name)", work)
        }
        _ = try Self.write(Array("no image".utf8), "images/a/0.png", work)
        _ = try Self.write(Array("notes".utf8), "images/notes.txt", work)
        _ = try Self.write(Self.png(0), "images/.hidden.png", work)
        try FileManager.default.createSymbolicLink(
            atPath: work.file("images/a/up"), withDestinationPath: work.file("images"))
        let array = try Self.write(NPYArray(shape: [3, 4, 4], (0..<48).map { UInt8($0) }).encoded(), "x.npy", work)
        let packed = try Self.write(deflate(Self.png(1), coding: .gzip), "one.png.gz", work)
        let raw = try Self.write([UInt8](repeating: 0x5b, count: 33), "rows.raw", work)
        let lines = try Self.write(
            Array("{\"image\":\([UInt8](0..<16)),\"source\":\"mine\"}\n\n{\n[\([UInt8](0..<16))]\n".utf8), "l.ndjson",
            work)
        let scored = try Self.score(
            work,
            [
                "--data", work.file("validation-images-idx3-ubyte"), "--split", "all", work.file("images"), array,
                work.file("none.png"), packed,
                raw, lines,
            ])
        #expect(scored.code == 2)
        let records = try Self.records(scored.output)
        let names = records.map { $0.source.replacing(work.path + "/", with: "") + ($0.index.map { "[\($0)]" } ?? "") }
        let set = (0..<20).map { "validation-images-idx3-ubyte[\($0)]" }
        let expected = [
            "images/a/0.png", "images/a/1.png", "images/a/2.png", "images/a/deep/3.PNG", "images/b.png", "x.npy[0]",
            "x.npy[1]", "x.npy[2]", "none.png", "one.png.gz", "rows.raw[0]", "rows.raw[1]", "rows.raw", "mine",
            "l.ndjson[1]", "l.ndjson[2]",
        ]
        #expect(names == set + expected)
        let failed = records.filter { $0.error != nil }.map { $0.source.replacing(work.path + "/", with: "") }
        #expect(failed == ["images/a/0.png", "none.png", "rows.raw", "l.ndjson"])
        #expect(
            records.allSatisfy { ($0.log_prob == nil) == ($0.error != nil) && ($0.type == nil) == ($0.error == nil) })
        #expect(
            scored.errors
                == "Warning: 2 files not used: 1 .txt, 1 hidden\n"
                + "Warning: 4 of 36 could not be scored\n")
        // neither threads nor what is scored beside them change anything
        let alone = try Self.score(work, [work.file("images/b.png"), "--threads", "1"])
        #expect(try Self.records(alone.output) == records.filter { $0.source == work.file("images/b.png") })
    }

    @Test("archives hold the same images, and nothing of them is written")
    func archives() throws {
        let work = try Self.model()
        let images: [(name: String, bytes: [UInt8])] = [
            ("../../up.png", try Self.png(1)), ("./b/2.png", try Self.png(2)), ("__MACOSX/._2.png", [1]),
            ("readme.md", [2]), ("three.npy", NPYArray(shape: [2, 4, 4], [UInt8](0..<32)).encoded()),
        ]
        let tar = ArchiveBuilder.tar(images)
        let zip = ArchiveBuilder.zip(
            images.map {
                ArchiveBuilder.ZipFile(
                    name: $0.name, size: $0.bytes.count, checksum: unsafe crc32($0.bytes.span.bytes),
                    stored: Array(deflate($0.bytes, coding: .deflate).dropFirst(2).dropLast(4)))
            })
        var found: [[String?]] = []
        let before = try FileManager.default.contentsOfDirectory(atPath: work.path).count
        for (name, bytes) in [("i.tar", tar), ("i.tgz", deflate(tar, coding: .gzip)), ("i.zip", zip)] {
            let file = try Self.write(bytes, name, work)
            let scored = try Self.score(work, [file])
            #expect(scored.code == 0 && scored.errors.contains("2 files not used"), "\(scored.errors)")
            let records = try Self.records(scored.output)
            #expect(
                records.map(\.source)
                    == ["../../up.png", "./b/2.png", "three.npy", "three.npy"].map { "\(file):\($0)" })
            found.append(records.map { $0.log_prob.map { "\($0)" } })
        }
        #expect(Set(found).count == 1 && !found[0].contains(nil))
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path).count == before + 3)

        // from standard input, a file or a pipe
        for name in ["i.tgz", "i.zip"] {
            for script in [
                "exec <'\(work.file(name))'",
                "mkfifo '\(work.file("pipe"))'; cat '\(work.file(name))' >'\(work.file("pipe"))' & exec <'\(work.file("pipe"))'; rm '\(work.file("pipe"))'",
            ] {
                let piped = try Self.score(work, ["-"], script: script)
                #expect(
                    piped.code == 0 && piped.errors.contains("2 files not used: 1 .md, 1 hidden"), "\(piped.errors)")
                #expect(try Self.records(piped.output).map(\.source).first == "-:../../up.png")
            }
        }
        let device = try Self.score(work, ["/dev/stdin"], script: "exec </dev/null")
        #expect(device.output.contains("file: it is empty"))

        // limits, both sides
        for (option, most, name) in [
            ("--max-archive-bytes", tar.count, "i.tgz"), ("--max-image-bytes", images[0].bytes.count, "i.tar"),
        ] {
            let enough = try Self.score(work, [work.file(name), option, "\(most)"])
            #expect(enough.code == 0, "\(option) \(most): \(enough.output)")
            let short = try Self.score(work, [work.file(name), option, "\(most - 1)"])
            #expect(short.code == 2 && short.output.contains("more than the limit of \(most - 1)"), "\(short.output)")
        }
        let lineLimit = "{\"image\":[\((0..<16).map { "\($0)" }.joined(separator: ","))]}\n"
        let lines = try Self.write(Array((lineLimit + "                    " + lineLimit).utf8), "l.ndjson", work)
        let cut = try Self.score(work, [lines, "--max-image-bytes", "64"])
        let records = try Self.records(cut.output)
        #expect(records.map { $0.error == nil } == [true, false] && cut.code == 2, "\(cut.output)")
    }

    @Test(
        "an array in another order of bytes or axes has the same images; in Fortran order it is held whole, within a limit"
    )
    func orders() throws {
        let work = try Self.model()
        let plain = NPYArray(shape: [2, 4, 4], [UInt8](0..<32))
        let files: [(name: String, descr: String, isFortran: Bool, data: [UInt8])] = [
            ("big.npy", ">u2", false, plain.bytes.flatMap { [0, $0] }),
            // The first axis is the fastest: image, then row, then column.
            ("fortran.npy", "|u1", true, (0..<32).map { plain.bytes[$0 % 2 * 16 + $0 / 2 % 4 * 4 + $0 / 8] }),
        ]
        let expected = try Self.records(
            Self.score(work, [Self.write(plain.encoded(), "c.npy", work)]).output
        ).map(\.log_prob)
        #expect(Set(expected).count == 2 && !expected.contains(nil))
        for (name, descr, isFortran, data) in files {
            let text = "{'descr': '\(descr)', 'fortran_order': \(isFortran ? "True" : "False"), 'shape': (2, 4, 4)}"
            let head = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count), 0]
            let file = try Self.write(head + text.utf8 + data, name, work)
            let scored = try Self.score(work, [file, "--max-image-bytes", "64"])
            #expect(try Self.records(scored.output).map(\.log_prob) == expected, "\(scored.output)")
        }
        let large = "{'descr': '<u4', 'fortran_order': True, 'shape': (2, 4, 4)}"
        let head = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(large.utf8.count), 0]
        let file = try Self.write(head + large.utf8 + [UInt8](repeating: 0, count: 128), "large.npy", work)
        #expect(try Self.score(work, [file, "--max-image-bytes", "128"]).code == 0)
        let refused = try Self.score(work, [file, "--max-image-bytes", "127"])
        #expect(refused.code == 2 && refused.output.contains("numpy.ascontiguousarray"), "\(refused.output)")
    }

    @Test("what is no image is said by its kind, and a second picture behind the first")
    func others() throws {
        let work = try Self.model()
        let one = try Self.png(1)
        let both = try Self.write(one + Self.png(2), "both", work)
        let piped = try Self.score(work, ["-"], script: "exec <'\(both)'")
        #expect(try Self.records(piped.output).map { $0.error == nil } == [true, false] && piped.code == 2)
        #expect(piped.output.contains("another picture behind the first"))
        // of a file that is named what is behind its picture is nobody's business
        #expect(try Self.records(Self.score(work, [both]).output).count == 1)
        for (bytes, words) in [
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "is a Git LFS pointer"), ([], "is empty"),
            (Array("<!DOCTYPE html><html>".utf8), "is an HTML page"),
            ([UInt8](repeating: 0, count: 1024), "archive without files"),
        ] {
            let file = try Self.write(bytes, "x.png", work)
            let refused = try Self.score(work, [file])
            #expect(refused.code == 2 && refused.output.contains(words), "\(refused.output)")
        }
    }

    @Test("entries, names and the ratio of an archive have options, and links are counted")
    func archiveLimits() throws {
        let work = try Self.model()
        let one = try Self.png(1)
        let tar = ArchiveBuilder.tarEntry("link.png", [], type: "2") + ArchiveBuilder.tar([("abcdef.png", one)])
        let file = try Self.write(tar, "i.tar", work)
        let folded = try Self.write(
            deflate(tar + [UInt8](repeating: 0, count: 4 << 20), coding: .gzip), "i.tar.gz", work)
        #expect(try Self.score(work, [file]).errors == "Warning: 1 file not used: 1 symbolic link\n")
        for (option, path, most) in [
            ("--max-files", file, 2), ("--max-name-bytes", file, 10), ("--max-archive-ratio", folded, 1100),
        ] {
            #expect(try Self.score(work, [path, option, "\(most)"]).code == 0, "\(option)")
            let least = option == "--max-archive-ratio" ? 10 : most - 1
            let short = try Self.score(work, [path, option, "\(least)"])
            #expect(short.code == 2 && short.output.contains("more than the limit of \(least)"), "\(short.output)")
            let none = try Self.score(work, [path, option, "0"])
            #expect(none.code == 1 && none.errors.contains("\(option) is 0"), "\(none.errors)")
        }
    }

    @Test("statuses say what was found, and what went wrong")
    func statuses() throws {
        let work = try Self.model()
        let odd = try Self.write(Self.png(255), "odd.png", work)
        let data = ["--data", work.path, "--split", "test"]
        let plain = try Self.score(work, [odd, "--alarm", "0.2"])
        #expect(plain.code == 0 && plain.output.contains("\"verdict\":\"outlier\""), "\(plain.output)")
        #expect(try Self.score(work, [odd, "--fail-on", "outlier"]).code == 3)
        #expect(try Self.score(work, [odd, work.file("none"), "--fail-on", "unusual"]).code == 3)
        #expect(try Self.score(work, data + ["--alarm", "0.1", "--fail-on", "unusual"]).code == 3)
        #expect(try Self.score(work, [work.file("none"), "--fail-on", "unusual"]).code == 2)
        let full = try Self.score(work, [odd], script: "exec >/dev/full")
        #expect(full.code == 74 && full.errors == "Error: standard output: No space left on device\n")
        for (options, message) in [
            ([odd, "--fail-on", "outlier", "--detail", "none"], "--fail-on needs verdicts"),
            ([odd, "--alarm", "2"], "--alarm must be a decimal fraction"),
            ([odd, "--alarm", "0.01"], "--alarm: a rate of 0.01 needs 99 calibration images, and the model has 10"),
            ([odd, "--class", "x"], "--class: the model is not class-conditional"),
            ([odd, "--samples", "0"], "--samples is 0"), ([odd, "--samples", "100001"], "--samples is 100001"),
            ([odd, "--max-image-bytes", "63"], "--max-image-bytes is 63"),
            ([odd, "--max-archive-bytes", "1023"], "--max-archive-bytes is 1023"),
            ([odd, "--plot", "x.jpg"], "--plot x.jpg: it must end in .png"), ([], "there is nothing to score"),
            (["-", "-"], "- is given twice"), (["--data", "/nowhere"], "/nowhere: cannot be read"),
        ] {
            let refused = try Self.score(work, options)
            #expect(
                refused.code == 1 && refused.output.isEmpty && refused.errors.contains(message), "\(refused.errors)")
        }
        let empty = try Self.write([], "folder/x.txt", work)
        #expect(try Self.score(work, [URL(filePath: empty).deletingLastPathComponent().path]).code == 1)
    }

    @Test("output and pictures replace nothing unasked")
    func files() throws {
        let work = try Self.model()
        let (records, picture) = (work.file("r.csv"), work.file("p.png"))
        let command = [
            "--data", work.path, "--split", "test", "--format", "csv", "--output", records, "--plot", picture,
        ]
        let made = try Self.score(work, command)
        #expect(made.code == 0 && made.output.isEmpty, "\(made.errors)")
        let first = try work.contents("r.csv")
        #expect(String(decoding: first, as: UTF8.self).split(separator: "\r\n").count == 21)
        #expect(try decodeImage([UInt8](work.contents("p.png"))).height > 1000)
        let refused = try Self.score(work, command)
        #expect(refused.code == 1 && refused.errors.contains("--plot \(picture): the file is there"))
        try FileManager.default.removeItem(atPath: picture)
        #expect(try Self.score(work, command).errors.contains("--output \(records): the file is there"))
        #expect(try Self.score(work, command + ["--overwrite"]).code == 0)
        #expect(try work.contents("r.csv") == first)

        let folder = work.file("plots/")
        let plotted = ["--data", work.path, "--split", "test", "--detail", "none", "--plot", folder]
        #expect(try Self.score(work, plotted).code == 0)
        // without verdicts there are no p-values
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["log_prob.png", "unusual.png"])
        #expect(try Self.score(work, plotted).code == 1)
        #expect(
            try Self.score(work, [work.file("none"), "--plot", work.file("q.png")]).errors.contains("nothing to draw"))
    }

    @Test("records come as soon as they are there, and Ctrl-C leaves whole ones")
    func interrupted() throws {
        let work = try Self.model()
        let process = Program.process(["score", "--model", work.file("m.safetensors"), "-"])
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
        try process.run()
        let line = Data("{\"image\":\([UInt8](0..<16))}\n".utf8)
        var text = ""
        for count in 1...3 {
            try input.fileHandleForWriting.write(contentsOf: line)
            while text.split(separator: "\n").count < count || !text.hasSuffix("\n") {
                let more = output.fileHandleForReading.availableData
                try #require(!more.isEmpty)
                text += String(decoding: more, as: UTF8.self)
            }
        }
        kill(process.processIdentifier, SIGINT)
        text += String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(try Self.records(text).map(\.index) == [0, 1, 2])
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(said == "Warning: interrupted: 3 images done\n")
    }
}
