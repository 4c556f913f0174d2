import Foundation
import Imaging
import TestSupport
import Testing

@Suite("How tusk score reads images", .timeLimit(.minutes(15)))
struct ScoreTermTests {
    private let work: Workplace

    /// A model of 4 × 4 gray pixels.
    init() throws {
        work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "1"))
        try #require(trained.code == 0, "\(trained.errors)")
    }

    private func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let path = work.file(name)
        try FileManager.default.createDirectory(
            at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    private struct Record: Decodable {
        var log_prob: Double?
        var error: String?
    }

    private func score(_ arguments: String...) throws -> [Record] {
        let scored = try Program.run(["score", "--model", work.file("m.safetensors")] + arguments)
        try #require(scored.code == 0 || scored.code == 2, "\(scored.errors)")
        return try scored.output.split(separator: "\n").map {
            try JSONDecoder().decode(Record.self, from: Data($0.utf8))
        }
    }

    private static let levels = (0..<48).map { UInt8($0 * 5) }

    @Test("--layout says which axis is which")
    func layout() throws {
        let array = try write(NPYArray(shape: [3, 4, 4], Self.levels).encoded(), "stack.npy")
        let scores = try score(array).map(\.log_prob)
        #expect(scores.count == 3 && !scores.contains(nil))
        #expect(try score(array, "--layout", "NHW").map(\.log_prob) == scores)
        let channels = (0..<16).flatMap { pixel in (0..<3).map { Self.levels[$0 * 16 + pixel] } }
        let picture = try write(
            encodePNG(Image(width: 4, height: 4, mode: .rgb, pixels: channels)), "picture.png")
        let one = try score(array, "--layout", "CHW", "--fit", "cover").map(\.log_prob)
        #expect(try one.count == 1 && one == score(picture, "--fit", "cover").map(\.log_prob))
        #expect(try score(array, "--layout", "HW").first?.error?.contains("layout: HW has 2 axes") == true)
        let lines = try write(Array("{\"image\":[[[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4]]]}\n".utf8), "a.ndjson")
        #expect(try score(lines, "--layout", "CHW").first?.log_prob != nil)
        #expect(try score(lines, "--layout", "HWC").first?.log_prob == nil)
    }

    @Test("--scale says what numbers mean, in files and in --data")
    func scale() throws {
        let levels = try write(NPYArray(shape: [3, 4, 4], Self.levels).encoded(), "levels.npy")
        let unit = NPYArray(shape: [3, 4, 4], Self.levels.map { Float($0) / 255 }).encoded()
        let file = try write(unit, "unit.npy")
        _ = try write(unit, "set/test.npy")
        let expected = try score(levels).map(\.log_prob)
        #expect(try score(file).allSatisfy { $0.error?.contains("--scale unit") == true })
        #expect(try score(file, "--scale", "unit").map(\.log_prob) == expected)
        #expect(try score("--data", work.file("set"), "--scale", "unit").map(\.log_prob) == expected)
        let unsaid = try Program.run(["score", "--model", work.file("m.safetensors"), "--data", work.file("set")])
        #expect(unsaid.code == 1 && unsaid.errors.contains("--scale"), "\(unsaid.errors)")
    }

    @Test("--background is under transparent pixels and round what --fit contain keeps, in files and in --data")
    func background() throws {
        func png(_ mode: ColorMode, _ width: Int, _ height: Int, _ pixels: [UInt8], _ name: String) throws -> String {
            try write(encodePNG(Image(width: width, height: height, mode: mode, pixels: pixels)), name)
        }
        let clear = try png(.grayAlpha, 4, 4, Array(repeating: 0, count: 32), "clear.png")
        let wide = try png(.gray, 4, 2, Array(1...8), "set/test/wide.png")
        _ = try png(.gray, 2, 4, Array(1...8), "set/test/tall.png")
        func plain(_ pixels: [UInt8]) throws -> Double? { try score(png(.gray, 4, 4, pixels, "plain.png"))[0].log_prob }
        func line(_ level: UInt8) -> [UInt8] { Array(repeating: level, count: 4) }
        #expect(try score(clear)[0].error?.contains("--fit contain|cover|stretch asks for conversion") == true)
        for (options, level) in [
            ([], 255), (["--background", "black"], 0), (["--background", "#111111"], 17),
        ] as [([String], UInt8)] {
            func score(_ arguments: [String]) throws -> [Double?] {
                let model = ["score", "--model", work.file("m.safetensors")]
                let scored = try Program.run(model + arguments + options)
                #expect(scored.code == 0, "\(scored.errors)")
                return try scored.output.split(separator: "\n").map {
                    try JSONDecoder().decode(Record.self, from: Data($0.utf8)).log_prob
                }
            }
            let ground = try plain(Array(repeating: level, count: 16))
            let padded = try plain(line(level) + Array(1...8) + line(level))
            let rows = [1, 3, 5, 7].map { (first: UInt8) -> [UInt8] in [level, first, first + 1, level] }
            let between = try plain(Array(rows.joined()))
            #expect(try score([clear, "--fit", "contain"]) == [ground])
            if !options.isEmpty { #expect(try score([clear]) == [ground]) }
            #expect(try score([wide, "--fit", "contain"]) == [padded])
            #expect(try score(["--data", work.file("set"), "--fit", "contain"]) == [between, padded])
        }
    }

    @Test("score and what reads data sets say the same of these options")
    func help() throws {
        func lines(_ command: String) throws -> [String] {
            let help = try Program.run(["help", command])
            #expect(help.code == 0)
            let text = help.output.replacing(/\s+/, with: " ")
            return try ["--layout <axes>", "--scale <scale>", "--background <colour>"].map { option in
                let start = try #require(text.firstRange(of: option))
                return String(text[start.lowerBound...].prefix(120))
            }
        }
        let expected = try lines("score")
        for command in ["train", "prepare", "evaluate", "calibrate"] { #expect(try lines(command) == expected) }
    }
}
