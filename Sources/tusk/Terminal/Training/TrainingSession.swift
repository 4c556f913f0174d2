import ArgumentParser
import DataSets
import FlowModels
import FlowTraining
import System

/// Options that say what a training writes and how it runs, which `train`, `finetune` and `distill` have in common.
struct TrainingSession: ParsableArguments {
    @Option(help: "Split to learn from; the validation split chooses the epoch.")
    var split: Split = .train

    @Option(help: "Only the first so many training images.")
    var limit: Int?

    @Option(
        help: ArgumentHelp(
            "Classes whose images an epoch has several times, by name or number, such as elephant=3; may be repeated.",
            valueName: "class=times"))
    var `repeat`: [ClassRepeat] = []

    @Option(help: ArgumentHelp("Model file to write, by custom ending in .safetensors.", valueName: "file"))
    var output: String

    @Option(help: "Name of the model in requests: A-Z, a-z, 0-9, '.', '_', '-'.")
    var name: String

    @Option(
        name: .customLong("class-name"),
        help: ArgumentHelp("Name of the class for the record, where the data has only numbers; may be repeated."))
    var classNames: [String] = []

    @Option(
        help: ArgumentHelp("Type of the tensors in the model file: float32, bfloat16 or float16.", valueName: "type"))
    var filePrecision: TensorPrecision = .float32

    /// The name of ``filePrecision`` before a model could compute in a precision of its own.
    @Option(name: .customLong("precision"), help: .hidden)
    var formerPrecision: String?

    @Flag(help: "Continue from the checkpoint, if there is one.")
    var resume = false

    @Flag(help: "Begin anew although there is a model, a checkpoint or a curve of that name already, and replace them.")
    var overwrite = false

    @Option(help: ArgumentHelp("Seconds between checkpoints.", valueName: "seconds"))
    var checkpointInterval = 30.0

    @Option(
        help: ArgumentHelp(
            "Most memory that the training may need, MiB; default: what the machine has available.", valueName: "n"))
    var maxMemory: Int?

    @Option(help: ArgumentHelp("Threads; never change the result.", valueName: "n"))
    var threads = Processors.count

    /// All options of the training, theirs and this session's; what neither says is as in `base`.
    /// - Throws: `TrainingError` for the first that makes no sense.
    func options(
        _ training: TrainingArguments, over base: TrainingOptions = TrainingOptions()
    ) throws -> TrainingOptions {
        var options = training.options(over: base)
        options.repeats = `repeat`
        try options.validate()
        return options
    }

    /// - Throws: ``CommandError`` for the first option that makes no sense by itself.
    func check() throws {
        guard formerPrecision == nil else {
            throw CommandError(
                "--precision is what a model computes in, of serve, evaluate and bench; the type of the tensors in the file is "
                    + "--file-precision")
        }
        guard ModelRecord.isValidName(name) else {
            throw CommandError("--name \(name): 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-' are allowed")
        }
        try tusk.check("--threads", threads, in: 1...1024)
        try tusk.check("--checkpoint-interval", checkpointInterval, in: 0...1e9)
        if let maxMemory { try tusk.check("--max-memory", maxMemory, in: 1...1 << 40) }
    }

    /// The images to learn from, one at least, and those to validate with.
    func images(of data: DataArguments, levels: Int) throws -> (train: ImageDataSet, validation: ImageDataSet) {
        var train = try data.load(split, levels: levels)
        if let limit {
            try tusk.check("--limit", limit, in: 1...Int.max)
            train = train.limited(to: limit)
        }
        let validation = try data.load(.validation, levels: levels)
        guard train.count > 0 else { throw TrainingError.noImages(split: split.rawValue) }
        return (train, validation)
    }

    /// The architecture of that name.
    static func architecture(named name: String) throws -> any FlowArchitecture.Type {
        guard let architecture = FlowRegistry.architecture(named: name) else {
            throw CommandError("--architecture \(name): known are \(FlowRegistry.names)")
        }
        return architecture
    }
}
