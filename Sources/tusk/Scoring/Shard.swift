import ArgumentParser

/// Part of the input of a job that one of several processes scores: number `index` of `count`, from 0.
struct Shard: Equatable, Sendable {
    let index: Int
    let count: Int

    /// Most parts.
    static let maxCount = 1 << 20

    /// Variables that have the index, of a Kubernetes Job with completionMode Indexed and of a Slurm array, in the order in which they are
    /// looked for.
    static let indexVariables = ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"]
    /// Variable that has the count; Kubernetes has none.
    static let countVariable = "SLURM_ARRAY_TASK_COUNT"

    /// The shard that `text` says: `3/16`; `/16` with the index from the environment; `auto` with the count too.
    /// - Throws: a `CommandError`.
    init(_ text: String, environment: [String: String]) throws {
        let isAuto = text == "auto"
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard isAuto || parts.count == 2 else {
            throw CommandError("--shard is \(text); it must be i/n, such as 0/16, or /n, or auto")
        }
        let given = isAuto || parts[0].isEmpty ? nil : parts[0]
        let variable = Self.indexVariables.first { environment[$0] != nil }
        guard let index = given ?? variable.flatMap({ environment[$0] }) else {
            throw CommandError(
                "--shard \(text) needs \(Self.indexVariables.joined(separator: " or ")) in the environment")
        }
        guard let count = isAuto ? environment[Self.countVariable] : parts[1] else {
            throw CommandError(
                "--shard auto needs \(Self.countVariable) in the environment; where there is none, write --shard /n")
        }
        self.count = try Self.number(count, isAuto ? Self.countVariable : "n of --shard", 1...Self.maxCount)
        self.index = try Self.number(index, given == nil ? variable! : "i of --shard", 0...self.count - 1)
    }

    private static func number(_ text: String, _ name: String, _ range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw CommandError("\(name) is \(text); it must be \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The part's own of `total` things: those of all shards, one behind the other, are all of them once.
    func range(of total: Int) -> Range<Int> {
        let (each, rest) = (total / count, total % count)
        let start = index * each + min(index, rest)
        return start..<start + each + (index < rest ? 1 : 0)
    }

    /// `path` with the shard in place of `{shard}`, so that names sort as shards do.
    func path(_ path: String) -> String {
        func five(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        }
        return path.replacing("{shard}", with: "\(five(index))-of-\(five(count))")
    }
}

/// Counter of the units of an input: a picture of a folder, which need not be opened for that, or an image of anything else.
final class ShardCut {
    /// Units so far.
    private(set) var units = 0
    /// Units that are wanted; nil to count alone.
    private let range: Range<Int>?

    init(_ range: Range<Int>?) { self.range = range }

    /// Counts a unit; returns whether it is wanted.
    func take() -> Bool {
        defer { units += 1 }
        return range?.contains(units) ?? false
    }

    /// Whether no unit that follows is wanted.
    var isDone: Bool { range.map { units >= $0.upperBound } ?? false }
}
