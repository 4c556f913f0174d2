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
    /// The name as text; see ``Swift/String/init(bytesOfName:)``.
    package var description: String { String(bytesOfName: bytes) }
}
