internal import System

/// Files that are one data set together, such as the shards of a WebDataset or the parts of an Arrow data set, in their order.
struct ShardList {
    /// One of the files.
    struct Shard {
        let path: FilePath
        /// Split that its name, or that of its folder, says; nil where none does.
        let split: Split?
    }

    let shards: [Shard]
    /// Files of the folder and of those of splits in it that are none of them.
    private(set) var unused = UnusedEntries()

    /// Name of the first of them.
    var example: String { shards.first.map { String(bytesOfName: $0.path.name) } ?? "" }

    /// Splits that the names say; none where they say none.
    var present: Set<Split> { Set(shards.compactMap(\.split)) }

    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when some names say a split and others none.
    init(_ paths: [FilePath]) throws(DataError) {
        var shards: [Shard] = []
        // a single file is all data, whatever it is called
        for path in paths { shards.append(Shard(path: path, split: paths.count == 1 ? nil : try Self.split(of: path))) }
        if let named = shards.first(where: { $0.split != nil }), let other = shards.first(where: { $0.split == nil }) {
            throw .unsupported(
                file: other.path.text, expected: "a word for its split in its name, as in \(named.path.text)",
                found: "none")
        }
        self.shards = shards
    }

    /// Finds the files in `folder`, or in the folders of splits in it, whose names end in one of `endings`; nil when there are none.
    /// - Throws: ``DataError``.
    init?(in folder: Folder, endings: [String]) throws(DataError) {
        func own(_ folder: Folder) -> [String] {
            folder.names.filter { name in endings.contains { name.lowercased().hasSuffix($0) } }
        }
        let here = own(folder)
        if !here.isEmpty {
            try self.init(here.map(folder.path))
            unused = folder.unused(besides: Set(here))
            return
        }
        var paths: [FilePath] = []
        var others = folder.unused(besides: [])
        for name in folder.folders where Split(inNameOf: name) != nil {
            guard let inside = try Folder(folder.path(name)) else { continue }
            let found = own(inside)
            if found.isEmpty { continue }
            paths += found.map(inside.path)
            others.remove(reason: "folder")
            others.add(inside.unused(besides: Set(found)))
        }
        if paths.isEmpty { return nil }
        try self.init(paths)
        unused = others
    }

    /// Split that the words of a file's name say, or else its folder's name.
    private static func split(of path: FilePath) throws(DataError) -> Split? {
        let found = Split.all(inNameOf: String(bytesOfName: path.name))
        guard found.count < 2 else {
            throw .unsupported(
                file: path.text, expected: "a word for one split in its name",
                found: found.map(\.rawValue).sorted().joined(separator: " and "))
        }
        let folder = path.bytes.split(separator: UInt8(ascii: "/")).dropLast().last
        return found.first ?? folder.flatMap { Split(inNameOf: Array($0)) }
    }
}
