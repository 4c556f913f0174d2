/// Name of a file or path of one, which is bytes: those of Linux and of archives need not be UTF-8.
///
/// Names are equal where their bytes are, and in the order of their bytes, which for UTF-8 is that of the code points.
package struct FileName: Hashable, Comparable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    package init(_ text: String) { bytes = Array(text.utf8) }

    package static func < (first: FileName, second: FileName) -> Bool {
        first.bytes.lexicographicallyPrecedes(second.bytes)
    }

    /// Parts between slashes, without empty ones and those that mean the folder itself, `.`.
    package var parts: [FileName] {
        bytes.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual([UInt8(ascii: ".")]) }.map(FileName.init)
    }

    /// Whether the last bytes are those of `ending`, which is in lower case, whatever the case of their letters of ASCII is.
    package func hasEnding(_ ending: String) -> Bool {
        bytes.count >= ending.utf8.count
            && zip(bytes.suffix(ending.utf8.count), ending.utf8).allSatisfy { ASCII.lowercased($0) == $1 }
    }
}

extension FileName: CustomStringConvertible {
    /// The name in UTF-8, and `\xNN` for each byte that is none; a backslash that would read as the begin of such is `\x5c`, so that
    /// different names are shown differently.
    package var description: String {
        var text = ""
        var rest = bytes[...]
        while !rest.isEmpty {
            let sound = soundPrefix(of: rest)
            text += escapingBackslashes(String(decoding: sound, as: UTF8.self))
            rest = rest[sound.endIndex...]
            if let byte = rest.popFirst() { text += hexadecimal(byte) }
        }
        return text
    }
}

/// Longest prefix that is UTF-8.
private func soundPrefix(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    if String(validating: bytes, as: UTF8.self) != nil { return bytes }
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var end = bytes.startIndex
    while case .scalarValue(let scalar) = decoder.decode(&iterator) { end += UTF8.width(scalar) }
    return bytes[..<end]
}

private func escapingBackslashes(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
    let bytes = Array(text.utf8)
    var escaped: [UInt8] = []
    for (place, byte) in bytes.enumerated() {
        let next = bytes[(place + 1)...].prefix(3)
        if byte == UInt8(ascii: "\\"), next.first == UInt8(ascii: "x"), next.count == 3,
            next.dropFirst().allSatisfy({ ASCII.hexValue($0) != nil })
        {
            escaped += hexadecimal(byte).utf8
        } else {
            escaped.append(byte)
        }
    }
    return String(decoding: escaped, as: UTF8.self)
}

private func hexadecimal(_ byte: UInt8) -> String { "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }
