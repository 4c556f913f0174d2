import ArgumentParser
import CEmbedded
import FlowCore
import FlowModels

/// Which model.
struct ModelArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Model file; without it the elephants inside this program.", valueName: "file"))
    var model: String?

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
