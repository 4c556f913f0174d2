/// Writer of an Arrow IPC stream: its schema, batches of rows, its end.
///
/// Source: Apache Arrow, *Columnar Format*, "Serialization and Interprocess Communication", Message.fbs and Schema.fbs.
package struct ArrowWriter {
    /// Kind of a column that is written; each may have nulls.
    package enum Kind: Sendable, Equatable {
        case float64
        case int64
        case text
        case bytes
    }

    /// Name and kind of a column.
    package struct Field: Sendable, Equatable {
        package var name: String
        package var kind: Kind

        package init(_ name: String, _ kind: Kind) { (self.name, self.kind) = (name, kind) }
    }

    /// Values of a column, in the order of the rows.
    package enum Values: Sendable, Equatable {
        case float64([Double?])
        case int64([Int?])
        /// Of text or bytes; of text they must be UTF-8.
        case bytes([[UInt8]?])
    }

    package let fields: [Field]

    package init(_ fields: [Field]) { self.fields = fields }

    /// The message that begins the stream.
    package var schema: [UInt8] {
        let tables = fields.map { field -> [FlatValue?] in
            [
                .text(field.name), .number(1, width: 1), .number(field.kind.code, width: 1), .table(field.kind.type),
                nil, .tables([]),
            ]
        }
        return Self.message(kind: 1, .table([.number(0, width: 2), .tables(tables)]), body: [])
    }

    /// What ends the stream.
    package static let end: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]

    /// The message of a batch of `count` rows; the columns stand in the order of ``fields``.
    package func batch(count: Int, _ columns: [Values]) -> [UInt8] {
        precondition(columns.count == fields.count)
        var body = ArrowBodyWriter()
        for (field, values) in zip(fields, columns) {
            switch (field.kind, values) {
            case (.float64, .float64(let values)):
                precondition(values.count == count)
                body.add(validity: values.map { $0 != nil })
                body.add { bytes in for value in values { bytes.append(number: (value ?? 0).bitPattern) } }
            case (.int64, .int64(let values)):
                precondition(values.count == count)
                body.add(validity: values.map { $0 != nil })
                body.add { bytes in for value in values { bytes.append(number: Int64(value ?? 0)) } }
            case (.text, .bytes(let values)), (.bytes, .bytes(let values)):
                precondition(values.count == count)
                body.add(validity: values.map { $0 != nil })
                body.add { bytes in
                    var end: UInt32 = 0
                    bytes.append(number: end)
                    for value in values {
                        end += UInt32(value?.count ?? 0)
                        bytes.append(number: end)
                    }
                }
                precondition(values.reduce(0) { $0 + ($1?.count ?? 0) } <= Self.maxColumnBytes)
                body.add { bytes in for case let value? in values { bytes += value } }
            default: preconditionFailure("values of another kind than their column's")
            }
        }
        let header: [FlatValue?] = [
            .number(count, width: 8), .numbers(body.nodes, perMember: 2), .numbers(body.buffers, perMember: 2),
        ]
        return Self.message(kind: 3, .table(header), body: body.bytes)
    }

    /// Most bytes of all values of a column of a batch: their places are of 32 bits.
    package static let maxColumnBytes = Int(Int32.max)

    private static func message(kind: Int, _ header: FlatValue, body: [UInt8]) -> [UInt8] {
        // version 5 of the format
        let description = FlatWriter(root: [
            .number(4, width: 2), .number(kind, width: 1), header, .number(body.count, width: 8),
        ]).bytes
        var bytes: [UInt8] = [0xff, 0xff, 0xff, 0xff]
        bytes.append(number: UInt32(description.count))
        return bytes + description + body
    }
}

extension ArrowWriter.Kind {
    /// Number in the union `Type`.
    fileprivate var code: Int {
        switch self {
        case .int64: 2
        case .float64: 3
        case .bytes: 4
        case .text: 5
        }
    }

    /// Fields of the type's table.
    fileprivate var type: [FlatValue?] {
        switch self {
        case .int64: [.number(64, width: 4), .number(1, width: 1)]
        case .float64: [.number(2, width: 2)]
        case .bytes, .text: []
        }
    }
}

/// Buffers of a batch, each from a multiple of 8 bytes on.
private struct ArrowBodyWriter {
    private(set) var bytes: [UInt8] = []
    /// Of each column its rows and nulls.
    private(set) var nodes: [Int] = []
    /// Of each buffer its place and bytes.
    private(set) var buffers: [Int] = []

    /// Begins a column whose rows are valid or null; the bits are left out where all are valid.
    mutating func add(validity: [Bool]) {
        let nulls = validity.count { !$0 }
        nodes += [validity.count, nulls]
        add { bytes in
            guard nulls > 0 else { return }
            for start in stride(from: 0, to: validity.count, by: 8) {
                var byte: UInt8 = 0
                for row in start..<min(start + 8, validity.count) where validity[row] { byte |= 1 << (row - start) }
                bytes.append(byte)
            }
        }
    }

    mutating func add(_ write: (inout [UInt8]) -> Void) {
        let place = bytes.count
        write(&bytes)
        buffers += [place, bytes.count - place]
        while bytes.count % 8 != 0 { bytes.append(0) }
    }
}

extension [UInt8] {
    /// Appends the bytes of a number, lowest first.
    fileprivate mutating func append(number: some FixedWidthInteger) {
        for shift in stride(from: 0, to: number.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
