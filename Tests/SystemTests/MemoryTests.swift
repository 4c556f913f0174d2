import Foundation
import System
import Testing

@Suite("Memory of the system")
struct MemoryTests {
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
