/// What the header of a part of a `multipart/form-data` body says (RFC 7578, sections 4.2 to 4.7).
struct PartHead {
    let name: String
    let fileName: String?
    let mediaType: MediaType?

    /// - Throws: ``MultipartError/malformed(reason:)``.
    init(lines: [[UInt8]]) throws(MultipartError) {
        let fields = try Self.fields(lines)
        guard let disposition = fields["content-disposition"] else {
            throw .malformed(reason: "a part has no Content-Disposition")
        }
        guard let parameters = Self.dispositionParameters(disposition), let name = parameters["name"] else {
            throw .malformed(reason: "a part's Content-Disposition is not form-data with a name")
        }
        self.name = Self.text(name)
        // The extended form, which RFC 7578 forbids and some clients send, says what its octets mean.
        fileName = parameters["filename*"].flatMap(Self.extendedValue) ?? parameters["filename"].map(Self.text)
        // A file should have a filename, and need not (RFC 7578, section 4.2); a form's plain value has neither.
        guard parameters["filename"] ?? parameters["filename*"] ?? fields["content-type"] != nil else {
            throw .malformed(
                reason:
                    "the part \(quoted(self.name)) is no file but a text, since it has neither filename nor Content-Type; "
                    + "parameters stand in the query")
        }
        if let coding = fields["content-transfer-encoding"].map({ Self.text($0).lowercased() }),
            !["binary", "8bit", "7bit"].contains(coding)
        {
            throw .malformed(
                reason:
                    "the part \(quoted(self.name)) has the Content-Transfer-Encoding \(quoted(coding)), which HTTP has no use "
                    + "for (RFC 7578, section 4.7)")
        }
        guard let type = fields["content-type"] else {
            mediaType = nil
            return
        }
        guard let parsed = MediaType(parsing: Self.text(type)) else {
            throw .malformed(reason: "the Content-Type of the part \(quoted(self.name)) is no media type")
        }
        mediaType = parsed
    }

    private static func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

    /// Values by the names of their fields, which are in lower case.
    private static func fields(_ lines: [[UInt8]]) throws(MultipartError) -> [String: [UInt8]] {
        var fields: [String: [UInt8]] = [:]
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                throw .malformed(reason: "a part's header line has no colon")
            }
            let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
            let value = line[(colon + 1)...].drop(while: isBlank)
            let end = value.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? value.startIndex
            let name = text(Array(line[..<colon])).lowercased()
            guard fields.updateValue(Array(value[..<end]), forKey: name) == nil else {
                throw .malformed(reason: "a part's header has the field \(quoted(name)) twice")
            }
        }
        return fields
    }

    /// Values of `form-data *( ";" name "=" value )` by the parameters' names, which are in lower case; nil when it is not that.
    private static func dispositionParameters(_ value: [UInt8]) -> [String: [UInt8]]? {
        var scanner = FieldScanner(octets: value)
        guard scanner.token()?.lowercased() == "form-data" else { return nil }
        var parameters: [String: [UInt8]] = [:]
        scanner.skipSpace()
        while scanner.skip(";") {
            scanner.skipSpace()
            if scanner.isAtEnd { break }
            guard let name = scanner.token()?.lowercased(), scanner.skip("="),
                let value = scanner.token().map({ Array($0.utf8) }) ?? scanner.formString(),
                parameters.updateValue(value, forKey: name) == nil
            else { return nil }
            scanner.skipSpace()
        }
        return scanner.isAtEnd ? parameters : nil
    }

    /// The text of `charset "'" [ language ] "'" value-chars` (RFC 8187, section 3.2.1); nil when it is not that, or in a charset
    /// other than UTF-8 and ISO-8859-1.
    private static func extendedValue(_ value: [UInt8]) -> String? {
        let parts = value.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let octets = percentDecodedOctets(parts[2]) else { return nil }
        switch text(Array(parts[0])).lowercased() {
        case "utf-8": return String(validating: octets, as: UTF8.self)
        case "iso-8859-1": return String(String.UnicodeScalarView(octets.map { Unicode.Scalar($0) }))
        default: return nil
        }
    }
}

extension FieldScanner {
    /// A string in quotes as senders of forms write one: a quote in it stands behind a backslash (curl), and any other backslash for
    /// itself, also one before the last quote, since browsers put no backslash before anything (WHATWG HTML, multipart/form-data).
    mutating func formString() -> [UInt8]? {
        guard skip("\"") else { return nil }
        var value: [UInt8] = []
        while let byte = take() {
            switch byte {
            case UInt8(ascii: "\""): return value
            case UInt8(ascii: "\\") where next == UInt8(ascii: "\\"),
                UInt8(ascii: "\\") where next == UInt8(ascii: "\"") && !endsValueNext:
                value.append(take()!)
            default: value.append(byte)
            }
        }
        return nil
    }

    /// Whether the value ends with the byte that is next: nothing follows, or the next parameter.
    private var endsValueNext: Bool {
        var rest = self
        _ = rest.take()
        rest.skipSpace()
        return rest.isAtEnd || rest.next == UInt8(ascii: ";")
    }
}
