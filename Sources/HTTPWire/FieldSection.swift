import HTTPTypes

/// The field lines of a head or of a trailer section, while they arrive (RFC 9112, section 5).
struct FieldSection: Sendable {
    private(set) var fields = HTTPFields()
    private var bytes = 0
    private var lines = 0

    /// Consumes field lines until the empty line that ends the section.
    /// - Parameters:
    ///   - byteLimit: of all lines together, each with its CRLF.
    ///   - lineLimit: most lines.
    ///   - keep: false for a trailer section, whose fields are checked and dropped.
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
                let field = try Self.parse(buffer.bytes, line)
                if keep { fields.append(field) }
            }
        }
    }

    /// `field-name ":" OWS field-value OWS`, without folding and without space before the colon.
    private static func parse(_ bytes: [UInt8], _ line: Range<Int>) throws(HTTPServerError) -> HTTPField {
        let span = bytes.span
        if span[line.lowerBound] == Character.space || span[line.lowerBound] == Character.tab {
            throw .malformed(reason: "a folded field line, or white space before the first field")
        }
        var colon = line.lowerBound
        while colon < line.upperBound, Character.isToken(span[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, span[colon] == Character.colon,
            let name = HTTPField.Name(String(decoding: bytes[line.lowerBound..<colon], as: UTF8.self))
        else { throw .malformed(reason: "invalid field name") }

        var first = colon + 1
        var last = line.upperBound
        while first < last, span[first] == Character.space || span[first] == Character.tab { first += 1 }
        while last > first, span[last - 1] == Character.space || span[last - 1] == Character.tab { last -= 1 }
        var isASCII = true
        for index in first..<last {
            guard Character.isFieldValue(span[index]) else {
                throw .malformed(reason: "a control character in a field value")
            }
            isASCII = isASCII && span[index] < 0x80
        }
        let value = bytes[first..<last]
        // Bytes above ASCII are kept as they are; the usual value becomes a string without a second look.
        return isASCII
            ? HTTPField(name: name, value: String(decoding: value, as: UTF8.self))
            : HTTPField(name: name, lenientValue: value)
    }
}
