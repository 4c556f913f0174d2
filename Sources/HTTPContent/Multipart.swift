/// A file of a `multipart/form-data` body.
public struct MultipartFile: Equatable, Sendable {
    /// The part's name, that of a field of a form.
    public var name: String
    /// The part's Content-Type; nil when it has none.
    public var mediaType: MediaType?
    /// Place of the file's bytes in the body.
    public var content: Range<Int>
}

/// Reason why the files of a `multipart/form-data` body cannot be had.
public enum MultipartError: Error, Equatable, Sendable {
    /// The body is not by the grammar; `reason` completes "the body is not multipart/form-data: …".
    case malformed(reason: String)
    /// The body has more files than `limit`.
    case tooManyFiles(limit: Int)
}

/// Reader that splits a `multipart/form-data` body into its files (RFC 7578, RFC 2046 section 5.1.1).
///
/// Stricter than the RFCs where senders have no need of the freedom: no preamble, no padding after a boundary, lines
/// end in CRLF, every part is a file, and none has a transfer encoding.
public struct MultipartReader {
    /// Bytes of the header lines of one part, at most.
    public static let maxHeaderBytes = 4096
    /// Bytes of a boundary, at most (RFC 2046, section 5.1.1).
    public static let maxBoundaryBytes = 70

    private let bytes: [UInt8]
    private let delimiter: [UInt8]

    private init(bytes: [UInt8], boundary: String) {
        self.bytes = bytes
        delimiter = Array("--\(boundary)".utf8)
    }

    /// The files of the body `bytes` in their order, `maxFiles` at most.
    ///
    /// - Throws: ``MultipartError``.
    public static func files(
        in bytes: [UInt8], boundary: String, maxFiles: Int
    ) throws(MultipartError) -> [MultipartFile] {
        guard (1...maxBoundaryBytes).contains(boundary.utf8.count) else {
            throw .malformed(reason: "a boundary has 1 to \(maxBoundaryBytes) characters")
        }
        return try MultipartReader(bytes: bytes, boundary: boundary).files(maxFiles: maxFiles)
    }

    private func files(maxFiles: Int) throws(MultipartError) -> [MultipartFile] {
        var files: [MultipartFile] = []
        guard starts(delimiter, at: 0) else { throw .malformed(reason: "it does not begin with the boundary") }
        var index = delimiter.count
        while true {
            if starts("--".utf8, at: index) {
                let rest = bytes[(index + 2)...]
                guard rest.isEmpty || rest.elementsEqual("\r\n".utf8) else {
                    throw .malformed(reason: "there is more after the last boundary")
                }
                return files
            }
            guard starts("\r\n".utf8, at: index) else { throw .malformed(reason: "a boundary's line does not end") }
            guard files.count < maxFiles else {
                throw .tooManyFiles(limit: maxFiles)
            }
            index += 2
            let head = try header(at: &index)
            guard let end = nextDelimiter(from: index) else { throw .malformed(reason: "the last part does not end") }
            let (name, type) = try nameAndType(head)
            files.append(MultipartFile(name: name, mediaType: type, content: index..<end))
            index = end + 2 + delimiter.count
        }
    }

    private func starts(_ text: some Sequence<UInt8>, at index: Int) -> Bool {
        bytes[min(index, bytes.count)...].starts(with: text)
    }

    /// Index of the CRLF in front of the next boundary.
    private func nextDelimiter(from start: Int) -> Int? {
        // The content may be empty: then the CRLF is that which ended the header.
        var index = start - 2
        while index + 1 < bytes.count {
            if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, starts(delimiter, at: index + 2), index >= start {
                return index
            }
            index += 1
        }
        return nil
    }

    /// The header lines of a part, by their names in lower case; `index` moves to its content.
    private func header(at index: inout Int) throws(MultipartError) -> [String: String] {
        var fields: [String: String] = [:]
        let start = index
        while true {
            let limit = min(bytes.count, start + Self.maxHeaderBytes)
            guard let end = bytes[index..<max(index, limit)].firstIndex(of: 0x0D), starts("\r\n".utf8, at: end) else {
                throw .malformed(reason: "a part's header does not end within \(Self.maxHeaderBytes) bytes")
            }
            let line = bytes[index..<end]
            index = end + 2
            if line.isEmpty { return fields }
            guard let text = String(validating: line, as: UTF8.self), let colon = text.firstIndex(of: ":") else {
                throw .malformed(reason: "a part's header line has no colon")
            }
            let value = String(text[text.index(after: colon)...].trimmingSpace())
            guard fields.updateValue(value, forKey: text[..<colon].lowercased()) == nil else {
                throw .malformed(reason: "a part's header has a field twice")
            }
        }
    }

    private func nameAndType(_ fields: [String: String]) throws(MultipartError) -> (String, MediaType?) {
        guard let disposition = fields["content-disposition"] else {
            throw .malformed(reason: "a part has no Content-Disposition")
        }
        var scanner = FieldScanner(disposition[...])
        guard scanner.token()?.lowercased() == "form-data", let parameters = scanner.parameters(), scanner.isAtEnd,
            let name = parameters["name"]
        else { throw .malformed(reason: "a part's Content-Disposition is not form-data with a name") }
        // A file should have a filename, and need not (RFC 7578, section 4.2); a form's plain value has neither.
        let isFile = ["filename", "filename*"].contains { parameters[$0] != nil } || fields["content-type"] != nil
        guard isFile else {
            throw .malformed(reason: "the part \(quoted(name)) is not a file: it has neither filename nor Content-Type")
        }
        if let coding = fields["content-transfer-encoding"]?.lowercased(), !["binary", "8bit", "7bit"].contains(coding)
        {
            throw .malformed(reason: "a part has the Content-Transfer-Encoding \(quoted(coding))")
        }
        guard let type = fields["content-type"] else { return (name, nil) }
        guard let mediaType = MediaType(parsing: type) else {
            throw .malformed(reason: "a part's Content-Type is no media type")
        }
        return (name, mediaType)
    }
}
