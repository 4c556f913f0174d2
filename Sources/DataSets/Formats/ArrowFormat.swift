internal import Archives
internal import Arrow
internal import FoundationEssentials
internal import System

/// Pictures in Arrow IPC files and streams, as the datasets library writes them: a column `struct<bytes: binary, path: string>`, or one of
/// bytes, and a column with the label, whose classes the library names.
///
/// Source: datasets 5.2, `features.Image` and `features.ClassLabel`; Apache Arrow, *Columnar Format*.
enum ArrowFormat: DataFormat {
    static let names = ["Arrow IPC"]
    static let layout =
        "Arrow IPC files of the datasets library (save_to_disk), with a column of pictures and one of labels"

    private static let parquet = Array("PAR1".utf8)

    static func source(in folder: Folder, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        guard let list = try ShardList(in: folder, endings: [".arrow"]) else {
            let parquet = folder.names.first { $0.lowercased().hasSuffix(".parquet") }
            let hasPictures = folder.names.contains(where: PictureFormat.isPicture)
            if let parquet, !hasPictures, folder.folders.isEmpty { throw parquetError(folder.path(parquet).text) }
            return nil
        }
        return ArrowSource(list: list, input: nil)
    }

    static func source(of file: DataInput, _ options: DataOptions) throws(DataError) -> (any DataSource)? {
        if file.start.starts(with: parquet) { throw parquetError(file.path.text) }
        guard ArrowReader.recognizes(file.start[...]) else { return nil }
        return ArrowSource(list: try ShardList([file.path]), input: file)
    }

    private static func parquetError(_ file: String) -> DataError {
        .unsupported(
            file: file,
            expected: "an Arrow file, as datasets.load_dataset(\"parquet\", data_files=…).save_to_disk(…) makes of it",
            found: "a Parquet file")
    }
}

/// Arrow files of one set.
private struct ArrowSource: DataSource {
    let list: ShardList
    /// The only file, where it is open already.
    let input: DataInput?

    var present: Set<Split>? { list.present }

    var example: String { list.example }

    func read(_ wanted: Set<Split>, to sink: DataSink) throws(DataError) {
        var classes: [String]?
        for shard in list.shards where shard.split.map(wanted.contains) ?? true {
            let input = if let input { input } else { try DataInput(shard.path) }
            let file = input.path.text
            do {
                let reader = try ArrowReader(
                    input.bytes(), file: input.isGzip ? nil : input.file, limits: sink.options.arrow)
                let columns = try ArrowColumns(reader.schema, file: file)
                if let names = columns.classes {
                    guard classes == nil || classes == names else {
                        throw DataError.unsupported(
                            file: file, expected: "the classes of the files before it", found: "others")
                    }
                    classes = names
                    sink.setClasses(names)
                }
                if classes == nil || shard.path == list.shards[0].path {
                    for name in columns.unused { sink.leaveOut(reason: "column \(name)") }
                }
                var row = 0
                while let batch = try reader.next() {
                    for place in 0..<batch.count {
                        let name = "\(file): image \(row)"
                        row += 1
                        guard let picture = try columns.picture(of: batch, at: place) else {
                            sink.refuse(columns.missing(in: batch, at: place, name))
                            continue
                        }
                        let label = try columns.label(of: batch, at: place)
                        try sink.put(
                            DataItem(
                                name: name, content: .picture(picture), origin: .said(label: label, split: shard.split))
                        )
                    }
                }
            } catch let error as ArchiveError {
                throw input.error(error)
            } catch let error as DataError {
                throw error
            } catch { preconditionFailure("nothing else is thrown") }
        }
        sink.leaveOut(list.unused)
    }
}

/// Columns of pictures and labels.
private struct ArrowColumns {
    private let picture: Int
    /// Place of the bytes in the column of pictures; nil where it is one of bytes.
    private let bytes: Int?
    private let label: Int?
    /// Names of the classes, where the datasets library has left them.
    let classes: [String]?
    /// Names of columns that are not used.
    let unused: [String]

    /// What the datasets library says of its columns, as JSON under `huggingface`.
    private struct Metadata: Decodable {
        struct Info: Decodable {
            var features: [String: Feature]?
        }

        struct Feature: Decodable {
            var names: [String]?
            var type: String?

            init(from decoder: any Decoder) throws {
                // a feature of features is a list, and none that is asked for
                guard let container = try? decoder.container(keyedBy: Keys.self) else { return }
                names = try? container.decode([String].self, forKey: .names)
                type = try? container.decode(String.self, forKey: .type)
            }

            private enum Keys: String, CodingKey {
                case names
                case type = "_type"
            }
        }

        var info: Info?
    }

    private static let pictureNames = ["image", "img", "picture", "photo", "images"]

    /// - Throws: ``DataError/unsupported(file:expected:found:)`` where there is no column of pictures, or more than one.
    init(_ schema: ArrowSchema, file: String) throws(DataError) {
        let fields = schema.fields
        let text = schema.metadata["huggingface"] ?? ""
        let features = (try? JSONDecoder().decode(Metadata.self, from: Data(text.utf8)))?.info?.features ?? [:]
        func isBytes(_ field: ArrowField) -> Bool {
            switch field.kind {
            case .bytes(isText: false, _), .view(isText: false): true
            default: false
            }
        }
        let candidates = fields.indices.filter { index in
            fields[index].kind == .structure
                ? fields[index].children.contains { $0.name == "bytes" && isBytes($0) } : isBytes(fields[index])
        }
        let said = candidates.filter { features[fields[$0].name]?.type == "Image" }
        let named = Self.pictureNames.lazy.compactMap { name in
            candidates.first { fields[$0].name.lowercased() == name }
        }.first
        guard let picture = said.count == 1 ? said[0] : candidates.count == 1 ? candidates[0] : named else {
            throw .unsupported(
                file: file, expected: "one column of pictures, struct<bytes: binary, path: string> or binary",
                found: fields.prefix(20).map { "\($0.name): \($0.typeName)" }.joined(separator: ", "))
        }
        let labels = fields.indices.filter { $0 != picture && fields[$0].isValue && !isBytes(fields[$0]) }
        let label =
            SampleLabel.members.lazy.compactMap { name in labels.first { fields[$0].name.lowercased() == name } }.first
            ?? Self.only(labels.filter { features[fields[$0].name]?.type == "ClassLabel" })
        (self.picture, self.label) = (picture, label)
        bytes = fields[picture].kind == .structure ? fields[picture].children.firstIndex { $0.name == "bytes" } : nil
        classes = label.flatMap { features[fields[$0].name]?.names }
        unused = fields.indices.filter { $0 != picture && $0 != label }.map { fields[$0].name }
    }

    private static func only(_ found: [Int]) -> Int? { found.count == 1 ? found[0] : nil }

    /// File of the picture of a row; nil where it has none.
    func picture(of batch: ArrowBatch, at row: Int) throws(ArchiveError) -> [UInt8]? {
        let column = batch.columns[picture]
        if column.isNull(row) { return nil }
        guard case .bytes(let file) = try (bytes.map { column.children[$0] } ?? column).value(row) else { return nil }
        return file
    }

    /// Error of a row without a picture.
    func missing(in batch: ArrowBatch, at row: Int, _ name: String) -> DataError {
        let column = batch.columns[picture]
        guard !column.isNull(row), let path = column.children.first(where: { $0.field.name == "path" }),
            (try? path.value(row)) != nil
        else { return .unsupported(file: name, expected: "a picture", found: "nothing") }
        return .unsupported(
            file: name, expected: "the bytes of its picture, which save_to_disk of the datasets library puts there",
            found: "only the path of its file")
    }

    func label(of batch: ArrowBatch, at row: Int) throws(ArchiveError) -> DataItem.Label? {
        guard let label, let value = try batch.columns[label].value(row) else { return nil }
        return switch value {
        case .integer(let number): SampleLabel(number: Double(number)).value
        case .text(let text), .bytes(let text): SampleLabel(text: text).value
        }
    }
}
