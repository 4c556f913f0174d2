internal import Archives
internal import FlowCore
internal import Imaging
internal import System

/// Arrays in one file of NumPy's `savez`, stored or compressed, in any order: `train_images` with `train_labels` as MedMNIST has them,
/// `x_train` with `y_train` as Keras, `data` or `images` with `target`, or a single array of images.
///
/// Source: NumPy, `numpy.savez`: a ZIP archive with a file of NumPy's format for each array, `NAME.npy`.
enum NPZFormat: DataFormat {
    static let names = ["NPZ"]
    static let layout =
        "one NPZ file with arrays called train_images and train_labels, x_train and y_train, or images and labels"

    /// Most arrays of a file.
    static let mostArrays = 4096
    private static let ending = ".npz"

    static func source(in folder: Folder, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        let found = folder.names.filter { $0.lowercased().hasSuffix(ending) }
        guard let name = try folder.onlyOne(of: found, for: "all splits") else { return nil }
        return try NPZSource(DataInput(folder.path(name)), folder: folder, options)
    }

    static func source(of file: DataInput, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        guard ZipReader.recognizes(file.start[...]) else { return nil }
        let isNamed = String(file.name.withoutGzip).lowercased().hasSuffix(ending)
        guard isNamed || beginsWithArray(file.start) else { return nil }
        // its arrays are read in another order than they stand
        let kept = try file.kept(options)
        // another archive is one of pictures, unless arrays are all that it has
        if !isNamed, try !hasOnlyArrays(kept) { return try ArchiveFormat.source(of: kept, options) }
        return try NPZSource(kept, folder: nil, options)
    }

    /// Whether the first file of a ZIP archive is an array, by its name.
    private static func beginsWithArray(_ start: [UInt8]) -> Bool {
        guard start.count > 30 else { return false }
        return FileName(start[30...].prefix(Int(start[26]) | Int(start[27]) << 8)).hasEnding(".npy")
    }

    private static func hasOnlyArrays(_ file: DataInput) throws(DataError) -> Bool {
        guard let zip = file.file else { return false }
        var count = 0
        do throws(ArchiveError) {
            let archive = try ZipReader(zip)
            while let entry = try archive.next() {
                guard entry.name.hasEnding(".npy"), count < mostArrays else { return false }
                count += 1
            }
        } catch {
            throw file.error(error)
        }
        return count > 0
    }
}

/// Arrays of a file, by what their names say.
private struct NPZSource: DataSource {
    /// Array of the file.
    private struct Member {
        let name: String
        let header: NPYArray.Header
        let input: DataInput
        let role: ArrayRole

        /// Whether it has a number for each of some images, in one column.
        func isLabels(of count: Int) -> Bool {
            let shape = header.shape
            return shape.first == count && (shape.count == 1 || shape.count == 2 && shape[1] == 1)
        }

        var description: String { "array \(name) (\(header.elementType.name) \(header.shape))" }
    }

    private let file: DataInput
    private let folder: Folder?
    /// Images of each split with their labels; under nil those of a file that is not divided.
    private var parts: [Split?: (images: Member, labels: Member?)] = [:]
    private var unused: [String] = []

    init(_ file: DataInput, folder: Folder?, _ options: DataOptions) throws(DataError) {
        (self.file, self.folder) = (file, folder)
        var members = try Self.members(file, options, &unused)
        // images that have rows are better than vectors, and a plain name is better than another
        members.sort { ($0.header.shape.count < 3 ? 1 : 0, $0.name) < ($1.header.shape.count < 3 ? 1 : 0, $1.name) }
        func isImages(_ member: Member) -> Bool {
            !member.role.holdsLabels && member.header.shape.count >= 2
        }
        for member in members where isImages(member) {
            guard let split = member.role.split, parts[split] == nil else { continue }
            parts[split] = (member, try Self.labels(of: member, among: members))
        }
        if parts.isEmpty {
            let plain = members.filter { isImages($0) && $0.role.set.isEmpty }
            let stacks = members.filter { isImages($0) && $0.header.shape.count >= 3 }
            if let images = plain.first ?? (stacks.count == 1 ? stacks[0] : nil) {
                parts[nil] = (images, try Self.labels(of: images, among: members))
            }
        }
        guard !parts.isEmpty else {
            throw .empty(
                file: file.path.text,
                expected: "arrays called images, x or data, or so of a split, train_images or x_train; found "
                    + (members.isEmpty ? "none" : members.map(\.description).joined(separator: ", ")))
        }
        let used = Set(parts.values.flatMap { [$0.images.name] + ($0.labels.map { [$0.name] } ?? []) })
        unused += members.filter { !used.contains($0.name) }.map(\.description)
    }

    /// Reads the headers of all arrays.
    private static func members(
        _ file: DataInput, _ options: DataOptions, _ unused: inout [String]
    ) throws(DataError) -> [Member] {
        guard let zip = file.file else { preconditionFailure("only files are read") }
        var members: [Member] = []
        do {
            let archive = try ZipReader(zip, limits: options.archive)
            while let entry = try archive.next() {
                guard entry.name.hasEnding(".npy") else {
                    unused.append("\(entry.name)")
                    continue
                }
                let name = String("\(entry.name)".dropLast(4))
                // a name in errors, of which a zero ends what a path can have
                let path = FilePath(file.path.bytes + [UInt8(ascii: ":")] + entry.name.bytes.prefix { $0 != 0 })
                let header: NPYArray.Header
                do {
                    header = try NPYArray.readHeader(entry.bytes().peek(NPYArray.longestHeader))
                } catch let error as ImagingError {
                    // such as texts, which no images are
                    guard case .invalidNPY(_, _, let found) = error else { throw DataError(error, ofArray: path.text) }
                    unused.append("array \(name) (\(found))")
                    continue
                }
                if members.count == NPZFormat.mostArrays {
                    throw ArchiveError.tooLarge(quantity: "arrays", limit: NPZFormat.mostArrays)
                }
                members.append(
                    Member(
                        name: name, header: header, input: try DataInput(path, inArchive: entry),
                        role: NPYFormat.role(ofArray: name[...])))
            }
        } catch let error as ArchiveError {
            throw file.error(error)
        } catch let error as DataError {
            throw error
        } catch { preconditionFailure("nothing else is thrown") }
        return members
    }

    /// Labels of the set that `images` are of: those called so, and of arrays that `savez` named by their order the other one.
    /// - Throws: ``DataError/labelCount(file:images:labels:)`` where the array called so has another number of them.
    private static func labels(of images: Member, among members: [Member]) throws(DataError) -> Member? {
        let count = images.header.shape[0]
        let fitting = members.filter { $0.name != images.name && $0.isLabels(of: count) }
        if let named = fitting.first(where: { $0.role.holdsLabels && $0.role.set == images.role.set }) { return named }
        if let other = members.first(where: { $0.role.holdsLabels && $0.role.set == images.role.set }),
            let found = other.header.shape.first, found != count
        {
            throw .labelCount(file: other.input.path.text, images: count, labels: found)
        }
        let others = fitting.filter { $0.name.hasPrefix("arr_") }
        return images.name.hasPrefix("arr_") && others.count == 1 ? others[0] : nil
    }

    var present: Set<Split>? { Set(parts.keys.compactMap(\.self)) }

    var example: String { file.name }

    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError) {
        var labels: [Split?: [Int]] = [:]
        // All splits must agree about the number of classes, so that a label means the same in each.
        for (split, part) in parts {
            guard let member = part.labels else { continue }
            let all = try NPYFormat.labels(member.input).labels(classes: ImageDataSet.maxClasses)
            for label in Set(all) { sink.note(classNumber: label) }
            labels[split] = all
        }
        for split in Split.parts + [nil] {
            guard let images = parts[split]?.images, split.map(wanted.contains) ?? true else { continue }
            let array = try NPYFormat.images(images.input).images(sink.options)
            let own = labels[split]
            guard own == nil || own?.count == array.count else {
                throw .labelCount(file: images.input.path.text, images: array.count, labels: own?.count ?? 0)
            }
            try array.put(labels: own, split: split, to: sink)
        }
        for reason in unused { sink.leaveOut(reason: reason) }
        if let folder { sink.leaveOut(folder.unused(besides: [file.name])) }
    }
}
