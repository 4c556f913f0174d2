import System

/// Reader of the pieces that fields are made of (RFC 9110, section 5.6).
struct FieldScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ text: Substring) { self.init(octets: Array(text.utf8)) }

    /// A scanner of a value that may have octets of any encoding in its quoted strings.
    init(octets: [UInt8]) { bytes = octets }

    var isAtEnd: Bool { index == bytes.count }

    /// The byte that was not taken yet; nil at the end.
    var next: UInt8? { isAtEnd ? nil : bytes[index] }

    /// The next byte, which is taken; nil at the end.
    mutating func take() -> UInt8? {
        defer { if !isAtEnd { index += 1 } }
        return next
    }

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
        while index < bytes.count, ASCII.isToken(bytes[index]) { index += 1 }
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
}
