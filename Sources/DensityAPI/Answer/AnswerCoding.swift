import Compression
import HTTPContent
import HTTPTypes
import HTTPWire

/// Choice of the answers that are worth a content coding: text, numbers and JSON of at least `leastBytes`, and streams of
/// lines, but no PNG, which is compressed already; without `leastBytes` none is. Measured on our own answers:
/// docs/measurements/2026-11-25-requests.md.
struct AnswerCoding {
    var leastBytes: Int?

    private static let paying = [MediaType.json, .problem, .ndjson, .npy, .yaml].map(\.description)

    /// Whether a coding pays for an answer of `fields` and so many `bytes`, nil for a stream.
    func pays(for fields: HTTPFields, bytes: Int?) -> Bool {
        guard let leastBytes, bytes.map({ $0 >= leastBytes }) ?? true, let type = fields[.contentType] else {
            return false
        }
        return type.hasPrefix("text/") || Self.paying.contains(type)
    }

    /// Says in `response` how its content is to be coded, for the client that sent `accept`, and what that depended on.
    /// - Returns: the coding that ``OutgoingAnswer/coded(_:)`` is to apply; nil for none.
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
            // A stream of another type is the answer to HEAD whose length nobody knows yet (RFC 9110, section 9.3.2).
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

/// `bytes` in `coding`, by a state that is used again.
func deflated(_ bytes: [UInt8], _ coding: Coding) -> [UInt8] {
    var deflater = Deflater(coding: coding)
    var output: [UInt8] = []
    deflater.deflate(bytes, into: &output, flush: .finish)
    return output
}
