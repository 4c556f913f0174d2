/// Finds the bytes and the end of one request's body (RFC 9112, sections 6.3 and 7.1).
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

    /// Sixteen hexadecimal digits hold every size there is.
    private static let sizeDigits = 16

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
                    guard chunks <= limits.chunks else { throw .malformed(reason: "more than \(limits.chunks) chunks") }
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

            case .trailers(var section):
                let done = try section.read(
                    from: &buffer, bytes: limits.trailerBytes, fields: limits.fields, keep: false)
                state = done ? .done : .trailers(section)
                if !done { return nil }

            case .done:
                return .end
            }
        }
    }

    /// `chunk-size [ chunk-ext ] CRLF`; extensions are checked and dropped.
    private func nextChunkSize(
        from buffer: inout InputBuffer, limits: HTTPLimits
    ) throws(HTTPServerError) -> Int? {
        let line: Range<Int>
        switch buffer.nextLine(limit: Self.sizeDigits + limits.chunkExtensionBytes) {
        case .incomplete: return nil
        case .tooLong: throw Self.extensionTooLong(limits)
        case .bareLineFeed: throw .malformed(reason: "a line that does not end with CRLF")
        case .line(let range): line = range
        }
        let span = buffer.bytes.span
        var size = 0
        var index = line.lowerBound
        while index < line.upperBound, let digit = Character.hexValue(span[index]) {
            guard size <= Int.max >> 4 else { throw .malformed(reason: "invalid chunk size") }
            size = size << 4 | digit
            index += 1
        }
        guard index > line.lowerBound, index - line.lowerBound <= Self.sizeDigits,
            index == line.upperBound || span[index] == UInt8(ascii: ";")
        else { throw .malformed(reason: "invalid chunk size") }
        guard line.upperBound - index <= limits.chunkExtensionBytes else { throw Self.extensionTooLong(limits) }
        while index < line.upperBound {
            guard Character.isFieldValue(span[index]) else { throw .malformed(reason: "invalid chunk extension") }
            index += 1
        }
        return size
    }

    private static func extensionTooLong(_ limits: HTTPLimits) -> HTTPServerError {
        .malformed(reason: "a chunk extension longer than \(limits.chunkExtensionBytes) bytes")
    }
}
