import ArgumentParser
import FlowCore
import FlowKernels
import FlowModels
import FlowTraining
import System

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a model file of a flow that another library trained, and proves it.",
        discussion: """
            The checkpoint is a safetensors file with the library's state dict, buffers such as masks and permutations among it; \
            pickles are not read. The check vector is a safetensors file with x, [n, D], rows as the library's flow takes them, and \
            log_prob, [n], what the library says of them in nats; and with mean and std, [D], where the flow was trained on \
            standardised logits. Nothing is written unless every row has the same log-density here, within 1e-4 of the larger of D \
            and its magnitude. docs/guide/import.md has a script that writes both.

            The flow sees w = logit(alpha + (1 - 2 alpha) (x + u)/levels) of an image x, as models that tusk trains do.

            Dialects:
            \(FlowDialects.summaries.map { "  \($0.name)\n      \($0.summary)" }.joined(separator: "\n"))
            """)

    @Argument(help: ArgumentHelp("Checkpoint, a safetensors file.", valueName: "file"))
    var checkpoint: String

    @Option(
        help: ArgumentHelp(
            "Library and flow that the checkpoint is of: \(FlowDialects.names.joined(separator: ", ")).",
            valueName: "name"))
    var dialect: String

    @Option(help: ArgumentHelp("Check vector, a safetensors file.", valueName: "file"))
    var check: String

    @Option(help: ArgumentHelp("Height, width and channels of an image; without channels one.", valueName: "HxWxC"))
    var shape: String

    @Option(help: ArgumentHelp("Number of values of a pixel.", valueName: "n"))
    var levels = 256

    @Option(
        help: ArgumentHelp(
            "Alpha of the logit map that the flow was trained behind, above 0 and below 0.5.", valueName: "a"))
    var alpha: Double

    @Option(help: "Activation between the linear maps of the networks.")
    var activation: Activation = .relu

    @Option(
        help: ArgumentHelp(
            "Slope of zuko's maps: 0.001 up to 1.0 and from 1.5 on, 0.0001 of 1.1 to 1.4.", valueName: "s"))
    var slope: Double?

    @Option(help: ArgumentHelp("Bound of the range that splines bend.", valueName: "b"))
    var tailBound: Float?

    @Option(help: ArgumentHelp("Name of the model in requests.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("Model file to write.", valueName: "file"))
    var output: String

    @Flag(help: "Replace a file that is there.")
    var overwrite = false

    func run() throws {
        try checkReplacing(output, overwrite: overwrite)
        guard ModelRecord.isValidName(name) else {
            throw CommandError("--name is \(name); it must be 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'")
        }
        let options = FlowImportOptions(
            dialect: dialect, shape: try eventShape(), levels: levels, logitAlpha: alpha,
            name: name, activation: activation, slope: slope, tailBound: tailBound)
        let result = try reading(checkpoint) { checkpoint in
            try reading(check) { try FlowImport.model(checkpoint: checkpoint, check: $0, options: options) }
        }
        try namingFile(output) { try ModelFile.write(result.model, to: output, precision: .float32) }
        let record = result.model.record
        Terminal.line(
            "flow        \(record.architecture), \(record.sizes.description(of: FlowRegistry.architecture(named: record.architecture)?.fields ?? []))"
        )
        Terminal.line(
            "checked     \(result.rows) rows: densities are the library's within \(Float(result.largestDifference)) of max(D, |log p|), which may be \(FlowImport.tolerance)"
        )
        Terminal.line("written     \(output)")
        Terminal.line("next        tusk calibrate --model \(output) --data FOLDER --output FILE, for verdicts")
    }

    /// Calls `body` with the bytes of a file.
    private func reading<Output>(_ file: String, _ body: (RawSpan) throws -> Output) throws -> Output {
        do {
            return try WholeFile(file).withMappedBytes(body)
        } catch let failure as WholeFile.Failure {
            throw CommandError("\(file): \(failure)")
        }
    }

    private func eventShape() throws -> EventShape {
        let numbers = shape.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard (2...3).contains(numbers.count), case let values = numbers.compactMap(\.self),
            values.count == numbers.count,
            values.allSatisfy({ (1...1 << 20).contains($0) })
        else {
            throw CommandError("--shape is \(shape); it must be as 28x28 or 32x32x3")
        }
        return EventShape(height: values[0], width: values[1], channels: values.count == 3 ? values[2] : 1)
    }
}
