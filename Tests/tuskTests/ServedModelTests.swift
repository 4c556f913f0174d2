import Foundation
import Glibc
import TestSupport
import Testing

/// Models that come, go and change while `tusk serve` runs.
@Suite("Served models", .timeLimit(.minutes(15)))
struct ServedModelTests {
    /// A service over a folder of models that it watches or not, with a socket to administer it.
    private final class Setup {
        let work: Workplace
        private(set) var service: Service
        var folder: String { work.file("models") }

        /// - Parameter models: names of the models that are there at the start.
        init(_ models: [String], _ options: [String] = []) throws {
            work = try Workplace()
            try FileManager.default.createDirectory(atPath: work.file("models"), withIntermediateDirectories: true)
            for name in models { try Self.train(work, name, to: "models/\(name).safetensors") }
            service = try Service(
                options, folder: work.file("models"), socket: work.file("socket"))
        }

        /// - Parameter seed: models of other seeds have other weights.
        static func train(_ work: Workplace, _ name: String, seed: Int = 1, layers: Int = 2, to file: String) throws {
            let trained = try Program.run([
                "train", "--data", work.path, "--architecture", "maf", "--name", name, "--layers", "\(layers)",
                "--hidden", "16", "--batch", "20", "--alpha", "1e-3", "--epochs", "1", "--seed", "\(seed)",
                "--output", work.file(file),
            ])
            try #require(trained.code == 0, "\(trained.errors)")
        }

        /// Answer of an administrator's request.
        func admin(_ method: String, _ path: String) async throws -> RawResponse {
            let client = try RawSocketClient(.unix(path: work.file("socket")))
            let length = method == "POST" ? "Content-Length: 0\r\n" : ""
            return try await client.roundTrip("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(length)\r\n")
        }

        func copy(_ file: String, over other: String) throws {
            // beside it, then renamed, as operations.md says
            try? FileManager.default.removeItem(atPath: work.file(other + ".new"))
            try FileManager.default.copyItem(atPath: work.file(file), toPath: work.file(other + ".new"))
            try #require(unsafe rename(work.file(other + ".new"), work.file(other)) == 0)
        }
    }

    private static func logProb(_ model: String? = nil, images: Int = 1) -> String {
        let path = model.map { "/models/\($0)/logprob" } ?? "/logprob"
        return "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
            + "Content-Length: \(16 * images)\r\n\r\n" + String(repeating: "0123456789abcdef", count: images)
    }

    /// The log-densities of an answer.
    private static func values(_ answer: RawResponse) -> [Substring] {
        answer.text.split(separator: "\"log_prob\":").dropFirst().map { $0.prefix { $0 != "," && $0 != "}" } }
    }

    @Test("a folder's models are served, loaded, exchanged and unloaded by route, and failures are seen without a path")
    func routes() async throws {
        let setup = try Setup(["a", "b"], ["--default-model", "b", "--model-memory", "1"])
        #expect(setup.service.text.contains(": 2 models: b, maf, images 4x4x1, "))
        let client = try setup.service.client()
        let first = try await client.roundTrip(Self.logProb())
        #expect(first.text.hasPrefix(#"{"model":"b","#))
        let other = try await client.roundTrip(Self.logProb("a"))
        #expect(other.text.hasPrefix(#"{"model":"a","#))

        try Setup.train(setup.work, "a", seed: 2, to: "next.safetensors")
        try setup.copy("next.safetensors", over: "models/a.safetensors")
        #expect(try await client.roundTrip(Self.logProb("a")).text == other.text, "nobody asked for it yet")
        let loaded = try await setup.admin("POST", "/admin/models/a/load")
        #expect(
            loaded.status == 200 && loaded.text.hasPrefix(#"{"name":"a","file":"a.safetensors","phase":"serving","#))
        let exchanged = try await client.roundTrip(Self.logProb("a"))
        #expect(exchanged.status == 200 && Self.values(exchanged) != Self.values(other))

        // cut off in place, which a file that is mapped would not survive
        let handle = try #require(FileHandle(forUpdatingAtPath: "\(setup.folder)/a.safetensors"))
        try handle.truncate(atOffset: 100)
        try handle.close()
        #expect(try await client.roundTrip(Self.logProb("a")).text == exchanged.text)
        let refused = try await setup.admin("POST", "/admin/models/a/load")
        #expect(refused.status == 409 && refused.text.contains("urn:tusk:problem:model-unchanged"))
        let reason = "not a sound safetensors file: the file is 100 bytes long"
        #expect(refused.text.contains("a.safetensors: \(reason)"))
        let states = try await setup.admin("GET", "/admin/models")
        #expect(states.text.contains(reason) && !states.text.contains(setup.work.path))
        #expect(!refused.text.contains(setup.work.path))
        #expect(try await client.roundTrip(Self.logProb("a")).text == exchanged.text)

        #expect(try await setup.admin("POST", "/admin/models/a/unload").text == #"{"unloaded":"a"}"#)
        #expect(try await client.roundTrip(Self.logProb("a")).status == 404)
        #expect(try await setup.admin("POST", "/admin/models/b/unload").status == 409)

        try Setup.train(setup.work, "large", layers: 120, to: "models/large.safetensors")
        let large = try await setup.admin("POST", "/admin/models/large/load")
        #expect(large.status == 409 && large.text.contains("urn:tusk:problem:model-memory"))
        #expect(large.text.contains(" MiB of at most 1.0 MiB are used"))
        #expect(setup.service.end() == 0)
        #expect(setup.service.errors.contains("model not loaded; what was served still is"))
    }

    @Test(
        "SIGHUP and a reload read changed models again, and a watch does so by itself",
        arguments: ["signal", "route", "watch"])
    func changes(by means: String) async throws {
        let setup = try Setup(["a"], means == "watch" ? ["--watch-models", "0.1"] : [])
        let client = try setup.service.client()
        let before = try await client.roundTrip(Self.logProb())
        try Setup.train(setup.work, "a", seed: 2, to: "next.safetensors")
        try Setup.train(setup.work, "b", to: "b.safetensors")
        try setup.copy("next.safetensors", over: "models/a.safetensors")
        try setup.copy("b.safetensors", over: "models/b.safetensors")
        if means == "signal" { kill(setup.service.id, SIGHUP) }
        if means == "route" {
            #expect(try await setup.admin("POST", "/admin/reload").text == #"{"reloaded":["models"]}"#)
        }
        var answer = before
        var isNewServed = false
        while answer.text == before.text || !isNewServed {
            answer = try await client.roundTrip(Self.logProb())
            try #require(answer.status == 200)
            isNewServed = try await client.roundTrip(Self.logProb("b")).status == 200
        }
        #expect(Self.values(answer) != Self.values(before))
        try Data("<html>".utf8).write(to: URL(filePath: "\(setup.folder)/c.safetensors"))
        if means == "route" {
            let refused = try await setup.admin("POST", "/admin/reload")
            #expect(refused.status == 409)
            #expect(refused.text.contains("models: c.safetensors: expected a model file, found an HTML page"))
        }
        #expect(setup.service.end() == 0)
    }

    @Test("a folder in the folder has versions of its name, and a file can be served by another name")
    func versions() async throws {
        let setup = try Setup(["b"])
        let client = try setup.service.client()
        try FileManager.default.createDirectory(atPath: setup.folder + "/gate", withIntermediateDirectories: true)
        for version in [1, 2] {
            try Setup.train(setup.work, "m", seed: version, to: "models/gate/\(version).safetensors")
        }
        // a volume's own, which nobody else may read
        try FileManager.default.createDirectory(
            atPath: setup.folder + "/lost+found", withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0])
        #expect(try await setup.admin("POST", "/admin/reload").text == #"{"reloaded":["models"]}"#)
        let first = try await client.roundTrip(Self.logProb("gate@1"))
        let latest = try await client.roundTrip(Self.logProb("gate"))
        #expect(first.text.hasPrefix(#"{"model":"gate@1","#) && latest.text.hasPrefix(#"{"model":"gate@2","#))
        #expect(Self.values(first) != Self.values(latest))
        #expect(try await client.roundTrip(Self.logProb()).text.hasPrefix(#"{"model":"b","#))
        #expect(try await setup.admin("POST", "/admin/models/gate@2/unload").text == #"{"unloaded":"gate@2"}"#)
        #expect(try await client.roundTrip(Self.logProb("gate")).text == first.text)
        try setup.copy("models/gate/1.safetensors", over: "models/gate/new.safetensors")
        let reason = "gate/new.safetensors: the file of a version is called by its number, such as 3.safetensors"
        #expect(try await setup.admin("POST", "/admin/reload").text.contains(reason))
        #expect(try await client.roundTrip(Self.logProb("gate")).text == first.text)
        #expect(setup.service.end() == 0)

        let named = try Service(
            "--model", "gate@7=\(setup.folder)/gate/2.safetensors", "--default-model", "gate",
            model: setup.folder + "/b.safetensors")
        #expect(named.text.contains(": 2 models: gate@7, maf, "))
        let answer = try await named.client().roundTrip(Self.logProb())
        #expect(answer.text.hasPrefix(#"{"model":"gate@7","#) && Self.values(answer) == Self.values(latest))
        #expect(named.end() == 0)
        let refused = try Program.run(["serve", "--port", "0", "--model", "gate@0=\(setup.folder)/b.safetensors"])
        #expect(refused.code == 1)
        #expect(refused.errors.contains("gate@0 is no name; NAME has 1 to 64 of"))
    }

    @Test("a model that nobody asks for rests, and answers the next request as it did")
    func resting() async throws {
        let setup = try Setup(["a"], ["--rest-models-after", "0.1"])
        let client = try setup.service.client()
        func rests() async throws {
            await eventually {
                (try? await setup.admin("GET", "/admin/models").text.contains(#""phase":"resting""#)) == true
            }
        }
        let before = try await client.roundTrip(Self.logProb())
        try await rests()
        #expect(try await client.roundTrip("GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200)
        #expect(try await setup.admin("GET", "/admin/models").text.contains(#""memory_bytes":0"#))
        #expect(try await client.roundTrip(Self.logProb()).text == before.text)
        for path in ["/sample?count=1&seed=1", "/models/a"] {
            try await rests()
            #expect(try await client.roundTrip("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200)
        }
        try await rests()
        try Data("<html>".utf8).write(to: URL(filePath: "\(setup.folder)/a.safetensors"))
        let refused = try await client.roundTrip(Self.logProb())
        #expect(refused.status == 503 && refused["Retry-After"] != nil)
        #expect(refused.text.contains(#"model: \"a\" was unused, and could not be loaded again"#))
        #expect(
            try await setup.admin("GET", "/admin/models").text.contains("expected a model file, found an HTML page"))
        #expect(setup.service.end() == 0)
        let limit = try Program.run(["serve", "--port", "0", "--rest-models-after", "0.01"])
        #expect(limit.errors.contains("--rest-models-after is 0.01; it must be 0.1 to 604800"))
    }

    @Test("links out of the folder are refused, and an empty folder")
    func folders() async throws {
        let work = try Workplace()
        let folder = work.file("models")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        func refused(_ options: String...) throws -> String {
            let result = try Program.run(["serve", "--port", "0"] + options)
            #expect(result.code == 1)
            return result.errors
        }
        #expect(
            try refused("--models", folder)
                == "Error: --models \(folder): there is no NAME.safetensors in it, and no folder NAME with 1.safetensors\n"
        )
        try FileManager.default.createDirectory(atPath: folder + "/z.safetensors", withIntermediateDirectories: true)
        let isFolder = "/z.safetensors: the model file cannot be read: a folder\n"
        #expect(try refused("--models", folder).hasSuffix(isFolder))
        try FileManager.default.removeItem(atPath: folder + "/z.safetensors")
        #expect(try refused("--models", folder + "/none").hasSuffix(": No such file or directory\n"))
        #expect(try refused("--models", work.file("train-images-idx3-ubyte")).hasSuffix(": Not a directory\n"))
        try Setup.train(work, "a", to: "a.safetensors")
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/a.safetensors", withDestinationPath: "../a.safetensors")
        #expect(
            try refused("--models", folder)
                == "Error: --models \(folder)/a.safetensors: the model file cannot be read: a link that leads out of its folder\n"
        )
        #expect(
            try refused("--model", work.file("a.safetensors"), "--default-model", "x")
                == "Error: no file holds a model called x\n")
        #expect(
            try refused("--model", work.file("a.safetensors"), "--model-memory", "0").contains(
                "--model-memory is 0; it must be 1 to"))
        #expect(try refused("--watch-models", "0.01").contains("--watch-models is 0.01; it must be 0.1 to 86400"))
    }

    @Test("16 connections score while the model is exchanged 20 times: none fails, and each answer is of one model")
    func underLoad() async throws {
        let setup = try Setup(["m"])
        try Setup.train(setup.work, "m", seed: 2, to: "second.safetensors")
        try setup.copy("models/m.safetensors", over: "first.safetensors")
        let service = setup.service
        func value() async throws -> Substring {
            try #require(Self.values(try await service.client().roundTrip(Self.logProb())).first)
        }
        let first = try await value()
        try setup.copy("second.safetensors", over: "models/m.safetensors")
        #expect(try await setup.admin("POST", "/admin/models/m/load").status == 200)
        let second = try await value()
        #expect(first != second)

        let isOver = Locked(false)
        let port = try service.port()
        let seen = try await withThrowingTaskGroup(of: [Substring: Int].self) { group in
            for n in 0..<16 {
                group.addTask {
                    let client = try RawSocketClient(port: port)
                    var seen: [Substring: Int] = [:]
                    while !isOver.value {
                        let images = 1 + n % 4
                        let answer = try await client.roundTrip(Self.logProb(images: images))
                        let values = Self.values(answer)
                        try #require(answer.status == 200 && values.count == images, "\(answer.text)")
                        try #require(Set(values).count == 1, "an answer of two models: \(answer.text)")
                        seen[values[0], default: 0] += 1
                    }
                    return seen
                }
            }
            for n in 0..<20 {
                try setup.copy(n % 2 == 0 ? "first.safetensors" : "second.safetensors", over: "models/m.safetensors")
                let loaded = try await setup.admin("POST", "/admin/models/m/load")
                try #require(loaded.status == 200, "\(loaded.text)")
                let now = try await value()
                #expect(now == (n % 2 == 0 ? first : second), "what is loaded is served")
            }
            isOver.change { $0 = true }
            return try await group.reduce(into: [:]) { all, one in all.merge(one, uniquingKeysWith: +) }
        }
        #expect(Set(seen.keys) == [first, second])
        await eventually {
            (try? await setup.admin("GET", "/admin/models").text.contains(#""leaving_generations":0"#)) == true
        }
        #expect(service.end() == 0)
    }
}
