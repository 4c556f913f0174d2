internal import Archives
internal import System

/// Columns of a table of pictures: the path of each, and its label.
struct PictureTable {
    /// A line: a path relative to the table's folder, and a label, where there is one.
    struct Row: Equatable {
        let line: Int
        /// Nil where the line has none.
        let path: FileName?
        let label: [UInt8]?
        let split: [UInt8]?
    }

    private var text: DelimitedText
    private let path: Int
    private let (label, split): (Int?, Int?)
    /// First line of a table without names of columns, which is a row.
    private var first: [[UInt8]]?
    /// Names of columns that are not used.
    let unused: [String]

    /// Names of columns with the paths of pictures, and with labels, the first that is there.
    static let pathNames = [
        "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "img_path",
        "image_id",
    ]
    static let labelNames = ["label", "class", "class_name", "label_name", "category", "target", "cls", "y"]
    static let splitNames = ["split", "set", "subset", "partition"]

    /// Finds the columns, by their names in the first line, or, of a table without names, by their order: paths and labels, or, as MedMNIST
    /// writes them, splits, paths and labels; nil where there are none.
    /// - Parameter isPicture: whether a name ends as that of a picture does.
    /// - Throws: ``ArchiveError``.
    init?(_ bytes: ByteReader, limits: DelimitedText.Limits, isPicture: (FileName) -> Bool) throws(ArchiveError) {
        text = try DelimitedText(bytes, limits: limits)
        guard let head = try text.record() else { return nil }
        let names = head.map { String(decoding: $0, as: UTF8.self).lowercased() }
        func column(_ known: [String]) -> Int? { known.lazy.compactMap { names.firstIndex(of: $0) }.first }
        if let path = column(Self.pathNames) {
            (self.path, label, split) = (path, column(Self.labelNames), column(Self.splitNames))
            let used = [path, label, split]
            unused = names.indices.filter { !used.contains($0) }.map { names[$0] }
        } else {
            let start = head.count == 3 && Split(spelled: names[0]) != nil ? 1 : 0
            guard head.count <= start + 2, head.count > start, isPicture(FileName(head[start])) else { return nil }
            (path, label, unused) = (start, head.count == start + 2 ? start + 1 : nil, [])
            split = start == 1 ? 0 : nil
            first = head
        }
    }

    /// The next row; nil behind the last.
    /// - Throws: ``ArchiveError``.
    mutating func next() throws(ArchiveError) -> Row? {
        let record: [[UInt8]]
        if let first {
            record = first
            self.first = nil
        } else {
            guard let found = try text.record() else { return nil }
            record = found
        }
        func field(_ column: Int?) -> [UInt8]? {
            column.flatMap { record.indices.contains($0) && !record[$0].isEmpty ? record[$0] : nil }
        }
        return Row(
            line: text.records, path: field(path).map { FileName($0) }, label: field(label), split: field(split))
    }

    /// Whether there is a column of splits.
    var hasSplits: Bool { split != nil }

    /// Whether there is a column of labels or splits.
    var saysMore: Bool { label != nil || split != nil }
}
