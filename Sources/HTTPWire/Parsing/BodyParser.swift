import System

/// Parser of one request's body, which finds its bytes and its end (RFC 9112, sections 6.3 and 7.1).
struct BodyParser: Sendable {
    private enum State {
        case data(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        /// The CRLF after a chunk's data.
        case chunkEnd
        case trailers(FieldSection)
        case done
    }

    private var state: State
    private var chunks = 0
    /// Bytes of the chunks so far.
    private var chunkedBytes = 0

    init(_ framing: RequestFraming) {
        state =
            switch framing {
            case .none, .length(0): .done
            case .length(let length): .data(remaining: length)
            case .chunked: .chunkSize
            }
    }

    /// The next `.body` or `.end`, or nil when more bytes are needed.
    mutating func next(
        from buffer: inout InputBuffer, limits: HTTPLimits
    ) throws(HTTPServerError) -> RequestParser.Event? {
        while true {
            switch state {
            case .data(let remaining):
                guard !buffer.isEmpty else { return nil }
                let part = buffer.take(atMost: remaining)
                state = part.count == remaining ? .done : .data(remaining: remaining - part.count)
                return .body(part)

            case .chunkSize:
                guard let size = try nextChunkSize(from: &buffer, limits: limits) else { return nil }
                if size == 0 {
                    state = .trailers(FieldSection())
                } else {
                    chunks += 1
                    guard chunks - chunkedBytes / HTTPLimits.bytesPerFurtherChunk <= limits.chunks else {
                        throw .malformed(
                            reason:
                                "more than \(limits.chunks) chunks, of fewer than \(HTTPLimits.bytesPerFurtherChunk) bytes each"
                        )
                    }
                    // a size may be any number, until its bytes come
                    chunkedBytes = chunkedBytes.addingReportingOverflow(size).overflow ? .max : chunkedBytes + size
                    state = .chunkData(remaining: size)
                }

            case .chunkData(let remaining):
                guard !buffer.isEmpty else { return nil }
                let part = buffer.take(atMost: remaining)
                state = part.count == remaining ? .chunkEnd : .chunkData(remaining: remaining - part.count)
                return .body(part)

            case .chunkEnd:
                switch buffer.nextLine(limit: 0) {
                case .incomplete: return nil
                case .tooLong, .bareLineFeed: throw .malformed(reason: "a chunk that does not end with CRLF")
                case .line: state = .chunkSize
                }
                buffer.release()

            case .trailers(var section):
                let done = try section.read(
                    from: &buffer, bytes: limits.trailerBytes, fields: limits.fields, keep: false)
                state = done ? .done : .trailers(section)
                if !done { return nil }
                buffer.release()

            case .done:
                return .end
            }
        }
    }

    private func nextChunkSize(
        from buffer: inout InputBuffer, limits: HTTPLimits
    ) throws(HTTPServerError) -> Int? {
        switch buffer.nextLine(limit: ChunkLine.sizeDigits + limits.chunkExtensionBytes) {
        case .incomplete: return nil
        case .tooLong: throw ChunkLine.extensionTooLong(limits.chunkExtensionBytes)
        case .bareLineFeed: throw .malformed(reason: "a line that does not end with CRLF")
        case .line(let line):
            let size = try ChunkLine.size(
                buffer.bytes.span.extracting(buffer.start...), line, extensionLimit: limits.chunkExtensionBytes)
            buffer.release()
            return size
        }
    }
}

/// `chunk-size [ chunk-ext ]` (RFC 9112, section 7.1); extensions are checked and dropped.
private enum ChunkLine {
    /// Sixteen hexadecimal digits hold every size there is.
    static let sizeDigits = 16

    static func size(
        _ span: Span<UInt8>, _ line: Range<Int>, extensionLimit: Int
    ) throws(HTTPServerError) -> Int {
        var size = 0
        var index = line.lowerBound
        while index < line.upperBound, let digit = ASCII.hexValue(span[index]) {
            guard size <= Int.max >> 4 else { throw .malformed(reason: "invalid chunk size") }
            size = size << 4 | digit
            index += 1
        }
        guard index > line.lowerBound, index - line.lowerBound <= sizeDigits,
            index == line.upperBound || span[index] == UInt8(ascii: ";")
        else { throw .malformed(reason: "invalid chunk size") }
        guard line.upperBound - index <= extensionLimit else { throw extensionTooLong(extensionLimit) }
        var extensions = ChunkExtensions(rest: index..<line.upperBound)
        guard extensions.areValid(span) else {
            throw .malformed(reason: "invalid chunk extension")
        }
        return size
    }

    static func extensionTooLong(_ limit: Int) -> HTTPServerError {
        .malformed(reason: "a chunk extension longer than \(limit) bytes")
    }
}

/// `*( BWS ";" BWS name [ BWS "=" BWS value ] )` (RFC 9112, section 7.1.1). Servers that skip what they do not
/// understand up to a line end of their own choice were made to see two messages where there is one.
private struct ChunkExtensions {
    /// Part of the line that was not looked at yet.
    var rest: Range<Int>

    mutating func areValid(_ span: Span<UInt8>) -> Bool {
        while !rest.isEmpty {
            skipBlanks(span)
            guard takes(UInt8(ascii: ";"), span) else { return false }
            skipBlanks(span)
            guard takesToken(span) else { return false }
            let afterName = rest
            skipBlanks(span)
            guard takes(UInt8(ascii: "="), span) else {
                rest = afterName
                continue
            }
            skipBlanks(span)
            guard takesToken(span) || takesQuotedString(span) else { return false }
        }
        return true
    }

    private var next: Int? { rest.isEmpty ? nil : rest.lowerBound }

    private mutating func advance() { rest = rest.lowerBound + 1..<rest.upperBound }

    private mutating func skipBlanks(_ span: Span<UInt8>) {
        while let index = next, ASCII.isBlank(span[index]) { advance() }
    }

    private mutating func takes(_ byte: UInt8, _ span: Span<UInt8>) -> Bool {
        guard let index = next, span[index] == byte else { return false }
        advance()
        return true
    }

    private mutating func takesToken(_ span: Span<UInt8>) -> Bool {
        let first = rest.lowerBound
        while let index = next, ASCII.isToken(span[index]) { advance() }
        return rest.lowerBound > first
    }

    /// `DQUOTE *( qdtext / quoted-pair ) DQUOTE` (RFC 9110, section 5.6.4).
    private mutating func takesQuotedString(_ span: Span<UInt8>) -> Bool {
        guard takes(UInt8(ascii: "\""), span) else { return false }
        while let index = next, ASCII.isFieldValue(span[index]) {
            if takes(UInt8(ascii: "\""), span) { return true }
            if takes(UInt8(ascii: "\\"), span) {
                guard let quoted = next, ASCII.isFieldValue(span[quoted]) else { return false }
            }
            advance()
        }
        return false
    }
}
