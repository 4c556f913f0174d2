import HTTPTypes

/// A media type with its parameters (RFC 9110, section 8.3.1); names are in lower case.
struct MediaType: Sendable, Equatable, CustomStringConvertible {
    var type: String
    var subtype: String
    var parameters: [String: String]

    init(_ type: String, _ subtype: String, parameters: [String: String] = [:]) {
        self.type = type
        self.subtype = subtype
        self.parameters = parameters
    }

    static let json = MediaType("application", "json")
    static let ndjson = MediaType("application", "x-ndjson")
    static let npy = MediaType("application", "x-npy")
    static let png = MediaType("image", "png")
    static let jpeg = MediaType("image", "jpeg")
    static let octets = MediaType("application", "octet-stream")
    static let multipart = MediaType("multipart", "form-data")
    static let problem = MediaType("application", "problem+json")
    static let yaml = MediaType("application", "yaml")  // RFC 9512

    var description: String { "\(type)/\(subtype)" }

    /// Nil unless `text` is a media type by the grammar.
    init?(parsing text: some StringProtocol) {
        var scanner = FieldScanner(text)
        guard let type = scanner.token(), scanner.skip("/"), let subtype = scanner.token(),
            let parameters = scanner.parameters(), scanner.isAtEnd
        else { return nil }
        self.init(type.lowercased(), subtype.lowercased(), parameters: parameters)
    }

    func isSame(as other: MediaType) -> Bool { type == other.type && subtype == other.subtype }
}

/// Reads the pieces that fields are made of (RFC 9110, section 5.6).
struct FieldScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ text: some StringProtocol) {
        bytes = Array(text.utf8)
    }

    var isAtEnd: Bool { index == bytes.count }

    mutating func skipSpace() {
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    mutating func token() -> String? {
        let start = index
        while index < bytes.count, Self.isTokenByte(bytes[index]) { index += 1 }
        return start == index ? nil : String(decoding: bytes[start..<index], as: UTF8.self)
    }

    mutating func quotedString() -> String? {
        guard skip("\"") else { return nil }
        var value: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: value, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") {
                guard index < bytes.count else { return nil }
                value.append(bytes[index])
                index += 1
            } else {
                value.append(byte)
            }
        }
        return nil
    }

    /// `*( OWS ";" OWS name "=" value )`; nil when it is none, or a name is there twice.
    mutating func parameters() -> [String: String]? {
        var parameters: [String: String] = [:]
        skipSpace()
        while skip(";") {
            skipSpace()
            if isAtEnd { break }  // RFC 9110 lets a parameter be empty
            guard let name = token()?.lowercased(), skip("="), let value = token() ?? quotedString(),
                parameters.updateValue(value, forKey: name) == nil
            else { return nil }
            skipSpace()
        }
        return parameters
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
