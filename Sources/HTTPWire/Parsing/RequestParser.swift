import System
package import HTTPTypes

/// Bytes in, requests out: HTTP/1.0 and 1.1 by RFC 9112, refusing whatever two implementations could read differently.
///
/// A pure value: where the bytes are cut makes no difference to what comes out. After it threw it must not be used
/// again, because the place where the next message would begin is unknown. Once its storage has grown to the size of
/// the requests it allocates nothing: an event says where its bytes lie, and whoever wants them makes what it needs.
package struct RequestParser: Sendable {
    /// Piece of a request that was found.
    package enum Event: Equatable, Sendable {
        case head(RequestHead)
        /// The next bytes of the body, without its transfer coding; never empty. For ``withBytes(of:_:)``.
        case body(Range<Int>)
        /// The message is over; the next event, if any, is a head.
        case end
    }

    private enum State {
        case requestLine(emptyLines: Int)
        case fields
        case body
    }

    /// Places of the parts of a head.
    private struct Layout: Sendable {
        var line: RequestLine
        var host: Range<Int>?
        /// Index of the head's first byte.
        var start = 0
        /// Whether the head is complete, and its bytes are still there.
        var isReadable = false
    }

    private let limits: HTTPLimits
    private var buffer = InputBuffer()
    private var state = State.requestLine(emptyLines: 0)
    private var layout: Layout?
    private var section = FieldSection()
    private var body = BodyParser(.none)
    /// The last head, whole, and what was read of it; ``section`` has the places of its fields.
    private var lastHead: RequestHead?
    private var lastBytes: [UInt8] = []
    /// Whether a head came before: the first is not kept, since many connections bring no other.
    private var hadHead = false
    /// Whether the last ``Event/head(_:)`` was of the same bytes as the one before it.
    package private(set) var repeatsHead = false
    /// Whether the last head is kept, to be compared with the next.
    package var keepsHead: Bool { lastHead != nil }

    /// Most bytes of a head that are kept to be compared with the next.
    private static let comparedBytes = 1024

    /// A parser before the first request of a connection.
    package init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Number of bytes that were received and not read yet.
    package var bufferedBytes: Int { buffer.count }

    /// Bytes of memory held.
    package var heldBytes: Int { buffer.capacity + section.capacity + lastBytes.capacity }

    /// Whether nothing of a next request has arrived.
    package var isIdle: Bool {
        if case .requestLine(emptyLines: 0) = state { buffer.isEmpty } else { false }
    }

    /// Takes in received bytes; then call ``next()`` until it returns nil.
    package mutating func receive(_ bytes: Span<UInt8>) {
        layout?.isReadable = false
        buffer.append(bytes)
    }

    /// Drops what was received, and the memory with it. Between two messages, or when none is wanted any more.
    package mutating func discard() {
        layout = nil
        lastHead = nil
        lastBytes = []
        buffer.discard()
        section = FieldSection()
    }

    /// The next event, or nil when more bytes are needed.
    /// - Throws: ``HTTPServerError`` for bytes that are not HTTP, are not spoken here, or pass a limit.
    package mutating func next() throws(HTTPServerError) -> Event? {
        while true {
            switch state {
            case .requestLine(let emptyLines):
                if emptyLines == 0, let head = nextRepeated() { return .head(head) }
                // What is no HTTP at all, such as TLS, need not bring a line end to be known.
                if let first = buffer.first, !ASCII.isToken(first), first != ASCII.carriageReturn,
                    first != ASCII.lineFeed
                {
                    throw .malformed(reason: "invalid request line")
                }
                let limit = limits.requestLineBytes
                guard let line = try nextLine(limit: limit, or: .targetTooLong(limit: limit)) else { return nil }
                if line.isEmpty {
                    guard emptyLines < limits.leadingEmptyLines else {
                        throw .malformed(reason: "no request line")
                    }
                    buffer.release()
                    state = .requestLine(emptyLines: emptyLines + 1)
                } else {
                    layout = Layout(line: try RequestLine(buffer.bytes.span.extracting(buffer.start...), line))
                    section.restart()
                    state = .fields
                }

            case .fields:
                guard
                    try section.read(from: &buffer, bytes: limits.fieldBytes, fields: limits.fields, keep: true)
                else { return nil }
                return .head(try finishHead())

            case .body:
                let event = try body.next(from: &buffer, limits: limits)
                if event == .end { state = .requestLine(emptyLines: 0) }
                return event
            }
        }
    }

    private mutating func finishHead() throws(HTTPServerError) -> RequestHead {
        guard var layout else { preconditionFailure("fields without a request line") }
        layout.start = buffer.start
        let head = try RequestHead(
            layout.line, section.places, buffer.bytes.span.extracting(buffer.start...), host: &layout.host)
        layout.isReadable = true
        self.layout = layout
        repeatsHead = false
        keepHead(head, from: layout.start)
        buffer.release()
        body = BodyParser(head.framing)
        state = .body
        return head
    }

    private mutating func keepHead(_ head: RequestHead, from start: Int) {
        let isKept = hadHead && buffer.position - start <= Self.comparedBytes
        hadHead = true
        lastHead = isKept ? head : nil
        if isKept { buffer.copy(start..<buffer.position, to: &lastBytes) }
    }

    /// The head of the next request where that is there, whole, and the same as the last one, byte for byte: then all that was found
    /// of it holds again, as offsets from its first byte. Heads of a connection that is kept seldom differ.
    private mutating func nextRepeated() -> RequestHead? {
        guard let head = lastHead, layout != nil, buffer.reads(lastBytes.span) else { return nil }
        buffer.skip(lastBytes.count)
        layout?.start = buffer.start
        layout?.isReadable = true
        repeatsHead = true
        buffer.release()
        body = BodyParser(head.framing)
        state = .body
        return head
    }

    private mutating func nextLine(limit: Int, or error: HTTPServerError) throws(HTTPServerError) -> Range<Int>? {
        switch buffer.nextLine(limit: limit) {
        case .incomplete: nil
        case .tooLong: throw error
        case .bareLineFeed: throw .malformed(reason: "a line that does not end with CRLF")
        case .line(let range): range
        }
    }
}

// MARK: - What an event is about

extension RequestParser {
    /// The request of the last ``Event/head(_:)``; to be asked for before the next ``receive(_:)``.
    ///
    /// Its `authority` is the value of Host, or the authority of an absolute target (RFC 9112, section 3.2.2); Host is
    /// not among the fields.
    package func makeRequest() -> HTTPRequest {
        guard let layout, layout.isReadable else { preconditionFailure("the head is gone") }
        let span = buffer.bytes.span.extracting(layout.start...)
        guard let method = Self.method(span, layout.line.method) else { preconditionFailure("a method is a token") }
        let target = layout.line.target
        var fields = HTTPFields()
        fields.reserveCapacity(section.places.count)
        for place in section.places where !(place.name.count == 4 && span.spells(place.name, "host")) {
            guard let name = HTTPField.Name(span.text(place.name)) else { preconditionFailure("a name is a token") }
            fields.append(Self.field(name, span, place.value))
        }
        return HTTPRequest(
            method: method, scheme: target.scheme?.rawValue,
            authority: (target.authority ?? layout.host).map { span.text($0) }, path: target.pathText(span),
            headerFields: fields)
    }

    /// Calls `body` with the bytes of an ``Event/body(_:)``, which are there until the next ``receive(_:)``.
    package func withBytes<Output, Failure: Error>(
        of part: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        try body(buffer.bytes.span.extracting(part))
    }

    private static func method(_ span: Span<UInt8>, _ range: Range<Int>) -> HTTPRequest.Method? {
        let text = span.text(range)
        return switch text {
        case "GET": .get
        case "POST": .post
        default: HTTPRequest.Method(text)
        }
    }

    /// Field of `value`, whose bytes above ASCII are kept as they are; the usual value becomes a string without a second look.
    private static func field(_ name: HTTPField.Name, _ span: Span<UInt8>, _ value: Range<Int>) -> HTTPField {
        if span.all(value, { $0 < 0x80 }) { return HTTPField(name: name, value: span.text(value)) }
        return unsafe span.extracting(value).withUnsafeBufferPointer {
            unsafe HTTPField(name: name, lenientValue: $0)
        }
    }
}
