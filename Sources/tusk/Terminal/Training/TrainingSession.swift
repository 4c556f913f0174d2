import ArgumentParser
import DataSets
import FlowModels
import FlowTraining
import FoundationEssentials
import System

/// Options that say what a training writes and how it runs, which `train`, `finetune` and `distill` have in common.
struct TrainingSession: ParsableArguments {
    @Option(help: "Split to learn from; the validation split chooses the epoch. Of all, all of it validates too.")
    var split: Split = .train

    @Option(help: "Only the first so many training images.")
    var limit: Int?

    @Option(
        help: ArgumentHelp(
            "Classes whose images an epoch has several times, by name or number, such as elephant=3; may be repeated.",
            valueName: "class=times"))
    var `repeat`: [ClassRepeat] = []

    @Option(
        name: .customLong("output"),
        help: ArgumentHelp(
            "Model file to write, by custom ending in .safetensors; default: NAME.safetensors here.", valueName: "file")
    )
    var givenOutput: String?

    @Option(
        name: .customLong("name"),
        help: ArgumentHelp(
            "Name of the model in requests: A-Z, a-z, 0-9, '.', '_', '-'; default: that of the data's folder or file.",
            valueName: "name"))
    var givenName: String?

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

    /// Name of the model.
    var name: String { givenName ?? Self.unnamed }
    /// Path of the model file.
    var output: String { givenOutput ?? "\(name).safetensors" }

    /// Name of models of data that has none.
    private static let unnamed = "model"

    /// The session with a name for the model of the data at `path`, where none was given.
    func named(after path: String) -> TrainingSession {
        var session = self
        session.givenName = givenName ?? Self.name(after: path)
        return session
    }

    /// Name that a path offers: its last part without its ending, and with hyphens for what no name may have.
    static func name(after path: String) -> String {
        let whole = path.allSatisfy { "./".contains($0) } ? FileManager.default.currentDirectoryPath : path
        let last = whole.split(separator: "/").last.map(String.init) ?? ""
        let endings = [".gz", ".tar", ".zip", ".npy", ".npz", ".arrow", ".csv", ".tsv", ".tgz"]
        var stem = Substring(last)
        while let ending = endings.first(where: { stem.lowercased().hasSuffix($0) }) {
            stem = stem.dropLast(ending.count)
        }
        let allowed = stem.unicodeScalars.map { scalar in
            let character = Character(scalar)
            return scalar.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
                ? character : "-"
        }
        let name = String(String(allowed).drop { "-.".contains($0) }.prefix(64))
        return ModelRecord.isValidName(name) ? name : unnamed
    }

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
        let loaded = try data.load(split == .all ? [.all] : [split, .validation], levels: levels)
        var train = loaded[0]
        if let limit {
            try tusk.check("--limit", limit, in: 1...Int.max)
            train = train.limited(to: limit)
        }
        // who learns from all images has no others to validate with
        let validation = loaded[loaded.count - 1]
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
