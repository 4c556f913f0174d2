import Archives
import ArgumentParser
import CEmbedded
import FlowCore
import FlowModels
import Imaging

/// Option that says which model a command reads.
struct ModelArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Model file; without it the animals inside this program.", valueName: "file"))
    var model: String?

    /// The file's length in bytes, its tensors by name and the hash of its contents, if it has one.
    /// - Throws: a `CommandError` that names the file.
    func contents() throws -> (bytes: Int, tensors: [String: Safetensors.Tensor], hash: String?) {
        try withBytes {
            ($0.byteCount, try Safetensors.decode($0).tensors, try ModelFile.contentHash(of: $0))
        }
    }

    /// The result of `body` for the bytes of the file, which are valid inside it alone.
    /// - Throws: a `CommandError` that names the file, for what is wrong with it; what else `body` throws.
    func withBytes<Output>(_ body: (RawSpan) throws -> Output) throws -> Output {
        do {
            guard let model else { return try Embedded.withModelBytes(body) }
            return try ModelFile.withBytes(of: model, body)
        } catch let error as ModelFileError {
            throw modelError(model, error)
        } catch let error as SafetensorsError {
            throw modelError(model, error)
        }
    }

    /// - Parameter precision: of the weights that the model computes with.
    /// - Throws: a `CommandError` that names the file.
    func load(_ precision: WeightPrecision = .f32) throws -> DensityModel { try loadModel(model, precision) }
}

/// Options that say which models a service answers for.
struct ServedModelArguments: ParsableArguments {
    @Option(
        name: .customLong("model"),
        help: ArgumentHelp(
            "Model file; may be repeated: ?model=NAME picks one by the name in its file, and the first answers where none is "
                + "picked. Without it the animals inside this program.", valueName: "file"))
    var models: [String] = []

    /// The models, in the order of their options.
    /// - Throws: a `CommandError` that names the file, or the two that hold models of one name.
    func load(_ precision: WeightPrecision) throws -> [any ImageDensity] {
        // The service tests each by its check vector, and needs no flow to train.
        if models.isEmpty { return [try loadModel(nil, precision, isToBeTested: true).forService()] }
        var files: [String: String] = [:]
        return try models.map { file in
            let density = try loadModel(file, precision, isToBeTested: true).forService()
            let name = density.record.name
            if let first = files.updateValue(file, forKey: name) {
                throw CommandError("--model \(file): its model is called \(name), as is that of --model \(first)")
            }
            return density
        }
    }
}

/// The model in `file`; the one inside this program for nil.
/// - Throws: a `CommandError` that names the file.
private func loadModel(
    _ file: String?, _ precision: WeightPrecision, isToBeTested: Bool = false
) throws -> DensityModel {
    do {
        guard let file else { return try Embedded.model(precision, isToBeTested: isToBeTested) }
        return try ModelFile.load(path: file, precision: precision, isToBeTested: isToBeTested)
    } catch let error as ModelFileError {
        throw modelError(file, error)
    }
}

/// Error of the model in `file`, nil for the one inside this program; of a file that plainly is something else it says what.
private func modelError(_ file: String?, _ error: any Error) -> CommandError {
    guard let file else { return CommandError("embedded model: \(error)") }
    // where it cannot be read, the error says so already
    let start = try? RandomAccessFile(file).reader().peek(fileKindBytes)
    guard let start, let kind = fileKind(of: start), kind.name != "safetensors file" else {
        return CommandError("\(file): \(error)")
    }
    return CommandError("\(file): expected a model file, found \(kind.phraseWithAdvice)")
}
