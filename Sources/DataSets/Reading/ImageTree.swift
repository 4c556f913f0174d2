internal import System

/// What the names of folders say of the pictures in a tree of files: splits, and in them classes.
///
/// Folders called as splits are at the top: `train/cat/1.png`, `test/cat/2.png`. Without them those at the top are classes. Pictures in
/// folders below a class are of that class.
struct ImageTree {
    /// Split and class of a picture; nil for none.
    struct Place: Equatable {
        var split: Split?
        var label: String?
    }

    /// Place of each picture, in the order of the paths; nil for those that are not used.
    private(set) var places: [Place?] = []
    /// Splits that have a folder.
    private(set) var present: Set<Split> = []
    /// Names of the classes of all splits together.
    private(set) var classes: [String] = []
    private(set) var unused = UnusedEntries()

    /// Reads what the folders say.
    ///
    /// - Parameters:
    ///   - paths: of all pictures, from the root of the tree on, such as `train/cat/1.png`.
    ///   - root: path of the tree in errors.
    /// - Throws: ``DataError/unsupported(file:expected:found:)`` when they mean two things.
    init(_ paths: [[UInt8]], root: String) throws(DataError) {
        let (paths, common) = Self.withoutCommonFolders(paths)
        let root =
            common.isEmpty ? root : (root.hasSuffix("/") ? root : root + "/") + String(bytesOfName: common.dropLast())
        let folders = paths.map { $0.split(separator: UInt8(ascii: "/")).dropLast().map { Array($0) } }
        let tops = Set(folders.compactMap(\.first)).sorted { $0.lexicographicallyPrecedes($1) }
        // what an archive has in its names may be no path of the system's
        func path(_ names: [[UInt8]]) -> String {
            names.reduce(root) { ($0.hasSuffix("/") ? $0 : $0 + "/") + String(bytesOfName: $1) }
        }
        var splits: [[UInt8]: Split] = [:]
        for (top, split) in zip(tops, Split.parts(ofNames: tops)) {
            guard let split else { continue }
            if let other = splits.first(where: { $0.value == split }) {
                throw .unsupported(
                    file: path([top]), expected: "one folder for \(split.rawValue)",
                    found: "\(path([other.key])) beside it")
            }
            splits[top] = split
        }
        if let other = tops.first(where: { splits[$0] == nil }), !splits.isEmpty {
            let named = tops.filter { splits[$0] != nil }.map { String(bytesOfName: $0) }.joined(separator: ", ")
            throw .unsupported(
                file: path([other]),
                expected:
                    "only folders of splits beside \(named), and a class of such a name below a split's folder",
                found: "another folder")
        }
        present = Set(splits.values)
        // folders below the split's, or all
        let below = splits.isEmpty ? folders.map { $0[...] } : Self.belowSplits(folders)
        if splits.isEmpty { try Self.checkSplitsBelowClasses(folders, path: path) }
        let hasClasses = below.contains { !$0.isEmpty }
        for (index, folder) in folders.enumerated() {
            if !splits.isEmpty, folder.isEmpty {
                unused.add(reason: "beside the folders of the splits")
                places.append(nil)
                continue
            }
            let label = below[index].first
            if hasClasses, label == nil {
                throw .unsupported(
                    file: path([paths[index]]),
                    expected: "images only inside the class folders", found: "one beside them")
            }
            places.append(
                Place(split: folder.first.flatMap { splits[$0] }, label: label.map { String(bytesOfName: $0) }))
        }
        classes = try Self.classes(Set(below.compactMap(\.first)), root: root)
    }

    /// Paths without the folders that all of them begin with and that hold nothing but folders, such as that of the set itself in
    /// `set/train/cat/1.png`, and those folders; a split's folder stays, and the only class.
    private static func withoutCommonFolders(_ paths: [[UInt8]]) -> (paths: [[UInt8]], common: [UInt8]) {
        let slash = UInt8(ascii: "/")
        var (paths, common): ([[UInt8]], [UInt8]) = (paths, [])
        while let first = paths.first, let end = first.firstIndex(of: slash),
            Split(inNameOf: Array(first[..<end])) == nil,
            paths.allSatisfy({ $0.starts(with: first[...end]) && $0[(end + 1)...].contains(slash) })
        {
            common += first[...end]
            paths = paths.map { Array($0[(end + 1)...]) }
        }
        return (paths, common)
    }

    /// Folders below those of the splits, without one that all pictures are in and that says nothing, `train/images/cat/1.png`.
    private static func belowSplits(_ folders: [[[UInt8]]]) -> [ArraySlice<[UInt8]>] {
        var below = folders.map { $0.dropFirst() }
        while let first = below.first(where: { !$0.isEmpty })?.first, Split.isFiller(first),
            zip(folders, below).allSatisfy({ $0.isEmpty || ($1.first == first && $1.count > 1) })
        {
            below = below.map { $0.dropFirst() }
        }
        return below
    }

    /// Refuses splits in the folders of classes, `cat/train/1.png`, which would be learned together.
    private static func checkSplitsBelowClasses(
        _ folders: [[[UInt8]]], path: ([[UInt8]]) -> String
    ) throws(DataError) {
        var below: [[[UInt8]]: Set<Split>] = [:]
        for folder in folders {
            guard let depth = folder.indices.dropFirst().first(where: { Split(inNameOf: folder[$0]) != nil }),
                let split = Split(inNameOf: folder[depth])
            else { continue }
            let above = Array(folder[..<depth])
            below[above, default: []].insert(split)
            if below[above]!.count > 1 {
                let (name, top) = (String(bytesOfName: folder[depth]), String(bytesOfName: folder[0]))
                throw .unsupported(
                    file: path(above + [folder[depth]]),
                    expected: "folders of splits at the top, with those of classes in them: \(name)/\(top)",
                    found: "splits in the folder of a class")
            }
        }
    }

    private static func classes(_ names: Set<[UInt8]>, root: String) throws(DataError) -> [String] {
        let texts = names.sorted { $0.lexicographicallyPrecedes($1) }.map { String(bytesOfName: $0) }
        var seen: Set<String> = []
        for text in texts where !seen.insert(text).inserted {
            throw .unsupported(file: root, expected: "classes of different names", found: "two called \(text)")
        }
        return texts
    }
}
