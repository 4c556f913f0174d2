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

/// The model in `file`; the one inside this program for nil.
/// - Throws: a `CommandError` that names the file.
private func loadModel(_ file: String?, _ precision: WeightPrecision) throws -> DensityModel {
    do {
        guard let file else { return try Embedded.model(precision) }
        return try ModelFile.load(path: file, precision: precision)
    } catch let error as ModelFileError {
        throw modelError(file, error)
    }
}

/// Error of the model in `file`, nil for the one inside this program; of a file that plainly is something else it says what.
private func modelError(_ file: String?, _ error: any Error) -> CommandError {
    guard let file else { return CommandError("embedded model: \(error)") }
    // where it cannot be read, the error says so already
    let start = try? RandomAccessFile(file).reader().peek(fileKindBytes)
    return CommandError("\(file): \(modelFault(error, start: start.map(Array.init)))")
}

/// What is wrong with a model file that begins with `start`, without its path; of one that plainly is something else what it is.
func modelFault(_ error: any Error, start: [UInt8]?) -> String {
    guard let start, let kind = fileKind(of: start), kind.name != "safetensors file" else { return "\(error)" }
    return "expected a model file, found \(kind.phraseWithAdvice)"
}
