import Archives
import Arrow
import FoundationEssentials
import Imaging

/// Columns of a stream of rows: the one of images, and those that are handed on.
struct StreamColumns {
    /// How an image stands in a row.
    private enum Form {
        /// A file, in the column or in a part of it.
        case file(part: Int?)
        /// Numbers, in lists in one another; `shape` where the column's type says it.
        case numbers(NPYArray.ElementType, shape: [Int]?)
    }

    private let image: Int
    private let form: Form
    private let passed: [Int]
    private let maxImageBytes: Int

    /// Names by which the column of images is known, the first that is there.
    private static let names = ["image", "img", "picture", "photo", "images", "data", "bytes", "content"]

    /// - Parameters:
    ///   - name: of the column of images; nil for the only one that may be it, or the one that is called so.
    ///   - passed: names of columns that are handed on.
    /// - Throws: a `CommandError` where there is no such column.
    init(_ schema: ArrowSchema, image name: String?, passed: [String], maxImageBytes: Int) throws {
        let fields = schema.fields
        let found = fields.prefix(20).map { "\($0.name): \($0.typeName)" }.joined(separator: ", ")
        func index(_ option: String, _ name: String) throws -> Int {
            let places = fields.indices.filter { fields[$0].name == name }
            guard places.count == 1 else {
                throw CommandError("\(option) \(name): the stream has \(places.count) columns of that name: \(found)")
            }
            return places[0]
        }
        let forms = fields.map(Self.form)
        let candidates = fields.indices.filter { forms[$0] != nil && !passed.contains(fields[$0].name) }
        let named = Self.names.lazy.compactMap { name in
            candidates.first { fields[$0].name.lowercased() == name }
        }.first
        let place = try name.map { try index("--image-column", $0) } ?? (candidates.count == 1 ? candidates[0] : named)
        guard let place, let form = forms[place] else {
            throw CommandError(
                "standard input: expected \(name.map { "in the column \($0)" } ?? "one column of") images, binary, struct<bytes: binary>, or "
                    + "lists or a fixed_shape_tensor of numbers, found \(found)"
                    + (name == nil && candidates.count > 1 ? "; --image-column says which" : ""))
        }
        self.passed = try passed.map { name in
            let place = try index("--pass", name)
            guard Self.kind(fields[place]) != nil else {
                throw CommandError("--pass \(name): expected text, bytes or integers, found \(fields[place].typeName)")
            }
            return place
        }
        (image, self.form, self.maxImageBytes) = (place, form, maxImageBytes)
        fieldsPassed = self.passed.map { ArrowWriter.Field(fields[$0].name, Self.kind(fields[$0])!) }
    }

    /// The columns that are handed on, integers as int64.
    let fieldsPassed: [ArrowWriter.Field]

    private static func kind(_ field: ArrowField) -> ArrowWriter.Kind? {
        switch field.kind {
        case .integer: .int64
        case .bytes(let isText, _), .view(let isText): isText ? .text : .bytes
        default: nil
        }
    }

    private static func form(_ field: ArrowField) -> Form? {
        if field.dictionary != nil { return kind(field) == .bytes ? .file(part: nil) : nil }
        switch field.kind {
        case .bytes(isText: false, _), .view(isText: false): return .file(part: nil)
        case .structure:
            return field.children.firstIndex { $0.name == "bytes" && kind($0) == .bytes }.map { .file(part: $0) }
        case .list, .fixedList:
            var inner = field
            // of lists from a dictionary there are no values in the batch
            while inner.kind.isList, inner.dictionary == nil { inner = inner.children[0] }
            guard let type = elementType(inner.kind), inner.dictionary == nil else { return nil }
            guard field.metadata["ARROW:extension:name"] == "arrow.fixed_shape_tensor" else {
                return .numbers(type, shape: nil)
            }
            return tensorShape(field).map { .numbers(type, shape: $0) }
        default: return nil
        }
    }

    /// Shape of the tensors of a column in rows' order; nil where it is another order.
    ///
    /// Source: Apache Arrow, *Canonical Extension Types*, "Fixed shape tensor".
    private static func tensorShape(_ field: ArrowField) -> [Int]? {
        struct Metadata: Decodable {
            var shape: [Int]
            var permutation: [Int]?
        }
        let text = field.metadata["ARROW:extension:metadata"] ?? ""
        guard let metadata = try? JSONDecoder().decode(Metadata.self, from: Data(text.utf8)),
            metadata.permutation.map({ $0 == Array($0.indices) }) ?? true
        else { return nil }
        return metadata.shape
    }

    private static func elementType(_ kind: ArrowField.Kind) -> NPYArray.ElementType? {
        switch kind {
        case .integer(8, let isSigned): isSigned ? .int8 : .uint8
        case .integer(16, let isSigned): isSigned ? .int16 : .uint16
        case .integer(32, let isSigned): isSigned ? .int32 : .uint32
        case .integer(64, let isSigned): isSigned ? .int64 : .uint64
        case .float(16): .float16
        case .float(32): .float32
        case .float(64): .float64
        default: nil
        }
    }

    /// Image of a row.
    /// - Throws: ``ArchiveError`` where the stream is damaged.
    func content(of batch: ArrowBatch, at row: Int) throws(ArchiveError) -> ScoreItem.Content {
        let column = batch.columns[image]
        if column.isNull(row) { return .failed(ScoreFailure(row: "is null")) }
        switch form {
        case .file(let part):
            let file: [UInt8]
            switch try (part.map { column.children[$0] } ?? column).value(row) {
            case .bytes(let bytes): file = bytes
            default: return .failed(ScoreFailure(row: "has no bytes, only perhaps the path of its file"))
            }
            return sized(file.count) ?? .encoded(file)
        case .numbers(let type, let shape): return try numbers(column, row, type, shape)
        }
    }

    /// What is wrong with an image of so many bytes.
    private func sized(_ bytes: Int) -> ScoreItem.Content? {
        bytes <= maxImageBytes
            ? nil : .failed(ScoreFailure(row: "has \(bytes) bytes, more than --max-image-bytes \(maxImageBytes)"))
    }

    private func numbers(
        _ column: ArrowColumn, _ row: Int, _ type: NPYArray.ElementType, _ said: [Int]?
    ) throws(ArchiveError) -> ScoreItem.Content {
        var column = column
        var places = row..<row + 1
        var shape: [Int] = []
        while column.field.kind.isList {
            if column.hasNulls, places.contains(where: column.isNull) {
                return .failed(ScoreFailure(row: "has a null in place of numbers"))
            }
            guard let first = places.first else { return .failed(ScoreFailure(row: "has no numbers")) }
            let list = try column.list(first)
            var end = list.upperBound
            for place in places.dropFirst() {
                let next = try column.list(place)
                guard next.count == list.count, next.lowerBound == end else {
                    return .failed(ScoreFailure(row: "has lists of several lengths"))
                }
                end = next.upperBound
            }
            shape.append(list.count)
            places = list.lowerBound..<end
            column = column.children[0]
            guard places.count <= maxImageBytes / type.size else {
                return .failed(
                    ScoreFailure(row: "has \(places.count) numbers, more than --max-image-bytes \(maxImageBytes)"))
            }
        }
        if column.hasNulls, places.contains(where: column.isNull) {
            return .failed(ScoreFailure(row: "has a null in place of a number"))
        }
        if let said {
            guard said.reduce(1, { $0 &* $1 }) == places.count, said.allSatisfy({ $0 >= 0 }) else {
                return .failed(ScoreFailure(row: "has \(places.count) numbers, not those of a tensor of \(said)"))
            }
            shape = said
        }
        return .encoded(NPYArray.header(shape: shape, elementType: type) + (try column.numbers(places)))
    }

    /// The values of the columns that are handed on, of all rows of a batch.
    /// - Throws: ``ArchiveError`` where the stream is damaged, or a column's values are more than `limit` bytes.
    func passed(of batch: ArrowBatch, limit: Int) throws(ArchiveError) -> [ArrowWriter.Values] {
        var columns: [ArrowWriter.Values] = []
        for (place, field) in zip(passed, fieldsPassed) {
            var (numbers, texts, bytes): ([Int?], [[UInt8]?], Int) = ([], [], 0)
            for row in 0..<batch.count {
                switch try batch.columns[place].value(row) {
                case .integer(let number): numbers.append(number)
                case .bytes(let text): texts.append(text)
                // readers of text refuse what is no UTF-8
                case .text(let text): texts.append(Array(String(decoding: text, as: UTF8.self).utf8))
                case nil where field.kind == .int64: numbers.append(nil)
                case nil: texts.append(nil)
                }
                bytes += texts.last.flatMap { $0?.count } ?? 0
                if bytes > limit { throw .tooLarge(quantity: "bytes in column \(field.name) of a batch", limit: limit) }
            }
            columns.append(field.kind == .int64 ? .int64(numbers) : .bytes(texts))
        }
        return columns
    }
}

extension ArrowField.Kind {
    fileprivate var isList: Bool {
        switch self {
        case .list, .fixedList: true
        default: false
        }
    }
}
