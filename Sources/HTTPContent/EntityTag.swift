public import HTTPTypes
import System

/// Name of an answer's content, so that a client that has it need not be sent it again (RFC 9110, section 8.8.3).
public struct EntityTag: Sendable, Equatable, CustomStringConvertible {
    /// The tag's text without its quotes.
    public private(set) var opaque: String
    /// Whether contents of this tag are the same in meaning, and not byte for byte.
    public private(set) var isWeak = false

    /// A strong tag: 128 bits of the content's SHA-256.
    public init(of content: [UInt8]) { opaque = String(SHA256.hex(content).prefix(32)) }

    /// A weak tag of what the content follows from.
    public init(following inputs: [String]) {
        self.init(of: Array(inputs.joined(separator: "\n").utf8))
        isWeak = true
    }

    /// The tag that `text` writes; nil unless it is one by the grammar.
    public init?(parsing text: String) { self.init(parsing: text[...]) }

    private init?(parsing text: Substring) {
        let tag = text.hasPrefix("W/") ? text.dropFirst(2) : text[...]
        guard tag.utf8.count >= 2, tag.hasPrefix("\""), tag.hasSuffix("\"") else { return nil }
        opaque = String(tag.dropFirst().dropLast())
        guard opaque.utf8.allSatisfy({ $0 == 0x21 || $0 >= 0x23 && $0 != 0x7F }) else { return nil }
        isWeak = text.hasPrefix("W/")
    }

    /// The tag as it stands in a field, quotes and `W/` included.
    public var description: String { "\(isWeak ? "W/" : "")\"\(opaque)\"" }

    /// The tag of the same content under a content coding: other bytes, so, when strong, another tag (section 8.8.3.3).
    public func coded(_ coding: String) -> EntityTag {
        var tag = self
        if !isWeak { tag.opaque += "-\(coding)" }
        return tag
    }

    /// Whether `If-None-Match` names this tag, by weak comparison, or `*` (section 13.1.2).
    public func isNamed(in fields: HTTPFields) -> Bool {
        let values = fields[values: .ifNoneMatch]
        return values.contains { $0[...].trimmingSpace() == "*" || Self.list($0).contains { $0.opaque == opaque } }
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
