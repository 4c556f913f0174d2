import Compression
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving
import Synchronization

/// Which answers are worth a content coding: text, numbers and JSON of at least `leastBytes`, and streams of lines, but
/// no PNG, which is compressed already. Nil: none is. Measured on our own answers: docs/measurements/2026-11-25-requests.md.
struct AnswerCoding {
    var leastBytes: Int?

    private static let paying = [MediaType.json, .problem, .ndjson, .npy, .yaml].map(\.description)

    /// - Parameter bytes: nil for a stream.
    func pays(for fields: HTTPFields, bytes: Int?) -> Bool {
        guard let leastBytes, bytes.map({ $0 >= leastBytes }) ?? true, let type = fields[.contentType] else {
            return false
        }
        return type.hasPrefix("text/") || Self.paying.contains(type)
    }

    /// Says in `response` how its content is to be coded, for the client that sent `accept`, and what that depended on.
    /// - Returns: the coding that ``ServerResponse/coded(_:)`` is to apply; nil for none.
    func choose(for response: inout ServerResponse, accept: AcceptEncoding?) -> Coding? {
        // A stored answer is coded already.
        guard !response.fields.contains(.contentEncoding) else { return nil }
        let pays: Bool
        switch response.body {
        case .none: return nil
        case .bytes(let bytes):
            pays = self.pays(for: response.fields, bytes: bytes.count)
            if pays { response.fields.vary(by: .acceptEncoding) }
        case .stream:
            // Of another type it is the answer to HEAD whose length nobody knows yet (RFC 9110, section 9.3.2).
            pays = self.pays(for: response.fields, bytes: nil)
            if pays { response.fields.vary(by: .acceptEncoding) }
            guard response.fields[.contentType] == MediaType.ndjson.description else { return nil }
        }
        guard let coding = pays ? accept?.preferred : accept?.forced else { return nil }
        response.fields[.contentEncoding] = coding.rawValue
        if !pays { response.fields.vary(by: .acceptEncoding) }
        return coding
    }
}

extension HTTPFields {
    /// Adds `name` to Vary: the answer depends on that field of the request (RFC 9110, section 12.5.5).
    mutating func vary(by name: HTTPField.Name) {
        self[.vary] = self[.vary].map { "\($0), \(name)" } ?? "\(name)"
    }
}

extension ServerResponse {
    /// The same answer with its content coded at once; nil when it is too large for that.
    func codedInline(_ coding: Coding, _ context: APIContext) -> ServerResponse? {
        var response = self
        switch body {
        case .none: break
        case .bytes(let bytes) where bytes.count > context.options.inlineBytes: return nil
        case .bytes(let bytes): response.body = .bytes(deflated(bytes, coding))
        case .stream(let stream): response.body = .stream(CodedStream.parts(of: stream, coding, context))
        }
        return response
    }

    /// The same answer with its content coded.
    /// - Parameter context: Large content is coded on one of its helper threads.
    func coded(_ coding: Coding, _ context: APIContext) async throws -> ServerResponse {
        if let response = codedInline(coding, context) { return response }
        guard case .bytes(let bytes) = body else { return self }
        var response = self
        response.body = .bytes(try await context.helpers.run { deflated(bytes, coding) })
        return response
    }
}

/// `bytes` in `coding`, by a state that is used again.
func deflated(_ bytes: [UInt8], _ coding: Coding) -> [UInt8] {
    var deflater = Deflater(coding: coding)
    var output: [UInt8] = []
    deflater.deflate(bytes, into: &output, flush: .finish)
    return output
}

/// A streamed answer under a content coding. Each part is flushed, so that the client can read it when it comes; none is
/// asked for before the last was taken.
private actor CodedStream {
    /// Also used by helper threads, one at a time.
    private final class Coder: Sendable {
        private let deflater: Mutex<Deflater>

        init(_ coding: Coding) { deflater = Mutex(Deflater(coding: coding)) }

        func code(_ part: [UInt8], _ flush: Deflater.Flush) -> [UInt8] {
            var output: [UInt8] = []
            deflater.withLock { $0.deflate(part, into: &output, flush: flush) }
            return output
        }
    }

    private var source: AsyncThrowingStream<[UInt8], any Error>.AsyncIterator
    private var coder: Coder?
    private let context: APIContext

    private init(_ stream: sending AsyncThrowingStream<[UInt8], any Error>, _ coding: Coding, _ context: APIContext) {
        source = stream.makeAsyncIterator()
        coder = Coder(coding)
        self.context = context
    }

    static func parts(
        of stream: AsyncThrowingStream<[UInt8], any Error>, _ coding: Coding, _ context: APIContext
    ) -> AsyncThrowingStream<[UInt8], any Error> {
        let coded = CodedStream(stream, coding, context)
        return AsyncThrowingStream(unfolding: { try await coded.next() })
    }

    private func next() async throws -> [UInt8]? {
        guard let coder else { return nil }
        var source = self.source
        let part = try await source.next(isolation: self)
        self.source = source
        guard let part else {
            self.coder = nil
            return coder.code([], .finish)
        }
        return try await context.heavy(bytes: part.count) { coder.code(part, .sync) }
    }
}
