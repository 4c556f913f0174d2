/// A media type with its parameters (RFC 9110, section 8.3.1).
public struct MediaType: Sendable, Equatable, CustomStringConvertible {
    /// First half of the name, in lower case: `image` of `image/png`.
    public var type: String
    /// Second half of the name, in lower case: `png` of `image/png`.
    public var subtype: String
    /// Values by the parameters' names, which are in lower case.
    public var parameters: [String: String]

    /// The media type `type/subtype`; both in lower case.
    public init(_ type: String, _ subtype: String, parameters: [String: String] = [:]) {
        self.type = type
        self.subtype = subtype
        self.parameters = parameters
    }

    /// `application/json` (RFC 8259).
    public static let json = MediaType("application", "json")
    /// `application/x-ndjson`: a JSON text a line.
    public static let ndjson = MediaType("application", "x-ndjson")
    /// `application/x-npy`: one array of NumPy.
    public static let npy = MediaType("application", "x-npy")
    /// `image/png`.
    public static let png = MediaType("image", "png")
    /// `image/jpeg`.
    public static let jpeg = MediaType("image", "jpeg")
    /// `image/webp` (RFC 9649).
    public static let webp = MediaType("image", "webp")
    /// `application/octet-stream`.
    public static let octets = MediaType("application", "octet-stream")
    /// `application/x-www-form-urlencoded`, which curl and other clients say of any body unless they are told.
    public static let form = MediaType("application", "x-www-form-urlencoded")
    /// `multipart/form-data` (RFC 7578), without its boundary.
    public static let multipart = MediaType("multipart", "form-data")
    /// `application/problem+json` (RFC 9457).
    public static let problem = MediaType("application", "problem+json")
    /// `text/plain`.
    public static let plainText = MediaType("text", "plain")
    /// `application/openmetrics-text`, of OpenMetrics 1.0.
    public static let openMetrics = MediaType("application", "openmetrics-text")
    /// `application/yaml` (RFC 9512).
    public static let yaml = MediaType("application", "yaml")
    /// `text/html`.
    public static let html = MediaType("text", "html")
    /// `text/javascript` (RFC 9239).
    public static let javaScript = MediaType("text", "javascript")
    /// `text/css`.
    public static let css = MediaType("text", "css")
    /// `image/svg+xml`.
    public static let svg = MediaType("image", "svg+xml")

    /// Names that senders have for media types of ours, in lower case.
    private static let aliases: [String: MediaType] = [
        "image/jpg": .jpeg, "image/pjpeg": .jpeg, "image/x-citrix-jpeg": .jpeg, "image/x-png": .png,
        "image/x-citrix-png": .png, "application/npy": .npy, "application/x-numpy": .npy, "text/json": .json,
        "application/x-json": .json, "application/ndjson": .ndjson, "application/jsonl": .ndjson,
        "application/x-jsonl": .ndjson, "application/jsonlines": .ndjson, "application/x-jsonlines": .ndjson,
        "binary/octet-stream": .octets, "application/binary": .octets,
    ]

    /// The media type under the name that it has here: `image/jpeg` for `image/jpg`; itself where it has no other.
    public var standard: MediaType {
        guard var standard = Self.aliases[description] else { return self }
        standard.parameters = parameters
        return standard
    }

    /// `type/subtype`, without the parameters.
    public var description: String { "\(type)/\(subtype)" }

    /// The media type that `text` writes; nil unless it is one by the grammar.
    public init?(parsing text: String) { self.init(parsing: text[...]) }

    init?(parsing text: Substring) {
        var scanner = FieldScanner(text)
        guard let type = scanner.token(), scanner.skip("/"), let subtype = scanner.token(),
            let parameters = scanner.parameters(), scanner.isAtEnd
        else { return nil }
        self.init(type.lowercased(), subtype.lowercased(), parameters: parameters)
    }

    /// Whether the two have one name; parameters may differ.
    public func isSame(as other: MediaType) -> Bool { type == other.type && subtype == other.subtype }
}
