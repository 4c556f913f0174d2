/// A file of a `multipart/form-data` body.
public struct MultipartFile: Equatable, Sendable {
    /// The part's name, that of a field of a form.
    public var name: String
    /// The file's name as it was sent, octets that are not UTF-8 replaced by U+FFFD; nil when it has none.
    public var fileName: String?
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
/// What stands before the first boundary and behind the last is passed over, and so are blanks behind a boundary. Stricter than the
/// RFCs where senders have no need of the freedom: lines end in CRLF, every part is a file, and none has a transfer encoding.
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
        guard var boundary = try nextBoundary(from: 0) else { throw missingBoundary }
        while !boundary.isLast {
            guard files.count < maxFiles else { throw .tooManyFiles(limit: maxFiles) }
            var index = boundary.end
            let head = try PartHead(lines: header(at: &index))
            // The content may be empty: then the CRLF before the boundary is that which ended the header.
            guard let next = try nextBoundary(from: index - 2) else {
                throw .malformed(reason: "the last part does not end with the boundary \(quotedBoundary)")
            }
            files.append(
                MultipartFile(
                    name: head.name, fileName: head.fileName, mediaType: head.mediaType,
                    content: index..<max(index, next.start - 2)))
            boundary = next
        }
        return files
    }

    /// A line that is a boundary.
    private struct Boundary {
        /// Index of its first hyphen.
        var start: Int
        /// Index behind its line end.
        var end: Int
        /// Whether no part follows.
        var isLast: Bool
    }

    private func starts(_ text: some Sequence<UInt8>, at index: Int) -> Bool {
        bytes[min(index, bytes.count)...].starts(with: text)
    }

    /// The next boundary, whose line end before it is at `start` or later; at 0 none is needed.
    private func nextBoundary(from start: Int) throws(MultipartError) -> Boundary? {
        if start == 0, let boundary = try boundary(at: 0) { return boundary }
        var index = start
        while index + 1 < bytes.count {
            if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, let boundary = try boundary(at: index + 2) {
                return boundary
            }
            index += 1
        }
        return nil
    }

    /// `"--" boundary [ "--" ] *( SP / HTAB )` and a line end, at the end of the body none; nil for a line that begins otherwise. One that
    /// begins so and goes on otherwise may be no content either (RFC 2046, section 5.1.1).
    private func boundary(at start: Int) throws(MultipartError) -> Boundary? {
        guard starts(delimiter, at: start) else { return nil }
        var end = start + delimiter.count
        let isLast = starts("--".utf8, at: end)
        if isLast { end += 2 }
        while end < bytes.count, bytes[end] == 0x20 || bytes[end] == 0x09 { end += 1 }
        if starts("\r\n".utf8, at: end) { return Boundary(start: start, end: end + 2, isLast: isLast) }
        if isLast && end == bytes.count { return Boundary(start: start, end: end, isLast: true) }
        // a sender who has only line feeds, at the first line already
        if starts([0x0A], at: end) { throw .malformed(reason: "a boundary's line ends in LF alone, not in CRLF") }
        throw .malformed(reason: "a line begins with the boundary \(quotedBoundary) and goes on")
    }

    private var quotedBoundary: String { quoted(String(decoding: delimiter, as: UTF8.self)) }

    /// Reason why no boundary was found.
    private var missingBoundary: MultipartError {
        if bytes.isEmpty { return .malformed(reason: "it is empty") }
        return .malformed(reason: "no line of it is the boundary \(quotedBoundary) that its Content-Type names")
    }

    /// The header lines of a part, a folded one as one (RFC 5322, section 2.2.3); `index` moves to its content.
    private func header(at index: inout Int) throws(MultipartError) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        let start = index
        while true {
            let limit = min(bytes.count, start + Self.maxHeaderBytes)
            guard let end = bytes[index..<max(index, limit)].firstIndex(of: 0x0D), starts("\r\n".utf8, at: end) else {
                throw .malformed(reason: "a part's header does not end within \(Self.maxHeaderBytes) bytes")
            }
            let line = bytes[index..<end]
            index = end + 2
            switch line.first {
            case nil: return lines
            case 0x20, 0x09: lines.isEmpty ? lines.append(Array(line)) : (lines[lines.count - 1] += line)
            default: lines.append(Array(line))
            }
        }
    }
}
