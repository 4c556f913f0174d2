package import Archives

/// Batch of rows.
package struct ArrowBatch {
    /// Number of rows.
    package let count: Int
    /// Columns, in the order of the schema.
    package let columns: [ArrowColumn]

    init(
        _ table: FlatTable, version: Int, fields: [ArrowField], body: ArrowBody, limits: ArrowLimits,
        dictionaries: [Int: [ArrowValue?]]
    ) throws(ArchiveError) {
        count = try table.number(0, 8)
        guard count >= 0 else { throw .damaged(reason: "a batch has less than no rows") }
        var reader = try LayoutReader(table, version: version, body: body, limits: limits, dictionaries: dictionaries)
        var columns: [ArrowColumn] = []
        for field in fields {
            let column = try reader.column(field)
            guard column.count == count else { throw .damaged(reason: "a column has another number of rows") }
            columns.append(column)
        }
        self.columns = columns
    }
}

/// Value of a row.
package enum ArrowValue: Sendable, Equatable {
    case bytes([UInt8])
    /// Text, as its bytes, which should be UTF-8.
    case text([UInt8])
    case integer(Int)
}

/// Column of a batch, or a part of one; values are read when they are asked for.
package struct ArrowColumn {
    package let field: ArrowField
    /// Number of rows.
    package let count: Int
    package let children: [ArrowColumn]
    /// Bits of the rows that have a value; nil where all have.
    let validity: [UInt8]?
    /// Buffers behind that of the validity.
    let buffers: [ArrowBuffer]
    let body: ArrowBody
    let dictionary: [ArrowValue?]

    /// Whether the row has a value.
    package func isNull(_ row: Int) -> Bool {
        precondition((0..<count).contains(row))
        return field.kind == .null || validity.map { $0[row / 8] >> (row % 8) & 1 == 0 } ?? false
    }

    /// Value of a row, of bytes, text or an integer; nil where there is none, and of other kinds.
    /// - Throws: ``ArchiveError`` where it is not where it should be.
    package func value(_ row: Int) throws(ArchiveError) -> ArrowValue? {
        if isNull(row) { return nil }
        if field.dictionary != nil {
            guard let kind = field.indexKind, case .integer(let place) = try integer(row, kind),
                dictionary.indices.contains(place)
            else { throw .damaged(reason: "a value is not in its dictionary") }
            return dictionary[place]
        }
        switch field.kind {
        case .integer: return try integer(row, field.kind)
        case .bool: return .integer(Int(try body.bytes(buffers[0], row / 8, 1)[0] >> (row % 8) & 1))
        case .bytes(let isText, let offsetBits):
            let width = offsetBits / 8
            let offsets = try body.bytes(buffers[0], row * width, 2 * width)
            let (start, end) = (number(offsets[..<width]), number(offsets[width...]))
            guard start >= 0, end >= start else { throw .damaged(reason: "a value ends before it begins") }
            return value(try body.bytes(buffers[1], start, end - start), isText)
        case .view(let isText): return value(try view(row), isText)
        default: return nil
        }
    }

    /// Values of the list of a row, of a column of lists, as places in its child.
    /// - Throws: ``ArchiveError`` where they are not where they should be.
    package func list(_ row: Int) throws(ArchiveError) -> Range<Int> {
        precondition((0..<count).contains(row))
        switch field.kind {
        case .fixedList(let size): return row * size..<(row + 1) * size
        case .list(let offsetBits):
            let width = offsetBits / 8
            let offsets = try body.bytes(buffers[0], row * width, 2 * width)
            let (start, end) = (number(offsets[..<width]), number(offsets[width...]))
            guard start >= 0, end >= start, end <= children[0].count else {
                throw .damaged(reason: "a value ends before it begins")
            }
            return start..<end
        default: preconditionFailure("a column of no lists")
        }
    }

    /// Whether any of the rows has no value.
    package var hasNulls: Bool { field.kind == .null || validity != nil }

    /// Bytes of the numbers at `places`, lowest first, of a column of integers or floats; those of nulls may be any.
    /// - Throws: ``ArchiveError`` where they are not where they should be.
    package func numbers(_ places: Range<Int>) throws(ArchiveError) -> [UInt8] {
        let width: Int
        switch field.kind {
        case .integer(let bits, _), .float(let bits): width = bits / 8
        default: preconditionFailure("a column of no numbers")
        }
        precondition(places.lowerBound >= 0 && places.upperBound <= count)
        let (start, overflow) = places.lowerBound.multipliedReportingOverflow(by: width)
        let (bytes, overflows) = places.count.multipliedReportingOverflow(by: width)
        guard !overflow, !overflows else { throw .damaged(reason: "a value is outside of its buffer") }
        return try body.bytes(buffers[0], start, bytes)
    }

    private func value(_ bytes: [UInt8], _ isText: Bool) -> ArrowValue { isText ? .text(bytes) : .bytes(bytes) }

    private func integer(_ row: Int, _ kind: ArrowField.Kind) throws(ArchiveError) -> ArrowValue? {
        guard case .integer(let bits, let isSigned) = kind else { return nil }
        let bytes = try body.bytes(buffers[0], row * (bits / 8), bits / 8)
        let value = number(bytes[...])
        if isSigned || value >= 0 { return .integer(value) }
        guard bits < 64 else { throw .damaged(reason: "an integer is beyond 2⁶³") }
        return .integer(value + 1 << bits)
    }

    /// The signed number of some bytes, lowest first.
    private func number(_ bytes: ArraySlice<UInt8>) -> Int {
        let unused = 64 - 8 * bytes.count
        let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int(Int64(bitPattern: bits << unused) >> unused)
    }

    /// Bytes of a view: 4 of its length, then up to 12 of its own, or 4 of their begin, the number of a buffer and the place there.
    private func view(_ row: Int) throws(ArchiveError) -> [UInt8] {
        let view = try body.bytes(buffers[0], 16 * row, 16)
        let length = number(view[..<4])
        if (0...12).contains(length) { return Array(view[4..<4 + length]) }
        let (buffer, place) = (number(view[8..<12]), number(view[12...]))
        guard length > 0, buffer >= 0, buffer < buffers.count - 1 else {
            throw .damaged(reason: "a value is outside of its buffer")
        }
        return try body.bytes(buffers[1 + buffer], place, length)
    }
}

extension ArrowField {
    /// The column of the values of its dictionary.
    var withoutDictionary: ArrowField {
        ArrowField(name: name, kind: kind, children: children, dictionary: nil, indexKind: nil, metadata: metadata)
    }

    /// Whether its values are bytes, text or integers.
    package var isValue: Bool {
        switch kind {
        case .bool, .integer, .bytes, .view: true
        default: false
        }
    }

    private init(
        name: String, kind: Kind, children: [ArrowField], dictionary: Int?, indexKind: Kind?,
        metadata: [String: String]
    ) {
        (self.name, self.kind, self.children) = (name, kind, children)
        (self.dictionary, self.indexKind, self.metadata) = (dictionary, indexKind, metadata)
    }
}
