import ArgumentParser
import FlowCore
import FlowModels
import Glibc
import Imaging
import Serving
import System

/// Options that say which models a service answers for.
struct ServedModelArguments: ParsableArguments {
    @Option(
        name: .customLong("model"),
        help: ArgumentHelp(
            "Model file; may be repeated: ?model=NAME picks one by the name in its file, and the first answers where none is "
                + "picked. Without it and --models the animals inside this program.", valueName: "file"))
    var files: [String] = []

    @Option(
        name: .customLong("models"),
        help: ArgumentHelp(
            "Folder of model files: every NAME.safetensors in it is served too, those with a dot in front left out. Links lead to files "
                + "inside it only.", valueName: "folder"))
    var folder: String?

    @Option(
        help: ArgumentHelp(
            "Model that answers where none is picked; without it the first --model, or the first file of the folder by its name.",
            valueName: "name"))
    var defaultModel: String?

    @Option(
        help: ArgumentHelp(
            "Memory that the weights of all models may take, by their number, what loading takes among it; a model that would take "
                + "more is not loaded. Without it there is no limit.", valueName: "MiB"))
    var modelMemory: Int?

    @Option(
        help: ArgumentHelp(
            "Looks every so many seconds for model files that have changed, are new or gone; 0 to look on SIGHUP only.",
            valueName: "s"))
    var watchModels = 0.0

    func check() throws {
        if let modelMemory { try tusk.check("--model-memory", modelMemory, in: 1...1 << 24) }
        if watchModels != 0 { try tusk.check("--watch-models", watchModels, in: 0.1...86_400) }
    }

    /// Most bytes of all weights.
    var memoryLimit: Int { modelMemory.map { $0 << 20 } ?? .max }

    /// The places of the models: those of the options, then those that are in the folder when it is called.
    func sources(_ precision: WeightPrecision) -> @Sendable () throws -> [ModelSource] {
        var fixed = files.map { ModelSource(file: $0, precision) }
        if fixed.isEmpty, folder == nil { fixed = [ModelSource.embedded(precision)] }
        return { [fixed, folder] in
            guard let folder else { return fixed }
            return try fixed + modelFiles(of: folder).map { ModelSource(name: $0, in: folder, precision) }
        }
    }
}

/// Ending of the names of model files.
private let ending = ".safetensors"

/// Names of the model files of a folder, in their order.
/// - Throws: ``ModelExchangeError``.
private func modelFiles(of folder: String) throws -> [FileName] {
    func failure(_ reason: String) -> ModelExchangeError { .failed(file: "--models \(folder)", reason: reason) }
    do throws(SystemError) {
        guard let listing = try FolderListing(FilePath(folder)) else { throw SystemError(ENOTDIR) }
        return listing.items.filter { $0.kind != .folder }.map { FileName($0.name) }
            .filter { $0.bytes.first != UInt8(ascii: ".") && $0.hasEnding(ending) }
    } catch {
        throw failure("\(error)")
    }
}

extension ModelSource {
    /// The file at `path`.
    fileprivate init(file path: String, _ precision: WeightPrecision) {
        self.init(place: "--model \(path)", file: FileName(FilePath(path).name).description, precision) {
            () throws(WholeFile.Failure) in try WholeFile(path)
        }
    }

    /// The file called `name` in `folder`, which is left by no link.
    fileprivate init(name: FileName, in folder: String, _ precision: WeightPrecision) {
        let path = FilePath(folder).appending(name.bytes).text
        self.init(place: "--models \(path)", file: name.description, precision) { () throws(WholeFile.Failure) in
            try WholeFile(name, in: FilePath(folder))
        }
    }

    private init(
        place: String, file: String, _ precision: WeightPrecision,
        open: @escaping @Sendable () throws(WholeFile.Failure) -> WholeFile
    ) {
        /// The result of `body` for the file.
        @Sendable func read<Output>(_ body: (borrowing WholeFile) throws -> Output) throws -> Output {
            let opened: WholeFile
            do throws(WholeFile.Failure) { opened = try open() } catch {
                throw ModelFileFault("\(ModelFileError.unreadable(reason: "\(error)"))")
            }
            do { return try body(opened) } catch let error as ModelFileError {
                let start = try? opened.prefix(fileKindBytes)
                throw ModelFileFault(modelFault(error, start: start))
            }
        }
        self.init(
            place: place, file: file, stamp: { (try? open())?.stamp },
            name: { try read { try ModelFile.outline(of: $0).record.name } },
            read: { admit in
                try read { file in
                    let outline = try ModelFile.outline(of: file)
                    try admit(outline.record, outline.loadingBytes)
                    return try ModelFile.load(copying: file, precision: precision, isToBeTested: true).forService()
                }
            })
    }

    /// The model inside this program.
    fileprivate static func embedded(_ precision: WeightPrecision) -> ModelSource {
        @Sendable func outline() throws -> ModelFile.Outline {
            try Embedded.withModelBytes { try ModelFile.outline(of: $0, fileBytes: 0) }
        }
        return ModelSource(
            place: "embedded model", file: "embedded model", stamp: { nil }, name: { try outline().record.name },
            read: { admit in
                let outline = try outline()
                try admit(outline.record, outline.loadingBytes)
                return try Embedded.model(precision, isToBeTested: true).forService()
            })
    }
}
