import ArgumentParser
import FoundationEssentials

/// An option that a command does not have.
struct UnknownOption: Equatable {
    /// Name as it was written, without a value behind `=`.
    var name: String
    /// The command's option that is written most like it; nil when none is near.
    var suggestion: String?

    /// The message in the parser's own words.
    var message: String {
        "Unknown option '\(name)'" + (suggestion.map { ". Did you mean '\($0)'?" } ?? "")
    }
}

/// Table of the options of every command of a program.
///
/// The parser says what is missing before it says what is left over, so a required option that is misspelt would be called missing.
struct OptionTable {
    private let root: Command

    /// Most letters that differ between an option and what is suggested in its place, as in the parser.
    private static let farthest = 3
    /// Options that the parser adds to every command.
    private static let everywhere = [
        "-h", "--help", "-help", "--help-hidden", "--version", "--generate-completion-script",
        "--experimental-dump-help",
    ]

    /// - Throws: what the decoder says of the parser's description of `root`.
    init(of root: (some ParsableCommand).Type) throws {
        self.root = try JSONDecoder().decode(Tool.self, from: Data(root._dumpHelp().utf8)).command
    }

    /// The first option in `arguments` that the command that they name does not have.
    func unknownOption(in arguments: [String]) -> UnknownOption? {
        var command = root
        var rest = arguments[...]
        while let word = rest.first, let next = command.subcommands?.first(where: { $0.commandName == word }) {
            command = next
            rest = rest.dropFirst()
        }
        let known = (command.arguments ?? []).flatMap { $0.names ?? [] }.map(\.text) + Self.everywhere
        let options = rest.prefix { $0 != "--" }.filter(Self.isOption).map { String($0.prefix { $0 != "=" }) }
        guard let unknown = options.first(where: { !known.contains($0) }) else { return nil }
        let near = known.map { (name: $0, distance: editDistance($0, unknown)) }
            .filter { $0.name.hasPrefix("--") && $0.distance <= Self.farthest }
        return UnknownOption(name: unknown, suggestion: near.min { $0.distance < $1.distance }?.name)
    }

    /// Whether `word` names a command of the program itself.
    func has(command word: String) -> Bool { root.subcommands?.contains { $0.commandName == word } == true }

    /// Whether `word` is an option; a negative number is a value.
    private static func isOption(_ word: String) -> Bool {
        word.hasPrefix("-") && word.dropFirst().first.map { $0 == "-" || $0.isLetter } == true
    }

    /// Part of the parser's description of a program that is needed here.
    private struct Tool: Decodable {
        var command: Command
    }

    private struct Command: Decodable {
        var commandName: String
        var subcommands: [Command]?
        var arguments: [Argument]?
    }

    private struct Argument: Decodable {
        var names: [Name]?
    }

    private struct Name: Decodable {
        var kind: String
        var name: String

        var text: String { (kind == "long" ? "--" : "-") + name }
    }
}

/// Fewest insertions, deletions and replacements of a character that make `b` of `a`.
///
/// Source: Wagner and Fischer, *The String-to-String Correction Problem* (1974), Journal of the ACM 21(1).
func editDistance(_ a: String, _ b: String) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let replaced = diagonal + (x == y ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
        }
    }
    return row[b.count]
}
