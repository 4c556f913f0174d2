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
                + "picked. NAME=FILE, or NAME@VERSION=FILE, serves it by another name. Without it and --models the animals inside "
                + "this program.", valueName: "file"))
    var files: [String] = []

    @Option(
        name: .customLong("models"),
        help: ArgumentHelp(
            "Folder of model files: every NAME.safetensors in it is served too, those with a dot in front left out, and of a folder NAME "
                + "in it 1.safetensors, 2.safetensors and so on as versions of NAME. Links lead to files inside it only.",
            valueName: "folder"))
    var folder: String?

    @Option(
        help: ArgumentHelp(
            "Model that answers where none is picked, its highest version where the name has none; without it the first --model, or the "
                + "first file of the folder by its name.",
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

    @Option(
        help: ArgumentHelp(
            "Weights of a model that nobody asked for so many seconds are given up, and loaded again for the next request, which waits; 0 "
                + "to keep them.", valueName: "s"))
    var restModelsAfter = 0.0

    func check() throws {
        for argument in files {
            let name = argument.prefix { $0 != "=" }
            guard name != argument, name.contains("@"), !name.contains("/"), ServedName(name) == nil else { continue }
            throw CommandError(
                "--model \(argument): \(name) is no name; NAME has 1 to 64 of A-Z a-z 0-9 . _ -, and VERSION is "
                    + "\(ServedName.versions.lowerBound) to \(ServedName.versions.upperBound)")
        }
        if files.isEmpty, let folder, try ModelSource.all(in: folder, .f32).isEmpty {
            throw CommandError(
                "--models \(folder): there is no NAME\(ending) in it, and no folder NAME with 1\(ending)")
        }
        if restModelsAfter != 0 { try tusk.check("--rest-models-after", restModelsAfter, in: 0.1...604_800) }
        if let modelMemory { try tusk.check("--model-memory", modelMemory, in: 1...1 << 24) }
        if watchModels != 0 { try tusk.check("--watch-models", watchModels, in: 0.1...86_400) }
    }

    /// Most bytes of all weights.
    var memoryLimit: Int { modelMemory.map { $0 << 20 } ?? .max }

    /// The places of the models: those of the options, then those that are in the folder when it is called.
    func sources(_ precision: WeightPrecision) -> @Sendable () throws -> [ModelSource] {
        var fixed = files.map { ModelSource(argument: $0, precision) }
        if fixed.isEmpty, folder == nil { fixed = [ModelSource.embedded(precision)] }
        return { [fixed, folder] in
            guard let folder else { return fixed }
            return try fixed + ModelSource.all(in: folder, precision)
        }
    }
}

/// Ending of the names of model files.
private let ending = ".safetensors"

extension ModelSource {
    /// The file of an argument `FILE`, `NAME=FILE` or `NAME@VERSION=FILE`.
    fileprivate init(argument: String, _ precision: WeightPrecision) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        let given = parts.count == 2 ? ServedName(parts[0]) : nil
        let path = given == nil ? argument : String(parts[1])
        self.init(place: "--model \(argument)", file: FileName(FilePath(path).name).description, given, precision) {
            () throws(WholeFile.Failure) in try WholeFile(path)
        }
    }

    /// The model files of `folder`, then those of the folders of versions in it, in the order of their names.
    /// - Throws: ``ModelExchangeError``.
    fileprivate static func all(in folder: String, _ precision: WeightPrecision) throws -> [ModelSource] {
        let listing: FolderListing
        do throws(SystemError) { listing = try items(of: FilePath(folder)) } catch {
            throw ModelExchangeError.failed(file: "--models \(folder)", reason: "\(error)")
        }
        // A folder that is called as a file is refused as one.
        let files = listing.modelFiles.map { ModelSource(name: $0, in: folder, nil, precision) }
        // What cannot be a name is nobody's folder of models, such as a volume's lost+found.
        let names = listing.items.filter { $0.kind == .folder && !FileName($0.name).isModelFile }
            .map { String(bytesOfName: $0.name) }.filter { !$0.hasPrefix(".") && ModelRecord.isValidName($0) }
        return files + names.flatMap { versions(of: $0, in: folder, precision) }
    }

    /// The files of the versions of `name`, in their order; what is none is a model that cannot be read, for which a reason is seen.
    private static func versions(of name: String, in folder: String, _ precision: WeightPrecision) -> [ModelSource] {
        let place = FilePath(folder).appending(Array(name.utf8))
        let listing: FolderListing
        do throws(SystemError) { listing = try items(of: place) } catch {
            return [ModelSource(place: "--models \(place.text)", file: name, fault: "\(error)")]
        }
        let files = listing.modelFiles.map { file -> (version: Int, source: ModelSource) in
            let path = FileName(Array(name.utf8) + [UInt8(ascii: "/")] + file.bytes)
            guard let version = ServedName.version(file.description.dropLast(ending.count)),
                let given = ServedName(name, version: version)
            else {
                let reason = "the file of a version is called by its number, such as 3\(ending)"
                let place = place.appending(file.bytes).text
                return (0, ModelSource(place: "--models \(place)", file: path.description, fault: reason))
            }
            return (version, ModelSource(name: path, in: folder, given, precision))
        }
        return files.sorted { $0.version < $1.version }.map(\.source)
    }

    private static func items(of folder: FilePath) throws(SystemError) -> FolderListing {
        guard let listing = try FolderListing(folder) else { throw SystemError(ENOTDIR) }
        return listing
    }

    /// The file called `name` in `folder`, which is left by no link.
    private init(name: FileName, in folder: String, _ given: ServedName?, _ precision: WeightPrecision) {
        let path = FilePath(folder).appending(name.bytes).text
        self.init(place: "--models \(path)", file: name.description, given, precision) {
            () throws(WholeFile.Failure) in try WholeFile(name, in: FilePath(folder))
        }
    }

    private init(
        place: String, file: String, _ given: ServedName?, _ precision: WeightPrecision,
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
            place: place, file: file, given: given, stamp: { (try? open())?.stamp },
            recordName: { try read { try ModelFile.outline(of: $0).record.name } },
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
            try Embedded.withModelBytes { try ModelFile.outline(of: $0, fileBytes: $0.byteCount, isCopied: false) }
        }
        return ModelSource(
            place: "embedded model", file: "embedded model", stamp: { nil }, recordName: { try outline().record.name },
            read: { admit in
                let outline = try outline()
                try admit(outline.record, outline.loadingBytes)
                return try Embedded.model(precision, isToBeTested: true).forService()
            })
    }
}

extension FolderListing {
    /// Names of the model files, in their order.
    fileprivate var modelFiles: [FileName] {
        items.map { FileName($0.name) }.filter(\.isModelFile)
    }
}

extension FileName {
    /// Whether that is the name of a model file.
    fileprivate var isModelFile: Bool { bytes.first != UInt8(ascii: ".") && hasEnding(ending) }
}
