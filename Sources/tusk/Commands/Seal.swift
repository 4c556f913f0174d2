import ArgumentParser
import FlowModels
import FlowTraining

struct Seal: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Adds to model files the hash of their contents, which every load then verifies.",
        discussion: "Files that this program writes have it. Weights and densities stay as they are.")

    @Argument(help: ArgumentHelp("Model files.", valueName: "file"))
    var files: [String]

    func run() throws {
        for file in files {
            do {
                try namingFile(file) {
                    let (hash, wasSealed) = try ModelFile.seal(path: file)
                    Terminal.line("\(file): \(hash)\(wasSealed ? ", as before" : "")")
                }
            } catch let error as ModelFileError {
                throw CommandError("\(file): \(error)")
            }
        }
    }
}
