import Foundation
import Testing

/// The built program, run as a user runs it.
struct Program {
    struct Result {
        var code: Int32
        var output: String
        var errors: String
    }

    /// SwiftPM puts the program beside the tests.
    static let url = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "tusk")

    /// - Parameter script: what a shell does first, in the process that then becomes the program.
    static func process(_ arguments: [String], script: String = "") -> Process {
        let process = Process()
        if script.isEmpty {
            process.executableURL = url
            process.arguments = arguments
        } else {
            process.executableURL = URL(filePath: "/bin/sh")
            process.arguments = ["-c", script + "\nexec \"$0\" \"$@\"", url.path] + arguments
        }
        process.standardInput = FileHandle.nullDevice
        return process
    }

    static func run(_ arguments: [String], script: String = "") throws -> Result {
        let process = process(arguments, script: script)
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // one line of errors at most, which a pipe holds
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: complaint, as: UTF8.self))
    }
}

/// A folder with a small IDX data set, gone after the test.
final class Workplace {
    let path: String

    /// - Parameter side: of the square images.
    init(side: Int = 4) throws {
        path = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var state: UInt32 = 1
        for (split, count) in [("train", 60), ("validation", 20), ("test", 20)] {
            let labels = (0..<count).map { UInt8($0 % 2) }
            let pixels = labels.flatMap { label in
                (0..<side * side).map { place in
                    state = state &* 1_664_525 &+ 1_013_904_223
                    // bright columns on the left or on the right
                    return UInt8((place % side < side / 2) == (label == 0) ? 200 : 20) + UInt8(state >> 27)
                }
            }
            try write(Self.idx(0x0803, [count, side, side], pixels), "\(split)-images-idx3-ubyte")
            try write(Self.idx(0x0801, [count], labels), "\(split)-labels-idx1-ubyte")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }
    func contents(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: file(name))) }

    private func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: URL(filePath: file(name)))
    }

    private static func idx(_ magic: Int, _ shape: [Int], _ values: [UInt8]) -> [UInt8] {
        ([magic] + shape).flatMap { number in [24, 16, 8, 0].map { UInt8(number >> $0 & 255) } } + values
    }
}
