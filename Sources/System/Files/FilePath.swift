import Glibc

/// Path of a file or folder: any bytes but zero, as the system has them, which need not be UTF-8.
package struct FilePath: Hashable, Comparable, Sendable {
    /// Bytes of the path, without a zero at the end.
    package let bytes: [UInt8]

    /// - Parameter bytes: a path without a zero in it.
    package init(_ bytes: [UInt8]) {
        precondition(!bytes.contains(0))
        self.bytes = bytes
    }

    /// Path as an option has it. A zero and what follows it, which no path has, are dropped as by every call of the system.
    package init(_ text: String) { self.init(Array(text.utf8.prefix { $0 != 0 })) }

    /// Path of the item `name` in the folder of this path.
    package func appending(_ name: [UInt8]) -> FilePath {
        FilePath(bytes.isEmpty || bytes.last == UInt8(ascii: "/") ? bytes + name : bytes + [UInt8(ascii: "/")] + name)
    }

    /// Name of the item, without its folder.
    package var name: [UInt8] { Array(bytes[nameStart...]) }

    /// Path of the folder that the item is in.
    package var folder: FilePath { nameStart == 0 ? FilePath(".") : FilePath(Array(bytes[..<nameStart])) }

    private var nameStart: Int { bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0 }

    /// Whether something is there, links followed.
    package var isThere: Bool { unsafe withCString { unsafe access($0, F_OK) } == 0 }

    /// Path as text; see ``Swift/String/init(bytesOfName:)``.
    package var text: String { String(bytesOfName: bytes) }

    package static func < (first: FilePath, second: FilePath) -> Bool {
        first.bytes.lexicographicallyPrecedes(second.bytes)
    }

    /// Result of `body` with the path as C has it.
    package func withCString<Output>(_ body: (UnsafePointer<CChar>) -> Output) -> Output {
        let characters = bytes.map(CChar.init(bitPattern:)) + [0]
        return unsafe characters.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }  // never empty
    }
}

extension String {
    /// Text of a file's name. Bytes that are no UTF-8 stand as `\xe4`, and a backslash that would read as the begin of such as `\x5c`, so
    /// that nothing is lost and no two names look the same that are not.
    package init(bytesOfName bytes: some Sequence<UInt8>) {
        self = ""
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let sound = soundPrefix(of: rest)
            self += escapingBackslashes(String(decoding: sound, as: UTF8.self))
            rest = rest[sound.endIndex...]
            if let byte = rest.popFirst() { self += hexadecimal(byte) }
        }
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
