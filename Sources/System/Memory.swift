/// Bytes that this process may take in all: `resident`, which it has, and what the kernel calls available, or the limit of the
/// process's control group or of one above it, if that is smaller; nil where neither is known.
///
/// Source: proc(5), `MemAvailable`; the kernel's cgroup-v2.rst, `memory.max`, and v1/memory.rst, `memory.limit_in_bytes`.
package func memoryLimit(resident: Int, root: String = "/") -> Int? {
    func lines(_ path: String) -> [Substring] { systemLines(root + path) }
    var limits = kilobytes("MemAvailable", in: root + "proc/meminfo").map { [resident + $0] } ?? []
    for line in lines("proc/self/cgroup") {
        // "0::/a/b" of version 2, "4:memory:/a/b" of version 1
        let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3 else { continue }
        let files: (folder: String, name: String)
        if fields[1].isEmpty {
            files = ("sys/fs/cgroup", "memory.max")
        } else if fields[1].split(separator: ",").contains("memory") {
            files = ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue
        }
        // in a container the path may be the machine's, and the limit at the root
        var path = fields[2].split(separator: "/")
        while true {
            let folder = ([files.folder] + path.map(String.init)).joined(separator: "/")
            // "max" is no number
            limits += lines("\(folder)/\(files.name)").prefix(1).compactMap { Int($0) }
            if path.isEmpty { break }
            path.removeLast()
        }
    }
    return limits.min()
}

/// Bytes of memory that this process has in use; nil where that is not known.
///
/// Source: proc(5), `VmRSS`.
package func residentMemory(root: String = "/") -> Int? { kilobytes("VmRSS", in: root + "proc/self/status") }

private func systemLines(_ path: String) -> [Substring] {
    guard let bytes = try? WholeFile(path).contents(limit: 1 << 20) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
}

/// The bytes of a line such as `MemAvailable:   21643000 kB`.
private func kilobytes(_ name: String, in path: String) -> Int? {
    systemLines(path).first { $0.hasPrefix(name + ":") }
        .flatMap { $0.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).first }
        .flatMap { Int($0) }.map { $0 << 10 }
}
