internal import Imaging

/// Count of the files of folders and archives that were not used, by reason.
public struct UnusedEntries: Sendable, Equatable {
    /// Number of files of each reason, such as `.gif` or `hidden`.
    public private(set) var counts: [String: Int] = [:]

    /// Number of all files.
    public var count: Int { counts.values.reduce(0, +) }

    public init() {}

    /// Adds a file for a reason that stands for itself, such as `picture beside folders of classes`.
    public mutating func add(reason: String, count: Int = 1) { counts[reason, default: 0] += count }

    /// Adds a file for what its name says: that it is hidden, an operating system's own, or by its ending no image.
    /// - Parameter name: the file's name without its folders.
    public mutating func add(name: String) { add(reason: Self.reason(ofName: name)) }

    /// Takes back a file that was added for its name, and is used after all.
    mutating func remove(name: String) { remove(reason: Self.reason(ofName: name)) }

    /// Takes back a file that was added for a reason.
    mutating func remove(reason: String) {
        guard let count = counts[reason] else { return }
        counts[reason] = count > 1 ? count - 1 : nil
    }

    /// Adds the counts of `other`.
    public mutating func add(_ other: UnusedEntries) {
        for (reason, count) in other.counts { add(reason: reason, count: count) }
    }

    /// Reason why no reader of images takes a file of this name.
    static func reason(ofName name: String) -> String {
        if isHidden(name) { return "hidden" }
        if systemFiles.contains(name.lowercased()) { return name }
        guard let point = name.lastIndex(of: "."), point > name.startIndex, name.index(after: point) < name.endIndex,
            name.distance(from: point, to: name.endIndex) <= 12
        else { return "without an ending" }
        return name[point...].lowercased()
    }

    /// Whether no folder shows a file of this name, or macOS leaves it in archives.
    public static func isHidden(_ name: some StringProtocol) -> Bool {
        name.hasPrefix(".") && name != "." && name != ".." || name == "__MACOSX"
    }

    /// Names among `names` that are files of trainings of this program: a model with its checkpoint, its lock and its curve as table and
    /// picture. They are no data, and nobody wants to hear of them.
    static func trainingFiles(in names: some Sequence<String>) -> Set<String> {
        let names = Set(names)
        var found: Set<String> = []
        for name in names {
            guard let ending = [".safetensors", ".checkpoint", ".lock"].first(where: name.hasSuffix) else { continue }
            let stem = name.dropLast(ending.count)
            found.formUnion([".safetensors", ".checkpoint", ".lock", ".csv", ".png"].map { stem + $0 })
        }
        return found.intersection(names)
    }

    /// Files that operating systems leave in folders, in lower case.
    private static let systemFiles: Set<String> = ["thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"]

    /// Most reasons that a description names.
    private static let mostReasons = 8
}

extension UnusedEntries: CustomStringConvertible {
    /// Count and reasons, the most frequent first: `12 files not used: 9 .gif, 2 hidden, 1 Thumbs.db`.
    public var description: String {
        let order = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        var reasons = order.prefix(Self.mostReasons).map { "\($0.value) \($0.key)" }
        let others = order.dropFirst(Self.mostReasons)
        if !others.isEmpty {
            reasons.append("\(others.reduce(0) { $0 + $1.value }) of \(others.count) other kinds")
        }
        return "\(count) \(count == 1 ? "file" : "files") not used: " + reasons.joined(separator: ", ")
    }
}
