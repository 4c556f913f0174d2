import System

/// `text` with `%xx` undone (RFC 3986, section 2.1), and `+` too in a query; nil unless that is UTF-8.
package func percentDecoded(_ text: Substring, plusIsSpace: Bool = false) -> String? {
    let percent = UInt8(ascii: "%")
    let plus = plusIsSpace ? UInt8(ascii: "+") : percent
    guard text.utf8.contains(where: { $0 == percent || $0 == plus }) else { return String(text) }
    return percentDecodedOctets(text.utf8, plusIsSpace: plusIsSpace).flatMap { String(validating: $0, as: UTF8.self) }
}

/// `octets` with `%xx` undone, and `+` too in a query; nil where a per cent sign has no two hexadecimal digits behind it.
package func percentDecodedOctets(_ octets: some Sequence<UInt8>, plusIsSpace: Bool = false) -> [UInt8]? {
    let bytes = Array(octets)
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
        switch bytes[index] {
        case UInt8(ascii: "%"):
            guard index + 2 < bytes.count, let high = ASCII.hexValue(bytes[index + 1]),
                let low = ASCII.hexValue(bytes[index + 2])
            else { return nil }
            decoded.append(UInt8(high << 4 | low))
            index += 3
        case UInt8(ascii: "+") where plusIsSpace:
            decoded.append(0x20)
            index += 1
        case let byte:
            decoded.append(byte)
            index += 1
        }
    }
    return decoded
}
