import FoundationEssentials
import System

/// The bytes that `text` is base64 of (RFC 4648, section 4, or by its alphabet section 5); nil when it is not.
///
/// Line breaks and blanks are passed over (RFC 2045, section 6.8), and padding may be missing: its length follows from the rest. What
/// mixes the two alphabets, or has any other character, is damaged.
package func base64Decoded(_ text: String) -> [UInt8]? {
    if let data = Data(base64Encoded: text) { return Array(data) }
    var characters: [UInt8] = []
    characters.reserveCapacity(text.utf8.count + 2)
    var (padding, isStandard, isURLSafe) = (0, false, false)
    for byte in text.utf8 {
        switch byte {
        case ASCII.lineFeed, ASCII.carriageReturn, 0x20, 0x09: continue
        case UInt8(ascii: "="): padding += 1
        case _ where padding > 0: return nil
        case UInt8(ascii: "-"), UInt8(ascii: "_"):
            isURLSafe = true
            characters.append(byte == UInt8(ascii: "-") ? UInt8(ascii: "+") : UInt8(ascii: "/"))
        default:
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/") { isStandard = true }
            characters.append(byte)
        }
    }
    let missing = (4 - characters.count % 4) % 4
    guard !(isStandard && isURLSafe), missing < 3, padding == 0 || padding == missing else { return nil }
    characters += Array(repeating: UInt8(ascii: "="), count: missing)
    return Data(base64Encoded: Data(characters)).map { Array($0) }
}

/// A `data:` URL, which holds what others point to (RFC 2397).
package struct DataURL: Equatable, Sendable {
    /// Media type of the data, by its standard name; nil where the URL names none.
    package let mediaType: MediaType?
    package let data: [UInt8]

    /// Whether `text` begins as such a URL does.
    package static func isOne(_ text: String) -> Bool {
        text.utf8.prefix(5).map(ASCII.lowercased).elementsEqual("data:".utf8)
    }

    /// The URL `text`; nil when it is none: `"data:" [ mediatype ] [ ";base64" ] "," data`.
    package init?(_ text: String) {
        guard Self.isOne(text), let comma = text.utf8.firstIndex(of: UInt8(ascii: ",")) else { return nil }
        var head = text[text.utf8.index(text.startIndex, offsetBy: 5)..<comma]
        let isBase64 = head.lowercased().hasSuffix(";base64")
        if isBase64 { head = head.dropLast(";base64".count) }
        guard let octets = percentDecodedOctets(text[comma...].utf8.dropFirst()) else { return nil }
        if isBase64 {
            guard let decoded = base64Decoded(String(decoding: octets, as: UTF8.self)) else { return nil }
            data = decoded
        } else {
            data = octets
        }
        if head.isEmpty || head.hasPrefix(";") {
            mediaType = nil
        } else {
            guard let type = MediaType(parsing: String(head)) else { return nil }
            mediaType = type.standard
        }
    }
}
