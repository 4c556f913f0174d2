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
    /// Text of a file's name. Bytes that are no UTF-8 stand as `\xe4`, so that nothing is lost and no two names look the same that
    /// are not.
    package init(bytesOfName bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self) {
            self = text
            return
        }
        var text = ""
        var rest = bytes[...]
        while let first = rest.first {
            // the longest piece of a scalar that is valid
            let length = (1...4).first { $0 <= rest.count && String(validating: rest.prefix($0), as: UTF8.self) != nil }
            if let length {
                text += String(decoding: rest.prefix(length), as: UTF8.self)
            } else {
                let digits = String(first, radix: 16)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
            }
            rest = rest.dropFirst(length ?? 1)
        }
        self = text
    }
}
