import ArgumentParser
import FlowCore
import FlowModels
import Foundation
import Testing

@testable import tusk

/// Two sizes that no architecture has.
private enum Grown: SizeTable {
    static let fields: [any SizeDescription] = [
        SizeField<Int>("component_count", standard: 8, .range(1...32), help: "Components."),
        SizeField<Bool>("skewed", standard: false, help: "Skewed ones."),
        SizeField<Int>("classes", standard: 0, isOption: false, help: "Classes."),
    ]
    static let prefix = "toy-"
    static func note(on field: any SizeDescription) -> String { "Of toys." }
}

/// Names of the architectures that `isIncluded`, as the help lists them.
private func names(_ isIncluded: (any FlowArchitecture.Type) -> Bool) -> String {
    FlowRegistry.architectures.filter(isIncluded).map { $0.architectureName }.joined(separator: ", ")
}

/// Names of the architectures that have a size.
private func owners(_ size: String) -> String { names { $0.fields.contains { $0.name == size } } }

@Suite("Sizes on the command line")
struct SizeOptionTests {
    @Test("a size of a table is an option, with a help of its own, without a line elsewhere")
    func options() throws {
        let none = try SizeArguments<Grown>.parse([])
        #expect(try none.given() == [:])
        let some = try SizeArguments<Grown>.parse(["--toy-component-count", "4", "--toy-skewed"])
        #expect(try some.given() == ["component_count": 4, "skewed": true])
        let help = SizeArguments<Grown>.helpMessage(columns: 200)
        #expect(help.contains("--toy-component-count <n>"))
        #expect(help.contains("Components. Allowed: 1 to 32. Of toys.") && help.contains("Skewed ones. Of toys."))
        #expect(!help.contains("classes"), "a size that follows from the data is no option")
        for (words, message) in [
            (["--toy-component-count", "33"], "--toy-component-count is 33; it must be 1 to 32"),
            (["--toy-component-count", "x"], "--toy-component-count x: a whole number was expected, 1 to 32"),
        ] {
            let error = #expect(throws: CommandError.self) { try SizeArguments<Grown>.parse(words).given() }
            #expect(error?.description == message)
        }
        #expect(throws: (any Error).self) { try SizeArguments<Grown>.parse(["--component-count", "4"]) }
    }

    @Test("train's help has every size that an architecture has, its limits, whose it is and the defaults")
    func help() throws {
        let help = try Program.run(["train", "--help"]).output.split(whereSeparator: \.isWhitespace).joined(
            separator: " ")
        for field in FlowRegistry.fields where field.isOption {
            #expect(help.contains("--\(field.optionName) "), "\(field.name)")
            #expect(help.contains(field.help.split(separator: " ").joined(separator: " ")), "\(field.name)")
        }
        let imageSizes: Sizes = ["hidden": [64, 64]]
        let convolutionSizes: Sizes = ["hidden": [32, 32, 32, 32, 32, 32, 32, 32], "kernel": 5]
        for text in [
            "Allowed: 2 to 64. Of \(owners("bins")). Default: 8.",
            "Allowed: 2 to 64. Of \(owners("components")). Default: 8.",
            "Of \(owners("kernel")).", "Allowed: 1, 3, 5, 7 or 9.",
            "Default: 3; 5 of \(names { $0.defaultSizes["kernel"] == convolutionSizes["kernel"] }).",
            "Default: 512,512; 64,64 of \(names { $0.defaultSizes["hidden"] == imageSizes["hidden"] }); "
                + "32,32,32,32,32,32,32,32 of \(names { $0.defaultSizes["hidden"] == convolutionSizes["hidden"] }).",
            "Allowed: relu, tanh, elu, gelu. Default: relu.",
        ] {
            #expect(help.contains(text), "\(text) is not in \(help)")
        }
        #expect(try Program.run(["fit", "--help"]).output.contains("--bins"))
        #expect(!(try Program.run(["fit", "--help"]).output.contains("--kernel")))
    }

    @Test(
        "a size of other architectures is refused, in every command that has sizes",
        arguments: [
            (["--architecture", "maf", "--bins", "8"], "--bins is of nsf-coupling, nsf-autoregressive"),
            (
                ["--architecture", "nsf-coupling", "--log-scale-bound", "5"],
                "--log-scale-bound is of maf, iaf, coupling"
            ),
            (["--architecture", "glow", "--residual"], "--residual is of maf"),
            (["--architecture", "nsf-convolutional", "--scales", "2"], "--scales is of realnvp, glow, nsf-glow"),
            (
                ["--architecture", "nice", "--gated"],
                "the sizes of nice are --layers, --hidden, --activation, --residual\n"
            ),
        ])
    func foreign(_ options: [String], _ message: String) throws {
        let work = try Workplace()
        let train = try Program.run(
            ["train", "--data", work.path, "--name", "m", "--output", work.file("m.safetensors")] + options)
        #expect(train.code == 1 && train.errors.contains(message), "\(train.errors)")
        #expect(!work.exists("m.safetensors") && !work.exists("m.checkpoint"))
        let bench = try Program.run(["bench", "--image", "8x8x1"] + options)
        #expect(bench.code == 1 && bench.errors.contains(message), "\(bench.errors)")
    }

    @Test("bench reports every size of the flow that it measured")
    func bench() throws {
        let run = try Program.run(
            ["bench", "--architecture", "nsf-coupling", "--dims", "6", "--layers", "1", "--hidden", "5", "--bins", "3"]
                + ["--seconds", "0.01", "--batch", "2"])
        #expect(run.code == 0, "\(run.errors)")
        let report = try #require(JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        let sizes = try #require(report["sizes"] as? [String: Any])
        #expect(sizes["bins"] as? Int == 3 && sizes["hidden"] as? [Int] == [5] && sizes["kernel"] == nil)
        let refused = try Program.run(["bench", "--model", "m", "--bins", "3"])
        #expect(refused.code == 1 && refused.errors.contains("leave out --architecture, --dims, --image, --bins"))
    }
}
