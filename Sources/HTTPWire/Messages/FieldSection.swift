import System

/// Place of a field, as offsets from the first byte of its head.
struct FieldPlace: Sendable {
    var name: Range<Int>
    /// Place of the value, without white space around it.
    var value: Range<Int>
}

/// The field lines of a head or of a trailer section, while they arrive (RFC 9112, section 5).
struct FieldSection: Sendable {
    /// The fields so far, in order; the storage is kept for the next head.
    private(set) var places: [FieldPlace] = []
    private var bytes = 0
    private var lines = 0

    /// Bytes of memory that the table takes up.
    var capacity: Int { places.capacity * MemoryLayout<FieldPlace>.stride }

    mutating func restart() {
        places.removeAll(keepingCapacity: true)
        bytes = 0
        lines = 0
    }

    /// Reads field lines until the empty line that ends the section.
    /// - Parameters:
    ///   - byteLimit: most bytes of all lines together, each with its CRLF.
    ///   - lineLimit: most lines.
    ///   - keep: false for a trailer section, whose fields are checked and dropped, whatever their names are.
    /// - Returns: whether the section is over; otherwise more bytes are needed.
    mutating func read(
        from buffer: inout InputBuffer, bytes byteLimit: Int, fields lineLimit: Int, keep: Bool
    ) throws(HTTPServerError) -> Bool {
        while true {
            // The empty line at the end is not counted, and must fit behind fields that use the limit up.
            switch buffer.nextLine(limit: max(byteLimit - bytes - 2, 0)) {
            case .incomplete: return false
            case .tooLong: throw .fieldsTooLarge(limit: byteLimit, unit: "bytes")
            case .bareLineFeed: throw .malformed(reason: "a line that does not end with CRLF")
            case .line(let line):
                if line.isEmpty { return true }
                lines += 1
                bytes += line.count + 2
                guard lines <= lineLimit else { throw .fieldsTooLarge(limit: lineLimit, unit: "fields") }
                let place = try Self.parse(buffer.bytes.span.extracting(buffer.start...), line)
                if keep { places.append(place) } else { buffer.release() }
            }
        }
    }

    /// `field-name ":" OWS field-value OWS`, without folding and without space before the colon.
    private static func parse(_ span: Span<UInt8>, _ line: Range<Int>) throws(HTTPServerError) -> FieldPlace {
        if ASCII.isBlank(span[line.lowerBound]) {
            throw .malformed(reason: "a folded field line, or white space before the first field")
        }
        var colon = line.lowerBound
        while colon < line.upperBound, ASCII.isToken(span[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, span[colon] == ASCII.colon else {
            throw .malformed(reason: "invalid field name")
        }
        let value = span.trimmed(colon + 1..<line.upperBound)
        guard span.all(value, ASCII.isFieldValue) else {
            throw .malformed(reason: "a control character in a field value")
        }
        return FieldPlace(name: line.lowerBound..<colon, value: value)
    }
}
