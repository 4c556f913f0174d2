import FoundationEssentials

/// Bytes that a process can still have: what the system has available, or what its control group leaves, if that is less.
/// Nil where neither says.
func availableMemory(root: String = "/") -> Int? {
    func number(_ path: String) -> Int? {
        guard let text = try? String(contentsOfFile: root + path, encoding: .utf8) else { return nil }
        return Int(text.split(whereSeparator: \.isWhitespace).first ?? "")
    }
    var limits: [Int] = []
    if let text = try? String(contentsOfFile: root + "proc/meminfo", encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
        let kibibytes = line.split(separator: " ").compactMap({ Int($0) }).first
    {
        limits.append(kibibytes << 10)
    }
    // version 2, then version 1; "max" is no number
    let groups = [
        ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ]
    for (limit, used) in groups {
        if let limit = number(limit) { limits.append(max(0, limit - (number(used) ?? 0))) }
    }
    return limits.min()
}
