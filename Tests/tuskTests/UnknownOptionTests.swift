import ArgumentParser
import Foundation
import Testing

@testable import tusk

@Suite("Options that do not exist")
struct UnknownOptionTests {
    /// Every command with the words that name it.
    private static let commands: [(words: [String], type: any ParsableCommand.Type)] = {
        func all(_ type: any ParsableCommand.Type, _ words: [String]) -> [([String], any ParsableCommand.Type)] {
            [(words, type)]
                + type.configuration.subcommands.flatMap { all($0, words + [$0._commandName]) }
        }
        return all(Tusk.self, [])
    }()

    @Test("are named in every command before what is missing, with the option that is meant")
    func everywhere() throws {
        #expect(Self.commands.count > 10)
        for (words, _) in Self.commands where !words.isEmpty {
            let name = words == ["fit"] || words == ["health"] || words == ["key"] ? "help" : "version"
            let misspelt = "--" + name.dropLast(2) + String(name.suffix(2).reversed())
            let result = try Program.run(words + [misspelt])
            let expected = "Error: Unknown option '\(misspelt)'. Did you mean '--\(name)'?\nUsage: tusk "
            #expect(result.code == 64, "\(words)")
            #expect(result.errors.hasPrefix(expected + words.joined(separator: " ")), "\(words): \(result.errors)")
        }
    }

    @Test("are named when they are required ones")
    func required() throws {
        let train = try Program.run(["train", "--data", "d", "--architecture", "maf", "--name", "x", "--ouput", "y"])
        #expect(train.code == 64)
        #expect(train.errors.hasPrefix("Error: Unknown option '--ouput'. Did you mean '--output'?\nUsage: tusk train "))
        #expect(train.errors.hasSuffix("See 'tusk train --help' for more information.\n"))
        let key = try Program.run(["key", "new", "--nmae=x", "--scope", "score"])
        #expect(key.code == 64)
        #expect(key.errors.hasPrefix("Error: Unknown option '--nmae'. Did you mean '--name'?\nUsage: tusk key new "))
    }

    @Test("are not invented: what is missing, and what cannot be read, is said as before")
    func others() throws {
        let missing = try Program.run(["train", "--seconds", "1"])
        #expect(missing.code == 64 && missing.errors.contains("Missing expected argument '--data"))
        let unreadable = try Program.run(["sample", "--count", "many"])
        #expect(unreadable.code == 64 && unreadable.errors.contains("The value 'many' is invalid for '--count"))
        let help = try Program.run(["train", "--help"])
        #expect(help.code == 0 && help.output.contains("OPTIONS:") && help.errors.isEmpty)
    }

    @Test("are found by the command's own list")
    func search() throws {
        let table = try OptionTable(of: Tusk.self)
        func found(_ line: String) -> UnknownOption? {
            table.unknownOption(in: line.split(separator: " ").map(String.init))
        }
        #expect(found("train --data d --seconds -1 -h") == nil)
        #expect(found("train --data d -- --nothing") == nil)
        #expect(found("train --outputs=x") == UnknownOption(name: "--outputs", suggestion: "--output"))
        #expect(found("train -x")?.name == "-x")
        #expect(found("health --output x")?.name == "--output")
        let far = try #require(found("serve --zzzzzzzzzzzz"))
        #expect(far.suggestion == nil && far.message == "Unknown option '--zzzzzzzzzzzz'")
    }

    @Test("are near by insertions, deletions and replacements")
    func distance() {
        #expect(editDistance("kitten", "sitting") == 3)
        #expect(editDistance("", "abc") == 3 && editDistance("abc", "") == 3)
        #expect(editDistance("same", "same") == 0 && editDistance("bar", "baz") == 1)
    }
}
