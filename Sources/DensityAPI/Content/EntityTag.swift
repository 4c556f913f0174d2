import Compression
import FlowModels
import HTTPTypes
import HTTPWire
import System

/// Names the content of an answer, so that a client that has it need not be sent it again (RFC 9110, section 8.8.3).
struct EntityTag: Equatable, CustomStringConvertible {
    /// Without its quotes.
    private(set) var opaque: String
    /// The content is the same in meaning, not byte for byte.
    private(set) var isWeak = false

    /// A strong tag: 128 bits of the content's SHA-256.
    init(of content: [UInt8]) { opaque = String(SHA256.hex(content).prefix(32)) }

    /// A weak tag of what the content follows from.
    init(following inputs: [String]) {
        self.init(of: Array(inputs.joined(separator: "\n").utf8))
        isWeak = true
    }

    /// Nil unless `text` is one tag by the grammar.
    init?(parsing text: some StringProtocol) {
        let tag = text.hasPrefix("W/") ? text.dropFirst(2) : text[...]
        guard tag.utf8.count >= 2, tag.hasPrefix("\""), tag.hasSuffix("\"") else { return nil }
        opaque = String(tag.dropFirst().dropLast())
        guard opaque.utf8.allSatisfy({ $0 == 0x21 || $0 >= 0x23 && $0 != 0x7F }) else { return nil }
        isWeak = text.hasPrefix("W/")
    }

    var description: String { "\(isWeak ? "W/" : "")\"\(opaque)\"" }

    /// The tag of the same content under a content coding: other bytes, so, when strong, another tag (section 8.8.3.3).
    func coded(_ coding: String) -> EntityTag {
        var tag = self
        if !isWeak { tag.opaque += "-\(coding)" }
        return tag
    }

    /// Whether `If-None-Match` names this tag, by weak comparison, or `*` (section 13.1.2).
    func isNamed(in fields: HTTPFields) -> Bool {
        let values = fields[values: .ifNoneMatch]
        return values.contains { $0.trimmingSpace() == "*" || Self.list($0).contains { $0.opaque == opaque } }
    }

    /// The tags of a list; empty from where it is none. A comma can be part of a tag.
    private static func list(_ value: String) -> [EntityTag] {
        var tags: [EntityTag] = []
        var rest = value[...]
        while true {
            rest = rest.drop { $0 == "," || $0 == " " || $0 == "\t" }
            guard let open = rest.firstIndex(of: "\""),
                let close = rest[rest.index(after: open)...].firstIndex(of: "\""),
                let tag = EntityTag(parsing: rest[...close])
            else { return tags }
            tags.append(tag)
            rest = rest[rest.index(after: close)...]
        }
    }
}

/// How an answer may be kept (RFC 9111, section 5.2.2).
enum CachePolicy: String {
    /// It may be kept, but is used again only once the service says that it is still right.
    case revalidate = "no-cache"
    /// It is of now, or of this request alone.
    case never = "no-store"
}

extension ServerResponse {
    /// The same with a strong tag of its content, to be asked for again before it is used again.
    func tagged() -> ServerResponse {
        guard case .bytes(let bytes) = body else { return self }
        var response = self
        response.fields[.eTag] = EntityTag(of: bytes).description
        response.fields[.cacheControl] = CachePolicy.revalidate.rawValue
        return response
    }

    /// Completes the tag by the content coding, and drops the content if the client has it: 304, with the fields that
    /// section 15.4.5 of RFC 9110 wants.
    mutating func applyCondition(of request: HTTPRequest) {
        guard status == .ok, var tag = fields[.eTag].flatMap({ EntityTag(parsing: $0) }) else { return }
        if let coding = fields[.contentEncoding] {
            tag = tag.coded(coding)
            fields[.eTag] = tag.description
        }
        guard request.method == .get || request.method == .head, tag.isNamed(in: request.headerFields) else { return }
        status = .notModified
        fields[.contentType] = nil
        fields[.contentEncoding] = nil
        body = .none
    }
}

/// An answer that is the same as long as the program runs: tagged, and coded once.
struct StoredAnswer: Sendable {
    private let plain: ServerResponse
    private let codings: [Coding: [UInt8]]

    init(type: MediaType, content: [UInt8], _ coding: AnswerCoding) {
        plain = ServerResponse(status: .ok, fields: [.contentType: type.description], body: .bytes(content)).tagged()
        let pays = coding.pays(for: plain.fields, bytes: content.count)
        codings =
            pays ? Dictionary(uniqueKeysWithValues: Coding.allCases.map { ($0, deflate(content, coding: $0)) }) : [:]
    }

    /// In the coding that the client likes best.
    func response(for fields: HTTPFields) -> ServerResponse {
        guard let coding = AcceptEncoding(fields)?.preferred, let coded = codings[coding] else { return plain }
        var response = plain
        response.fields[.contentEncoding] = coding.rawValue
        response.fields.vary(by: .acceptEncoding)
        response.body = .bytes(coded)
        return response
    }
}
