import Foundation
import Testing

@testable import tusk

@Suite("Memory of a training")
struct MemoryTests {
    @Test("a training that needs more than there may be is refused before it starts, one that fits is not")
    func limit() throws {
        let work = try Workplace()
        let large = CommandTests.train(work, "--epochs", "1", "--hidden", "2048,2048")
        let refused = try Program.run(large + ["--max-memory", "100"])
        #expect(refused.code == 1 && refused.errors.contains("--max-memory is 100"), "\(refused.errors)")
        #expect(refused.errors.contains("--accumulate") && !work.exists("m.checkpoint"))
        let program = try Program.run(CommandTests.train(work, "--epochs", "1", "--max-memory", "1"))
        #expect(program.code == 1 && program.errors.contains("--max-memory is 1."), "\(program.errors)")
        let small = try Program.run(CommandTests.train(work, "--epochs", "1", "--max-memory", "100"))
        #expect(small.code == 0, "\(small.errors)")
        #expect(small.output.contains("for the program and the images"))
        #expect(small.output.contains("for the activations of a step"))
        let wrong = try Program.run(CommandTests.train(work, "--max-memory", "0"))
        #expect(wrong.code == 1 && wrong.errors.contains("--max-memory is 0"), "\(wrong.errors)")
    }

    @Test("groups of the learning rate are read, and refused where they make no sense")
    func groups() throws {
        let work = try Workplace()
        let trained = try Program.run(
            CommandTests.train(work, "--epochs", "1", "--learning-rate-of", "biases=2"))
        #expect(trained.code == 0 && trained.output.contains("learning rate of biases times 2.0"), "\(trained.errors)")
        for (group, message) in [("biases", "biases"), ("=2", "=2"), ("nothing=2", "standardize.shift")] {
            let refused = try Program.run(CommandTests.train(work, "--learning-rate-of", group))
            #expect(refused.code != 0 && refused.errors.contains(message), "\(refused.errors)")
        }
    }

    @Test("what is available is the system's figure or the control group's, whichever is less")
    func available() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        func write(_ path: String, _ text: String) throws {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let path = root.path + "/"
        #expect(memoryLimit(resident: 0, root: path) == nil && residentMemory(root: path) == nil)
        try write("proc/self/status", "Name:\ttusk\nVmHWM:\t   90 kB\nVmRSS:\t   80 kB\n")
        #expect(residentMemory(root: path) == 80 << 10)
        try write("proc/meminfo", "MemTotal:       2000 kB\nMemAvailable:    1000 kB\n")
        // what it has is not among what is available, but within a control group's limit
        #expect(memoryLimit(resident: 24 << 10, root: path) == 1024 << 10)
        // of the process's group and of those above it, whichever is least
        try write("proc/self/cgroup", "0::/service/tusk\n")
        try write("sys/fs/cgroup/service/tusk/memory.max", "max\n")
        #expect(memoryLimit(resident: 24 << 10, root: path) == 1024 << 10)
        try write("sys/fs/cgroup/service/memory.max", "600000\n")
        #expect(memoryLimit(resident: 24 << 10, root: path) == 600_000)
        try write("sys/fs/cgroup/service/tusk/memory.max", "500000\n")
        #expect(memoryLimit(resident: 24 << 10, root: path) == 500_000)
        // version 1, in a container whose limit stands at the root
        try write("proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/abc\n")
        #expect(memoryLimit(resident: 24 << 10, root: path) == 1024 << 10)
        try write("sys/fs/cgroup/memory/memory.limit_in_bytes", "400000\n")
        #expect(memoryLimit(resident: 24 << 10, root: path) == 400_000)
    }
}
