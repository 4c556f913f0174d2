import DataSets
import Foundation
import Imaging
import TestSupport
import Testing

@testable import tusk

@Suite("tusk prepare, and a training of data alone")
struct PrepareTests {
    /// A folder of photographs of several sizes, some of them gray.
    private static func photographs(_ work: Workplace, _ count: Int = 60) throws -> String {
        let folder = work.file("Holiday Photos")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for index in 0..<count {
            let (width, height) = (40 + index % 3, 50)
            let mode: ColorMode = index % 10 == 0 ? .gray : .rgb
            let pixels = (0..<width * height * mode.channels).map { UInt8(truncatingIfNeeded: $0 * (index + 3) / 7) }
            let image = Image(width: width, height: height, mode: mode, pixels: pixels)
            try Data(try encodePNG(image)).write(to: URL(filePath: "\(folder)/\(index).png"))
        }
        try Data("GIF89a".utf8).write(to: URL(filePath: "\(folder)/old.gif"))
        return folder
    }

    @Test("fields of a table and batches of an Arrow file have options")
    func limits() throws {
        let work = try Workplace()
        // a folder of its own, so that what is written is no file of it
        let folder = work.file("pictures")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for index in 1...3 {
            let image = Image(width: 2, height: 2, mode: .gray, pixels: [UInt8(index), 2, 3, 4])
            try Data(try encodePNG(image)).write(to: URL(filePath: "\(folder)/\(index).png"))
        }
        let table = "\(folder)/labels.csv"
        try Data("path,label\n1.png,a\n2.png,b\n3.png,a\n".utf8).write(to: URL(filePath: table))
        let arrow = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "ArrowTests/Fixtures/feather.arrow").path
        for (option, data, most, least) in [
            ("--max-field-bytes", table, 5, 4), ("--max-fields", table, 2, 1), ("--max-files", table, 4, 3),
            ("--max-batch-bytes", arrow, 1 << 16, 1024),
        ] {
            func prepare(_ value: Int) throws -> (code: Int32, output: String, errors: String) {
                let ended = try Program.run(
                    ["prepare", "--data", data, "--output", work.file("set"), "--overwrite", "--skip-bad"]
                        + [option, "\(value)"])
                return (ended.code, ended.output, ended.errors)
            }
            let enough = try prepare(most)
            #expect(enough.code == 0, "\(option): \(enough.errors)")
            let few = try prepare(least)
            #expect(few.code == 1 && few.errors.contains("is over the limit of \(least)"), "\(few.errors)")
            let none = try prepare(0)
            #expect(none.code == 1 && none.errors.contains("\(option) is 0"), "\(none.errors)")
        }
    }

    @Test("a set of fewer levels is read as what it is, by every command")
    func levels() throws {
        let work = try Workplace()
        let folder = work.file("pictures")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for index in 0..<60 {
            let pixels = (0..<16).map { UInt8(truncatingIfNeeded: $0 * 13 + index * 4) }
            try Data(try encodePNG(Image(width: 4, height: 4, mode: .gray, pixels: pixels)))
                .write(to: URL(filePath: "\(folder)/\(index).png"))
        }
        let set = work.file("set")
        #expect(try Program.run(["prepare", "--data", folder, "--output", set, "--levels", "16"]).code == 0)
        #expect(PreparedSet.levels(in: set) == 16 && PreparedSet.levels(in: folder) == nil)
        let train = ["train", "--data", set, "--name", "m", "--output", work.file("m.safetensors"), "--seconds", "1"]
        let trained = try Program.run(train)
        #expect(trained.code == 0 && trained.output.contains("4x4x1, 16 levels"), "\(trained.output)\(trained.errors)")
        let other = try Program.run(train + ["--levels", "256", "--overwrite"])
        #expect(other.code == 1 && other.errors.contains("a set prepared with 16"), "\(other.errors)")
        // prepared once more it keeps them, may have fewer, and not more
        let again = work.file("again")
        let same = try Program.run(["prepare", "--data", set, "--output", again])
        #expect(same.code == 0 && same.output.contains("16 levels"))
        #expect(
            try ImageDataSet.load(path: again, split: .all, levels: 16).pixels
                == ImageDataSet.load(path: set, split: .all, levels: 16).pixels)
        let fewer = try Program.run(["prepare", "--data", set, "--output", again, "--levels", "4", "--overwrite"])
        #expect(fewer.code == 0 && fewer.output.contains("4 levels"))
        #expect(Set(try ImageDataSet.load(path: again, split: .all, levels: 4).pixels) == [0, 1, 2, 3])
        let more = try Program.run(["prepare", "--data", set, "--output", again, "--levels", "32", "--overwrite"])
        #expect(more.code == 1 && more.errors.contains("--levels is 32; it must be 2 to 16"), "\(more.errors)")
    }

    @Test("arrays come from a pipe")
    func pipedArrays() throws {
        let work = try Workplace()
        let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "DataSetsTests/Fixtures/piped.npz").path
        let prepared = try Program.run(
            ["prepare", "--data", "-", "--output", work.file("set")],
            script:
                "mkfifo '\(work.file("pipe"))'; cat '\(fixture)' > '\(work.file("pipe"))' & exec < '\(work.file("pipe"))'"
        )
        #expect(prepared.code == 0 && prepared.output.contains("5x6x1"), "\(prepared.output)\(prepared.errors)")
    }

    @Test("photographs become a set and a model in two commands")
    func photographs() throws {
        let work = try Workplace()
        let folder = try Self.photographs(work)
        let set = work.file("set")
        let prepared = try Program.run(["prepare", "--data", folder, "--output", set, "--near-duplicates", "2"])
        #expect(prepared.code == 0, "\(prepared.errors)")
        #expect(
            prepared.output.contains(
                "images have 3 sizes and 2 colour modes; brought to 32×32 (--size), cover (--fit), colour"))
        #expect(prepared.output.contains("32x32x3, 256 levels") && prepared.errors.contains("1 file not used: 1 .gif"))
        let report =
            try JSONSerialization.jsonObject(
                with: Data(contentsOf: URL(filePath: "\(set)/prepared.json"))) as? [String: Any]
        #expect(report?["converted"] as? Int == 60 && report?["width"] as? Int == 32)
        let sheet = try decodePNG(Array(Data(contentsOf: URL(filePath: "\(set)/prepared.png"))))
        #expect(sheet.mode == .rgb && sheet.width > 64)
        // what standard input was is gone when its sizes are known
        let archive =
            "tar -C '\(work.path)' -cf '\(work.file("photos.tar"))' 'Holiday Photos'; exec < '\(work.file("photos.tar"))'"
        let piped = ["prepare", "--data", "-", "--output", work.file("piped")]
        let once = try Program.run(piped, script: archive)
        #expect(once.code == 1 && once.errors.contains("--size 32x32"), "\(once.errors)")
        let sized = try Program.run(piped + ["--size", "32", "--colour"], script: archive)
        #expect(sized.code == 0 && sized.output.contains("32x32x3"), "\(sized.errors)")
        // nothing that is there is replaced unasked
        let again = try Program.run(["prepare", "--data", folder, "--output", set])
        #expect(again.code == 1 && again.errors.contains("--overwrite"), "\(again.errors)")
        #expect(try Program.run(["prepare", "--data", folder, "--output", set, "--overwrite"]).code == 0)
        let trained = try Program.run(
            ["train", "--data", set, "--architecture", "coupling", "--layers", "1", "--hidden", "8", "--epochs", "1"],
            script: "cd \(work.path)")
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(work.exists("set.safetensors") && !trained.errors.contains("not used"))
    }

    @Test("borders of contain have the background, which is said and recorded")
    func borders() throws {
        let work = try Workplace()
        let folder = try Self.photographs(work)
        for (options, ground) in [([], "white"), (["--background", "black"], "black")] as [([String], String)] {
            let set = work.file("set-\(ground)")
            let prepared = try Program.run(
                ["prepare", "--data", folder, "--output", set, "--fit", "contain"] + options)
            #expect(prepared.output.contains("contain (--fit) on \(ground) (--background)"), "\(prepared.errors)")
            let report = try String(contentsOf: URL(filePath: "\(set)/prepared.json"), encoding: .utf8)
            #expect(report.contains("\"background\" : \"\(ground)\"") && report.contains("\"fit\" : \"contain\""))
            let array = try NPYArray.decode(Array(Data(contentsOf: URL(filePath: "\(set)/train.npy"))))
            // images of 50 rows and 40 to 42 columns leave columns at both sides
            let sides = stride(from: 0, to: array.bytes.count, by: 32 * 3).flatMap { array.bytes[$0..<$0 + 3] }
            #expect(Set(sides) == [ground == "white" ? 255 : 0])
        }
    }

    @Test("folders are trained from without preparing, with a size and a colour mode")
    func sizes() throws {
        let work = try Workplace()
        let folder = try Self.photographs(work)
        let arguments = [
            "train", "--data", folder, "--architecture", "coupling", "--layers", "1", "--hidden", "8", "--epochs", "1",
        ]
        let mixed = try Program.run(arguments, script: "cd '\(work.path)'")
        #expect(mixed.code == 1 && mixed.errors.contains("--size 32x32"), "\(mixed.errors)")
        let trained = try Program.run(
            arguments + ["--size", "8", "--grey", "--fit", "stretch"], script: "cd '\(work.path)'")
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(trained.output.contains("8x8x1") && work.exists("Holiday-Photos.safetensors"))
    }

    @Test("names of models follow from the data's")
    func names() {
        for (path, name) in [
            ("/data/animals", "animals"), ("animals/", "animals"), ("My Photos", "My-Photos"), ("set.tar.gz", "set"),
            ("-", "model"), ("x/.hidden", "hidden"), ("Füchse", "F-chse"), ("a.npz", "a"),
            (String(repeating: "a", count: 80), String(repeating: "a", count: 64)),
        ] {
            #expect(TrainingSession.name(after: path) == name)
        }
        #expect(TrainingSession.name(after: ".") != "." && TrainingSession.name(after: "/") != "")
    }

    @Test("a set four times as large as its memory is trained from in that memory")
    func memory() throws {
        let work = try Workplace()
        let side = 64
        func write(_ count: Int, _ name: String) throws -> String {
            var bytes = Data(NPYArray.header(shape: [count, side, side], elementType: .uint8))
            for index in 0..<count {
                bytes.append(contentsOf: (0..<side * side).map { UInt8(truncatingIfNeeded: ($0 ^ index) &* 31 >> 3) })
            }
            try bytes.write(to: URL(filePath: work.file(name)))
            return work.file(name)
        }
        /// Most resident memory of a preparation, MiB.
        func peak(_ data: String, _ options: [String]) throws -> Double {
            let process = Program.process(
                ["prepare", "--data", data, "--output", "\(data).set", "--overwrite"] + options)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            var most = 0.0
            while process.isRunning {
                let status =
                    (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)) ?? ""
                if let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM") }),
                    let kib = line.split(separator: " ").dropLast().last.flatMap({ Double($0) })
                {
                    most = max(most, kib / 1024)
                }
                usleep(2000)
            }
            #expect(process.terminationStatus == 0)
            return most
        }
        let (small, large) = (try write(20, "small.npy"), try write(16 * 1024, "large.npy"))  // 64 MiB
        let base = try peak(small, [])
        let bounded = try peak(large, ["--data-memory", "16"])
        let whole = try peak(large, [])
        #expect(whole - base > 60, "\(whole) MiB with all of it, \(base) with nothing")
        #expect(bounded - base < 40, "\(bounded) MiB with 16, \(base) with nothing")
    }
}
