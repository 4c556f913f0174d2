import ArgumentParser
import CEmbedded
import FlowCore
import FlowModels
import System

/// Which model.
struct ModelArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Model file; without it the animals inside this program.", valueName: "file"))
    var model: String?

    /// The file's length in bytes and its tensors by name.
    /// - Throws: a `CommandError` that names the file.
    func tensors() throws -> (bytes: Int, tensors: [String: Safetensors.Tensor]) {
        do {
            guard let model else { return try Embedded.tensors() }
            return try WholeFile(model).withMappedBytes { bytes in
                (bytes.byteCount, try Safetensors.decode(bytes).tensors)
            }
        } catch let failure as WholeFile.Failure {
            throw CommandError("\(model ?? "embedded model"): \(ModelFileError.unreadable(reason: "\(failure)"))")
        } catch let error as SafetensorsError {
            throw CommandError("\(model ?? "embedded model"): \(error)")
        }
    }

    /// - Parameter precision: of the weights that the model computes with.
    /// - Throws: a `CommandError` that names the file.
    func load(_ precision: WeightPrecision = .f32) throws -> any ImageDensity {
        do {
            guard let model else { return try Embedded.model(precision) }
            return try ModelFile.load(path: model, precision: precision)
        } catch let error as ModelFileError {
            throw CommandError("\(model ?? "embedded model"): \(error)")
        }
    }
}
