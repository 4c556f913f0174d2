import Foundation
import Glibc
import TestSupport
import Testing

/// `tusk serve` over a small model.
final class Service {
    let work: Workplace
    let process: Process
    let output = Pipe()
    private(set) var text = ""
    /// All tests run at once, so that a client on a busy machine can be silent for a long time.
    private static let patient = ["--head-timeout", "--body-timeout", "--idle-timeout", "--write-timeout"]
        .flatMap { [$0, "600"] }

    /// Starts it, and waits until it is ready.
    /// - Parameter model: its file; a model that is trained for it without.
    /// - Parameter listening: the options that say where; a free port of 127.0.0.1 without.
    /// - Parameter script: what a shell does before it becomes the program.
    /// - Parameter input: standard input.
    /// - Parameter log: standard error; without it ``errors`` has what comes there.
    init(
        _ arguments: String..., model: String? = nil, listening: [String] = ["--port", "0"],
        environment: [String: String] = [:],
        script: String = "", input: FileHandle = .nullDevice, log: Pipe? = nil, until sign: String = "ready after"
    ) throws {
        work = try Workplace()
        if model == nil {
            let trained = try Program.run(CommandTests.train(work, "--epochs", "1"))
            try #require(trained.code == 0, "\(trained.errors)")
        }
        // Those of the arguments that say otherwise come later, and win.
        let quiet = ["--log-format", "text", "--access-log", "off"]
        process = Program.process(
            ["serve", "--model", model ?? work.file("m.safetensors")] + quiet + Self.patient + listening + arguments,
            script: script)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        try Data().write(to: URL(filePath: work.file("errors")))
        process.standardError = log ?? FileHandle(forWritingAtPath: work.file("errors"))
        try process.run()
        try wait(for: sign)
    }

    /// Starts it over a folder of models, with a Unix socket beside a free port, and waits until it is ready.
    init(_ arguments: [String], folder: String, socket: String) throws {
        work = try Workplace()
        process = Program.process(
            ["serve", "--models", folder, "--port", "0", "--listen", "unix:\(socket)", "--log-format", "text"]
                + ["--access-log", "off"] + Self.patient + arguments)
        process.standardOutput = output
        try Data().write(to: URL(filePath: work.file("errors")))
        process.standardError = FileHandle(forWritingAtPath: work.file("errors"))
        try process.run()
        try wait(for: "ready after")
    }

    deinit {
        guard process.isRunning else { return }
        kill(id, SIGKILL)
        process.waitUntilExit()
    }

    var id: Int32 { process.processIdentifier }

    /// What it has said on standard error.
    var errors: String { (try? String(decoding: work.contents("errors"), as: UTF8.self)) ?? "" }

    /// Reads its output until `sign` is in it.
    func wait(for sign: String) throws {
        while !text.contains(sign) {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "it ended after: \(text)\(errors)")
            text += String(decoding: more, as: UTF8.self)
        }
    }

    /// The port of the first address that it said.
    func port() throws -> Int {
        let first = text.split(separator: "listens on ").last?.split(whereSeparator: { ",\n".contains($0) }).first
        return try #require(first?.split(separator: ":").last.flatMap { Int($0) })
    }

    func client() throws -> RawSocketClient { try RawSocketClient(port: port()) }

    /// Asks it to end.
    func terminate() { kill(id, SIGTERM) }

    /// Waits for the end, and reads the rest of its output.
    func status() -> Int32 {
        text += String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return process.terminationStatus
    }

    func end() -> Int32 {
        terminate()
        return status()
    }
}
