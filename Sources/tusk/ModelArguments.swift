import ArgumentParser
import CEmbedded
import FlowModels

/// Which model.
struct ModelArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Model file; without it the elephants inside this program.", valueName: "file"))
    var model: String?

    /// - Throws: a `CommandError` that names the file.
    func load() throws -> any ImageDensity {
        do {
            guard let model else { return try Embedded.model() }
            return try ModelFile.load(path: model)
        } catch let error as ModelFileError {
            throw CommandError("\(model ?? "embedded model"): \(error)")
        }
    }
}
