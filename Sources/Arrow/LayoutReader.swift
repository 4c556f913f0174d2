internal import Archives

/// Reader of the lists of nodes and buffers of a batch, which are those of the columns, each before its parts.
struct LayoutReader {
    private var nodes: ArraySlice<Int>
    private var buffers: ArraySlice<Int>
    private var variadicCounts: ArraySlice<Int>
    private let version: Int
    private let body: ArrowBody
    private let limits: ArrowLimits
    private let dictionaries: [Int: [ArrowValue?]]
    /// Coding of the buffers; nil where they are not compressed.
    private let codec: ArrowCodec?
    /// Bytes that the compressed buffers so far unfold to.
    private var unfolded = 0

    init(
        _ table: FlatTable, version: Int, body: ArrowBody, limits: ArrowLimits, dictionaries: [Int: [ArrowValue?]]
    ) throws(ArchiveError) {
        nodes = try table.numbers(1, perMember: 2)[...]
        buffers = try table.numbers(2, perMember: 2)[...]
        variadicCounts = try table.numbers(4)[...]
        codec = try ArrowCodec(table)
        (self.version, self.body, self.limits, self.dictionaries) = (version, body, limits, dictionaries)
    }

    private static let damaged = ArchiveError.damaged(reason: "a batch has other columns than its schema")

    mutating func column(_ field: ArrowField) throws(ArchiveError) -> ArrowColumn {
        guard let count = nodes.popFirst(), let nulls = nodes.popFirst() else { throw Self.damaged }
        guard count >= 0 else { throw .damaged(reason: "a column has less than no rows") }
        let kind = field.indexKind ?? field.kind
        let hasValidity = hasValidity(kind)
        var validity: [UInt8]?
        if hasValidity {
            let buffer = try buffer()
            // the buffer may be left out where there are no nulls
            if nulls != 0, count > 0 {
                validity = try body.bytes(buffer, 0, count / 8 + (count % 8 == 0 ? 0 : 1))
            }
        }
        var buffers: [ArrowBuffer] = []
        for _ in 0..<(try numberOfBuffers(kind) - (hasValidity ? 1 : 0)) { buffers.append(try buffer()) }
        var children: [ArrowColumn] = []
        if field.dictionary == nil {
            for child in field.children { children.append(try column(child)) }
            if kind == .structure, children.contains(where: { $0.count < count }) {
                throw .damaged(reason: "a column has another number of rows")
            }
            if case .fixedList(let size) = kind, count > 0 {
                let (values, overflow) = count.multipliedReportingOverflow(by: size)
                guard !overflow, children[0].count >= values else {
                    throw .damaged(reason: "a column has another number of rows")
                }
            }
        }
        return ArrowColumn(
            field: field, count: count, children: children, validity: validity, buffers: buffers, body: body,
            dictionary: field.dictionary.flatMap { dictionaries[$0] } ?? [])
    }

    private mutating func buffer() throws(ArchiveError) -> ArrowBuffer {
        guard let place = buffers.popFirst(), let count = buffers.popFirst() else { throw Self.damaged }
        guard place >= 0, count >= 0, place <= body.count, count <= body.count - place else {
            throw .damaged(reason: "a buffer is outside of its batch")
        }
        let stored = ArrowBuffer(place: place, count: count)
        guard let codec, count > 0 else { return stored }
        guard count >= Self.lengthBytes else { throw .damaged(reason: "a compressed buffer does not say its length") }
        let (start, rest) = (place + Self.lengthBytes, count - Self.lengthBytes)
        let size = LittleEndian(try body.bytes(stored, 0, Self.lengthBytes)).number(0, Self.lengthBytes)
        // one that compression would have made no shorter
        if size == -1 { return ArrowBuffer(place: start, count: rest) }
        guard size >= 0 else { throw .damaged(reason: "a compressed buffer has a length below 0") }
        guard size <= limits.batchBytes - unfolded else {
            throw .tooLarge(quantity: "unfolded bytes in a batch", limit: limits.batchBytes)
        }
        unfolded += size
        try ArchiveLimits(ratio: limits.ratio).checkRatio(unpacked: unfolded, packed: body.count)
        let body = body
        return ArrowBuffer(
            place: 0, count: size,
            folded: FoldedBuffer(codec, size: size) { () throws(ArchiveError) in
                try body.bytes(stored, Self.lengthBytes, rest)
            })
    }

    /// Bytes in front of a compressed buffer, which say how many it unfolds to.
    private static let lengthBytes = 8

    /// Whether the first buffer is that of the rows that have a value.
    private func hasValidity(_ kind: ArrowField.Kind) -> Bool {
        switch kind {
        case .null: false
        case .other("union", _): version < 4
        case .other("run_end_encoded", _): false
        default: true
        }
    }

    private mutating func numberOfBuffers(_ kind: ArrowField.Kind) throws(ArchiveError) -> Int {
        switch kind {
        case .null: return 0
        case .bool, .integer, .float: return 2
        case .bytes: return 3
        case .structure, .fixedList: return 1
        case .list: return 2
        case .view:
            guard let more = variadicCounts.popFirst(), (0...buffers.count).contains(more) else { throw Self.damaged }
            return 2 + more
        case .other("union", let buffers): return version < 4 ? buffers + 1 : buffers
        case .other(_, let buffers): return buffers
        }
    }
}
