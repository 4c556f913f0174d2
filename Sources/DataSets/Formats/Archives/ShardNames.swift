/// Names that stand for many, as shells and the webdataset library write them: `train-{000000..000123}.tar`, `{a,b}-{0..3}.tar`, and
/// several such with `::` between them.
///
/// Source: braceexpand 0.1.7, which follows bash: a list `{a,b}`, a range of numbers or letters `{1..9}` or `{1..9..2}`, padded with
/// zeros where one of its ends is; braces that are neither stand for themselves.
package enum ShardNames {
    /// Most names that one stands for, unless somebody says otherwise.
    package static let maxNames = 1 << 20

    /// More names than `limit`.
    package struct TooMany: Error, Equatable {
        package let limit: Int
    }

    /// Returns the names that `text` stands for, in their order; itself alone where it has no braces.
    /// - Throws: ``TooMany``.
    package static func expanded(_ text: String, limit: Int = maxNames) throws(TooMany) -> [String] {
        var names: [String] = []
        for part in text.split(separator: "::", omittingEmptySubsequences: true) {
            names += try expand(Array(part), depth: 0, limit: limit)
            if names.count > limit { throw TooMany(limit: limit) }
        }
        return names
    }

    /// Whether `text` may stand for other names than itself.
    package static func isPattern(_ text: String) -> Bool { text.contains("{") || text.contains("::") }

    /// Deepest braces in braces.
    private static let maxDepth = 32

    private static func expand(
        _ text: [Character], depth: Int, limit: Int
    ) throws(TooMany) -> [String] {
        var names = [""]
        var place = 0
        while place < text.count {
            guard text[place] == "{", depth < maxDepth, let end = closing(text, place) else {
                for index in names.indices { names[index].append(text[place]) }
                place += 1
                continue
            }
            let inside = Array(text[place + 1..<end])
            var choices = range(String(inside), limit: limit)
            if choices == nil, case let parts = alternatives(inside), parts.count > 1 {
                var all: [String] = []
                for part in parts {
                    all += try expand(part, depth: depth + 1, limit: limit)
                    if all.count > limit { throw TooMany(limit: limit) }
                }
                choices = all
            }
            // neither a list nor a range: the brace stands for itself
            guard let choices else {
                for index in names.indices { names[index].append("{") }
                place += 1
                continue
            }
            guard choices.count <= limit, names.count * choices.count <= limit else { throw TooMany(limit: limit) }
            names = names.flatMap { name in choices.map { name + $0 } }
            place = end + 1
        }
        return names
    }

    /// Place of the brace that closes the one at `start`.
    private static func closing(_ text: [Character], _ start: Int) -> Int? {
        var depth = 0
        for place in start..<text.count {
            if text[place] == "{" { depth += 1 }
            if text[place] == "}" { depth -= 1 }
            if depth == 0 { return place }
        }
        return nil
    }

    /// Parts between commas that are in no other braces.
    private static func alternatives(_ text: [Character]) -> [[Character]] {
        var parts: [[Character]] = [[]]
        var depth = 0
        for character in text {
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            if character == ",", depth == 0 { parts.append([]) } else { parts[parts.count - 1].append(character) }
        }
        return parts
    }

    /// Names of `1..9` or `1..9..2`, of numbers or of letters; nil where it is no such, and of more than the limit as many as that
    /// and one more.
    private static func range(_ text: String, limit: Int) -> [String]? {
        let parts = text.split(separator: "..", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else { return nil }
        let step = parts.count == 3 ? Int(parts[2]).map { max(1, abs($0 == .min ? .max : $0)) } : 1
        guard let step else { return nil }
        if let first = Int(parts[0]), let last = Int(parts[1]) {
            let digits = parts[..<2].map { $0.drop { $0 == "-" || $0 == "+" } }
            let isPadded = digits.contains { $0.count > 1 && $0.first == "0" }
            let width = isPadded ? parts[..<2].map(\.count).max() ?? 0 : 0
            return stepped(from: first, to: last, by: step, limit: limit).map { padded($0, width) }
        }
        guard parts[0].count == 1, parts[1].count == 1, let first = parts[0].first?.asciiValue,
            let last = parts[1].first?.asciiValue,
            parts[..<2].allSatisfy({ $0.allSatisfy(\.isLetter) })
        else { return nil }
        return stepped(from: Int(first), to: Int(last), by: step, limit: limit).map {
            String(Unicode.Scalar(UInt8($0)))
        }
    }

    private static func stepped(from first: Int, to last: Int, by step: Int, limit: Int) -> [Int] {
        var numbers: [Int] = []
        var number = first
        while numbers.count <= limit, first <= last ? number <= last : number >= last {
            numbers.append(number)
            let (next, overflow) =
                first <= last ? number.addingReportingOverflow(step) : number.subtractingReportingOverflow(step)
            if overflow { break }
            number = next
        }
        return numbers
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number.magnitude)
        let sign = number < 0 ? "-" : ""
        return sign + String(repeating: "0", count: max(0, width - digits.count - sign.count)) + digits
    }
}
